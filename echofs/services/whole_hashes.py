"""SHA-256 of files that arrive in parts: how far this process has hashed each of them. Such a state cannot be written
down, so another process has to read what it did not see arrive."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

CAPACITY = 4096
"""Uploads of which the state is kept, those used last: a few hundred bytes each."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """The hash over the first ``size`` bytes of a file. Whoever goes on takes a copy."""

    size: int
    state: hashlib._Hash


class WholeHashes:
    """Thread-safe, and lost with the process."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._states: OrderedDict[str, Hashed] = OrderedDict()
        self._lock = Lock()

    def known(self, upload_id: str) -> Hashed:
        """As far as this process has hashed an upload; nothing of one it does not know."""
        with self._lock:
            if upload_id in self._states:
                self._states.move_to_end(upload_id)
                return self._states[upload_id]
        return Hashed(0, hashlib.sha256())

    def keep(self, upload_id: str, hashed: Hashed) -> None:
        """Remember a state, unless a longer one is known."""
        with self._lock:
            known = self._states.get(upload_id)
            if known is None or known.size < hashed.size:
                self._states[upload_id] = hashed
            self._states.move_to_end(upload_id)
            while len(self._states) > self._capacity:
                self._states.popitem(last=False)

    def forget(self, upload_id: str) -> None:
        """An upload has ended. Idempotent."""
        with self._lock:
            self._states.pop(upload_id, None)
