"""The public checker: did a recorded history keep the promises its receipts made?

It knows nothing of EchoFS but what clients saw: which operation was sent when, and what was answered. Anybody can
record a history in the format of :mod:`echofs.verify.history` and check it with ``echofs verify FILE``. Only the
standard library is used, and nothing else of EchoFS.
"""

from __future__ import annotations

from collections.abc import Sequence

from echofs.verify.durability import check_dots, check_lost
from echofs.verify.history import HistoryError, Operation, read_history
from echofs.verify.linearizability import check_linearizability
from echofs.verify.sessions import check_sessions
from echofs.verify.staleness import check_bounds
from echofs.verify.verdicts import Verdict, Violation

__all__ = ["HistoryError", "Operation", "Verdict", "Violation", "check", "read_history"]


def check(history: Sequence[Operation]) -> list[Verdict]:
    """One verdict for each promise, in an order that never changes."""
    return [
        check_linearizability(history),
        check_sessions(history),
        check_bounds(history),
        check_lost(history),
        check_dots(history),
    ]
