"""Kept-alive HTTP/1.1 connections between EchoFS processes.

What is ours is the pool and its rule for stale connections, because replication drives these same connections without
blocking (``store_exchange``), which no client library offers.
"""

from __future__ import annotations

import math
import select
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
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

    def begin(
        self, url: str, method: str, path: str, *, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> Exchange | None:
        """Send a small request on a kept connection, if there is one: nothing is waited for. ``timeout`` is that of
        :meth:`call`."""
        address = address_of(url)
        connection = self.take(address)
        if connection is None:
            return None
        try:
            connection.socket.settimeout(timeout)
            connection.socket.sendall(head(method, path, address, headers, len(body)) + body)
        except OSError:
            connection.close()
            return None

        def again() -> Answer:
            return self.call(url, method, path, headers=headers, body=body, timeout=timeout)

        return Exchange(self, connection, timeout, again)

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


class Exchange:
    """A request that was sent on a kept connection, and its answer. Threads may take turns."""

    def __init__(self, pool: HttpPool, connection: Connection, timeout: float, again: Callable[[], Answer]) -> None:
        self._pool = pool
        self._connection: Connection | None = connection
        self._timeout = timeout
        self._again = again
        self._reader = AnswerReader()
        self._moved_at = time.monotonic()

    def within(self, seconds: float) -> Answer | None:
        """The whole answer; None if it does not come so soon. Raises :class:`StoreUnavailable`."""
        return self._read(time.monotonic() + seconds)

    def answer(self) -> Answer:
        """The whole answer, if need be by a new connection. Raises what :meth:`HttpPool.call` does."""
        return self._read(math.inf) or self._again()

    def _read(self, until: float) -> Answer | None:
        """None also when the connection turned out to be stale, as a kept one may."""
        connection = self._connection
        if connection is None:
            return None
        try:
            answer = self._receive(connection.socket, until)
        except TimeoutError as error:
            self._let_go(connection)
            raise unreachable(connection.address, error) from error
        except OSError:
            self._let_go(connection)
            return None
        except BaseException:
            self._let_go(connection)
            raise
        if answer is not None:
            self._connection = None
            self._pool.give_back(connection, self._reader.keep)
        return answer

    def _let_go(self, connection: Connection) -> None:
        self._connection = None
        connection.close()

    def _receive(self, sock: socket.socket, until: float) -> Answer | None:
        """None when it is that late. Raises OSError, TimeoutError only when the peer was silent for too long."""
        while True:
            now = time.monotonic()
            silent_until = self._moved_at + self._timeout
            left = min(until, silent_until) - now
            if left > 0:
                sock.settimeout(left)
                try:
                    answer = self._reader.receive(sock)
                except TimeoutError:
                    continue
                self._moved_at = time.monotonic()
                if answer is not None:
                    return answer
            elif now >= silent_until:
                raise TimeoutError("timed out")
            else:
                return None


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
