"""What a process learns of its way to each worker from the requests it makes."""

from __future__ import annotations

import pytest

from echofs.core.advice import LinkReport
from echofs.core.breaker import BreakerState
from echofs.services.cluster import Call, Links
from echofs.services.cluster.links import ENOUGH_SAMPLES
from tests.fakes.clock import FakeClock


class Setting:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.links = Links(self.clock)

    def fail(self, worker_id: str, seconds: float = 1.0) -> None:
        self.links.observe(worker_id, seconds, False, Call.FETCH)

    def answer(self, worker_id: str, seconds: float = 0.01, times: int = 1, call: Call = Call.FETCH) -> None:
        for _ in range(times):
            self.links.observe(worker_id, seconds, True, call)


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_nothing_is_held_against_a_worker_never_asked(at: Setting) -> None:
    assert at.links.unavailable() == at.links.avoided(Call.STORE) == at.links.slow(Call.STORE) == frozenset()
    assert at.links.breaker("w1") is BreakerState.CLOSED
    assert at.links.quantile("w1", 0.5, Call.STORE) is None


def test_a_worker_that_fails_is_unavailable_until_it_answers_or_its_pause_is_over(at: Setting) -> None:
    at.fail("w1")
    assert (at.links.unavailable(), at.links.breaker("w1")) == ({"w1"}, BreakerState.OPEN)
    at.clock.advance(1)
    assert (at.links.unavailable(), at.links.breaker("w1")) == (frozenset(), BreakerState.HALF_OPEN)
    at.fail("w1")
    assert at.links.unavailable() == {"w1"}
    at.answer("w1")
    assert (at.links.unavailable(), at.links.breaker("w1")) == (frozenset(), BreakerState.CLOSED)


def test_after_a_pause_one_request_in_a_second_does_not_avoid_it(at: Setting) -> None:
    at.fail("w1")
    at.clock.advance(1)
    avoided = []
    for _ in range(4):
        avoided.append(at.links.avoided(Call.FETCH))
        at.clock.advance(0.5)
    assert avoided == [frozenset(), {"w1"}, frozenset(), {"w1"}]


def test_a_worker_known_to_be_back_is_not_avoided(at: Setting) -> None:
    at.fail("w1")
    at.links.forgive("w1")
    at.links.forgive("a stranger")
    assert at.links.unavailable() == frozenset()


def test_quantiles_come_with_enough_samples_and_apart_for_what_was_asked(at: Setting) -> None:
    at.answer("w1", 0.01, ENOUGH_SAMPLES - 1)
    assert at.links.quantile("w1", 0.5, Call.FETCH) is None
    at.answer("w1", 0.01)
    at.answer("w1", 1.0, ENOUGH_SAMPLES, Call.STORE)
    assert at.links.quantile("w1", 0.5, Call.FETCH) == pytest.approx(0.01, rel=0.05)
    assert at.links.quantile("w1", 0.5, Call.STORE) == pytest.approx(1.0, rel=0.05)


# --- gray workers --------------------------------------------------------------------------------------------------


def _one_slow(at: Setting, seconds: float, share: int = 1) -> None:
    """Many answers of three workers; of the third, one in ``share`` takes so long."""
    for number in range(60):
        at.answer("w1")
        at.answer("w2", 0.012)
        at.answer("w3", seconds if number % share == 0 else 0.01)


def test_a_worker_that_answers_much_later_than_the_others_is_slow_and_avoided(at: Setting) -> None:
    _one_slow(at, 0.2)
    assert at.links.slow(Call.FETCH) == at.links.avoided(Call.FETCH) == {"w3"}
    assert at.links.unavailable() == frozenset()


def test_a_worker_is_slow_though_only_each_tenth_answer_is(at: Setting) -> None:
    _one_slow(at, 0.2, share=10)
    assert at.links.slow(Call.FETCH) == {"w3"}


def test_a_worker_slow_in_storing_is_not_avoided_in_reading(at: Setting) -> None:
    for worker_id, seconds in (("w1", 0.01), ("w2", 0.01), ("w3", 0.2)):
        at.answer(worker_id, seconds, 60, Call.STORE)
        at.answer(worker_id, 0.01, 60)
    assert (at.links.slow(Call.STORE), at.links.slow(Call.FETCH)) == ({"w3"}, frozenset())


