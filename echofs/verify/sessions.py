"""Session guarantees (Terry et al., "Session guarantees for weakly consistent replicated data", 1994), from what one
client saw, one answer after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from echofs.verify.history import Operation
from echofs.verify.verdicts import Verdict, Violation

PROMISE = "read your writes and monotonic reads in each session"


def check_sessions(history: Sequence[Operation]) -> Verdict:
    """Whether each read of a session saw at least the versions that its session had written or seen before.

    Reads that were answered as degraded promise nothing. A strong read promises the catalog's order, of which a
    provisional version is no part: one that lost a conflict is kept beside the file, and its number is another's.
    """
    sessions: defaultdict[tuple[str, str], list[Operation]] = defaultdict(list)
    deleted: dict[str, int] = {}
    for operation in history:
        if operation.session and operation.acknowledged and operation.op != "final":
            sessions[operation.session, operation.file].append(operation)
        if operation.op == "delete" and operation.ok is not False:
            deleted[operation.file] = min(operation.start, deleted.get(operation.file, operation.start))
    violations: list[Violation] = []
    checked = 0
    for (session, file), operations in sorted(sessions.items()):
        operations.sort(key=lambda each: (each.start, each.line))
        for read in operations:
            if read.op == "read" and not read.degraded:
                checked += 1
                violations.extend(_check(session, read, _known(operations, read), deleted.get(file)))
    return Verdict(PROMISE, checked, tuple(violations))


def _known(operations: Sequence[Operation], read: Operation) -> Operation | None:
    """The latest version that the session knew of when it sent the read, as far as that binds the read."""
    before = [each for each in operations if each.end is not None and each.end < read.start]
    strong = read.mode_used in ("strong", "")
    binding = [each for each in before if each.version is not None and (_lasting(each) or not strong)]
    return max(binding, key=lambda each: each.version or 0, default=None)


def _lasting(operation: Operation) -> bool:
    """Whether what it told can be no provisional version."""
    return operation.committed if operation.changes else operation.mode_used in ("strong", "hybrid")


def _check(session: str, read: Operation, known: Operation | None, deleted: int | None) -> list[Violation]:
    if known is None or (read.version is not None and read.version >= (known.version or 0)):
        return []
    if read.version is None and (known.digest is None or (deleted is not None and deleted < (read.end or 0))):
        return []  # It is gone because somebody deleted it.
    how = "written" if known.changes else "seen"
    found = "nothing" if read.version is None else f"version {read.version}"
    message = f"session {session} read {found} after it had {how} version {known.version}"
    return [Violation(read.file, message, (known.line, read.line))]
