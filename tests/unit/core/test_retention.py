"""Which old versions may go."""

from __future__ import annotations

import pytest

from echofs.core.retention import Kept, Rule, outlived

DAY = 86_400_000_000
NOW = 1000 * DAY


def history(*ages: float) -> list[Kept]:
    """Versions made so many days ago, the newest first."""
    return [Kept(len(ages) - place, NOW - int(age * DAY)) for place, age in enumerate(ages)]


@pytest.mark.parametrize(
    ("rule", "dropped"),
    [
        (Rule(100, 0), []),
        (Rule(1, 0), [4, 3, 2, 1]),
        (Rule(3, 0), [2, 1]),
        (Rule(100, 90), [1]),
        (Rule(100, 10), [2, 1]),
        (Rule(4, 10), [2, 1]),
    ],
)
def test_what_is_too_many_or_was_replaced_too_long_ago_goes(rule: Rule, dropped: list[int]) -> None:
    assert outlived(history(2, 5, 20, 100, 400), set(), rule, NOW) == dropped


def test_the_age_of_a_version_is_counted_from_when_it_was_replaced() -> None:
    assert outlived(history(2, 400), set(), Rule(100, 90), NOW) == []
    assert outlived(history(91, 400), set(), Rule(100, 90), NOW) == [1]


def test_the_head_stays_however_old_it_is() -> None:
    assert outlived(history(500), set(), Rule(1, 1), NOW) == []


def test_what_is_needed_stays() -> None:
    assert outlived(history(200, 300, 400), {2}, Rule(1, 1), NOW) == [1]


def test_what_was_replaced_within_a_day_stays_however_many_there_are() -> None:
    assert outlived(history(0.1, 0.2, 0.9, 1.1, 3), set(), Rule(1, 0), NOW) == [1]
