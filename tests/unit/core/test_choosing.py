"""Which levels a write is tried at: every combination of wish, floor, advice and outlook."""

from __future__ import annotations

import itertools

import pytest

from echofs.core.advice import Decision, OpClass
from echofs.core.choosing import Obstacle, OwnView, Plan, choose
from echofs.core.floors import FloorFound
from echofs.core.goals import parse_ask, stronger
from echofs.core.models import Level

STRONG, HYBRID, AVAILABLE = Level
ALL = frozenset(Level)
NO_QUORUM = frozenset({HYBRID, AVAILABLE})
NO_WORKER = frozenset({AVAILABLE})
NO_FLOOR = FloorFound(AVAILABLE)
FINE = OwnView(catalog=True, workers=ALL)
CUT = OwnView(catalog=False, workers=ALL)


def _decided(level: Level) -> Decision:
    return Decision("d-7", OpClass.WRITE_SMALL, level, 7, 1, 0)


def _tried(ask: str, floor: Level = AVAILABLE, own: OwnView = FINE, decided: Level | None = None) -> tuple[Level, ...]:
    decision = _decided(decided) if decided else None
    return choose(parse_ask(ask), FloorFound(floor), decision, own).levels


WISHES = [
    "auto",
    "strong",
    "hybrid",
    "available",
    "bounded;t=2s",
    "strong, available",
    "strong@50ms, hybrid, available",
]
VIEWS = [OwnView(catalog, workers) for catalog in (True, False) for workers in (ALL, NO_QUORUM, NO_WORKER)]


def _possible(level: Level, own: OwnView) -> bool:
    return level is AVAILABLE or (own.catalog and level in own.workers)


@pytest.mark.parametrize("ask", WISHES)
@pytest.mark.parametrize("floor", Level)
@pytest.mark.parametrize("decided", [None, *Level])
@pytest.mark.parametrize("conditional", [False, True])
def test_whatever_comes_together_no_plan_breaks_a_rule(
    ask: str, floor: Level, decided: Level | None, conditional: bool
) -> None:
    wish = parse_ask(ask)
    decision = _decided(decided) if decided else None
    for own in VIEWS:
        plan = choose(wish, FloorFound(floor), decision, own, conditional=conditional)
        assert all(stronger(level, floor) is level for level in plan.levels), "never below the floor"
        assert all(_possible(level, own) for level in plan.levels), "nothing that cannot be met"
        assert all(
            stronger(one, other) is one and one is not other for one, other in itertools.pairwise(plan.levels)
        ), "only ever weaker"
        assert (plan.obstacle is None) == bool(plan.levels)
        assert not (conditional and plan.may_be_provisional), "a condition needs the catalog"
        assert bool(plan.decision_id) == (wish.automatic and decision is not None)
        if len(wish.goals) == 1 and plan.levels:
            assert len(plan.levels) == 1, "an explicit level is all there is"
            assert stronger(plan.levels[0], wish.goals[0].level) is plan.levels[0], "and never less"
        if plan.levels and plan.levels[0] is not plan.wanted:
            assert plan.reason, "less than was wanted is explained"
        if not conditional and floor is AVAILABLE and (wish.automatic or wish.goals[-1].level is AVAILABLE):
            assert plan.levels, "whoever accepts available is served"


@pytest.mark.parametrize(
    ("floor", "decided", "own", "levels"),
    [
        (AVAILABLE, None, FINE, (STRONG, HYBRID, AVAILABLE)),
        (HYBRID, None, FINE, (STRONG, HYBRID)),
        (STRONG, None, FINE, (STRONG,)),
        (AVAILABLE, STRONG, FINE, (STRONG, HYBRID, AVAILABLE)),
        (AVAILABLE, HYBRID, FINE, (HYBRID, AVAILABLE)),
        (AVAILABLE, AVAILABLE, FINE, (AVAILABLE,)),
        (HYBRID, AVAILABLE, FINE, (HYBRID,)),
        (STRONG, AVAILABLE, FINE, (STRONG,)),
        (AVAILABLE, None, CUT, (AVAILABLE,)),
        (AVAILABLE, STRONG, CUT, (AVAILABLE,)),
        (HYBRID, None, CUT, ()),
        (STRONG, None, CUT, ()),
        (AVAILABLE, None, OwnView(True, NO_QUORUM), (HYBRID, AVAILABLE)),
        (HYBRID, None, OwnView(True, NO_QUORUM), (HYBRID,)),
        (STRONG, None, OwnView(True, NO_QUORUM), ()),
        (AVAILABLE, None, OwnView(True, NO_WORKER), (AVAILABLE,)),
        (HYBRID, None, OwnView(True, NO_WORKER), ()),
    ],
)
def test_left_to_itself_it_begins_at_the_advice_and_goes_down_to_the_floor(
    floor: Level, decided: Level | None, own: OwnView, levels: tuple[Level, ...]
) -> None:
    assert _tried("auto", floor, own, decided) == levels


