"""Figures of one run, from its history alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bench.evaluate.arrivals import percentile
from bench.evaluate.history import NANOSECONDS, Record, Run
from bench.evaluate.utility import utility
from echofs.verify import Verdict, check
from echofs.verify.staleness import stale_for

_LEAST_IN_BIN = 3
"""Fewer operations say nothing about the level in use."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Operations of one kind within the fault's window. Seconds are of those that succeeded."""

    offered: int
    answered: int
    seconds: tuple[float, ...]
    refusals: tuple[float, ...]
    """Seconds until each refusal for lack of catalog or workers."""

    @property
    def availability(self) -> float | None:
        """The share that got an answer to go on with; None without any."""
        return self.answered / self.offered if self.offered else None

    def milliseconds(self, share: float) -> float | None:
        """A percentile of the latency; None without any success."""
        found = percentile(self.seconds, share)
        return None if found is None else found * 1000


@dataclass(frozen=True, slots=True)
class Staleness:
    """Reads that returned what had certainly been replaced before, by the level they got. ``unlabelled`` are those that
    did not say so."""

    reads: Counter[str] = field(default_factory=Counter)
    stale: Counter[str] = field(default_factory=Counter)
    unlabelled: int = 0
    worst_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Convergence:
    """Heads written provisionally that had to arrive elsewhere: seconds from healing until another master showed each,
    and how many none had shown when the watch ended."""

    seconds: tuple[float, ...]
    missing: int

    @property
    def mean(self) -> float | None:
        return sum(self.seconds) / len(self.seconds) if self.seconds else None

    @property
    def worst(self) -> float | None:
        return max(self.seconds, default=None)


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is reported of a run."""

    run: Run
    writes: dict[str, Traffic]
    reads: dict[str, Traffic]
    staleness: Staleness
    convergence: Convergence
    verdicts: tuple[Verdict, ...]
    switches: int
    utility: float | None
    acknowledged: int
    deleted: int
    conflicts: Counter[str]

    @property
    def lost(self) -> int:
        """Acknowledged writes whose content is nowhere."""
        return sum(len(verdict.violations) for verdict in self.verdicts if "lost" in verdict.promise)


def figures_of(run: Run) -> Figures:
    """Compute everything. The verdicts take longest: the checker searches an order for each file."""
    begin, end = run.window()
    within = [each for each in run.records if begin <= each.intended < end and each.kind not in ("poll", "final")]
    writes = [each for each in within if each.changes]
    return Figures(
        run,
        writes=by_level(each for each in writes if each.kind != "conditional"),
        reads=by_level(each for each in within if each.op == "read"),
        staleness=staleness_of(run),
        convergence=convergence_of(run),
        verdicts=tuple(check(run.operations())),
        switches=switches_of(writes, begin),
        utility=utility(within),
        acknowledged=sum(each.op == "write" and each.acknowledged for each in run.records),
        deleted=written_to_deleted(run.records),
        conflicts=Counter(f"{each['rule']}:{each['state']}" for each in run.found.get("conflicts", [])),
    )


def by_level(records: Iterable[Record]) -> dict[str, Traffic]:
    """Traffic by the level that was asked for; bounds and lists of preferences count by their first word."""
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        groups[record.asked.split(";")[0].split("@")[0]].append(record)
    return {level: traffic(found) for level, found in sorted(groups.items())}


def traffic(records: Sequence[Record]) -> Traffic:
    """Sum some operations up."""
    refused = [each.seconds for each in records if each.status in (503, 507) and each.seconds is not None]
    succeeded = [each.seconds for each in records if each.acknowledged and each.seconds is not None]
    return Traffic(len(records), sum(each.answered for each in records), tuple(succeeded), tuple(refused))


def staleness_of(run: Run) -> Staleness:
    """Stale reads of the whole run by level, as far as clients can prove them."""
    found = Staleness()
    unlabelled, worst = 0, 0.0
    for read, stale, _ in stale_for(run.operations()):
        found.reads[read.mode_used or "unlabelled"] += 1
        if stale <= 0:
            continue
        found.stale[read.mode_used or "unlabelled"] += 1
        milliseconds = stale / 1e6
        worst = max(worst, milliseconds)
        flagged = read.degraded or (read.staleness_ms is not None and milliseconds <= read.staleness_ms)
        unlabelled += not flagged
    return Staleness(found.reads, found.stale, unlabelled, worst)


def convergence_of(run: Run) -> Convergence:
    """How soon after healing the last provisional version of each file, one for each master that accepted some, was
    shown by another master."""
    _, healed = run.window()
    last: dict[tuple[str, str], Record] = {}
    for record in run.records:
        if record.op == "write" and record.acknowledged and not record.committed and record.start < healed:
            known = last.setdefault((record.file, record.master), record)
            if (record.version or 0, record.end or 0) > (known.version or 0, known.end or 0):
                last[record.file, record.master] = record
    deleted = {each.file for each in run.records if each.op == "delete" and each.ok is not False}
    shown: dict[tuple[str, str], int] = {}
    for record in run.records:
        if record.kind == "poll" and record.digest and record.end is not None:
            key = (record.master, record.digest)
            shown[key] = min(shown.get(key, record.end), record.end)
    seconds: list[float] = []
    missing = 0
    for (file, _), record in last.items():
        seen = [at for (master, digest), at in shown.items() if digest == record.digest and master != record.master]
        if seen:
            seconds.append(max(min(seen) - healed, 0) / NANOSECONDS)
        elif file not in deleted and not record.lines and record.kind != "queued":
            missing += not _followed(record, run.records, healed)
    return Convergence(tuple(seconds), missing)


def _followed(record: Record, records: Sequence[Record], healed: int) -> bool:
    """Whether a later write of the file was committed before healing: then nobody need show this version any more."""
    return any(
        each.changes and each.acknowledged and each.committed and each.file == record.file
        for each in records
        if record.start < each.start < healed
    )


def switches_of(writes: Sequence[Record], begin: int) -> int:
    """How often the level most ``auto`` writes of a second got differs from that of the seconds before, at the master
    where it did so most."""
    bins: defaultdict[str, defaultdict[int, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for record in writes:
        if record.asked == "auto" and record.acknowledged:
            bins[record.master][(record.intended - begin) // NANOSECONDS][record.mode_used] += 1
    return max((_changes(counted) for counted in bins.values()), default=0)


def _changes(bins: Mapping[int, Counter[str]]) -> int:
    levels = [counted.most_common(1)[0][0] for _, counted in sorted(bins.items()) if counted.total() >= _LEAST_IN_BIN]
    return sum(one != other for one, other in pairwise(levels))


def written_to_deleted(records: Sequence[Record]) -> int:
    """Acknowledged writes whose file a client deleted, which nobody can read back."""
    deleted = {each.file for each in records if each.op == "delete" and each.ok is not False}
    return sum(each.op == "write" and each.acknowledged and each.file in deleted for each in records)


def over_time(
    records: Iterable[Record], begin: int, value: Callable[[Sequence[Record]], float | None]
) -> tuple[list[float], list[float]]:
    """A figure for each second in which something was due, counted from ``begin``: moments and values, for plots."""
    bins: defaultdict[int, list[Record]] = defaultdict(list)
    for record in records:
        bins[(record.intended - begin) // NANOSECONDS].append(record)
    moments: list[float] = []
    values: list[float] = []
    for moment, found in sorted(bins.items()):
        if (result := value(found)) is not None:
            moments.append(float(moment))
            values.append(result)
    return moments, values
