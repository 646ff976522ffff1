"""The route that gives bytes back."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from flask import Blueprint, Request, Response
from werkzeug.http import http_date

from echofs.core.consistency import ReadReceipt
from echofs.core.errors import InvalidRequest, NotFound
from echofs.core.models import Kind, Level, Version
from echofs.ports.runtime import Meters
from echofs.services.files import Files
from echofs.services.streaming import FileReader
from echofs.web import conditions
from echofs.web.access import current_user
from echofs.web.conditions import ByteRange
from echofs.web.levels import asked, read_headers
from echofs.web.plain import CompleteResponse, this_request
from echofs.web.reading import Reading
from echofs.web.render import DEFAULT_TYPE, content_type

INLINE_TYPES = frozenset(
    {
        "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "text/plain",
        "audio/mpeg", "audio/ogg", "audio/wav", "audio/flac", "video/mp4", "video/webm", "video/ogg",
    }
)  # fmt: skip
"""Types a browser shows without running anything; everything else is only ever offered for saving."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How reads are timed: ``observe`` is told the level used and the seconds until the first byte."""

    monotonic: Callable[[], float]
    observe: Callable[[Level, float], None]

    def timed(self, body: Iterator[bytes], began: float, level: Level) -> Iterator[bytes]:
        """The same bytes; the first of them end the measurement that began at ``began``."""
        for number, piece in enumerate(body):
            if number == 0:
                self.observe(level, self.monotonic() - began)
            yield piece


def downloads_blueprint(
    files: Files, reading: Reading, reader: FileReader, meters: Meters, timing: Timing
) -> Blueprint:
    """Downloads of a user's own files."""
    blueprint = Blueprint("downloads", __name__, url_prefix="/api/v1/files")

    @blueprint.get("/<file_id>/download")
    def download(file_id: str) -> Response:
        began, request = timing.monotonic(), this_request()
        version, receipt = _version(files, reading, request, file_id)
        headers = _described(version, receipt)
        if conditions.not_modified(request, version):
            return Response(status=304, headers=headers)
        part = conditions.requested_range(request, version)
        span = part or ByteRange(0, version.content.size - 1)
        length = span.last - span.first + 1
        body: Iterator[bytes] = iter(())
        if request.method != "HEAD":
            body = timing.timed(reader.stream(version.content, span.first, span.last), began, receipt.mode_used)
            meters.add("bytes_sent", length)
        headers["Content-Length"] = str(length)
        headers["Content-Type"] = _sent_type(version)
        headers["Content-Disposition"] = _disposition(version, inline=_wants_inline(request, version))
        headers["Accept-Ranges"] = "bytes"
        if part:
            headers["Content-Range"] = f"bytes {span.first}-{span.last}/{version.content.size}"
        return CompleteResponse(body, status=206 if part else 200, headers=headers, direct_passthrough=True)

    return blueprint


def _version(files: Files, reading: Reading, request: Request, file_id: str) -> tuple[Version, ReadReceipt]:
    """The head, or the version asked for by number, and how it was found."""
    number = request.args.get("version")
    if number is None:
        found, receipt = reading.find(request, file_id)
        return found.file.head, receipt
    ask = asked(request)
    if not number.isascii() or not number.isdigit():
        raise InvalidRequest("A version is a number.", field="version")
    for version in files.versions(current_user().user_id, file_id):
        if version.number == int(number[:18]) and version.kind is not Kind.TOMBSTONE:
            return version, ReadReceipt(ask.text, Level.STRONG, version.number, staleness_ms=0)
    raise NotFound("There is no such version of this file.")


def _described(version: Version, receipt: ReadReceipt) -> dict[str, str]:
    """An answer's validators, and the level at which the version was found."""
    return {
        **read_headers(receipt),
        "ETag": f'"{version.etag}"',
        "Last-Modified": http_date(version.created_at // 1_000_000),
        "Cache-Control": "private, no-cache",
    }


def _wants_inline(request: Request, version: Version) -> bool:
    return "inline" in request.args and content_type(version) in INLINE_TYPES


def _sent_type(version: Version) -> str:
    kind = content_type(version)
    if kind == "text/plain":
        return "text/plain; charset=utf-8"
    return kind if kind in INLINE_TYPES else DEFAULT_TYPE


def _disposition(version: Version, *, inline: bool) -> str:
    """Content-Disposition for any name: an ASCII approximation, then the exact name (RFC 6266, RFC 8187)."""
    name = version.path.rpartition("/")[2]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    # Compatibility forms can hold a slash and dots: "／" becomes "/", which a client must never take for a folder.
    safe = "".join(character if character.isprintable() and character not in '"\\%/' else "_" for character in plain)
    approximation = safe if safe.strip(" .") else "file"
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{approximation}\"; filename*=UTF-8''{quote(name, safe='')}"
