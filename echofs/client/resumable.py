"""Uploading so that it can be gone on with: after a broken connection, and after the end of the program.

The protocol is tus 1.0 (https://tus.io/protocols/resumable-upload).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlsplit

from echofs.client.api import Api
from echofs.client.errors import Conflict, NotFound, Unreachable, WrongContent
from echofs.client.http import API, Request
from echofs.client.sources import Source
from echofs.client.uploads import Progress, Wish, stored_of
from echofs.client.values import Stored

FRUITLESS = 5
"""How often in a row an upload may break without a single byte having arrived."""
_TUS = {"Tus-Resumable": "1.0.0"}
_BODY_TYPE = "application/offset+octet-stream"


class Ticket(Protocol):
    """Where the address of an unfinished upload is kept, by which anybody can go on with it."""

    def load(self) -> str:
        """The address, ``""`` when nothing was begun."""

    def save(self, location: str) -> None:
        """Keep the address."""

    def forget(self) -> None:
        """It is of no use any more. Idempotent."""


class MemoryTicket:
    """A ticket for the life of one upload."""

    def __init__(self) -> None:
        self._location = ""

    def load(self) -> str:
        return self._location

    def save(self, location: str) -> None:
        self._location = location

    def forget(self) -> None:
        self._location = ""


class ResumableUpload:
    """One upload of a source that has a length and can be read again."""

    def __init__(
        self, api: Api, path: str, source: Source, wish: Wish, ticket: Ticket, progress: Progress | None = None
    ) -> None:
        self._api = api
        self._path = path
        self._source = source
        self._length = source.length or 0
        self._wish = wish
        self._ticket = ticket
        self._progress = progress
        self._told = 0
        self._whole = hashlib.sha256()
        self._hashed = 0

    def run(self) -> Stored:
        """Go on where an earlier run ended, else begin. Raises :class:`ClientError`; the ticket stays then, unless
        going on would be in vain."""
        location, offset = self._resumed() or self._begun()
        fruitless = 0
        while offset < self._length:
            try:
                self._send(location, offset)
                offset = self._length
            except (Unreachable, Conflict) as error:
                arrived = self._offset(location)
                fruitless = fruitless + 1 if arrived <= offset else 0
                if fruitless == FRUITLESS:
                    raise Unreachable(f"The upload of {self._path} keeps breaking off.", sent=True) from error
                offset = arrived
        return self._ended(location)

    def _resumed(self) -> tuple[str, int] | None:
        location = self._ticket.load()
        if not location:
            return None
        try:
            return location, self._offset(location)
        except NotFound:
            self._ticket.forget()
            return None

    def _begun(self) -> tuple[str, int]:
        tags = {"path": self._path, "content_type": self._wish.content_type, "consistency": self._wish.consistency}
        listed = [f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in tags.items() if value]
        headers = {**_TUS, "Upload-Length": str(self._length), "Upload-Metadata": ",".join(listed)}
        if self._wish.on_conflict:
            headers["X-EchoFS-On-Conflict"] = self._wish.on_conflict
        # Begun twice, one of them is never gone on with and expires.
        found = self._api.headers(Request("POST", "/uploads", {}, {**headers, "Content-Length": "0"}))
        location = urlsplit(found["Location"]).path.partition(API)[2]
        self._ticket.save(location)
        return location, 0

    def _offset(self, location: str) -> int:
        """How much has arrived. When all has, asking also makes the file, if that has not worked before."""
        return int(self._api.headers(Request("HEAD", location, {}, _TUS), login=False)["Upload-Offset"])

    def _send(self, location: str, offset: int) -> None:
        headers = {
            **_TUS,
            "Upload-Offset": str(offset),
            "Content-Type": _BODY_TYPE,
            "Content-Length": str(self._length - offset),
        }
        request = Request("PATCH", location, {}, headers, lambda: self._pieces(offset), repeatable=False)
        self._api.headers(request, login=False)

    def _pieces(self, offset: int) -> Iterator[bytes]:
        self._tell(offset - self._told)
        self._hash_first(offset)
        for piece in self._source.pieces(offset):
            self._hash(piece)
            yield piece
            self._tell(len(piece))

    def _ended(self, location: str) -> Stored:
        stored = stored_of(self._api.call(Request("GET", location), login=False))
        self._tell(self._length - self._told)
        self._ticket.forget()
        if self._hashed != self._length:
            self._hash_first(self._length)
        if stored.file.digest != self._whole.hexdigest():
            raise WrongContent(f"What was stored as {self._path} is not what was sent: upload it again.")
        return stored

    def _hash_first(self, length: int) -> None:
        """Begin the digest anew with the bytes that need not be sent (any more)."""
        self._whole, self._hashed = hashlib.sha256(), 0
        if not length:
            return
        for piece in self._source.pieces():
            self._hash(piece[: length - self._hashed])
            if self._hashed == length:
                return

    def _hash(self, piece: bytes) -> None:
        self._whole.update(piece)
        self._hashed += len(piece)

    def _tell(self, count: int) -> None:
        self._told += count
        if self._progress and count:
            self._progress(count)
