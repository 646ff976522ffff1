"""What all masters have reported lately, put together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from echofs.core.advice import CatalogReport, LinkReport, OpClass, Quantiles, Report
from echofs.core.consistency import quorum_met
from echofs.core.models import Level, Member, MemberState
from echofs.core.policies import Snapshot

FRESH_SECONDS = 3.5
"""A master that has not reported for so long counts no more: three reports missed."""
MOST_PROCESSES = 1024
CLOSED, OPEN = "closed", "open"
_TAKING = (MemberState.JOINING, MemberState.UP, MemberState.SUSPECT)
"""Workers that take chunks. A suspect one may only be slow; masters notice a dead one before the controller does."""

Seen = Quantiles | CatalogReport | LinkReport


@dataclass(frozen=True, slots=True)
class _Heard:
    report: Report
    at: float


class Reports:
    """Not thread-safe."""

    def __init__(self) -> None:
        self._heard: dict[str, _Heard] = {}

    def add(self, report: Report, now: float) -> bool:
        """Take a report in; whether its process is a new one. Of more processes than can be, the longest silent go."""
        new = report.process not in self._heard
        self._heard.pop(report.process, None)
        self._heard[report.process] = _Heard(report, now)
        if len(self._heard) > MOST_PROCESSES:
            del self._heard[next(iter(self._heard))]
        return new

    def fresh(self, now: float) -> list[Report]:
        """The reports that still count, by process."""
        return [heard.report for _, heard in sorted(self._heard.items()) if now - heard.at < FRESH_SECONDS]

    def snapshot(self, now: float, members: Sequence[Member], hint: float) -> Snapshot:
        """All that is known now."""
        reports = self.fresh(now)
        links = _links(reports, members)
        cut = {link.worker_id for link in links if link.breaker == OPEN}
        present = [member for member in members if member.state is not MemberState.GONE]
        reached = {member.worker_id for member in present if member.state in _TAKING} - cut
        reaching = [report.catalog for report in reports if report.catalog.reachable]
        return Snapshot(
            at=now,
            masters=len(reports),
            catalog_reachable=len(reaching) / len(reports) if reports else 1.0,
            catalog=merged(reaching),
            catalog_errors=sum(catalog.errors for catalog in reaching),
            links=links,
            workers=len(present),
            reached=len(reached),
            up=_levels(reached, present),
            lag=max((report.oldest_provisional for report in reports), default=0.0),
            outbox_depth=max((report.outbox_depth or 0 for report in reports), default=0),
            journal_depth=sum(_by_host(reports, lambda report: report.journal_depth)),
            writes_per_second=sum(report.writes_per_second for report in reports),
            reads_per_second=sum(report.reads_per_second for report in reports),
            hint=hint,
            latencies=_latencies(reports),
        )


def merged(parts: Iterable[Seen]) -> Quantiles:
    """Quantiles of several processes as one: each counts by its samples. Exact where they are alike."""
    known = [part for part in parts if part.samples]
    samples = sum(part.samples for part in known)
    if not samples:
        return Quantiles()
    p50 = sum(part.p50 * part.samples for part in known) / samples
    p95 = sum(part.p95 * part.samples for part in known) / samples
    p99 = sum(part.p99 * part.samples for part in known) / samples
    return Quantiles(samples, p50, p95, p99)


def _links(reports: Sequence[Report], members: Sequence[Member]) -> tuple[LinkReport, ...]:
    by_worker: dict[str, list[LinkReport]] = defaultdict(list)
    for report in reports:
        for link in report.links:
            by_worker[link.worker_id].append(link)
    alive = [member.worker_id for member in members if member.state not in (MemberState.DOWN, MemberState.GONE)]
    return tuple(_link(worker_id, by_worker[worker_id]) for worker_id in alive if worker_id in by_worker)


def _link(worker_id: str, seen: Sequence[LinkReport]) -> LinkReport:
    """A worker as most masters see it. One that only some cannot reach is their own matter."""
    closed = sum(link.breaker == CLOSED for link in seen)
    phis = [link.phi for link in seen if link.phi is not None]
    together = merged(seen)
    return LinkReport(
        worker_id,
        together.samples,
        sum(link.errors for link in seen),
        together.p50,
        together.p95,
        together.p99,
        CLOSED if 2 * closed >= len(seen) else OPEN,
        max(phis, default=None),
    )


def _levels(reached: set[str], members: Sequence[Member]) -> frozenset[Level]:
    """The levels that the workers within reach can make a quorum for. A cluster that has not enough workers yet has no
    fault that could be decided about."""
    zones = {member.worker_id: member.zone for member in members}
    if not quorum_met(zones, zones):
        return frozenset(Level)
    if quorum_met(reached, zones):
        return frozenset(Level)
    return frozenset({Level.HYBRID, Level.AVAILABLE}) if reached else frozenset({Level.AVAILABLE})


def _by_host(reports: Iterable[Report], figure: Callable[[Report], int]) -> list[int]:
    """A figure that the processes of a host share, once for each host."""
    found: dict[str, int] = {}
    for report in reports:
        host = report.process.rpartition(":")[0]
        found[host] = max(found.get(host, 0), figure(report))
    return list(found.values())


def _latencies(reports: Iterable[Report]) -> Mapping[OpClass, Mapping[Level, Quantiles]]:
    parts: dict[OpClass, dict[Level, list[Quantiles]]] = defaultdict(lambda: defaultdict(list))
    for report in reports:
        for op_class, levels in report.latencies.items():
            for level, seen in levels.items():
                parts[op_class][level].append(seen)
    return {
        op_class: {level: merged(levels[level]) for level in Level if level in levels}
        for op_class, levels in parts.items()
    }
