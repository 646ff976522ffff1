"""``python -m echofs.verify FILE…``: check recorded histories without the rest of EchoFS."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from echofs.verify import HistoryError, Verdict, check, read_history

MOST_SHOWN = 10


def report(verdicts: Sequence[Verdict]) -> list[str]:
    """Lines for people: one for each promise, and the first few violations."""
    lines: list[str] = []
    for verdict in verdicts:
        state = "kept" if verdict.kept else "BROKEN" if verdict.violations else "undecided"
        lines.append(f"{state:9} {verdict.promise} ({verdict.checked} operations)")
        for violation in verdict.violations[:MOST_SHOWN]:
            places = f" (lines {', '.join(map(str, violation.lines))})" if violation.lines else ""
            lines.append(f"    {violation.file}: {violation.message}{places}")
        if len(verdict.violations) > MOST_SHOWN:
            lines.append(f"    and {len(verdict.violations) - MOST_SHOWN} more")
        lines.extend(f"    {file}: the search took too long" for file in verdict.undecided[:MOST_SHOWN])
    return lines


def main(arguments: Sequence[str]) -> int:
    """0: every promise kept; 1: one was broken or could not be decided; 2: a file is no history."""
    if not arguments or arguments[0].startswith("-"):
        print("usage: python -m echofs.verify FILE…   (JSON lines, or .gz of them)", file=sys.stderr)
        return 2
    worst = 0
    for name in arguments:
        try:
            verdicts = check(read_history(Path(name)))
        except (HistoryError, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 2
        print(name)
        print("\n".join(f"  {line}" for line in report(verdicts)))
        worst = max(worst, int(not all(verdict.kept for verdict in verdicts)))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
