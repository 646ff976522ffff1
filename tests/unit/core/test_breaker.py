"""When a failing worker is left alone, and when it is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.breaker import FAILURES_IN_A_ROW, LONG_SECONDS, LONGEST_PAUSE_SECONDS, Breaker, BreakerState

CLOSED, OPEN, HALF_OPEN = BreakerState.CLOSED, BreakerState.OPEN, BreakerState.HALF_OPEN
QUICKLY = 0.001


def _opened() -> Breaker:
    breaker = Breaker()
    breaker.failed(0.0, LONG_SECONDS)
    return breaker


def test_it_opens_after_three_failures_in_a_row() -> None:
    breaker = Breaker()
    states = []
    for _ in range(FAILURES_IN_A_ROW):
        states.append(breaker.state(0.0))
        breaker.failed(0.0, QUICKLY)
    assert [*states, breaker.state(0.0)] == [CLOSED] * 3 + [OPEN]


def test_one_failure_that_was_waited_for_is_enough() -> None:
    assert _opened().state(0.0) is OPEN


def test_it_can_be_opened_without_a_failure_and_is_not_opened_twice() -> None:
    breaker = Breaker()
    breaker.trip(0.0)
    breaker.trip(0.5)
    assert (breaker.state(0.9), breaker.state(1.0)) == (OPEN, HALF_OPEN)
    breaker.trip(1.0)
    assert (breaker.state(2.9), breaker.state(3.0)) == (OPEN, HALF_OPEN)


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker = Breaker()
    for ok in (False, False, True, False, False):
        breaker.succeeded() if ok else breaker.failed(0.0, QUICKLY)
    assert breaker.state(0.0) is CLOSED


def test_it_opens_when_half_of_the_requests_fail_though_never_three_in_a_row() -> None:
    breaker = Breaker()
    states = []
    for _ in range(5):
        breaker.succeeded()
        breaker.failed(0.0, QUICKLY)
        states.append(breaker.state(0.0))
    assert states == [CLOSED] * 4 + [OPEN]


def test_it_stays_closed_while_a_third_fails() -> None:
    breaker = Breaker()
    for _ in range(50):
        breaker.succeeded()
        breaker.succeeded()
        breaker.failed(0.0, QUICKLY)
    assert breaker.state(0.0) is CLOSED


def test_after_its_pause_one_request_may_try_and_another_a_second_later() -> None:
    breaker = _opened()
    assert not breaker.let_pass(0.99)
    assert breaker.state(1.0) is HALF_OPEN
    assert [breaker.let_pass(at) for at in (1.0, 1.0, 1.9, 2.0, 2.1)] == [True, False, False, True, False]


def test_the_pause_doubles_with_every_trial_that_fails_up_to_ten_seconds() -> None:
    breaker, now, pauses = _opened(), 0.0, []
    for _ in range(6):
        begun = now
        while not breaker.let_pass(now):
            now += 0.5
        pauses.append(now - begun)
        breaker.failed(now, QUICKLY)
    assert pauses == [1, 2, 4, 8, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_failures_of_requests_of_before_do_not_prolong_the_pause() -> None:
    breaker = _opened()
    breaker.failed(0.5, QUICKLY)
    assert breaker.state(1.0) is HALF_OPEN


@pytest.mark.parametrize("at", [0.5, 1.5])
def test_any_success_closes_it_and_the_next_pause_is_a_short_one(at: float) -> None:
    breaker = _opened()
    breaker.failed(1.0, QUICKLY)
    breaker.succeeded()
    assert breaker.state(at) is CLOSED
    breaker.failed(10.0, LONG_SECONDS)
    assert (breaker.state(10.9), breaker.state(11.0)) == (OPEN, HALF_OPEN)


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2), st.floats(0, 12))))
def test_whatever_happens_a_request_may_try_within_ten_seconds(events: list[tuple[bool, float, float]]) -> None:
    breaker, now = Breaker(), 0.0
    for ok, seconds, pause in events:
        now += pause
        breaker.succeeded() if ok else breaker.failed(now, seconds)
        assert breaker.state(now + LONGEST_PAUSE_SECONDS) is not OPEN
    assert breaker.let_pass(now + LONGEST_PAUSE_SECONDS + 1.5)
