"""Sending batches of frames to several workers at once from one thread.

Three threads that each push to one worker were measured slower than one that serves whichever socket is ready, and a
worker that hangs must not hold up the others: so nothing here ever blocks on one socket, neither sends nor answers.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from echofs.adapters.http_answers import Answer, AnswerReader
from echofs.adapters.http_pool import Address, Connection, HttpPool, address_of, head
from echofs.core.models import Digest, Member
from echofs.ports.chunks import Frame, StoreExchange, StoreReply

_IOV_MAX = 512
_INSUFFICIENT_STORAGE = 507
_CONNECT_SECONDS = 1.0
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR

Authorize = Callable[[str, str, str], Mapping[str, str]]
Route = tuple[int, int, int, tuple[object, ...]]
"""Family, type, protocol and socket address: one of the ways to reach a host name."""


class _Batch:
    """Frames on their way to one worker. ``moved_at`` is when its socket last took bytes, on the monotonic clock;
    ``routes`` are the ways to the worker not tried yet."""

    def __init__(self, number: int, member: Member, frames: Sequence[Frame]) -> None:
        self.number = number
        self.member = member
        self.frames = frames
        self.routes: deque[Route] = deque()
        self.started = False
        self.unsent: deque[memoryview] = deque()
        self.answer = AnswerReader()
        self.moved_at = 0.0

    def rewind(self, request_head: bytes) -> None:
        """Start over from the first byte."""
        self.started = False
        self.answer = AnswerReader()
        self.unsent = deque([memoryview(request_head)])
        self.unsent.extend(memoryview(part) for frame in self.frames for part in frame.parts)
        self.moved_at = time.monotonic()

    def send_some(self, sock: socket.socket) -> None:
        """Give the kernel what it takes now. Raises OSError."""
        sent = sock.sendmsg([self.unsent[at] for at in range(min(len(self.unsent), _IOV_MAX))])
        self.started = True
        self.moved_at = time.monotonic()
        while sent:
            first = self.unsent[0]
            if sent < len(first):
                self.unsent[0] = first[sent:]
                return
            sent -= len(first)
            self.unsent.popleft()


class HttpStoreExchange(StoreExchange):
    """Used by one thread, except :meth:`wake`, which any thread may call.

    ``timeout`` is in seconds, from the last byte that a worker took to its whole answer.
    """

    def __init__(self, pool: HttpPool, authorize: Authorize, path: str, timeout: float) -> None:
        self._pool = pool
        self._authorize = authorize
        self._path = path
        self._timeout = timeout
        self._sent = 0
        self._poller = select.poll()
        self._active: dict[int, tuple[Connection, _Batch]] = {}
        self._replies: list[StoreReply] = []
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._poller.register(self._wake_reader, select.POLLIN)

    def send(self, member: Member, frames: Sequence[Frame]) -> int:
        self._sent += 1
        batch = _Batch(self._sent, member, frames)
        kept = self._pool.take(address_of(member.url))
        if kept is None:
            self._look_up_and_dial(batch)
        else:
            kept.socket.setblocking(False)
            self._start(batch, kept)
        return batch.number

    def wait(self, timeout: float) -> list[StoreReply]:
        deadline = time.monotonic() + max(timeout, 0)
        woken = False
        while True:
            woken = self._turn(0 if self._replies else self._until(deadline))
            self._expire()
            if self._replies or woken or time.monotonic() >= deadline:
                break
        replies, self._replies = self._replies, []
        return replies

    def wake(self) -> None:
        # A full pipe already guarantees a wake-up.
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_writer.send(b"\0")

    @property
    def pending(self) -> bool:
        return bool(self._active or self._replies)

    def abandon(self, worker_id: str) -> None:
        for descriptor, (_, batch) in list(self._active.items()):
            if batch.member.worker_id == worker_id:
                self._finish(descriptor, _unreachable(batch, "given up"))

    def close(self) -> None:
        for descriptor in list(self._active):
            self._release(descriptor, keep=False)
        self._replies.clear()
        if self._wake_reader.fileno() >= 0:
            self._poller.unregister(self._wake_reader)
        self._wake_reader.close()
        self._wake_writer.close()

    def _turn(self, seconds: float) -> bool:
        """Serve the sockets that are ready, or become so within the time; whether :meth:`wake` was called."""
        woken = False
        for descriptor, events in self._poller.poll(seconds * 1000):
            if descriptor in self._active:
                self._advance(descriptor, events)
            else:
                woken = True
                with contextlib.suppress(BlockingIOError):
                    self._wake_reader.recv(4096)
        return woken

    def _look_up_and_dial(self, batch: _Batch) -> None:
        try:
            batch.routes = _routes(address_of(batch.member.url))
        except (OSError, UnicodeError) as error:
            self._replies.append(_unreachable(batch, _reason(error)))
            return
        self._dial(batch)

    def _dial(self, batch: _Batch) -> None:
        """Put a batch on a fresh connection, still connecting, by the next route; failure shows when it is polled."""
        reason = "no address"
        while batch.routes:
            try:
                sock = _connecting(batch.routes.popleft())
            except OSError as error:
                reason = _reason(error)
            else:
                self._start(batch, Connection(address_of(batch.member.url), sock))
                return
        self._replies.append(_unreachable(batch, reason))

    def _start(self, batch: _Batch, connection: Connection) -> None:
        length = sum(len(frame) for frame in batch.frames)
        headers = self._authorize(batch.member.worker_id, "POST", self._path)
        batch.rewind(head("POST", self._path, connection.address, headers, length))
        descriptor = connection.socket.fileno()
        self._active[descriptor] = (connection, batch)
        self._poller.register(descriptor, select.POLLOUT | _READABLE)

    def _advance(self, descriptor: int, events: int) -> None:
        connection, batch = self._active[descriptor]
        try:
            # An answer while we still send is a refusal: read it instead of sending on.
            if events & _READABLE:
                answer = batch.answer.receive(connection.socket)
                if answer is not None:
                    self._finish(descriptor, _reply(batch, answer), keep=batch.answer.keep and not batch.unsent)
            elif batch.unsent:
                self._send_some(descriptor, connection, batch)
        except BlockingIOError:
            return
        except (OSError, ValueError) as error:
            self._fail(descriptor, error)

    def _send_some(self, descriptor: int, connection: Connection, batch: _Batch) -> None:
        try:
            batch.send_some(connection.socket)
        except (BrokenPipeError, ConnectionResetError):
            # The worker may have refused and hung up: its answer, or the end of the connection, is read next.
            self._poller.modify(descriptor, _READABLE)
            return
        if not batch.unsent:
            self._poller.modify(descriptor, _READABLE)

    def _fail(self, descriptor: int, error: Exception) -> None:
        """A kept connection may have gone stale unnoticed: the batch gets one fresh one. Storing is idempotent. So does
        one that a route did not take, while there are others."""
        connection, batch = self._active[descriptor]
        if connection.reused and not isinstance(error, TimeoutError):
            self._release(descriptor, keep=False)
            self._look_up_and_dial(batch)
        elif batch.routes and not batch.started:
            self._release(descriptor, keep=False)
            self._dial(batch)
        else:
            self._finish(descriptor, _unreachable(batch, _reason(error)))

    def _until(self, deadline: float) -> float:
        """Seconds until the deadline, or until a worker has to be given up, if that is sooner."""
        soonest = min((batch.moved_at + self._limit(batch) for _, batch in self._active.values()), default=deadline)
        return max(min(soonest, deadline) - time.monotonic(), 0)

    def _limit(self, batch: _Batch) -> float:
        return self._timeout if batch.started else min(_CONNECT_SECONDS, self._timeout)

    def _expire(self) -> None:
        now = time.monotonic()
        for descriptor, (_, batch) in list(self._active.items()):
            if now - batch.moved_at >= self._limit(batch):
                self._fail(descriptor, TimeoutError("no answer in time"))

    def _finish(self, descriptor: int, reply: StoreReply, *, keep: bool = False) -> None:
        self._release(descriptor, keep=keep)
        self._replies.append(reply)

    def _release(self, descriptor: int, *, keep: bool) -> None:
        connection, _ = self._active.pop(descriptor)
        self._poller.unregister(descriptor)
        self._pool.give_back(connection, keep)


def _routes(address: Address) -> deque[Route]:
    """Every way to an address, the preferred first. Raises OSError or UnicodeError."""
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    return deque((family, kind, protocol, target) for family, kind, protocol, _, target in found)


def _connecting(route: Route) -> socket.socket:
    """A socket on its way to an address. Raises OSError."""
    family, kind, protocol, target = route
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        code = sock.connect_ex(target)
        if code not in (0, errno.EINPROGRESS):
            raise OSError(code, os.strerror(code))
    except OSError:
        sock.close()
        raise
    return sock


def _reply(batch: _Batch, answer: Answer) -> StoreReply:
    """What the worker said of the batch's own chunks. Raises ValueError when it is no answer of ours."""
    if answer.status not in (http.client.OK, _INSUFFICIENT_STORAGE):
        return _unreachable(batch, f"answered {answer.status}", unreachable=False)
    said = answer.data()
    stored, failed = said.get("stored"), said.get("failed")
    if not isinstance(stored, list) or not isinstance(failed, dict):
        raise ValueError("the answer does not say what was stored")
    digests = dict.fromkeys(frame.digest for frame in batch.frames)
    return StoreReply(
        batch.number,
        batch.member.worker_id,
        tuple(digest for digest in digests if digest in stored),
        {digest: str(failed.get(digest, "not acknowledged")) for digest in digests if digest not in stored},
        full=answer.status == _INSUFFICIENT_STORAGE,
    )


def _unreachable(batch: _Batch, reason: str, *, unreachable: bool = True) -> StoreReply:
    failed: dict[Digest, str] = {frame.digest: reason for frame in batch.frames}
    return StoreReply(batch.number, batch.member.worker_id, (), failed, unreachable=unreachable)


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
