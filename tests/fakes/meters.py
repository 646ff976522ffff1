"""Counters that can be looked at."""

from __future__ import annotations

from collections import Counter
from threading import Lock

from echofs.ports.runtime import Meters

NAMES = frozenset(
    {
        "adopted_entries",
        "bytes_received",
        "bytes_sent",
        "chunk_acknowledgements",
        "chunks_stored",
        "commits",
        "conflicts",
        "consistency_switches",
        "corrupt_replicas",
        "degraded_reads",
        "degraded_writes",
        "head_lookups",
        "hedged_reads",
        "provisional_versions",
        "read_fallbacks",
        "reads",
        "redis_failures",
        "reintegrated",
        "repairs",
        "replica_failures",
        "spool_deliveries",
        "staleness_seconds",
        "writes",
    }
)


class FakeMeters(Meters):
    """Sums per name, and per name and labels. Thread-safe."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter(dict.fromkeys(NAMES, 0))
        self._labelled: Counter[tuple[str, frozenset[tuple[str, str]]]] = Counter()
        self._lock = Lock()

    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        if name not in NAMES:
            raise KeyError(name)
        with self._lock:
            self.totals[name] += amount
            self._labelled[name, frozenset(labels.items())] += amount

    def count(self, name: str, **labels: str) -> float:
        """What was added under exactly these labels."""
        return self._labelled[name, frozenset(labels.items())]
