"""The least HTTP/1.1 a load client needs, so that the client is never what is measured."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass

from bench.errors import BenchError

Address = tuple[str, int]

_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = 1024 * 1024
_TIMEOUT_SECONDS = 120.0


@dataclass(frozen=True)
class Reply:
    """An answer; `body` is empty when the bytes went into the caller's buffer, `length` counts them either way."""

    status: int
    length: int
    body: bytes


class Connection:
    """One kept-alive connection, opened when first needed and again after the peer asked to close it."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._scratch = bytearray(_HEAD_LIMIT)

    def open(self) -> None:
        """Connects now, so that the first request does not pay for it."""
        self._connected()

    def close(self) -> None:
        """Idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, head: bytes, body: Iterable[memoryview] = (), *, into: memoryview | None = None) -> Reply:
        """Sends one request and reads the whole answer.

        A successful body that fits goes into `into`; any other is returned in the reply. Raises `BenchError` for an
        answer this client cannot frame, `OSError` for a broken connection.
        """
        try:
            self._send(head, body)
        except (BrokenPipeError, ConnectionResetError):
            # A refusal may arrive before the body is read: its status says more than the broken pipe does.
            reply = self._receive(into)
            self.close()
            if reply.status < 400:
                raise
            return reply
        return self._receive(into)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, timeout=_TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _send(self, head: bytes, body: Iterable[memoryview]) -> None:
        connected = self._connected()
        tiles = iter(body)
        first = next(tiles, memoryview(b""))
        sent = connected.sendmsg([head, first])
        if sent < len(head):
            connected.sendall(head[sent:])
            sent = len(head)
        if sent < len(head) + len(first):
            connected.sendall(first[sent - len(head) :])
        for tile in tiles:
            connected.sendall(tile)

    def _receive(self, into: memoryview | None) -> Reply:
        head, early = self._read_head()
        status, length, keep = _parse(head)
        if into is not None and status < 300 and length <= len(into):
            self._fill(into[:length], early)
            body = b""
        elif length <= _BODY_LIMIT:
            target = bytearray(length)
            self._fill(memoryview(target), early)
            body = bytes(target)
        else:
            raise BenchError(f"an answer {status} of {length:,} bytes is larger than what was asked for")
        if not keep:
            self.close()
        return Reply(status, length, body)

    def _read_head(self) -> tuple[bytes, bytes]:
        """The head without its blank line, and the first bytes of the body that came with it."""
        connected = self._connected()
        view = memoryview(self._scratch)
        filled = 0
        while (end := self._scratch.find(b"\r\n\r\n", 0, filled)) < 0:
            if filled == len(view):
                raise BenchError("the head of an answer is longer than 64 KiB")
            count = connected.recv_into(view[filled:])
            if count == 0:
                self.close()
                raise ConnectionResetError("the connection was closed before an answer came")
            filled += count
        return bytes(view[:end]), bytes(view[end + 4 : filled])

    def _fill(self, target: memoryview, early: bytes) -> None:
        connected = self._connected()
        if len(early) > len(target):
            raise BenchError("more bytes arrived than Content-Length announced")
        target[: len(early)] = early
        filled = len(early)
        while filled < len(target):
            count = connected.recv_into(target[filled:])
            if count == 0:
                raise ConnectionResetError(f"the connection was closed after {filled:,} of {len(target):,} bytes")
            filled += count


def _parse(head: bytes) -> tuple[int, int, bool]:
    """Status, length of the body in bytes, and whether the connection stays open."""
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
        raise BenchError(f"this is not an HTTP answer: {first[:80]!r}")
    status = int(parts[1])
    fields = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    keep = fields.get("connection", "").lower() != "close" and parts[0] != "HTTP/1.0"
    if status in (204, 304):
        return status, 0, keep
    if not fields.get("content-length", "").isdigit():
        raise BenchError(f"an answer {status} has no Content-Length, so its end cannot be told")
    return status, int(fields["content-length"]), keep
