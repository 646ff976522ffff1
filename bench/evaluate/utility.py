"""How much an answer is worth, so that policies can be compared by one number.

After the utilities of Pileus (Terry et al., "Consistency-based service level agreements for cloud storage", 2013): an
answer of a stronger level is worth more, a late one half, none at all nothing. The values are ours, chosen before any
policy was measured: what is lost from strong to available matters less than an answer that does not come.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.evaluate.history import Record

GOAL_SECONDS = 0.05
"""The latency goal of the evaluation, and the default of ``LATENCY_GOAL_MS``."""
WORTH = {"strong": 1.0, "hybrid": 0.9, "available": 0.7}
UNCOMMITTED = 0.6
"""Worth of a provisional write, which may still meet a conflict."""
UNKEPT = 0.4
"""Worth of a read that could not keep its session's guarantees."""
LATE = 0.5
"""The share of its worth that is left of an answer after the goal."""


def utility_of(record: Record) -> float:
    """Between 0 and 1."""
    seconds = record.seconds
    if not record.answered or seconds is None:
        return 0.0
    worth = WORTH.get(record.mode_used, WORTH["strong"])
    if record.changes and not record.committed:
        worth = UNCOMMITTED
    elif record.degraded and record.op == "read":
        worth = UNKEPT
    return worth if seconds <= GOAL_SECONDS else worth * LATE


def utility(records: Iterable[Record]) -> float | None:
    """The mean over all operations that left the level to the policy; None without any."""
    worths = [utility_of(record) for record in records if record.asked == "auto"]
    return sum(worths) / len(worths) if worths else None