@pytest.mark.parametrize(
    ("ask", "own", "levels"),
    [
        ("strong", FINE, (STRONG,)),
        ("strong", CUT, ()),
        ("strong", OwnView(True, NO_QUORUM), ()),
        ("hybrid", FINE, (HYBRID,)),
        ("hybrid", CUT, ()),
        ("hybrid", OwnView(True, NO_QUORUM), (HYBRID,)),
        ("hybrid", OwnView(True, NO_WORKER), ()),
        ("bounded;t=1s", FINE, (HYBRID,)),
        ("available", FINE, (AVAILABLE,)),
        ("available", CUT, (AVAILABLE,)),
        ("available", OwnView(False, NO_WORKER), (AVAILABLE,)),
        ("strong, available", FINE, (STRONG, AVAILABLE)),
        ("strong, available", CUT, (AVAILABLE,)),
        ("strong, hybrid", CUT, ()),
        ("available, strong", FINE, (AVAILABLE,)),
        ("hybrid, hybrid, available", FINE, (HYBRID, AVAILABLE)),
    ],
)
def test_an_explicit_wish_is_met_or_refused_whatever_the_controller_advises(
    ask: str, own: OwnView, levels: tuple[Level, ...]
) -> None:
    for decided in (None, *Level):
        assert _tried(ask, own=own, decided=decided) == levels


@pytest.mark.parametrize(
    ("ask", "floor", "levels", "raised"),
    [
        ("available", HYBRID, (HYBRID,), True),
        ("available", STRONG, (STRONG,), True),
        ("strong", HYBRID, (STRONG,), False),
        ("strong, available", HYBRID, (STRONG, HYBRID), False),
        ("hybrid, available", STRONG, (STRONG,), True),
        ("hybrid, available", HYBRID, (HYBRID,), False),
    ],
)
def test_a_wish_below_the_floor_is_raised_and_the_plan_says_so(
    ask: str, floor: Level, levels: tuple[Level, ...], raised: bool
) -> None:
    plan = choose(parse_ask(ask), FloorFound(floor, "the user's floor"), None, FINE)
    assert (plan.levels, plan.raised) == (levels, raised)
    assert plan.reason == (
        f"{floor.capitalize()} is the least that is allowed here: the user's floor." if raised else ""
    )


@pytest.mark.parametrize(
    ("expected", "levels"),
    [
        ({}, (STRONG, HYBRID, AVAILABLE)),
        ({STRONG: 0.02}, (STRONG, HYBRID, AVAILABLE)),
        ({STRONG: 0.05}, (STRONG, HYBRID, AVAILABLE)),
        ({STRONG: 0.051}, (HYBRID, AVAILABLE)),
        ({STRONG: 0.3, HYBRID: 0.2}, (AVAILABLE,)),
        ({STRONG: 0.02, HYBRID: 0.2}, (STRONG, AVAILABLE)),
        ({STRONG: 9.0, HYBRID: 9.0, AVAILABLE: 9.0}, (AVAILABLE,)),
    ],
)
def test_a_level_that_will_miss_its_latency_is_skipped_but_the_last_never(
    expected: dict[Level, float], levels: tuple[Level, ...]
) -> None:
    own = OwnView(True, ALL, expected=expected)
    plan = choose(parse_ask("strong@50ms, hybrid@50ms, available@1ms"), NO_FLOOR, None, own)
    assert plan.levels == levels
    assert plan.wanted is STRONG
    assert ("expected to take" in plan.reason) == (levels[0] is not STRONG)


