"""An effect is always stamped later than its causes, whatever the clocks say."""

from __future__ import annotations

import itertools
import random

from echofs.core.hybrid_time import follow

DAY = 86_400_000_000


def test_without_causes_it_is_the_time_of_day() -> None:
    assert follow(1_000) == 1_000


def test_with_causes_in_the_past_it_is_the_time_of_day() -> None:
    assert follow(1_000, 10, 999) == 1_000


def test_a_cause_from_a_clock_ahead_is_followed_by_one_microsecond() -> None:
    assert follow(1_000, DAY) == DAY + 1
    assert follow(1_000, 1_000) == 1_001


def test_stamps_along_any_chain_of_causes_grow() -> None:
    chance = random.Random(7)
    clocks = [0, 3_600_000_000, -DAY]
    stamps = [follow(0)]
    for step in range(1, 500):
        now = step * 1_000 + chance.choice(clocks)
        stamps.append(follow(now, stamps[-1], chance.choice(stamps)))
    assert all(earlier < later for earlier, later in itertools.pairwise(stamps))
