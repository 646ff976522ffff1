"""Kept-alive HTTP/1.1 connections between EchoFS processes.

The standard library parses answers; what is ours is the pool and its rule for stale connections, because replication
drives these same connections without blocking (``workers_http``), which no client library offers.
"""

from __future__ import annotations

import http.client
import io
import json
import select
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

from echofs.core.errors import StoreUnavailable

IDLE_SECONDS = 30.0
"""Shorter than any server's keep-alive (75 s in our gunicorn settings), so an idle connection is dropped by its client
first."""
MAX_IDLE = 8
MAX_ANSWER_BYTES = 64 << 20
MAX_HEAD_BYTES = 64 << 10

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Answer:
    """Status code and whole body."""

    status: int
    body: bytes

    def data(self) -> dict[str, object]:
        """``data`` of the envelope in which EchoFS answers. Raises ValueError when the body is anything else."""
        try:
            said = json.loads(self.body)["data"]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("the answer is not one of EchoFS") from error
        if not isinstance(said, dict):
            raise ValueError("the answer is not one of EchoFS")
        return said


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

    def read_answer(self, method: str) -> tuple[Answer, bool]:
        """The answer to the request just sent, and whether the connection may be kept.

        Raises OSError or http.client.HTTPException when the peer fails.
        """
        response = http.client.HTTPResponse(self.socket, method=method)
        try:
            response.begin()
            length = _checked_length(response)
            if length is None:
                return Answer(response.status, _unmeasured_body(response)), False
            body = response.fp.read(length)
            if len(body) < length:
                raise http.client.IncompleteRead(body, length - len(body))
            return Answer(response.status, body), not response.will_close and not self._more_came(response.fp)
        finally:
            response.close()

    def _more_came(self, reader: io.BufferedIOBase) -> bool:
        """Whether the peer sent more than it declared: what follows could be taken for the next answer."""
        self.socket.settimeout(0)
        try:
            return bool(cast(io.BufferedReader, reader).peek(1))
        except OSError:
            return True


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
                return self._converse(connection, request, method, limit)
            except (OSError, http.client.HTTPException) as error:
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

    def _converse(self, connection: Connection, request: bytes, method: str, limit: float) -> Answer:
        try:
            connection.socket.settimeout(limit)
            connection.socket.sendall(request)
            answer, keep = connection.read_answer(method)
        except BaseException:
            connection.close()
            raise
        self.give_back(connection, keep)
        return answer


class _Arrived:
    """Bytes that came already, in the shape from which the standard library reads answers."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._raw)


def parse_answer(raw: bytes, method: str, *, ended: bool) -> tuple[Answer, bool] | None:
    """The answer in the bytes that came so far, and whether its connection may be kept; None while more must come.

    ``ended`` says that the peer hung up after them. Raises http.client.HTTPException when they never become an answer.
    """
    if not ended and b"\r\n\r\n" not in raw:
        if len(raw) > MAX_HEAD_BYTES:
            raise http.client.HTTPException("the head of the answer is too long")
        return None
    response = http.client.HTTPResponse(cast(socket.socket, _Arrived(raw)), method=method)
    response.begin()
    length = _checked_length(response)
    try:
        if length is None:
            if not ended and not (response.chunked and raw.endswith(b"\r\n0\r\n\r\n")):
                return None
            return Answer(response.status, _unmeasured_body(response)), False
        body = response.fp.read(length)
        if len(body) < length:
            raise http.client.IncompleteRead(body, length - len(body))
        return Answer(response.status, body), not (ended or response.will_close or response.fp.read(1))
    except http.client.IncompleteRead:
        if ended:
            raise
        return None


def _checked_length(response: http.client.HTTPResponse) -> int | None:
    """Declared length of the body in bytes; None for a chunked one or one that ends with the connection."""
    if response.length is not None and response.length > MAX_ANSWER_BYTES:
        raise http.client.HTTPException("the answer is too long")
    return response.length


def _unmeasured_body(response: http.client.HTTPResponse) -> bytes:
    """A chunked body, or one that ends with the connection."""
    try:
        body = response.read(MAX_ANSWER_BYTES + 1)
    except ValueError as error:
        raise http.client.HTTPException("the answer's chunks are malformed") from error
    if len(body) > MAX_ANSWER_BYTES:
        raise http.client.HTTPException("the answer is too long")
    return body


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
