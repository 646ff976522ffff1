"""A cache of heads in a dictionary."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock

from echofs.core.consistency import STALENESS_SECONDS
from echofs.core.models import File
from echofs.ports.cache import HeadCache, Lookup
from echofs.ports.runtime import Clock


@dataclass(frozen=True)
class _Entry:
    """No head older than ``number`` counts until the clock says ``until``; ``since`` is when ``file`` was asked for."""

    number: int
    until: float
    file: File | None = None
    since: float = 0.0


class MemoryHeads(HeadCache):
    """One process stands for all masters. Set ``away`` to make it unusable. ``capacity`` bounds the heads, not the
    version numbers that bar older ones."""

    def __init__(self, clock: Clock, *, capacity: int = 1000) -> None:
        self.away = False
        self._clock = clock
        self._capacity = capacity
        self._entries: dict[str, _Entry] = {}
        self._lock = Lock()

    def find(self, file_id: str) -> Lookup:
        if self.away:
            return Lookup()
        with self._lock:
            now = self._drop_old()
            entry = self._entries.get(file_id)
            if entry is None or entry.file is None or now - entry.since >= STALENESS_SECONDS:
                return Lookup(ticket=now)
            return Lookup(entry.file, now - entry.since, now)

    def keep(self, file: File, lookup: Lookup) -> None:
        since = lookup.ticket
        if self.away or not isinstance(since, float):
            return
        with self._lock:
            now = self._drop_old()
            known = self._entries.get(file.id)
            number = file.head.number
            if now - since >= STALENESS_SECONDS or (known and known.number > number):
                return
            if known and known.file and known.number == number and known.since >= since:
                return
            fits = (known and known.file) or self._heads() < self._capacity
            until = now + STALENESS_SECONDS
            self._entries[file.id] = _Entry(number, until, file, since) if fits else _Entry(number, until)

    def supersede(self, file: File) -> bool:
        if self.away:
            return False
        with self._lock:
            until = self._drop_old() + STALENESS_SECONDS
            known = self._entries.get(file.id)
            if known is None or known.number < file.head.number:
                self._entries[file.id] = _Entry(file.head.number, until)
            else:
                self._entries[file.id] = replace(known, until=until)
        return True

    def _heads(self) -> int:
        return sum(entry.file is not None for entry in self._entries.values())

    def _drop_old(self) -> float:
        now = self._clock.monotonic()
        self._entries = {file_id: entry for file_id, entry in self._entries.items() if now < entry.until}
        return now
