"""Background work: it starts once, survives failures, and stops."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from echofs.core.errors import Unavailable
from echofs.services.loops import Loop, Loops

LONG = 3600.0
SOON = 0.001
PATIENCE = 10.0


class Work:
    """An action that can be watched and told to fail."""

    def __init__(self) -> None:
        self.rounds = 0
        self.failure: Exception | None = None
        self.done = threading.Event()
        self.threads: set[threading.Thread] = set()
        self.enough = 1

    def __call__(self) -> None:
        self.rounds += 1
        self.threads.add(threading.current_thread())
        if self.rounds >= self.enough:
            self.done.set()
        if self.failure is not None:
            raise self.failure


def test_no_thread_exists_before_the_start() -> None:
    before = threading.active_count()
    loop = Loop("idle", LONG, Work())
    assert threading.active_count() == before
    assert loop.stop()


def test_the_first_round_comes_at_once_and_in_the_background() -> None:
    work = Work()
    loop = Loop("work", LONG, work)
    loop.start()
    assert work.done.wait(PATIENCE)
    assert loop.stop()
    (thread,) = work.threads
    assert (thread.name, thread.daemon, thread.is_alive()) == ("work", True, False)
    assert work.rounds == 1


def test_rounds_follow_each_other() -> None:
    work = Work()
    work.enough = 5
    loop = Loop("work", SOON, work)
    loop.start()
    assert work.done.wait(PATIENCE)
    assert loop.stop()
    assert work.rounds >= 5


def test_starting_twice_makes_one_thread_and_stopping_twice_is_no_error() -> None:
    work = Work()
    work.enough = 20
    loop = Loop("work", SOON, work)
    loop.start()
    loop.start()
    assert work.done.wait(PATIENCE)
    assert loop.stop()
    assert loop.stop()
    assert len(work.threads) == 1


def test_a_stopped_loop_can_start_again() -> None:
    work = Work()
    loop = Loop("work", LONG, work)
    loop.start()
    assert work.done.wait(PATIENCE)
    loop.stop()
    work.done.clear()
    loop.start()
    assert work.done.wait(PATIENCE)
    assert loop.stop()
    assert len(work.threads) == 2


def test_an_action_that_fails_does_not_end_the_loop() -> None:
    work = Work()
    work.enough = 3
    work.failure = ValueError("broken")
    loop = Loop("work", SOON, work)
    loop.start()
    assert work.done.wait(PATIENCE)
    assert loop.stop()


def test_each_kind_of_failure_is_logged_once_until_a_round_succeeds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    work = Work()
    loop = Loop("work", LONG, work)
    for failure in (ValueError("one"), ValueError("two"), Unavailable("away"), ValueError("three"), None, None):
        work.failure = failure
        assert loop.turn() is (failure is None)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["ERROR", "WARNING", "INFO"]
    work.failure = ValueError("four")
    loop.turn()
    assert caplog.records[-1].levelname == "ERROR"


def test_only_unforeseen_failures_are_logged_with_a_traceback(caplog: pytest.LogCaptureFixture) -> None:
    work = Work()
    loop = Loop("work", LONG, work)
    work.failure = Unavailable("The catalog does not answer.")
    loop.turn()
    work.failure = ZeroDivisionError()
    loop.turn()
    expected, unforeseen = caplog.records
    assert expected.exc_info is None
    assert vars(expected)["why"] == "The catalog does not answer."
    assert unforeseen.exc_info is not None


def test_an_action_that_hangs_does_not_keep_stop_for_ever(caplog: pytest.LogCaptureFixture) -> None:
    entered, released = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        released.wait(PATIENCE)

    loop = Loop("hanging", LONG, hang)
    loop.start()
    assert entered.wait(PATIENCE)
    assert not loop.stop(timeout=0.01)
    assert "did not end in time" in caplog.text
    released.set()


def test_an_action_may_stop_its_own_loop() -> None:
    stopped = threading.Event()

    def stop_itself() -> None:
        assert loop.stop()
        stopped.set()

    loop = Loop("brief", SOON, stop_itself)
    loop.start()
    assert stopped.wait(PATIENCE)


def test_a_bundle_starts_all_and_takes_the_last_steps_after_all_have_stopped() -> None:
    one, two = Work(), Work()
    steps: list[str] = []

    def step(name: str) -> Callable[[], None]:
        return lambda: steps.append(f"{name} with {sum(thread.is_alive() for thread in one.threads | two.threads)}")

    loops = Loops(Loop("one", LONG, one), Loop("two", LONG, two), on_stop=[step("leave"), step("close")])
    loops.start()
    loops.start()
    assert one.done.wait(PATIENCE)
    assert two.done.wait(PATIENCE)
    loops.stop()
    loops.stop()
    assert steps == ["leave with 0", "close with 0"]


def test_a_last_step_that_fails_is_logged_and_the_next_follows(caplog: pytest.LogCaptureFixture) -> None:
    steps: list[str] = []
    loops = Loops(on_stop=[lambda: 1 / 0, lambda: steps.append("close")])
    loops.start()
    loops.stop()
    assert steps == ["close"]
    assert "a last step failed" in caplog.text


def test_what_never_started_takes_no_last_steps() -> None:
    steps: list[str] = []
    Loops(on_stop=[lambda: steps.append("leave")]).stop()
    assert steps == []