@pytest.mark.parametrize(
    ("ask", "floor", "avoided", "levels"),
    [
        ("auto", AVAILABLE, {STRONG}, (HYBRID, AVAILABLE)),
        ("auto", AVAILABLE, {STRONG, HYBRID}, (AVAILABLE,)),
        ("auto", HYBRID, {STRONG, HYBRID}, (HYBRID,)),
        ("auto", STRONG, {STRONG}, (STRONG,)),
        ("strong, available", AVAILABLE, {STRONG}, (AVAILABLE,)),
        ("strong", AVAILABLE, {STRONG}, (STRONG,)),
    ],
)
def test_what_workers_have_just_failed_is_avoided_but_the_last_level_never(
    ask: str, floor: Level, avoided: set[Level], levels: tuple[Level, ...]
) -> None:
    own = OwnView(True, ALL, frozenset(avoided))
    plan = choose(parse_ask(ask), FloorFound(floor), None, own)
    assert plan.levels == levels
    if levels[0] is not STRONG:
        assert plan.reason == "Strong was not tried: workers have just failed it."


def test_one_level_with_a_latency_is_tried_however_long_it_takes() -> None:
    own = OwnView(True, ALL, expected={STRONG: 3.0})
    assert choose(parse_ask("strong@50ms"), NO_FLOOR, None, own).levels == (STRONG,)


@pytest.mark.parametrize(
    ("ask", "floor", "own", "obstacle"),
    [
        ("strong", AVAILABLE, CUT, Obstacle.CATALOG),
        ("strong", AVAILABLE, OwnView(False, NO_WORKER), Obstacle.CATALOG),
        ("strong", AVAILABLE, OwnView(True, NO_QUORUM), Obstacle.WORKERS),
        ("hybrid", AVAILABLE, OwnView(True, NO_WORKER), Obstacle.WORKERS),
        ("auto", HYBRID, CUT, Obstacle.CATALOG),
        ("available", STRONG, OwnView(True, NO_QUORUM), Obstacle.WORKERS),
    ],
)
def test_a_plan_without_levels_names_what_is_in_the_way(
    ask: str, floor: Level, own: OwnView, obstacle: Obstacle
) -> None:
    plan = choose(parse_ask(ask), FloorFound(floor), None, own)
    assert (plan.levels, plan.obstacle) == ((), obstacle)


@pytest.mark.parametrize(
    ("ask", "own", "levels"),
    [
        ("auto", FINE, (STRONG, HYBRID)),
        ("auto", CUT, ()),
        ("available", FINE, (HYBRID,)),
        ("available", CUT, ()),
        ("strong", FINE, (STRONG,)),
    ],
)
def test_a_write_with_a_condition_never_goes_without_the_catalog(
    ask: str, own: OwnView, levels: tuple[Level, ...]
) -> None:
    plan = choose(parse_ask(ask), NO_FLOOR, None, own, conditional=True)
    assert plan.levels == levels
    if ask == "available" and levels:
        assert plan.reason == "A write with a condition needs the order that only the catalog gives."


def test_the_decision_that_was_followed_is_named_and_one_that_was_not_is_not() -> None:
    assert choose(parse_ask("auto"), NO_FLOOR, _decided(HYBRID), FINE).decision_id == "d-7"
    assert choose(parse_ask("hybrid"), NO_FLOOR, _decided(HYBRID), FINE).decision_id == ""
    assert choose(parse_ask("auto"), NO_FLOOR, None, FINE) == Plan((STRONG, HYBRID, AVAILABLE), STRONG)


def test_what_was_not_possible_is_said_in_a_sentence() -> None:
    assert choose(parse_ask("auto"), NO_FLOOR, None, CUT).reason == (
        "Strong was not possible: the catalog does not answer."
    )
    assert choose(parse_ask("auto"), NO_FLOOR, None, OwnView(True, NO_WORKER)).reason == (
        "Strong was not possible: too few workers are up."
    )
