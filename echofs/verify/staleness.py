"""How old what was read was, from the histories of clients alone: a version was certainly replaced once another client
had been told of the next one (Golab, Li and Shah, "Analyzing consistency properties for fun and profit", 2011)."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence

from echofs.verify.history import Operation
from echofs.verify.verdicts import Verdict, Violation

PROMISE = "no read staler than its receipt says"
_NANOSECONDS = 1_000_000


def check_bounds(history: Sequence[Operation]) -> Verdict:
    """Whether each acknowledged read was at most as stale as its label: ``staleness_ms``, and 0 without one.

    Reads labelled as degraded are bound by their label too; those without any number promise nothing.
    """
    violations: list[Violation] = []
    checked = 0
    for read, stale, cause in stale_for(history):
        if read.degraded and read.staleness_ms is None:
            continue
        checked += 1
        allowed = (read.staleness_ms or 0.0) * _NANOSECONDS
        if stale > allowed:
            message = (
                f"version {read.version or 'none'} had been replaced {stale / _NANOSECONDS:.1f} ms before it was asked"
                f" for; its label says at most {allowed / _NANOSECONDS:g} ms"
            )
            lines = (read.line,) if cause is None else (cause.line, read.line)
            violations.append(Violation(read.file, message, lines))
    return Verdict(PROMISE, checked, tuple(violations))


def stale_for(history: Sequence[Operation]) -> Iterator[tuple[Operation, float, Operation | None]]:
    """Each acknowledged read, for how many nanoseconds before it was sent its version had certainly been replaced
    (0: it may have been the present one), and the acknowledged write that replaced it."""
    writes: defaultdict[str, list[Operation]] = defaultdict(list)
    for operation in history:
        if operation.changes and operation.acknowledged and operation.committed and operation.version is not None:
            writes[operation.file].append(operation)
    replaced = {file: _Replacements(known) for file, known in writes.items()}
    for read in history:
        if read.op != "read" or not read.acknowledged:
            continue
        cause = replaced[read.file].first_after(read.version or 0) if read.file in replaced else None
        since = 0 if cause is None or cause.end is None else max(read.start - cause.end, 0)
        # Nothing is what a deleted file looks like, and only versions after a deletion make that stale.
        if read.version is None and cause is not None and _deleted(writes[read.file], read):
            since = 0
        yield read, since, cause if since else None


class _Replacements:
    """For each version of one file, the earliest acknowledgement of any later version."""

    def __init__(self, writes: Sequence[Operation]) -> None:
        ordered = sorted(writes, key=lambda each: each.version or 0)
        self._numbers = [each.version or 0 for each in ordered]
        self._earliest: list[Operation] = []
        for each in reversed(ordered):
            best = self._earliest[-1] if self._earliest else each
            self._earliest.append(each if (each.end or 0) <= (best.end or 0) else best)
        self._earliest.reverse()

    def first_after(self, version: int) -> Operation | None:
        at = bisect_left(self._numbers, version + 1)
        return self._earliest[at] if at < len(self._earliest) else None


def _deleted(writes: Sequence[Operation], read: Operation) -> bool:
    return any(each.op == "delete" and each.start < (read.end or 0) for each in writes)
