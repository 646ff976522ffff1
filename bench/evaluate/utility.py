"""How much an answer is worth, so that policies can be compared by one number.

The values are those by which the default policy decides (``echofs.core.policies.utility``, after Pileus: Terry et al.,
"Consistency-based service level agreements for cloud storage", 2013): by level, and nothing after the latency goal.
"""

from __future__ import annotations

from collections.abc import Iterable

from bench.evaluate.history import Record
from echofs.core.models import Level
from echofs.core.policies.utility import WORTH

GOAL_SECONDS = 0.05
"""The latency goal of the evaluation, and the default of ``LATENCY_GOAL_MS``."""


def utility_of(record: Record) -> float:
    """Between 0 and 1. A refusal that depends on the files alone, such as 404, is as good an answer as any."""
    seconds = record.seconds
    if not record.answered or seconds is None or seconds > GOAL_SECONDS:
        return 0.0
    return WORTH[Level(record.mode_used or Level.STRONG)]


def utility(records: Iterable[Record]) -> float | None:
    """The mean over all operations that left the level to the policy; None without any."""
    worths = [utility_of(record) for record in records if record.asked == "auto"]
    return sum(worths) / len(worths) if worths else None
