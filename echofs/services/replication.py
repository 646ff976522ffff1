"""Making chunks durable on workers.

One thread per process drives all sockets to all workers. Chunks of whichever uploads wait for the same worker travel
in one request, so many small files cost few requests; what waits longer makes larger batches by itself.
``echofs.core.replication`` decides where each chunk goes and when it is safe.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence

from echofs.core import placement
from echofs.core.errors import Unavailable
from echofs.core.models import Digest, Level
from echofs.core.replication import ChunkWrite
from echofs.ports.chunks import Frame, StoreReply, WorkerClient
from echofs.ports.runtime import Clock, Meters
from echofs.services.cluster import Call, MemberView
from echofs.services.lanes import Lane
from echofs.services.memory import MemoryBudget
from echofs.services.pending import DEADLINE_SECONDS, PendingChunk

GRACE_SECONDS = 0.1
"""How long a safe chunk waits for its remaining replicas: a second catalog commit for a late one would cost more."""
HEDGE_SECONDS = 0.5
"""After this long without a quorum a stand-in is asked as well."""
STRAGGLER_SECONDS = 2.0
"""How long a replica may go on in the background before the outbox takes over."""
LATE_KEPT = 100_000
"""Replicas that came after their chunk was recorded and nobody has asked for yet; of more, repair finds the first."""

STOPPING = "This master is stopping; try again."
BROKEN = "Replication broke off unexpectedly; nothing was acknowledged. Try again."

_log = logging.getLogger(__name__)


class Replicator:
    """Thread-safe. The thread starts with the first chunk, never before a fork."""

    def __init__(
        self,
        workers: WorkerClient,
        members: MemberView,
        budget: MemoryBudget,
        clock: Clock,
        meters: Meters,
        *,
        wanted: int,
    ) -> None:
        self._workers = workers
        self._members = members
        self._budget = budget
        self._clock = clock
        self._meters = meters
        self._wanted = wanted
        self._lock = threading.Lock()
        self._submitted: deque[PendingChunk] = deque()
        self._late: deque[tuple[str, Digest]] = deque(maxlen=LATE_KEPT)
        self._loop: _ReplicationLoop | None = None
        self._stopped = False

    @property
    def wanted(self) -> int:
        """Replicas every chunk should have."""
        return self._wanted

    def submit(self, frame: Frame, level: Level = Level.STRONG) -> PendingChunk:
        """Start replicating a chunk until as many workers hold it as ``level`` demands, and some more; blocks while the
        memory budget is exhausted. Raises :class:`Unavailable`."""
        return self.submit_together((frame,), level)[0]

    def submit_together(self, frames: Sequence[Frame], level: Level = Level.STRONG) -> list[PendingChunk]:
        """Like :meth:`submit` for several chunks, which where they go to the same worker go in one batch, in order."""
        size = sum(len(frame) for frame in frames)
        self._budget.acquire(size, DEADLINE_SECONDS)
        try:
            loop, chunks = self._enqueue(frames, level)
        except BaseException:
            self._budget.release(size)
            raise
        loop.wake()
        return chunks

    def _enqueue(self, frames: Sequence[Frame], level: Level) -> tuple[_ReplicationLoop, list[PendingChunk]]:
        members, now = self._members.members(), self._clock.monotonic()
        avoided, down = self._members.avoided(Call.STORE), self._members.unavailable()
        chunks: list[PendingChunk] = []
        for frame in frames:
            candidates = [member.worker_id for member in placement.order(members, frame.digest)]
            write = ChunkWrite(frame.digest, candidates, self._wanted, unavailable=avoided, down=down, level=level)
            chunks.append(PendingChunk(frame, write, now))
        with self._lock:
            if self._stopped:
                raise Unavailable(STOPPING)
            if self._loop is None:
                self._loop = self._start_loop()
            self._submitted.extend(chunks)
            return self._loop, chunks

    def _start_loop(self) -> _ReplicationLoop:
        try:
            loop = _ReplicationLoop(self)
            loop.start()
        except (OSError, RuntimeError) as error:
            raise Unavailable("This master is short of threads or open files; try again shortly.") from error
        return loop

    def take_late(self) -> Mapping[str, list[Digest]]:
        """Replicas acknowledged after their chunk was recorded, by worker; each is handed out once."""
        late: dict[str, list[Digest]] = {}
        while self._late:
            worker_id, digest = self._late.popleft()
            late.setdefault(worker_id, []).append(digest)
        return late

    def stop(self) -> None:
        """End the thread; chunks under way fail with :class:`Unavailable`. Idempotent."""
        with self._lock:
            self._stopped = True
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()


class _ReplicationLoop(threading.Thread):
    """The thread: all its state is touched by it alone, but for the submission queue."""

    def __init__(self, owner: Replicator) -> None:
        super().__init__(name="replication", daemon=True)
        self._owner = owner
        self._exchange = owner._workers.exchange()
        self._lanes: dict[str, Lane] = {}
        self._open: set[PendingChunk] = set()
        self._stopping = False

    def wake(self) -> None:
        self._exchange.wake()

    def stop(self) -> None:
        self._stopping = True
        self.wake()
        self.join(timeout=5)

    def run(self) -> None:
        try:
            while not self._stopping:
                self._guarded_turn()
        finally:
            with self._owner._lock:
                if self._owner._loop is self:
                    self._owner._loop = None
                while self._owner._submitted:
                    self._open.add(self._owner._submitted.popleft())
            self._fail_all(STOPPING if self._stopping else BROKEN)
            self._exchange.close()

    def _guarded_turn(self) -> None:
        """A fault of ours must cost the chunks under way, not every upload from then on."""
        try:
            self.turn(0.05 if self._open or self._owner._submitted else 5.0)
        except Exception:
            _log.exception("replication broke off; the chunks under way are given up")
            self._fail_all(BROKEN)
            self._lanes.clear()
            self._exchange.close()
            self._exchange = self._owner._workers.exchange()

    def _fail_all(self, message: str) -> None:
        while self._open:
            chunk = self._open.pop()
            chunk.resolve(Unavailable(message))
            self._release(chunk)

    def turn(self, timeout: float) -> None:
        """One round: what arrived, what is new, what is overdue, what can be sent."""
        for reply in self._exchange.wait(timeout):
            self._on_reply(reply)
        now = self._owner._clock.monotonic()
        while self._owner._submitted:
            chunk = self._owner._submitted.popleft()
            self._open.add(chunk)
            self._queue(chunk, chunk.write.next_workers(self._owner._members.zones()))
            self._review(chunk, now)
        for chunk in list(self._open):
            self._check_times(chunk, now)
        for worker_id, lane in list(self._lanes.items()):
            if lane.sent_at and self._owner._members.overdue(worker_id, lane.longest_wait(now), Call.STORE):
                lane.noted_at = now
                self._drop_waiting(worker_id)
            self._fill(worker_id, lane)

    def _on_reply(self, reply: StoreReply) -> None:
        owner = self._owner
        now = owner._clock.monotonic()
        batch, seconds = self._lanes[reply.worker_id].answered(reply.batch, now)
        stored = set(reply.stored)
        owner._members.observe(reply.worker_id, seconds, not reply.unreachable, Call.STORE)
        if reply.unreachable:
            self._drop_waiting(reply.worker_id)
        for chunk in batch:
            if chunk.write.digest in stored:
                self._on_stored(chunk, reply.worker_id)
            else:
                self._on_failed(chunk, reply.worker_id, full=reply.full)
            self._review(chunk, now)
        if stored:
            owner._meters.add("chunk_acknowledgements", len(stored), worker=reply.worker_id)
        if reply.failed:
            reason = "unreachable" if reply.unreachable else "full" if reply.full else "refused"
            owner._meters.add("replica_failures", len(reply.failed), worker=reply.worker_id, reason=reason)
            _log.warning("replica failed", extra={"worker": reply.worker_id, "why": next(iter(reply.failed.values()))})

    def _on_stored(self, chunk: PendingChunk, worker_id: str) -> None:
        chunk.write.on_stored(worker_id)
        if chunk.recorded:
            self._owner._late.append((worker_id, chunk.write.digest))

    def _on_failed(self, chunk: PendingChunk, worker_id: str, *, full: bool) -> None:
        chunk.write.on_failed(worker_id)
        if full:
            chunk.full.add(worker_id)
        if not chunk.resolved:
            self._queue(chunk, chunk.write.next_workers(self._owner._members.zones()))

    def _drop_waiting(self, worker_id: str) -> None:
        """Chunks that queue behind a dead worker go to their stand-ins now rather than after time-outs of their own."""
        waiting, self._lanes[worker_id].waiting = self._lanes[worker_id].waiting, deque()
        now = self._owner._clock.monotonic()
        for chunk in waiting:
            self._on_failed(chunk, worker_id, full=False)
            self._review(chunk, now)

    def _queue(self, chunk: PendingChunk, worker_ids: list[str]) -> None:
        for worker_id in worker_ids:
            self._lanes.setdefault(worker_id, Lane()).waiting.append(chunk)

    def _review(self, chunk: PendingChunk, now: float) -> None:
        """Resolve or close a chunk if the last event decided it."""
        write, zones = chunk.write, self._owner._members.zones()
        if chunk.safe_at is None and write.satisfied(zones):
            chunk.safe_at = now
        if write.settled and chunk.safe_at is None and not chunk.resolved:
            self._queue(chunk, write.next_workers(zones))
        if write.settled:
            chunk.resolve(None if chunk.safe_at is not None else chunk.failure())
            if chunk in self._open:
                self._open.remove(chunk)
                self._release(chunk)
        elif chunk.safe_at is not None and write.enough(zones):
            chunk.resolve()

    def _release(self, chunk: PendingChunk) -> None:
        """Let go of the bytes: a long upload keeps its chunks' outcomes for a while, not their frames."""
        chunk.frame = None
        self._owner._budget.release(chunk.held_bytes)

    def _check_times(self, chunk: PendingChunk, now: float) -> None:
        if chunk.safe_at is not None:
            if now - chunk.safe_at >= GRACE_SECONDS:
                chunk.resolve()
            if now - chunk.safe_at >= STRAGGLER_SECONDS:
                self._give_up(chunk)
        elif now - chunk.submitted_at >= DEADLINE_SECONDS:
            chunk.resolve(chunk.failure())
            self._give_up(chunk)
        elif now - chunk.submitted_at >= HEDGE_SECONDS and not chunk.hedged:
            chunk.hedged = True
            self._queue(chunk, chunk.write.hedge())

    def _give_up(self, chunk: PendingChunk) -> None:
        """Stop waiting for the workers that hold a chunk up: what they have not stored is owed."""
        for worker_id in chunk.write.pending:
            _log.warning("replica too slow", extra={"worker": worker_id})
            self._exchange.abandon(worker_id)

    def _fill(self, worker_id: str, lane: Lane) -> None:
        member = next((known for known in self._owner._members.members() if known.worker_id == worker_id), None)
        if member is None:
            self._drop_waiting(worker_id)
            return
        while batch := lane.next_batch():
            try:
                number = self._exchange.send(member, [chunk.frame for chunk in batch if chunk.frame is not None])
            except Exception:
                _log.exception("a worker cannot be sent to", extra={"worker": worker_id})
                lane.waiting.extendleft(reversed(batch))
                self._owner._members.observe(worker_id, 0.0, False, Call.STORE)
                self._drop_waiting(worker_id)
                return
            lane.sent(number, batch, self._owner._clock.monotonic())
