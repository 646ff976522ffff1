"""The headers of the tus protocol, version 1.0 (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator

from flask import Request

from echofs.core.chunking import is_digest
from echofs.core.errors import ChecksumMismatch, InvalidName, InvalidRequest, PreconditionFailed, UnsupportedType
from echofs.ports.resumable import Terms
from echofs.web import bodies
from echofs.web.levels import LEVEL_HEADER, on_conflict
from echofs.web.uploads import kept_type

VERSION = "1.0.0"
RESUMABLE = "Tus-Resumable"
OFFSET = "Upload-Offset"
LENGTH = "Upload-Length"
EXPIRES = "Upload-Expires"
METADATA = "Upload-Metadata"
CHECKSUM = "Upload-Checksum"
BODY_TYPE = "application/offset+octet-stream"
NOT_OFFERED = ("Upload-Defer-Length", "Upload-Concat")
"""Headers of extensions without which the request would mean something else."""
EXTENSIONS = ("creation", "creation-with-upload", "termination", "expiration", "checksum")
ALGORITHMS = ("sha256", "sha1")

_NUMBER = re.compile(r"[0-9]{1,18}")
_KEY = re.compile(r"[!-+\--~]+")


def check_version(request: Request) -> None:
    """Raise :class:`PreconditionFailed` unless the client speaks this version."""
    if request.headers.get(RESUMABLE) != VERSION:
        raise PreconditionFailed(f"This address speaks tus {VERSION}: send {RESUMABLE}: {VERSION}.", field=RESUMABLE)


def number(request: Request, header: str) -> int:
    """A number of bytes that must be there. Raises :class:`InvalidRequest`."""
    value = request.headers.get(header, "")
    if not _NUMBER.fullmatch(value):
        raise InvalidRequest(f"{header} must be a number of bytes.", field=header)
    return int(value)


def length(request: Request) -> int:
    """How long the file will be. Raises :class:`InvalidRequest`."""
    for header in NOT_OFFERED:
        if header in request.headers:
            raise InvalidRequest(
                f"{header} is not offered here: name the file's length and send it whole.", field=header
            )
    return number(request, LENGTH)


def check_type(request: Request) -> None:
    """Raise :class:`UnsupportedType` unless a body is one of the protocol's."""
    if request.mimetype != BODY_TYPE:
        raise UnsupportedType(f"Send the bytes with Content-Type: {BODY_TYPE}.", field="Content-Type")


def has_body(request: Request) -> bool:
    """Whether a creation brings bytes along. Raises :class:`UnsupportedType` for bytes of another kind."""
    chunked = "HTTP_TRANSFER_ENCODING" in request.environ
    if not chunked and not request.environ.get("CONTENT_LENGTH", "").strip("0"):
        return False
    check_type(request)
    return True


def pieces(request: Request, step: int) -> tuple[Iterator[bytes], bool]:
    """The body in pieces of ``step`` bytes, and whether it counts as a whole or not at all, since a checksum came.

    Raises :class:`InvalidRequest` for a checksum that cannot be read; while iterating, what :func:`bodies.pieces`
    raises, and :class:`ChecksumMismatch` at the end.
    """
    expected = _checksums(request)
    body = bodies.pieces(request, step)
    return (_checked(body, expected), True) if expected else (body, False)


def tags(request: Request) -> dict[str, str]:
    """What Upload-Metadata says. Raises :class:`InvalidRequest`."""
    found: dict[str, str] = {}
    header = request.headers.get(METADATA, "").strip()
    for pair in header.split(",") if header else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise _malformed()
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _malformed() from None
    return found


def path_of(found: dict[str, str]) -> str:
    """Where the file is to go. Raises :class:`InvalidName`."""
    if path := found.get("path", ""):
        return path
    if not found.get("filename"):
        raise InvalidName(f"Name the file in {METADATA}, as path or filename.", field=METADATA)
    folder = found.get("folder", "").strip("/")
    return f"{folder}/{found['filename']}" if folder else found["filename"]


def terms(request: Request, found: dict[str, str]) -> Terms:
    """What the client asks for. Raises :class:`InvalidRequest`."""
    digest = found.get("digest", "").lower()
    if digest and not is_digest(digest):
        raise InvalidRequest("The digest is the file's SHA-256, 64 hexadecimal digits.", field="digest")
    return Terms(
        ask=found.get("consistency") or request.headers.get(LEVEL_HEADER, ""),
        on_conflict=on_conflict(request),
        content_type=kept_type(found.get("content_type") or found.get("filetype", "")),
        digest=digest,
        tags=request.headers.get(METADATA, "").strip(),
    )


def _checksums(request: Request) -> list[tuple[str, bytes]]:
    """Algorithms, and what each must make of the body."""
    expected = []
    if CHECKSUM in request.headers:
        algorithm, _, value = request.headers[CHECKSUM].strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise InvalidRequest(f"{CHECKSUM} can be made with {' or '.join(ALGORITHMS)}.", field=CHECKSUM)
        expected.append((algorithm, _hash_of(algorithm, value.strip())))
    if (digest := bodies.declared_digest(request)) is not None:
        expected.append(("sha256", bytes.fromhex(digest)))
    return expected


def _hash_of(algorithm: str, value: str) -> bytes:
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != hashlib.new(algorithm, usedforsecurity=False).digest_size:
        raise InvalidRequest(f"{CHECKSUM} must look like {algorithm} BASE64.", field=CHECKSUM)
    return decoded


def _checked(body: Iterable[bytes], expected: list[tuple[str, bytes]]) -> Iterator[bytes]:
    hashes = [hashlib.new(algorithm, usedforsecurity=False) for algorithm, _ in expected]
    for piece in body:
        for one in hashes:
            one.update(piece)
        yield piece
    for one, (_, value) in zip(hashes, expected, strict=True):
        if not hmac.compare_digest(one.digest(), value):
            raise ChecksumMismatch("The body's checksum is not the one declared; none of it counts. Send it again.")


def _malformed() -> InvalidRequest:
    return InvalidRequest(
        f"{METADATA} is malformed: write each key once, with its value in base64, separated by commas.", field=METADATA
    )