@pytest.mark.parametrize("seconds", [0.035, 0.001])
def test_small_differences_make_nobody_slow(at: Setting, seconds: float) -> None:
    _one_slow(at, seconds)
    assert at.links.slow(Call.FETCH) == frozenset()


def test_four_times_the_others_is_not_slow_below_fifty_milliseconds(at: Setting) -> None:
    for worker_id, seconds in (("w1", 0.001), ("w2", 0.001), ("w3", 0.04)):
        at.answer(worker_id, seconds, 60)
    assert at.links.slow(Call.FETCH) == frozenset()


def test_a_single_worker_is_compared_with_nobody(at: Setting) -> None:
    at.answer("w1", 5.0, 100)
    assert at.links.slow(Call.FETCH) == frozenset()


def test_workers_all_equally_slow_are_none_of_them_slow(at: Setting) -> None:
    for worker_id in ("w1", "w2", "w3"):
        at.answer(worker_id, 2.0, 100)
    assert at.links.slow(Call.FETCH) == frozenset()


def test_a_worker_gets_slow_within_seconds_and_is_tried_again_once_that_was_long_ago(at: Setting) -> None:
    for _ in range(30):
        for worker_id in ("w1", "w2", "w3"):
            at.answer(worker_id, 0.01, 10)
        at.clock.advance(1)
    seconds = 0
    while at.links.slow(Call.FETCH) != {"w3"}:
        at.answer("w1", 0.01, 10)
        at.answer("w2", 0.01, 10)
        at.answer("w3", 0.3, 10)
        at.clock.advance(1)
        seconds += 1
    assert seconds <= 5
    for _ in range(120):
        at.answer("w1", 0.01, 10)
        at.answer("w2", 0.01, 10)
        at.clock.advance(1)
    assert at.links.slow(Call.FETCH) == frozenset()


# --- answers that do not come --------------------------------------------------------------------------------------


def test_an_answer_is_overdue_after_a_second_while_little_is_known_of_a_worker(at: Setting) -> None:
    assert not at.links.overdue("w1", 0.9, Call.STORE)
    assert at.links.avoided(Call.STORE) == frozenset()
    assert at.links.overdue("w1", 1.0, Call.STORE)
    assert at.links.avoided(Call.STORE) == {"w1"}


@pytest.mark.parametrize(("usual", "overdue"), [(0.001, 0.25), (0.1, 0.5), (1.0, 5.0)])
def test_an_answer_is_overdue_when_it_takes_several_times_as_long_as_usual(
    at: Setting, usual: float, overdue: float
) -> None:
    at.answer("w1", usual, 50, Call.STORE)
    assert at.links.overdue_after("w1", Call.STORE) == pytest.approx(overdue, rel=0.05)
    assert not at.links.overdue("w1", overdue * 0.9, Call.STORE)
    assert at.links.overdue("w1", overdue * 1.1, Call.STORE)


def test_workers_whose_answers_are_only_overdue_count_where_a_quorum_is_looked_for(at: Setting) -> None:
    for worker_id in ("w1", "w2", "w3"):
        at.links.overdue(worker_id, 2.0, Call.STORE)
    assert at.links.unavailable() == frozenset()
    at.fail("w2")
    at.links.overdue("w2", 3.0, Call.STORE)
    assert at.links.unavailable() == {"w2"}


def test_an_overdue_answer_that_comes_after_all_closes_the_breaker(at: Setting) -> None:
    at.links.overdue("w1", 2.0, Call.STORE)
    at.answer("w1", 2.5, call=Call.STORE)
    assert at.links.avoided(Call.STORE) == frozenset()


def test_the_controller_is_told_how_every_worker_answered_lately(at: Setting) -> None:
    at.answer("w2", 0.01, 50)
    at.answer("w2", 0.1, 50, Call.STORE)
    at.answer("w2", 9.0, 50, Call.LOOK)
    for _ in range(3):
        at.fail("w1", 0.001)
    failed, answered = at.links.reports()
    assert failed == LinkReport("w1", 0, 3, 0.0, 0.0, 0.0, "open")
    assert (answered.worker_id, answered.samples, answered.errors, answered.breaker) == ("w2", 100, 0, "closed")
    assert (answered.p50, answered.p95) == (pytest.approx(0.01, rel=0.05), pytest.approx(0.1, rel=0.05))
    at.clock.advance(3600)
    assert [(report.samples, report.errors) for report in at.links.reports()] == [(0, 0), (0, 0)]
