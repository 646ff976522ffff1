"""What a drill does to a master's way to the catalog."""

from __future__ import annotations

from echofs.core.faults import Fault, FaultKind
from echofs.services.drills import Drills
from tests.fakes.clock import FakeClock
from tests.fakes.gate import FakeGate


class Drilled:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.gate = FakeGate()
        self.faults: list[Fault] = []
        self.drills = Drills(lambda: self.faults, self.gate, self.clock)

    def begin(self, kind: FaultKind, lasting: float, seconds: float = 0.0, target: str = "catalog") -> None:
        self.faults.append(Fault("f", target, kind, self.clock.monotonic() + lasting, seconds))


def test_a_cut_is_imposed_for_the_time_that_is_left() -> None:
    drilled = Drilled()
    drilled.begin(FaultKind.CUT, 20.0)
    drilled.drills.run_once()
    assert drilled.gate.imposed == (20.0, 0.0, 0.0)


def test_a_delay_is_imposed() -> None:
    drilled = Drilled()
    drilled.begin(FaultKind.DELAY, 10.0, 0.2)
    drilled.drills.run_once()
    assert drilled.gate.imposed == (0.0, 0.2, 10.0)


def test_a_withdrawn_fault_is_lifted_and_others_do_not_concern_the_gate() -> None:
    drilled = Drilled()
    drilled.begin(FaultKind.CUT, 20.0)
    drilled.drills.run_once()
    drilled.faults.clear()
    drilled.begin(FaultKind.CUT, 20.0, target="worker:worker1")
    drilled.drills.run_once()
    assert drilled.gate.imposed == (0.0, 0.0, 0.0)


def test_without_a_drill_the_gate_is_left_alone() -> None:
    drilled = Drilled()
    drilled.gate.impose(cut_seconds=5.0)
    drilled.drills.run_once()
    assert drilled.gate.imposed == (5.0, 0.0, 0.0)
