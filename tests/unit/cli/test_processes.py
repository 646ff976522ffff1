"""A supervised process that dies comes back: not too fast, and only when its port is free."""

from __future__ import annotations

import signal
from itertools import count

import pytest

from echofs.cli.plan import Part
from echofs.cli.ports import Listener
from echofs.cli.processes import (
    LONGEST_PAUSE,
    ORPHAN_SECONDS,
    SETTLED_SECONDS,
    Child,
    Machine,
    how_it_ended,
    next_pause,
)
from echofs.settings import ProcessRole

LISTENER = Listener("worker1", "127.0.0.1", 8091, "WORKER_PORT", "WORKER_PORT")


class FakeProcess:
    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return self.code

    def send_signal(self, sig: int) -> None:
        self.signals.append(sig)


class FakeMachine:
    """An operating system in which only the test lets time pass."""

    def __init__(self) -> None:
        self.now = 100.0
        self.problem: str | None = None
        self.launched: list[FakeProcess] = []
        self.group_signals: list[tuple[int, int]] = []
        self._pids = count(10)

    def launch(self, _: Part) -> FakeProcess:
        self.launched.append(FakeProcess(next(self._pids)))
        return self.launched[-1]

    def child(self, listener: Listener | None = LISTENER) -> Child:
        part = Part("worker1", ProcessRole.WORKER, ["program"], {}, 1, listener)
        machine = Machine(
            self.launch, lambda *sent: self.group_signals.append(sent), lambda *_: self.problem, lambda: self.now
        )
        return Child(part, machine)


@pytest.fixture
def machine() -> FakeMachine:
    return FakeMachine()


def test_a_living_process_is_left_alone(machine: FakeMachine) -> None:
    child = machine.child()
    child.start()
    machine.now += 1000
    child.tend()
    assert child.alive
    assert len(machine.launched) == 1
    assert machine.group_signals == []


def test_one_that_was_never_started_is_not_started_by_tending(machine: FakeMachine) -> None:
    child = machine.child()
    child.tend()
    child.kill()
    child.ask_to_stop()
    assert not child.alive
    assert machine.launched == []


def test_a_dead_one_comes_back_after_the_pause(machine: FakeMachine) -> None:
    child = machine.child()
    child.start()
    machine.launched[0].code = -signal.SIGKILL
    child.tend()
    assert len(machine.launched) == 1
    machine.now += 0.21
    child.tend()
    assert len(machine.launched) == 2
    assert child.alive


def test_what_the_dead_one_left_behind_is_asked_to_stop(machine: FakeMachine) -> None:
    child = machine.child()
    child.start()
    machine.launched[0].code = 1
    child.tend()
    child.tend()
    assert machine.group_signals == [(10, signal.SIGTERM)]


def test_a_port_still_held_is_waited_for_and_then_freed_by_force(machine: FakeMachine) -> None:
    child = machine.child()
    child.start()
    machine.launched[0].code = -signal.SIGKILL
    machine.problem = "is in use"
    child.tend()
    machine.now += 1
    child.tend()
    assert machine.group_signals == [(10, signal.SIGTERM)]
    machine.now += ORPHAN_SECONDS
    child.tend()
    assert machine.group_signals[-1] == (10, signal.SIGKILL)
    assert len(machine.launched) == 1
    machine.problem = None
    child.tend()
    assert len(machine.launched) == 2


def test_the_pause_doubles_while_it_keeps_dying_and_starts_anew_after_a_settled_life(machine: FakeMachine) -> None:
    child = machine.child(None)
    child.start()
    pauses = []
    for life in (0.1, 0.1, 0.1, SETTLED_SECONDS, 0.1):
        machine.now += life
        machine.launched[-1].code = 1
        child.tend()
        lives, died = len(machine.launched), machine.now
        while len(machine.launched) == lives:
            machine.now += 0.01
            child.tend()
        pauses.append(round(machine.now - died, 1))
    assert pauses == [0.2, 0.4, 0.8, 0.2, 0.4]


def test_the_pause_has_an_upper_limit() -> None:
    assert next_pause(LONGEST_PAUSE, 0.1) == LONGEST_PAUSE


def test_stopping_asks_the_leader_and_killing_ends_the_group(machine: FakeMachine) -> None:
    child = machine.child()
    child.start()
    child.ask_to_stop()
    assert machine.launched[0].signals == [signal.SIGTERM]
    assert machine.group_signals == []
    child.kill()
    assert machine.group_signals == [(10, signal.SIGKILL)]


@pytest.mark.parametrize(
    ("code", "words"),
    [(3, "ended with exit code 3"), (-9, "was ended by SIGKILL"), (-200, "was ended by signal 200")],
)
def test_deaths_are_told_in_words(code: int, words: str) -> None:
    assert how_it_ended(code) == words
