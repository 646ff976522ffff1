"""Uploading in one request: the body streams from where it is, and a repeated attempt is stored once."""

from __future__ import annotations

import base64
import hashlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from echofs.client.api import CONSISTENCY, Api, quoted_etag
from echofs.client.errors import WrongContent
from echofs.client.http import Answer, Body, Request
from echofs.client.sources import Hashed, Source
from echofs.client.values import FileInfo, Receipt, Stored

HELD_BYTES = 8 << 20
"""Content up to this size is read first, so that its digest goes before it and the master checks it before storing."""
Progress = Callable[[int], None]
"""Told how many bytes were handed over; negative when an attempt begins anew."""


@dataclass(frozen=True, slots=True)
class Wish:
    """How something is to be written. ``if_match`` is an etag, or ``*`` for whatever is there; ``create_only`` demands
    that nothing is."""

    content_type: str = ""
    consistency: str = ""
    on_conflict: str = ""
    if_match: str = ""
    create_only: bool = False
    idempotency_key: str = ""

    @property
    def conditional(self) -> bool:
        """Whether it depends on what is there."""
        return bool(self.if_match) or self.create_only

    def headers(self) -> dict[str, str]:
        """The same as HTTP says it."""
        named = {
            "Content-Type": self.content_type or "application/octet-stream",
            CONSISTENCY: self.consistency,
            "X-EchoFS-On-Conflict": self.on_conflict,
            "If-Match": quoted_etag(self.if_match) if self.if_match else "",
            "If-None-Match": "*" if self.create_only else "",
            "Idempotency-Key": self.idempotency_key or uuid.uuid4().hex,
        }
        return {name: value for name, value in named.items() if value}


def upload(api: Api, path: str, source: Source, wish: Wish, progress: Progress | None = None) -> Stored:
    """Store ``source`` under ``path`` with one request. Raises :class:`ClientError`; :class:`WrongContent` when what
    was stored is not what was sent."""
    headers = wish.headers()
    sending = _Sending(source, progress)
    if source.length is not None:
        headers["Content-Length"] = str(source.length)
        if source.again and source.length <= HELD_BYTES:
            headers["Content-Digest"] = sending.hold()
    request = Request("POST", "/files/upload", {"path": path}, headers, sending.body, repeatable=source.again)
    stored = stored_of(api.call(request))
    if stored.file.digest != sending.digest:
        raise WrongContent(f"What was stored as {path} is not what was sent: upload it again.")
    return stored


def stored_of(answer: Answer) -> Stored:
    """What the answer to a write of content says."""
    file = FileInfo.parsed(answer.data["file"])
    return Stored(
        file,
        Receipt.parsed(answer.consistency),
        created=answer.status == 201 or file.version == 1,
        replayed=answer.headers.get("Idempotency-Replayed") == "true",
    )


class _Sending:
    """Makes the body for each attempt; ``digest`` is that of the last one."""

    def __init__(self, source: Source, progress: Progress | None) -> None:
        self._source = source
        self._progress = progress
        self._held: bytes | None = None
        self._told = 0
        self.digest = ""

    def hold(self) -> str:
        """Read the whole content; its Content-Digest (RFC 9530)."""
        self._held = b"".join(self._source.pieces())
        whole = hashlib.sha256(self._held)
        self.digest = whole.hexdigest()
        return f"sha-256=:{base64.b64encode(whole.digest()).decode()}:"

    def body(self) -> Body:
        if self._progress and self._told:
            self._progress(-self._told)
        self._told = 0
        if self._held is not None:
            self._tell(len(self._held))
            return self._held
        return self._streamed()

    def _streamed(self) -> Iterator[bytes]:
        hashed = Hashed(self._source.pieces())
        for piece in hashed:
            yield piece
            self._tell(len(piece))
        self.digest = hashed.digest

    def _tell(self, count: int) -> None:
        self._told += count
        if self._progress:
            self._progress(count)
