"""What clients may ask for, and what it means."""

from __future__ import annotations

import pytest

from echofs.core.errors import InvalidRequest
from echofs.core.goals import MOST_GOALS, Ask, Goal, down_to, parse_ask, stronger
from echofs.core.models import Level

STRONG, HYBRID, AVAILABLE = Level


@pytest.mark.parametrize("text", [None, "", "  ", "auto", " AUTO "])
def test_whoever_asks_for_nothing_leaves_the_choice(text: str | None) -> None:
    assert parse_ask(text) == Ask("auto")
    assert parse_ask(text).automatic


@pytest.mark.parametrize(("text", "level"), [(" Strong ", STRONG), ("HYBRID", HYBRID), ("available", AVAILABLE)])
def test_one_level_is_one_goal_without_a_time_in_any_case(text: str, level: Level) -> None:
    assert parse_ask(text) == Ask(level.value, (Goal(level),))
    assert not parse_ask(text).automatic


@pytest.mark.parametrize(
    ("text", "goals"),
    [
        ("strong@50ms", [(STRONG, 0.05)]),
        ("strong @ 0.5s , available", [(STRONG, 0.5), (AVAILABLE, None)]),
        ("Strong@50ms, hybrid@50MS,available", [(STRONG, 0.05), (HYBRID, 0.05), (AVAILABLE, None)]),
        ("available@5ms,strong", [(AVAILABLE, 0.005), (STRONG, None)]),
        (",".join(["strong"] * MOST_GOALS), [(STRONG, None)] * MOST_GOALS),
    ],
)
def test_a_list_keeps_its_order_and_its_times_in_seconds(text: str, goals: list[tuple[Level, float | None]]) -> None:
    ask = parse_ask(text)
    assert [(goal.level, goal.within) for goal in ask.goals] == goals
    assert ask.text == " ".join(text.lower().split())


@pytest.mark.parametrize(
    "text",
    [
        "strongest", "1", "\0", "ſtrong", "strong,", ",strong", "strong,,hybrid", "strong@", "strong@50", "strong@-1ms",
        "strong@50m", "strong@٥ms", "auto,strong", "strong,bounded;t=1s", "strong;t=1s",
        ",".join(["strong"] * (MOST_GOALS + 1)), "strong," * 10_000,
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(InvalidRequest, match="strong, hybrid, available, bounded;t=5s") as caught:
        parse_ask(text)
    assert caught.value.field == "consistency"


def test_a_bound_asks_for_hybrid() -> None:
    assert parse_ask("bounded;t=2s").goals == (Goal(HYBRID),)


@pytest.mark.parametrize(
    "text", ["bounded", "bounded;t=", "bounded;t=5", "bounded;t=-1s", "bounded;t=5m", "bounded;t=٣s"]
)
def test_a_bound_without_a_sensible_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_ask(text)


def test_of_two_levels_the_one_that_promises_more_is_the_stronger() -> None:
    for at, level in enumerate(Level):
        for other in list(Level)[at:]:
            assert stronger(level, other) is stronger(other, level) is level


@pytest.mark.parametrize(
    ("first", "floor", "levels"),
    [
        (STRONG, STRONG, (STRONG,)),
        (STRONG, AVAILABLE, (STRONG, HYBRID, AVAILABLE)),
        (HYBRID, AVAILABLE, (HYBRID, AVAILABLE)),
        (AVAILABLE, HYBRID, (HYBRID,)),
        (AVAILABLE, AVAILABLE, (AVAILABLE,)),
    ],
)
def test_levels_go_down_to_the_floor_and_never_below(first: Level, floor: Level, levels: tuple[Level, ...]) -> None:
    assert down_to(first, floor) == levels
