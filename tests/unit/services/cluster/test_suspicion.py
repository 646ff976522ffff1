"""How long a failing worker is left alone."""

from __future__ import annotations

import pytest

from echofs.services.cluster.suspicion import Suspicions
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def suspicions(clock: FakeClock) -> Suspicions:
    return Suspicions(clock)


def test_a_failure_counts_for_one_second(suspicions: Suspicions, clock: FakeClock) -> None:
    suspicions.fail("w1")
    assert suspicions.current() == {"w1"}
    clock.advance(0.99)
    assert suspicions.current() == {"w1"}
    clock.advance(0.01)
    assert suspicions.current() == set()


def test_each_further_attempt_that_fails_counts_twice_as_long_up_to_ten_seconds(
    suspicions: Suspicions, clock: FakeClock
) -> None:
    for seconds in (1, 2, 4, 8, 10, 10):
        suspicions.fail("w1")
        clock.advance(seconds - 0.001)
        assert suspicions.current() == {"w1"}
        clock.advance(0.001)
        assert suspicions.current() == set()


def test_many_failures_of_one_attempt_count_once(suspicions: Suspicions, clock: FakeClock) -> None:
    for _ in range(50):
        suspicions.fail("w1")
    clock.advance(1)
    assert suspicions.current() == set()
    suspicions.fail("w1")
    clock.advance(1.9)
    assert suspicions.current() == {"w1"}


def test_a_success_clears_all(suspicions: Suspicions, clock: FakeClock) -> None:
    for _ in range(3):
        suspicions.fail("w1")
        clock.advance(10)
    suspicions.fail("w1")
    suspicions.clear("w1")
    assert suspicions.current() == set()
    suspicions.fail("w1")
    clock.advance(1)
    assert suspicions.current() == set()


def test_workers_are_judged_apart(suspicions: Suspicions) -> None:
    suspicions.fail("w1")
    suspicions.fail("w2")
    suspicions.clear("w1")
    suspicions.clear("w3")
    assert suspicions.current() == {"w2"}
