"""Ids that can be predicted."""

from __future__ import annotations

from itertools import count
from threading import Lock

from echofs.ports.runtime import Ids


class SequentialIds(Ids):
    """1, 2, 3 … as 32 hexadecimal digits. Safe to share between threads."""

    def __init__(self) -> None:
        self._next = count(1)
        self._lock = Lock()

    def new(self) -> str:
        with self._lock:
            return f"{next(self._next):032x}"
