"""Letting concurrent callers share one expensive call."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar, overload

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


class _Batch(Sequence[T], Generic[T, R]):
    """The items of one call. Who they are is settled when the first is looked at."""

    def __init__(self, draw: Callable[[], list[_Entry[T, R]]]) -> None:
        self._draw = draw
        self._drawn: list[_Entry[T, R]] | None = None

    @property
    def entries(self) -> list[_Entry[T, R]]:
        """Whose call it is."""
        if self._drawn is None:
            self._drawn = self._draw()
        return self._drawn

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[T]:
        return (entry.item for entry in self.entries)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...
    def __getitem__(self, place: int | slice) -> T | list[T]:
        return [entry.item for entry in self.entries][place]


class Batcher(Generic[T, R]):
    """Group commit without a thread of its own: the first caller leads, those who come meanwhile form the next batch.

    A lone caller pays nothing; under load each call of ``handle`` serves many. ``handle`` gets the items in the order
    in which they came and returns as many results; if it raises, every caller of that batch sees the error. One that
    waits for its turn before it looks at any item takes along who came while it waited.
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
        batch = _Batch(self._draw)
        try:
            results = self._handle(batch)
            for entry, result in zip(batch.entries, results, strict=True):
                entry.result = result
        except BaseException as error:
            for entry in batch.entries:
                entry.error = error
        with self._lock:
            heir = self._waiting[0] if self._waiting else None
            self._led = heir is not None
        for entry in batch.entries:
            entry.settled = True
            if entry is not leader:
                entry.woken.release()
        if heir is not None:
            heir.woken.release()

    def _draw(self) -> list[_Entry[T, R]]:
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(self._limit, len(self._waiting)))]
