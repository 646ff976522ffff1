"""Which levels a read is tried at, and what a version in a journal contains."""

from __future__ import annotations

import pytest

from echofs.core.floors import FloorFound
from echofs.core.goals import parse_ask
from echofs.core.models import Level
from echofs.core.read_plan import line_of, plan_read
from echofs.core.session_tokens import Line
from tests.contracts.journal_values import after, entry

STRONG, HYBRID, AVAILABLE = Level


@pytest.mark.parametrize(
    ("text", "floor", "levels"),
    [
        ("auto", AVAILABLE, (STRONG, AVAILABLE)),
        ("auto", HYBRID, (STRONG, HYBRID)),
        ("auto", STRONG, (STRONG,)),
        ("strong", AVAILABLE, (STRONG,)),
        ("hybrid", AVAILABLE, (HYBRID,)),
        ("available", HYBRID, (HYBRID,)),
        ("available", STRONG, (STRONG,)),
        ("strong, hybrid, available", AVAILABLE, (STRONG, HYBRID, AVAILABLE)),
        ("strong, hybrid, available", HYBRID, (STRONG, HYBRID)),
        ("available, strong", AVAILABLE, (AVAILABLE,)),
    ],
)
def test_levels_go_down_to_the_floor_and_never_up_again(text: str, floor: Level, levels: tuple[Level, ...]) -> None:
    plan = plan_read(parse_ask(text), FloorFound(floor))
    assert plan.levels == levels
    assert plan.wanted is levels[0]


@pytest.mark.parametrize(
    ("text", "seconds"), [("hybrid", 5), ("auto", 5), ("bounded;t=200ms", 0.2), ("bounded;t=9s", 5)]
)
def test_a_read_lags_no_more_than_it_may(text: str, seconds: float) -> None:
    assert plan_read(parse_ask(text), FloorFound(AVAILABLE)).within == seconds


def test_what_was_raised_names_whose_demand_it_is() -> None:
    plan = plan_read(parse_ask("hybrid, available"), FloorFound(STRONG, "the folder's floor"))
    assert plan.levels == (STRONG,)
    assert plan.reason == "Strong is the least that the folder's floor allows."
    assert plan_read(parse_ask("strong, available"), FloorFound(HYBRID)).reason == ""


def test_a_catalog_that_is_too_slow_is_left_out_but_never_as_the_last_choice() -> None:
    plan = plan_read(parse_ask("strong@50ms, available"), FloorFound(AVAILABLE), 0.06)
    assert (plan.levels, plan.wanted) == ((AVAILABLE,), STRONG)
    assert plan.reason == "The catalog was expected to take 60 ms."
    assert plan_read(parse_ask("strong@50ms, available"), FloorFound(AVAILABLE), 0.05).levels == (STRONG, AVAILABLE)
    assert plan_read(parse_ask("strong@50ms"), FloorFound(AVAILABLE), 9.0).levels == (STRONG,)


def test_an_entry_contains_those_it_was_made_from_and_what_the_first_of_them_followed() -> None:
    new = entry()
    second = after(new)
    third = after(second)
    chain = [new, second, third]
    dots = [each.version.dot for each in chain]
    assert line_of(third, chain) == Line(0, frozenset(dots))
    assert line_of(second, chain) == Line(0, frozenset(dots[:2]))
    # The first one is committed and has left the journal: its number is one of the catalog's now.
    assert line_of(third, chain[1:]) == Line(1, frozenset(dots))
    assert line_of(third, [third]) == Line(2, frozenset(dots[1:]))
