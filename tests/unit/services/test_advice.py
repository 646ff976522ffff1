"""Advice as a master holds it: how long it lasts, and which it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from echofs.core.advice import Advice, Decision, OpClass
from echofs.core.faults import Fault, FaultKind
from echofs.core.models import Level
from echofs.services.advice import Adviser
from tests.fakes.clock import FakeClock

FILE, OTHER = "a" * 32, "b" * 32
SMALL = OpClass.WRITE_SMALL


def decided(level: Level = Level.HYBRID, *, epoch: int = 1, ttl: float = 5.0, forced: bool = False) -> Decision:
    return Decision("d", SMALL, level, 1, epoch, 0, ttl, "why", forced=forced)


def advice(decision: Decision, files: Mapping[str, Decision] | None = None, **more: frozenset[str]) -> Advice:
    return Advice(decision.epoch, decisions={SMALL: decision}, files=files or {}, **more)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def adviser(clock: FakeClock) -> Adviser:
    return Adviser(clock)


def test_before_any_advice_there_is_no_decision(adviser: Adviser) -> None:
    assert adviser.current(SMALL) is None
    assert (adviser.epoch, adviser.age, adviser.critical(), adviser.faults()) == (0, None, frozenset(), ())


def test_a_decision_lasts_as_long_as_it_says_from_the_sending_of_the_report(adviser: Adviser, clock: FakeClock) -> None:
    asked_at = clock.monotonic()
    clock.advance(2)
    assert adviser.adopt(advice(decided()), asked_at=asked_at)
    clock.advance(2.9)
    assert adviser.current(SMALL) == decided()
    assert adviser.age == pytest.approx(4.9)
    clock.advance(0.1)
    assert adviser.current(SMALL) is None


def test_a_clock_set_far_ahead_or_back_changes_nothing(adviser: Adviser, clock: FakeClock) -> None:
    adviser.adopt(advice(decided()), asked_at=clock.monotonic())
    clock.jump(86400 * 365)
    assert adviser.current(SMALL) is not None
    clock.jump(-86400 * 730)
    clock.advance(5)
    assert adviser.current(SMALL) is None


def test_advice_of_an_old_controller_is_refused(adviser: Adviser, clock: FakeClock) -> None:
    adviser.adopt(advice(decided(epoch=7)), asked_at=clock.monotonic())
    clock.advance(1)
    assert not adviser.adopt(advice(decided(Level.AVAILABLE, epoch=6)), asked_at=clock.monotonic())
    assert adviser.current(SMALL) == decided(epoch=7)
    assert adviser.epoch == 7


def test_an_answer_overtaken_by_a_later_one_is_refused(adviser: Adviser) -> None:
    adviser.adopt(advice(decided()), asked_at=2.0)
    assert not adviser.adopt(advice(decided(Level.AVAILABLE)), asked_at=1.0)
    assert adviser.current(SMALL) == decided()


def test_a_class_nobody_decided_about_has_no_decision(adviser: Adviser) -> None:
    adviser.adopt(advice(decided()), asked_at=0.0)
    assert adviser.current(OpClass.READ) is None


def test_a_files_own_decision_comes_before_that_of_its_class(adviser: Adviser) -> None:
    adviser.adopt(advice(decided(), {FILE: decided(Level.AVAILABLE)}), asked_at=0.0)
    assert adviser.current(SMALL, FILE) == decided(Level.AVAILABLE)
    assert adviser.current(SMALL, OTHER) == decided()


def test_an_order_for_the_class_comes_before_a_wish_for_a_file_and_not_before_an_order(adviser: Adviser) -> None:
    order = decided(Level.STRONG, forced=True)
    adviser.adopt(advice(order, {FILE: decided(), OTHER: decided(forced=True)}), asked_at=0.0)
    assert adviser.current(SMALL, FILE) == order
    assert adviser.current(SMALL, OTHER) == decided(forced=True)


def test_a_critical_file_is_strong_whatever_else_is_said(adviser: Adviser, clock: FakeClock) -> None:
    order = decided(Level.AVAILABLE, forced=True)
    adviser.adopt(advice(order, {FILE: order}, critical=frozenset({FILE})), asked_at=0.0)
    found = adviser.current(SMALL, FILE)
    assert found is not None
    assert (found.level, found.forced) == (Level.STRONG, True)
    clock.advance(1000)
    assert adviser.critical() == {FILE}


def test_a_drill_ends_by_itself_without_the_controller(adviser: Adviser, clock: FakeClock) -> None:
    clock.advance(100)
    fault = Fault("f1", "catalog", FaultKind.CUT, until=10.0)
    adviser.adopt(replace(advice(decided()), faults=(fault,)), asked_at=clock.monotonic())
    clock.advance(9.5)
    assert adviser.faults() == (replace(fault, until=110.0),)
    clock.advance(0.5)
    assert adviser.faults() == ()
