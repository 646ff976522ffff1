"""One writer at a time for each key."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class KeyLocks:
    """Thread-safe. Who holds several keys took them all at once, so two can never wait for each other."""

    def __init__(self) -> None:
        self._held: set[str] = set()
        self._changed = threading.Condition(threading.Lock())

    @contextmanager
    def hold(self, keys: Iterable[str]) -> Iterator[None]:
        """Keep all others from these keys; waits while somebody holds one of them."""
        wanted = frozenset(keys)
        with self._changed:
            self._changed.wait_for(lambda: self._held.isdisjoint(wanted))
            self._held |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._held -= wanted
                self._changed.notify_all()
