"""Questions that fail or hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from echofs.core.errors import CatalogUnavailable, Unavailable
from echofs.services.probes import Probe
from tests.fakes.clock import FakeClock


class Question:
    """Counts how often it is asked; fails or hangs on demand."""

    def __init__(self) -> None:
        self.asked = 0
        self.threads: list[threading.Thread] = []
        self.error: Exception | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> int:
        self.asked += 1
        self.threads.append(threading.current_thread())
        assert self.may_answer.wait(10)
        if self.error is not None:
            raise self.error
        return self.asked


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def question() -> Iterator[Question]:
    question = Question()
    yield question
    question.may_answer.set()


@pytest.fixture
def probe(question: Question, clock: FakeClock) -> Probe[int]:
    return Probe(question, clock, every_seconds=1.0, patience_seconds=10.0)


def test_nothing_is_asked_before_somebody_wants_to_know(probe: Probe[int], question: Question) -> None:
    assert question.asked == 0
    assert probe.ask() == 1


def test_an_answer_is_good_for_its_time_and_then_asked_for_anew(
    probe: Probe[int], question: Question, clock: FakeClock
) -> None:
    answers = []
    for seconds in (0, 0.5, 0.49, 0.01, 0.99, 0.01):
        clock.advance(seconds)
        answers.append(probe.ask())
    assert answers == [1, 1, 1, 2, 2, 3]


def test_a_failure_is_passed_on_with_its_reason_and_asked_about_again(
    probe: Probe[int], question: Question, clock: FakeClock
) -> None:
    question.error = CatalogUnavailable("The catalog does not answer.")
    for _ in range(2):
        with pytest.raises(Unavailable, match="The catalog does not answer"):
            probe.ask()
    assert question.asked == 1
    clock.advance(1)
    question.error = None
    assert probe.ask() == 2


def test_an_unforeseen_failure_keeps_its_details_to_itself(probe: Probe[int], question: Question) -> None:
    question.error = RuntimeError("postgresql://user:secret@host")
    with pytest.raises(Unavailable) as caught:
        probe.ask()
    assert "secret" not in caught.value.message
    assert caught.value.__cause__ is question.error


def test_a_question_that_hangs_is_no_answer_and_is_not_asked_twice(question: Question, clock: FakeClock) -> None:
    probe = Probe(question, clock, every_seconds=1.0, patience_seconds=0.01)
    question.may_answer.clear()
    for _ in range(5):
        with pytest.raises(Unavailable):
            probe.ask()
        clock.advance(10)
    assert question.asked == 1


def test_a_question_that_hung_is_asked_again_once_it_ended(question: Question, clock: FakeClock) -> None:
    probe = Probe(question, clock, every_seconds=1.0, patience_seconds=0.01)
    question.may_answer.clear()
    with pytest.raises(Unavailable):
        probe.ask()
    question.may_answer.set()
    for thread in question.threads:
        thread.join(10)
    assert probe.ask() == 1
    clock.advance(1)
    question.may_answer.clear()
    with pytest.raises(Unavailable):
        probe.ask()
    assert question.asked == 2


def test_threads_that_ask_together_share_one_answer(probe: Probe[int], question: Question) -> None:
    question.may_answer.clear()
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(probe.ask())) for _ in range(8)]
    for thread in threads:
        thread.start()
    question.may_answer.set()
    for thread in threads:
        thread.join(10)
    assert answers == [1] * 8
