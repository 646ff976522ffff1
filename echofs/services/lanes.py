"""How the chunks that wait for one worker are put together into requests."""

from __future__ import annotations

import itertools
from collections import deque
from dataclasses import dataclass, field

from echofs.services.pending import PendingChunk

BATCH_BYTES = 9 << 20
"""Eight default chunks and their headers: a request costs a worker the same whatever its size."""
BATCH_CHUNKS = 64
LARGE_BATCH_BYTES = 4 << 20
BATCHES_IN_FLIGHT = 3
"""Per worker: one being received, one being made durable, one on its way back."""


@dataclass
class Lane:
    """Chunks waiting for one worker, and the batches it has not answered yet, by number."""

    waiting: deque[PendingChunk] = field(default_factory=deque)
    batches: dict[int, list[PendingChunk]] = field(default_factory=dict)
    sent_at: dict[int, float] = field(default_factory=dict)
    """When each of those batches went off."""
    noted_at: float = float("-inf")
    """When it was last noted that answers are overdue: those of older batches need no second note."""

    def next_batch(self) -> list[PendingChunk]:
        """Take the chunks to be sent now, in the order in which they came; none while waiting pays.

        While answers are outstanding only a large batch is sent (after Nagle, RFC 896). What is small grows until the
        worker has answered, so that many small files make few requests.
        """
        if not self.waiting or (self.batches and not self._worth_sending()):
            return []
        batch = [self.waiting.popleft()]
        size = batch[0].held_bytes
        while self.waiting and len(batch) < BATCH_CHUNKS and size + self.waiting[0].held_bytes <= BATCH_BYTES:
            size += self.waiting[0].held_bytes
            batch.append(self.waiting.popleft())
        return batch

    def sent(self, number: int, batch: list[PendingChunk], now: float) -> None:
        """A batch is on its way."""
        self.batches[number] = batch
        self.sent_at[number] = now

    def answered(self, number: int, now: float) -> tuple[list[PendingChunk], float]:
        """The batch of that number, and how many seconds its answer took."""
        return self.batches.pop(number), now - self.sent_at.pop(number)

    def longest_wait(self, now: float) -> float:
        """How long the oldest batch has been on its way that is not known to be overdue; 0 if none is."""
        return max((now - at for at in self.sent_at.values() if at > self.noted_at), default=0.0)

    def _worth_sending(self) -> bool:
        waiting = [chunk.held_bytes for chunk in itertools.islice(self.waiting, BATCH_CHUNKS)]
        large = sum(waiting) >= LARGE_BATCH_BYTES or len(waiting) == BATCH_CHUNKS
        return large and len(self.batches) < BATCHES_IN_FLIGHT
