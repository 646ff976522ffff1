"""Workers in memory that fail on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from enum import Enum

from echofs.core.errors import StoreUnavailable
from echofs.core.models import ChunkKind, Digest, Member
from echofs.ports.chunks import Frame, StoreExchange, StoreReply, WorkerClient
from tests.fakes.clock import FakeClock

_KIND_AT = 6
"""Where a frame says what kind of chunk it carries."""
_PAGE = 3


class Fault(Enum):
    """What a worker does wrong."""

    NONE = "none"
    DOWN = "down"
    """Connections fail at once."""
    SILENT = "silent"
    """Takes everything and never answers, nor stores."""
    SLOW = "slow"
    """Stores and answers only when the test lets it (:meth:`FakeWorkers.release`)."""
    FULL = "full"
    REFUSING = "refusing"


class FakeWorker:
    """One worker: ``fault`` may change at any time; ``frames`` are its disk, ``batches`` what it was asked to store."""

    def __init__(self, worker_id: str) -> None:
        self.worker_id = worker_id
        self.fault = Fault.NONE
        self.frames: dict[Digest, bytes] = {}
        self.batches: list[list[Digest]] = []
        self.fetches: list[list[Digest]] = []

    def lose(self, digest: Digest) -> None:
        """The chunk is gone from the disk."""
        del self.frames[digest]

    def corrupt(self, digest: Digest) -> None:
        """The last byte of a stored frame rots."""
        frame = bytearray(self.frames[digest])
        frame[-1] ^= 0xFF
        self.frames[digest] = bytes(frame)

    def store(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            self.frames[frame.digest] = b"".join(frame.parts)


class FakeWorkers(WorkerClient):
    """A worker for every id ever named; all state is under one condition, notified at each change.

    With a ``clock``, an exchange that waits in vain lets that clock run on instead of blocking, so that time-outs need
    no time.
    """

    def __init__(self, worker_ids: Iterable[str] = (), clock: FakeClock | None = None) -> None:
        self.changed = threading.Condition()
        self.clock = clock
        self.exchanges: list[FakeExchange] = []
        self.on_send: Callable[[Member, Sequence[Frame]], None] = lambda member, frames: None
        self._workers = {worker_id: FakeWorker(worker_id) for worker_id in worker_ids}

    def __getitem__(self, worker_id: str) -> FakeWorker:
        return self._workers.setdefault(worker_id, FakeWorker(worker_id))

    def holders(self, digest: Digest) -> set[str]:
        """The workers on whose disk the chunk lies, rotten or not."""
        return {worker_id for worker_id, worker in self._workers.items() if digest in worker.frames}

    def release(self, worker_id: str) -> None:
        """A slow worker makes durable, and answers, all it was sent so far."""
        with self.changed:
            for exchange in self.exchanges:
                exchange.answer_held(worker_id)
            self.changed.notify_all()

    def tick(self) -> None:
        """Let waiting exchanges look at the clock again."""
        for exchange in list(self.exchanges):
            exchange.wake()

    def until(self, reached: Callable[[], bool]) -> None:
        """Block until something is true that changes with a batch or an answer."""
        with self.changed:
            if not self.changed.wait_for(reached, timeout=10):
                raise AssertionError("what the test waited for did not come")

    def exchange(self) -> StoreExchange:
        exchange = FakeExchange(self)
        self.exchanges.append(exchange)
        return exchange

    def fetch(self, member: Member, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        worker = self._reach(member)
        worker.fetches.append(list(digests))
        return {digest: worker.frames[digest] for digest in digests if digest in worker.frames}

    def present(self, member: Member, digests: Iterable[Digest]) -> set[Digest]:
        return set(digests) & self._reach(member).frames.keys()

    def listed(self, member: Member, kind: ChunkKind, after: Digest = "") -> list[Digest]:
        frames = self._reach(member).frames
        return sorted(digest for digest, frame in frames.items() if frame[_KIND_AT] == kind and digest > after)[:_PAGE]

    def remove(self, member: Member, kind: ChunkKind, digests: Sequence[Digest]) -> None:
        frames = self._reach(member).frames
        if kind is not ChunkKind.ENTRY:
            raise StoreUnavailable(f"{member.worker_id} refuses.")
        for digest in digests:
            if digest in frames and frames[digest][_KIND_AT] == kind:
                del frames[digest]

    def health(self, member: Member) -> dict[str, object]:
        return {"worker_id": self._reach(member).worker_id}

    def _reach(self, member: Member) -> FakeWorker:
        worker = self[member.worker_id]
        if worker.fault in (Fault.DOWN, Fault.SILENT, Fault.REFUSING):
            raise StoreUnavailable(f"{member.worker_id} does not answer.")
        return worker


class FakeExchange(StoreExchange):
    """Answers are ready as soon as a batch is sent, or never, or when the test says so."""

    def __init__(self, workers: FakeWorkers) -> None:
        self.closed = False
        self._workers = workers
        self._sent = 0
        self._held: list[tuple[int, str, Sequence[Frame]]] = []
        self._replies: list[StoreReply] = []
        self._woken = False

    def send(self, member: Member, frames: Sequence[Frame]) -> int:
        self._workers.on_send(member, frames)
        with self._workers.changed:
            self._sent += 1
            worker = self._workers[member.worker_id]
            worker.batches.append([frame.digest for frame in frames])
            if worker.fault in (Fault.SILENT, Fault.SLOW):
                self._held.append((self._sent, member.worker_id, frames))
            else:
                self._replies.append(self._reply(self._sent, worker, frames))
            self._workers.changed.notify_all()
            return self._sent

    def wait(self, timeout: float) -> list[StoreReply]:
        clock = self._workers.clock
        with self._workers.changed:
            if clock is not None and self._held and not self._ready():
                clock.advance(timeout)
            else:
                self._workers.changed.wait_for(self._ready, timeout)
            self._woken = False
            replies, self._replies = self._replies, []
            return replies

    def wake(self) -> None:
        with self._workers.changed:
            self._woken = True
            self._workers.changed.notify_all()

    @property
    def pending(self) -> bool:
        return bool(self._held or self._replies)

    def abandon(self, worker_id: str) -> None:
        with self._workers.changed:
            for number, _, frames in self._take_held(worker_id):
                self._replies.append(_failed(number, worker_id, frames, "given up", unreachable=True))

    def close(self) -> None:
        self.closed = True
        self._held.clear()

    def answer_held(self, worker_id: str) -> None:
        for number, _, frames in self._take_held(worker_id):
            worker = self._workers[worker_id]
            worker.store(frames)
            self._replies.append(_stored(number, worker_id, frames))

    def _take_held(self, worker_id: str) -> list[tuple[int, str, Sequence[Frame]]]:
        taken = [batch for batch in self._held if batch[1] == worker_id]
        self._held = [batch for batch in self._held if batch[1] != worker_id]
        return taken

    def _ready(self) -> bool:
        return bool(self._replies) or self._woken

    def _reply(self, number: int, worker: FakeWorker, frames: Sequence[Frame]) -> StoreReply:
        if worker.fault is Fault.DOWN:
            return _failed(number, worker.worker_id, frames, "connection refused", unreachable=True)
        if worker.fault is Fault.FULL:
            return _failed(number, worker.worker_id, frames, "no room", full=True)
        if worker.fault is Fault.REFUSING:
            return _failed(number, worker.worker_id, frames, "answered 401")
        worker.store(frames)
        return _stored(number, worker.worker_id, frames)


def _stored(number: int, worker_id: str, frames: Sequence[Frame]) -> StoreReply:
    return StoreReply(number, worker_id, tuple(frame.digest for frame in frames), {})


def _failed(
    number: int, worker_id: str, frames: Sequence[Frame], why: str, *, unreachable: bool = False, full: bool = False
) -> StoreReply:
    failed = {frame.digest: why for frame in frames}
    return StoreReply(number, worker_id, (), failed, unreachable=unreachable, full=full)
