"""Sending batches of frames to several workers at once from one thread.

Three threads that each push to one worker were measured slower than one that serves whichever socket is ready, and a
worker that hangs
must not hold up the others: so sends never block. Answers are short and are read in one go when they arrive.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from echofs.adapters.http_pool import Answer, Connection, HttpPool, address_of, head
from echofs.core.models import Digest, Member
from echofs.ports.chunks import Frame, StoreExchange, StoreReply

_IOV_MAX = 512
_INSUFFICIENT_STORAGE = 507
_CONNECT_SECONDS = 1.0
_ANSWER_SECONDS = 2.0
_READABLE = select.POLLIN | select.POLLHUP | select.POLLERR

Authorize = Callable[[str, str, str], Mapping[str, str]]


class _Batch:
    """Frames on their way to one worker. ``moved_at`` is when its socket last made progress, on the monotonic clock."""

    def __init__(self, number: int, member: Member, frames: Sequence[Frame]) -> None:
        self.number = number
        self.member = member
        self.frames = frames
        self.started = False
        self.unsent: deque[memoryview] = deque()
        self.moved_at = time.monotonic()

    def rewind(self, request_head: bytes) -> None:
        """Start over from the first byte."""
        self.unsent = deque([memoryview(request_head)])
        self.unsent.extend(memoryview(part) for frame in self.frames for part in frame.parts)

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
    """Used by one thread, except :meth:`wake`, which any thread may call."""

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
        if kept is not None:
            kept.socket.setblocking(False)
        self._start(batch, kept)
        return batch.number

    def wait(self, timeout: float) -> list[StoreReply]:
        if self._replies:
            timeout = 0
        for descriptor, events in self._poller.poll(max(timeout, 0) * 1000):
            if descriptor == self._wake_reader.fileno():
                with contextlib.suppress(BlockingIOError):
                    self._wake_reader.recv(4096)
            elif descriptor in self._active:
                self._advance(descriptor, events)
        self._expire()
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
        for connection, _ in self._active.values():
            connection.close()
        self._active.clear()
        self._wake_reader.close()
        self._wake_writer.close()

    def _start(self, batch: _Batch, connection: Connection | None) -> None:
        """Put a batch on a kept connection, or on a fresh one that is still connecting."""
        address = address_of(batch.member.url)
        length = sum(len(frame) for frame in batch.frames)
        headers = self._authorize(batch.member.worker_id, "POST", self._path)
        batch.rewind(head("POST", self._path, address, headers, length))
        if connection is None:
            try:
                connection = Connection(address, _connecting(address))
            except OSError as error:
                self._replies.append(_unreachable(batch, str(error)))
                return
        descriptor = connection.socket.fileno()
        self._active[descriptor] = (connection, batch)
        self._poller.register(descriptor, select.POLLOUT | _READABLE)

    def _advance(self, descriptor: int, events: int) -> None:
        connection, batch = self._active[descriptor]
        try:
            # An answer while we still send is a refusal: read it instead of sending on.
            if events & _READABLE:
                connection.socket.settimeout(_ANSWER_SECONDS)
                answer, keep = connection.read_answer("POST")
                reply = _reply(batch, answer)
                self._finish(descriptor, reply, keep=keep and not batch.unsent)
            elif batch.unsent:
                batch.send_some(connection.socket)
                if not batch.unsent:
                    self._poller.modify(descriptor, _READABLE)
        except BlockingIOError:
            return
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            self._fail(descriptor, error)

    def _fail(self, descriptor: int, error: Exception) -> None:
        """A kept connection may have gone stale unnoticed: the batch gets one fresh one. Storing is idempotent."""
        connection, batch = self._active[descriptor]
        if connection.reused and not isinstance(error, TimeoutError):
            self._release(descriptor, keep=False)
            self._start(batch, None)
        else:
            self._finish(descriptor, _unreachable(batch, str(error) or type(error).__name__))

    def _expire(self) -> None:
        now = time.monotonic()
        for descriptor, (_, batch) in list(self._active.items()):
            limit = self._timeout if batch.started else min(_CONNECT_SECONDS, self._timeout)
            if now - batch.moved_at > limit:
                self._finish(descriptor, _unreachable(batch, "no answer in time"))

    def _finish(self, descriptor: int, reply: StoreReply, *, keep: bool = False) -> None:
        self._release(descriptor, keep=keep)
        self._replies.append(reply)

    def _release(self, descriptor: int, *, keep: bool) -> None:
        connection, _ = self._active.pop(descriptor)
        self._poller.unregister(descriptor)
        self._pool.give_back(connection, keep)


def _connecting(address: tuple[str, int]) -> socket.socket:
    """A socket on its way to an address; failure shows when it is next polled. Raises OSError."""
    family, kind, protocol, _, target = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)[0]
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
    """What the worker said. Raises ValueError or KeyError when it is no answer of ours."""
    if answer.status not in (http.client.OK, _INSUFFICIENT_STORAGE):
        return _unreachable(batch, f"answered {answer.status}", unreachable=False)
    said = json.loads(answer.body)["data"]
    stored = tuple(said["stored"])
    return StoreReply(
        batch.number, batch.member.worker_id, stored, dict(said["failed"]), full=answer.status == _INSUFFICIENT_STORAGE
    )


def _unreachable(batch: _Batch, reason: str, *, unreachable: bool = True) -> StoreReply:
    failed: dict[Digest, str] = {frame.digest: reason for frame in batch.frames}
    return StoreReply(batch.number, batch.member.worker_id, (), failed, unreachable=unreachable)
