"""Letting concurrent callers share one expensive call."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Entry(Generic[T, R]):
    """One caller's item: woken either with its result or to lead the next batch."""

    __slots__ = ("error", "item", "result", "settled", "woken")

    def __init__(self, item: T) -> None:
        self.item = item
        self.result: R | None = None
        self.error: BaseException | None = None
        self.settled = False
        # Held while its caller has to wait; cheaper than an Event, which is made of three of them.
        self.woken = threading.Lock()
        self.woken.acquire()


class Batcher(Generic[T, R]):
    """Group commit without a thread of its own: the first caller leads, those who come meanwhile form the next batch.

    A lone caller pays nothing; under load each call of ``handle`` serves many. ``handle`` gets the items in the order
    in which they came and returns as many results; if it raises, every caller of that batch sees the error.
    """

    def __init__(self, handle: Callable[[Sequence[T]], Sequence[R]], limit: int) -> None:
        self._handle = handle
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: deque[_Entry[T, R]] = deque()
        self._led = False

    def call(self, item: T) -> R:
        """The result for one item; blocks until the batch it falls into is done."""
        entry: _Entry[T, R] = _Entry(item)
        with self._lock:
            self._waiting.append(entry)
            lead, self._led = not self._led, True
        if not lead:
            entry.woken.acquire()
        if not entry.settled:
            self._lead(entry)
        if entry.error is not None:
            raise entry.error
        return entry.result  # type: ignore[return-value]

    def _lead(self, leader: _Entry[T, R]) -> None:
        """Serve one batch (the leader's own item is its first), then pass the lead on."""
        with self._lock:
            batch = [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
        try:
            results = self._handle([entry.item for entry in batch])
            for entry, result in zip(batch, results, strict=True):
                entry.result = result
        except BaseException as error:
            for entry in batch:
                entry.error = error
        with self._lock:
            heir = self._waiting[0] if self._waiting else None
            self._led = heir is not None
        for entry in batch:
            entry.settled = True
            if entry is not leader:
                entry.woken.release()
        if heir is not None:
            heir.woken.release()
