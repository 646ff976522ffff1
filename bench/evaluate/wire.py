"""HTTP for many requests at once on one thread: kept-alive connections, one request on each at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass

_IDLE_SECONDS = 1.0
"""Well below the masters' own limit: a connection that was just closed would look like a lost answer."""
_HEAD_LIMIT = 1 << 16


class NotSentError(Exception):
    """Nothing reached the other side."""


class NoAnswerError(Exception):
    """The request may have been served, and nobody knows."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float


class Wire:
    """Connections to one address."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Line] = []

    async def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes, patience: float) -> Answer:
        """One request and its whole answer, within ``patience`` seconds. Raises :class:`NotSentError` and
        :class:`NoAnswerError`."""
        sent = False
        line: _Line | None = None
        try:
            async with asyncio.timeout(patience):
                line = await self._line()
                sent = True
                line.writer.write(_head(method, path, headers, len(body)) + body)
                answer, keep = await _answer(line.reader)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            if line is not None:
                line.writer.transport.abort()
            raise (NoAnswerError if sent else NotSentError)(str(error) or type(error).__name__) from error
        if keep:
            line.since = time.monotonic()
            self._idle.append(line)
        else:
            line.writer.close()
        return answer

    def close(self) -> None:
        """Give all idle connections up. Idempotent."""
        while self._idle:
            self._idle.pop().writer.transport.abort()

    async def _line(self) -> _Line:
        while self._idle:
            line = self._idle.pop()
            if not line.reader.at_eof() and time.monotonic() - line.since < _IDLE_SECONDS:
                return line
            line.writer.transport.abort()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=_HEAD_LIMIT)
        return _Line(reader, writer, time.monotonic())


def _head(method: str, path: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: echofs", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _answer(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = int(first.split(" ", 2)[1])
    length = 0 if status in (204, 304) else int(headers["content-length"]) if "content-length" in headers else -1
    if length < 0:
        raise ValueError("the answer does not say how long it is")
    body = await reader.readexactly(length)
    return Answer(status, headers, body), headers.get("connection", "").lower() != "close"
