"""Downloading: bytes as they come, taken up again where a connection broke, and verified at the end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Self

import urllib3
from urllib3.exceptions import HTTPError

from echofs.client.api import Api, level_header, match_header
from echofs.client.errors import UnexpectedAnswer, Unreachable, WrongContent
from echofs.client.http import PIECE_BYTES, Request
from echofs.client.values import FileInfo, Version

ATTEMPTS = 5
"""How often in a row a download may break without a single byte having come."""


class Download:
    """The bytes of one version of a file, or a part of them: iterate, or :meth:`read`. Close it, or use it in ``with``.

    Nothing is asked before the first byte is wanted. When the connection breaks it goes on behind the last byte that
    came. Bytes of the whole file are compared with its SHA-256 when the last has come: :class:`WrongContent` then says
    that none of them may be used. Bytes ``start`` to ``end`` (not included) are a part, which only its length vouches
    for; ``known`` is the beginning that the caller has already, which goes into the digest but is not asked for.
    """

    def __init__(
        self,
        api: Api,
        file: FileInfo,
        version: Version,
        *,
        start: int = 0,
        end: int | None = None,
        known: Iterable[bytes] = (),
        consistency: str = "",
    ) -> None:
        self.file = file
        self.version = version
        self._api = api
        self._start = start
        self._end = version.size if end is None else min(end, version.size)
        self._known = known
        self._consistency = consistency
        self._response: urllib3.BaseHTTPResponse | None = None
        self._rest = self._pieces()
        self._left_over = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        return self._rest

    @property
    def size(self) -> int:
        """How many bytes it has in all."""
        return max(0, self._end - self._start)

    def read(self, size: int = -1) -> bytes:
        """The next ``size`` bytes, fewer only at the end; without it all that are left. Raises :class:`ClientError`."""
        parts, missing = [self._left_over], size - len(self._left_over)
        while size < 0 or missing > 0:
            piece = next(self._rest, b"")
            if not piece:
                break
            parts.append(piece)
            missing -= len(piece)
        whole = b"".join(parts)
        cut = len(whole) if size < 0 else size
        self._left_over = whole[cut:]
        return whole[:cut]

    def close(self) -> None:
        """Ask for no more. Idempotent."""
        response, self._response = self._response, None
        if response is not None:
            # What was not read stands in the way of the next answer on this connection.
            response.close()

    def _pieces(self) -> Iterator[bytes]:
        whole = hashlib.sha256() if self._start == 0 and self._end == self.version.size else None
        position = self._start
        for piece in self._known:
            position += len(piece)
            if whole:
                whole.update(piece)
        fruitless = 0
        while position < self._end:
            before = position
            try:
                for piece in self._stream(position):
                    position += len(piece)
                    if whole:
                        whole.update(piece)
                    yield piece
            except (HTTPError, OSError) as error:
                fruitless = fruitless + 1 if position == before else 0
                if fruitless == ATTEMPTS:
                    raise Unreachable(f"The download of {self.version.path} keeps breaking off.") from error
            finally:
                self.close()
        if whole and whole.hexdigest() != self.version.digest:
            raise WrongContent(f"What came of {self.version.path} is not what was stored: nothing of it may be used.")

    def _stream(self, position: int) -> Iterator[bytes]:
        self._response = response = self._asked(position)
        left = self._end - position
        while left > 0:
            piece = response.read(min(PIECE_BYTES, left))
            if not piece:
                raise ConnectionError("the answer ended before its length")
            left -= len(piece)
            yield piece
        self._response = None
        response.drain_conn()
        response.release_conn()

    def _asked(self, position: int) -> urllib3.BaseHTTPResponse:
        part = position > 0 or self._end < self.version.size
        headers = {**match_header(self.version.etag), **level_header(self._consistency)}
        if part:
            headers["Range"] = f"bytes={position}-{self._end - 1}"
        old = self.version.version != self.file.version
        query = {"version": str(self.version.version)} if old else {}
        response = self._api.stream(Request("GET", f"/files/{self.file.id}/download", query, headers))
        if part and response.status != 206:
            response.close()
            raise UnexpectedAnswer("The address answers with a whole file where a part was asked for.")
        return response
