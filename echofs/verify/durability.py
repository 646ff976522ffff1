"""Whether everything that was acknowledged exists, and once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from echofs.verify.history import Operation
from echofs.verify.verdicts import Verdict, Violation

KEPT = "no acknowledged write is lost"
UNIQUE = "every acknowledged write has a version and a dot of its own"


def check_lost(history: Sequence[Operation]) -> Verdict:
    """Whether the content of each acknowledged write, provisional or not, was found by the last ``final`` operations.

    A history without any promises nothing about it: 0 operations are checked.
    """
    found = {digest for operation in history if operation.op == "final" for digest in operation.digests}
    if not any(operation.op == "final" for operation in history):
        return Verdict(KEPT, 0)
    written = [each for each in history if each.op == "write" and each.acknowledged and each.digest is not None]
    lost = [each for each in written if each.digest not in found]
    violations = tuple(
        Violation(each.file, f"version {each.version} was acknowledged and its content is nowhere", (each.line,))
        for each in lost
    )
    return Verdict(KEPT, len(written), violations)


def check_dots(history: Sequence[Operation]) -> Verdict:
    """Whether no two acknowledged writes of different content share a dot, and no two committed ones a version.

    The same write sent again is answered with the same dot, which is as it should be.
    """
    taken: defaultdict[tuple[str, str], list[Operation]] = defaultdict(list)
    checked = 0
    for each in history:
        if not each.changes or not each.acknowledged:
            continue
        checked += 1
        if each.dot is not None:
            taken["dot", each.dot].append(each)
        if each.committed and each.version is not None:
            taken[each.file, f"version {each.version}"].append(each)
    violations: list[Violation] = []
    for (first, second), users in sorted(taken.items()):
        if len({(each.file, each.op, each.digest) for each in users}) > 1:
            what = f"dot {second}" if first == "dot" else second
            message = f"{what} was given to {len(users)} different writes"
            violations.append(Violation(users[0].file, message, tuple(each.line for each in users)))
    return Verdict(UNIQUE, checked, tuple(violations))
