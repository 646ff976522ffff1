"""Kept-alive HTTP/1.1 connections between EchoFS processes.

What is ours is the pool and its rule for stale connections, because replication drives these same connections without
blocking (``store_exchange``), which no client library offers.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import urlsplit

from echofs.adapters.http_answers import Answer, AnswerReader
from echofs.core.errors import StoreUnavailable

IDLE_SECONDS = 30.0
"""Shorter than any server's keep-alive (75 s in our gunicorn settings), so an idle connection is dropped by its client
first."""
MAX_IDLE = 8

Address = tuple[str, int]


class Connection:
    """A socket to one process and whether it has served a request before (then it may have gone stale meanwhile)."""

    __slots__ = ("address", "idle_since", "reused", "socket")

    def __init__(self, address: Address, sock: socket.socket) -> None:
        self.address = address
        self.socket = sock
        self.reused = False
        self.idle_since = 0.0

    def close(self) -> None:
        """Free the socket. Idempotent."""
        self.socket.close()

    @property
    def stale(self) -> bool:
        """Whether the peer hung up or sent something unasked: either way no new request may go out on it."""
        poller = select.poll()
        poller.register(self.socket, select.POLLIN | select.POLLHUP)
        return time.monotonic() - self.idle_since > IDLE_SECONDS or bool(poller.poll(0))

    def read_answer(self) -> tuple[Answer, bool]:
        """The answer to the request just sent, and whether the connection may be kept. Raises OSError."""
        reader = AnswerReader()
        while (answer := reader.receive(self.socket)) is None:
            pass
        return answer, reader.keep


class HttpPool:
    """Connections by address. Thread-safe; makes no connection before the first call. Times are in seconds."""

    def __init__(self, *, connect_timeout: float, timeout: float) -> None:
        self._connect_timeout = connect_timeout
        self._timeout = timeout
        self._lock = threading.Lock()
        self._idle: dict[Address, list[Connection]] = defaultdict(list)

    def call(
        self,
        url: str,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        timeout: float | None = None,
    ) -> Answer:
        """One request and its whole answer.

        A kept connection that turns out dead before answering is replaced once by a fresh one: internal calls are
        idempotent.
        Raises :class:`StoreUnavailable` when the peer is unreachable, hangs up, or stays silent for ``timeout``.
        """
        address = address_of(url)
        limit = timeout if timeout is not None else self._timeout
        request = head(method, path, address, headers or {}, len(body)) + body
        connect_limit = min(self._connect_timeout, limit)
        connection = self.take(address) or self.connect(address, connect_limit)
        while True:
            try:
                return self._converse(connection, request, limit)
            except OSError as error:
                if not connection.reused or isinstance(error, TimeoutError):
                    raise unreachable(address, error) from error
            connection = self.connect(address, connect_limit)

    def take(self, address: Address) -> Connection | None:
        """A kept connection that looks alive, or None."""
        while True:
            with self._lock:
                idle = self._idle[address]
                connection = idle.pop() if idle else None
            if connection is None or not connection.stale:
                return connection
            connection.close()

    def connect(self, address: Address, timeout: float) -> Connection:
        """A fresh connection. Raises :class:`StoreUnavailable`."""
        try:
            sock = socket.create_connection(address, timeout=timeout)
        except (OSError, UnicodeError) as error:
            raise unreachable(address, error) from error
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Connection(address, sock)

    def give_back(self, connection: Connection, keep: bool) -> None:
        """Keep a connection for the next request, or close it."""
        with self._lock:
            idle = self._idle[connection.address]
            if keep and len(idle) < MAX_IDLE:
                connection.reused = True
                connection.idle_since = time.monotonic()
                idle.append(connection)
                return
        connection.close()

    def _converse(self, connection: Connection, request: bytes, limit: float) -> Answer:
        try:
            connection.socket.settimeout(limit)
            connection.socket.sendall(request)
            answer, keep = connection.read_answer()
        except BaseException:
            connection.close()
            raise
        self.give_back(connection, keep)
        return answer


def address_of(url: str) -> Address:
    """Host and port of an ``http://host:port`` address; members with other addresses are refused at registration."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def head(method: str, path: str, address: Address, headers: Mapping[str, str], length: int) -> bytes:
    """The request line and headers, ready to send."""
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{address[1]}", f"Content-Length: {length}"]
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def unreachable(address: Address, error: Exception) -> StoreUnavailable:
    """The error for a peer that failed in transit."""
    reason = str(error) or type(error).__name__
    return StoreUnavailable(f"{address[0]}:{address[1]} does not answer ({reason}).")
