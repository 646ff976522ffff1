"""A master's reports, and what becomes of the advice."""

from __future__ import annotations

import pytest

from echofs.core.advice import Advice, Decision, LinkReport, OpClass
from echofs.core.errors import CatalogUnavailable
from echofs.core.faults import Fault, FaultKind
from echofs.core.models import Level
from echofs.services.advice import Adviser
from echofs.services.latencies import Latencies
from echofs.services.reporting import Reporting
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import AWAY, FakeController
from tests.fakes.gate import FakeGate
from tests.fakes.journal import MemoryJournal

LINK = LinkReport("w1", 3, 0, 0.1, 0.2, 0.3)


class Setting:
    """One master process."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.controller = FakeController()
        self.adviser = Adviser(self.clock)
        self.gate = FakeGate()
        self.latencies = Latencies(self.clock)
        self.owed = 5
        self.reporting = Reporting(
            "host:1",
            self.controller,
            self.adviser,
            self.gate,
            lambda: [LINK],
            MemoryJournal(self.clock),
            self.latencies,
            self.outbox,
            self.clock,
        )

    def outbox(self) -> int:
        if self.owed < 0:
            raise CatalogUnavailable("The catalog does not answer.")
        return self.owed


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_what_was_seen_is_reported(at: Setting) -> None:
    at.gate.calls = [0.01, 0.02, 0.03]
    at.latencies.observe(OpClass.WRITE_SMALL, Level.STRONG, 0.5)
    at.reporting.run_once()
    (report,) = at.controller.reports
    assert (report.process, report.links, report.outbox_depth, report.journal_depth) == ("host:1", (LINK,), 5, 0)
    assert (report.catalog.reachable, report.catalog.samples, report.catalog.p50) == (True, 3, 0.02)
    assert report.latencies[OpClass.WRITE_SMALL][Level.STRONG].p50 == 0.5


def test_rates_and_failures_are_those_of_the_last_seconds(at: Setting) -> None:
    at.gate.unanswered = 100
    at.reporting.run_once()
    for _ in range(60):
        at.clock.advance(1)
        for op_class in (OpClass.WRITE_SMALL, OpClass.WRITE_LARGE, OpClass.READ):
            at.latencies.observe(op_class, Level.STRONG, 0.01)
        at.gate.unanswered += 3
        at.reporting.run_once()
    report = at.controller.reports[-1]
    assert (report.writes_per_second, report.reads_per_second) == (2.0, 1.0)
    assert report.catalog.errors == 60
    assert at.controller.reports[0].catalog.errors == 0


def test_what_the_catalog_would_have_to_say_is_left_out_without_it(at: Setting) -> None:
    at.gate.open = False
    at.reporting.run_once()
    at.gate.open, at.owed = True, -1
    at.reporting.run_once()
    assert [report.outbox_depth for report in at.controller.reports] == [None, None]
    assert not at.controller.reports[0].catalog.reachable


def test_advice_is_taken_and_its_epoch_reported(at: Setting) -> None:
    decision = Decision("d", OpClass.READ, Level.HYBRID, 1, 7, 0)
    at.controller.advice = Advice(7, decisions={OpClass.READ: decision})
    at.reporting.run_once()
    assert at.adviser.current(OpClass.READ) == decision
    at.reporting.run_once()
    assert [report.epoch for report in at.controller.reports] == [0, 7]


def test_without_the_controller_advice_wears_off(at: Setting) -> None:
    at.controller.advice = Advice(1, decisions={OpClass.READ: Decision("d", OpClass.READ, Level.HYBRID, 1, 1, 0)})
    at.reporting.run_once()
    at.controller.error = AWAY
    for _ in range(5):
        at.clock.advance(1)
        at.reporting.run_once()
    assert at.adviser.current(OpClass.READ) is None
    at.controller.error = None
    at.reporting.run_once()
    assert at.adviser.current(OpClass.READ) is not None


def test_in_a_drill_without_the_controller_it_is_not_asked(at: Setting) -> None:
    at.controller.advice = Advice(1, faults=(Fault("f", "controller", FaultKind.CUT, 10.0),))
    at.reporting.run_once()
    at.clock.advance(9)
    at.reporting.run_once()
    assert len(at.controller.reports) == 1
    at.clock.advance(1)
    at.reporting.run_once()
    assert len(at.controller.reports) == 2
