"""What masters tell the controller each second and what it advises them: plain values, and their JSON.

Everything that comes in was written by another process and is read with distrust: what makes no sense is refused, what
is unknown is left out. Advice, never safety: a master without it decides alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from echofs.core.faults import Fault
from echofs.core.models import Level, Timestamp

SMALL_BYTES = 1 << 20
"""Up to here a write is a small one: larger ones take as long as their bodies take to arrive."""
DECISION_SECONDS = 5.0
"""How long a decision may be followed without another word from the controller."""


class OpClass(StrEnum):
    """Requests that are decided about together."""

    WRITE_SMALL = "write_small"
    WRITE_LARGE = "write_large"
    READ = "read"


def write_class(size: int | None) -> OpClass:
    """The class of a write of so many bytes; one of unknown length counts as large."""
    return OpClass.WRITE_SMALL if size is not None and size <= SMALL_BYTES else OpClass.WRITE_LARGE


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds that half, 95 % and 99 % of ``samples`` calls stayed within; zeros without samples."""

    samples: int = 0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Quantiles:
        """Those of a list of latencies (nearest rank)."""
        if not seconds:
            return cls()
        ordered = sorted(seconds)
        last = len(ordered) - 1
        p50, p95, p99 = (ordered[min(last, int(share * len(ordered)))] for share in (0.5, 0.95, 0.99))
        return cls(len(ordered), p50, p95, p99)


@dataclass(frozen=True, slots=True)
class LinkReport:
    """How a worker answered one process lately, in seconds. ``breaker`` is ``closed``, ``open`` or ``half-open``;
    ``phi`` the suspicion of the failure detector, None where there is none."""

    worker_id: str
    samples: int
    errors: int
    p50: float
    p95: float
    p99: float
    breaker: str = "closed"
    phi: float | None = None


@dataclass(frozen=True, slots=True)
class CatalogReport:
    """How the catalog answered one process lately, in seconds."""

    reachable: bool
    samples: int = 0
    errors: int = 0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """What one master process has seen lately.

    ``process`` names it uniquely and ``epoch`` is the highest it was advised under (0: none yet). ``latencies`` has
    what requests took at each level that was used; of large writes it counts from the last byte received.
    ``outbox_depth`` is None while the catalog cannot be asked, ``oldest_provisional`` the age in seconds of the oldest
    version that waits in the journal.
    """

    process: str
    catalog: CatalogReport
    links: tuple[LinkReport, ...] = ()
    journal_depth: int = 0
    oldest_provisional: float = 0.0
    outbox_depth: int | None = None
    writes_per_second: float = 0.0
    reads_per_second: float = 0.0
    latencies: Mapping[OpClass, Mapping[Level, Quantiles]] = field(default_factory=dict)
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """Which level a class of requests should be tried at first.

    ``op_class`` is None for a decision about a single file. ``id`` is what ``explain`` takes; ``number`` grows with
    each decision of an ``epoch``, and an epoch with each start of the controller. ``ttl`` is in seconds from when the
    report was sent that a master got it for. ``predictions`` has the share of requests that
    each level was predicted to serve within the goal. ``forced`` marks an operator's order.
    """

    id: str
    op_class: OpClass | None
    level: Level
    number: int
    epoch: int
    made_at: Timestamp
    ttl: float = DECISION_SECONDS
    reason: str = ""
    predictions: Mapping[Level, float] = field(default_factory=dict)
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """The controller's answer to a report.

    ``files`` has decisions about single files, by their ids: an operator's orders, and hints, which are wishes.
    ``critical`` has the ids of files that are never served below ``strong``.
    """

    epoch: int
    decisions: Mapping[OpClass, Decision] = field(default_factory=dict)
    files: Mapping[str, Decision] = field(default_factory=dict)
    critical: frozenset[str] = frozenset()
    faults: tuple[Fault, ...] = ()
