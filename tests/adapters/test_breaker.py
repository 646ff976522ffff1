"""When a breaker turns calls away."""

from __future__ import annotations

from echofs.adapters.stores.breaker import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Breaker


class Hand:
    """A clock's hand that the test moves."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def opened() -> tuple[Breaker, Hand]:
    hand = Hand()
    breaker = Breaker(failures=3, monotonic=hand)
    for _ in range(3):
        assert breaker.admit()
        breaker.failed()
    return breaker, hand


def test_it_stays_closed_while_successes_come_between() -> None:
    breaker = Breaker(failures=2)
    for _ in range(5):
        breaker.failed()
        breaker.succeeded()
    assert breaker.admit()
    assert not breaker.is_open


def test_it_opens_after_failures_in_a_row_and_lets_one_call_through_after_a_pause() -> None:
    breaker, hand = opened()
    assert breaker.is_open
    assert not breaker.admit()
    hand.at += FIRST_PAUSE_SECONDS
    assert [breaker.admit() for _ in range(3)] == [True, False, False]


def test_a_trial_that_succeeds_closes_it() -> None:
    breaker, hand = opened()
    hand.at += FIRST_PAUSE_SECONDS
    assert breaker.admit()
    breaker.succeeded()
    assert not breaker.is_open
    assert breaker.admit()


def test_pauses_double_up_to_a_limit() -> None:
    breaker, hand = opened()
    pauses = []
    for _ in range(6):
        begun = hand.at
        while not breaker.admit():
            hand.at += 0.25
        pauses.append(hand.at - begun)
        breaker.failed()
    assert pauses == [1, 2, 4, 8, 10, LONGEST_PAUSE_SECONDS]
