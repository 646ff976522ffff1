"""Chunks on their way to their replicas, as those see them who wait for one."""

from __future__ import annotations

import threading

from echofs.core.consistency import DEMANDS
from echofs.core.errors import ClusterFull, EchoError, TooFewReplicas
from echofs.core.models import ChunkRecord, Level
from echofs.core.replication import ChunkWrite
from echofs.ports.chunks import Frame

DEADLINE_SECONDS = 15.0


class PendingChunk:
    """A chunk on its way. :meth:`wait` returns when it is safe; :meth:`record` says where it lies."""

    def __init__(self, frame: Frame, write: ChunkWrite, now: float) -> None:
        self.frame: Frame | None = frame
        self.write = write
        self.held_bytes = len(frame)
        self._size = frame.size
        self.submitted_at = now
        self.safe_at: float | None = None
        self.full: set[str] = set()
        self.hedged = False
        self.recorded = False
        self._resolved = False
        self._error: EchoError | None = None
        # Held until resolved: waiting for a bare lock is one system call, for a Future or an Event several.
        self._unresolved = threading.Lock()
        self._unresolved.acquire()

    def wait(self, seconds: float = DEADLINE_SECONDS * 2) -> None:
        """Block until the quorum of the chunk's level stands. Raises :class:`TooFewReplicas` or :class:`ClusterFull`,
        after ``seconds`` at the latest, or :class:`Unavailable` when replication itself broke off."""
        if not self.wait_for(seconds):
            raise self.failure()
        if self._error is not None:
            raise self._error

    def wait_for(self, seconds: float) -> bool:
        """Block until it is decided how the chunk fares, at most so long; whether it is."""
        if not self._resolved:
            if not self._unresolved.acquire(timeout=max(seconds, 0)):
                return False
            self._unresolved.release()
        return True

    def record(self) -> ChunkRecord:
        """Replicas as acknowledged so far and those still owed. What is acknowledged later is settled by itself."""
        self.recorded = True
        # In this order a replica that is acknowledged meanwhile may be held, owed or late, but never lost.
        owed = self.write.owed()
        acknowledged = tuple(self.write.acknowledged)
        return ChunkRecord(
            self.write.digest, self._size, acknowledged, tuple(worker for worker in owed if worker not in acknowledged)
        )

    @property
    def resolved(self) -> bool:
        """Whether :meth:`wait` would return at once."""
        return self._resolved

    def resolve(self, error: EchoError | None = None) -> None:
        """Let the waiting upload go on. Only the first call counts, and only the replication thread calls it."""
        if self._resolved:
            return
        self._error = error
        self._resolved = True
        self._unresolved.release()

    def failure(self, level: Level | None = None) -> EchoError:
        """Why the chunk is not as safe as ``level`` demands, by default its own, as things stand."""
        acknowledged = len(self.write.acknowledged)
        if self.full and not acknowledged:
            return ClusterFull("Every worker that answered is full; nothing was stored. Free space or add a worker.")
        level = level or self.write.level
        demand = DEMANDS[level]
        needed = f"{demand.replicas} workers in different zones" if demand.replicas > 1 else "a worker"
        return TooFewReplicas(
            f"A {level} write needs {needed} and {acknowledged} made the data durable; nothing was acknowledged. Try "
            "again when more workers are up.",
            retry_after=2,
        )
