"""What administrators see of the cluster, and their orders about workers."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from echofs.core.audit import Action, Actor, Outcome
from echofs.core.breaker import BreakerState
from echofs.core.errors import AuthenticationFailed, CatalogUnavailable, Conflict, Unavailable
from echofs.core.jobs_report import JobsReport, SweepPass
from echofs.core.models import ChunkRecord, Intent, Member, MemberState
from echofs.services.auditing import Auditing
from echofs.services.cluster import Call, MemberView
from echofs.services.cluster.links import ENOUGH_SAMPLES
from echofs.services.health import HealthReport, Status
from echofs.services.leases import Lease
from echofs.services.overseeing import ASK_EVERY_SECONDS, JOBS_LEASE, Latency, Overseeing, Room
from tests.fakes.audit import MemoryAudit
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import AWAY, FakeController, MemoryMemberList
from tests.fakes.ids import SequentialIds

ADMIN = Actor("1" * 32, "root")
WORKERS = [
    Member("w1", "http://w1.test:8091", "a", free_bytes=1 << 40, store_id="disk-1"),
    Member("w2", "http://w2.test:8091", "b"),
    Member("w3", "http://w3.test:8091", "c", state=MemberState.GONE, intent=Intent.GONE),
]


class Setting:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.catalog = MemoryCatalog(self.clock)
        self.controller = FakeController(WORKERS)
        self.view = MemberView(self.controller, MemoryMemberList(), self.clock)
        self.view.refresh()
        self.audit = MemoryAudit()
        self.details: dict[str, object] = {"catalog": "ok", "controller": "ok", "can_write": True}
        self.lease = Lease(self.catalog, JOBS_LEASE, "j1", self.clock)
        self.lease.run(lambda: None)
        self.overseeing = Overseeing(
            self.catalog,
            self.view,
            self.controller,
            self._health,
            Room(1000, lambda: math.nan),
            Auditing(self.audit, self.clock, SequentialIds()),
            self.clock,
            wanted=3,
        )

    def _health(self) -> HealthReport:
        details: Mapping[str, object] = self.details
        return HealthReport(Status.OK, "master", "1", (), details)

    def alarms(self) -> list[str]:
        return [alarm.text for alarm in self.overseeing.replication().alarms]


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_every_worker_ever_heard_of_is_shown(at: Setting) -> None:
    shown = at.overseeing.workers()
    assert [worker.member for worker in shown] == WORKERS
    assert {worker.breaker for worker in shown} == {BreakerState.CLOSED}
    assert {worker.store for worker in shown} == {Latency(None, None)}


def test_a_worker_is_shown_as_it_answers_this_process(at: Setting) -> None:
    for _ in range(ENOUGH_SAMPLES + 1):
        at.view.observe("w1", 0.010, True, Call.STORE)
        at.view.observe("w2", 0.002, True, Call.FETCH)
    for _ in range(3):
        at.view.observe("w2", 0.1, False, Call.FETCH)
    one, two, _ = at.overseeing.workers()
    assert one.store.p50 == pytest.approx(0.010, rel=0.2)
    assert (one.fetch, two.store) == (Latency(None, None), Latency(None, None))
    assert two.fetch.p95 == pytest.approx(0.002, rel=0.2)
    assert (one.breaker, two.breaker) == (BreakerState.CLOSED, BreakerState.OPEN)
    assert any("w2" in text for text in at.alarms())


def test_what_is_owed_is_told_by_worker_and_reason(at: Setting) -> None:
    at.catalog.record_chunks([ChunkRecord("a" * 64, 1, ("w1",), ("w2", "w3"))])
    at.catalog.owe("w1", ["a" * 64], "corrupt", at.clock.now())
    assert [worker.owed for worker in at.overseeing.workers()] == [1, 1, 1]
    owed = at.overseeing.replication().owed
    assert owed is not None
    assert owed["w1", "corrupt"] == 1
    assert sum(owed.values()) == 3


def test_the_catalog_counts_no_more_often_than_every_five_seconds(at: Setting) -> None:
    assert at.overseeing.replication().owed == {}
    at.catalog.record_chunks([ChunkRecord("a" * 64, 1, ("w1",), ("w2",))])
    at.clock.advance(ASK_EVERY_SECONDS - 1)
    assert at.overseeing.replication().owed == {}
    at.clock.advance(1)
    assert sum((at.overseeing.replication().owed or {}).values()) == 1


def test_without_the_catalog_the_rest_is_still_told(at: Setting) -> None:
    at.catalog.down = True
    at.details["catalog"] = "unavailable"
    found = at.overseeing.replication()
    assert (found.owed, found.holder) == (None, None)
    assert [worker.owed for worker in at.overseeing.workers()] == [None] * 3
    assert [alarm.text for alarm in found.alarms] == ["The catalog does not answer: look at the database."]


def test_the_jobs_and_their_sweep_are_told(at: Setting) -> None:
    assert at.overseeing.replication().jobs is None
    report = JobsReport("j1", None, SweepPass(100, 5, 2), at.clock.now())
    at.controller.jobs_told = (report, 3.0)
    found = at.overseeing.replication()
    assert (found.holder, found.jobs) == ("j1", (report, 3.0))
    assert at.alarms() == ["Chunks with fewer than two replicas: 2, as of the last sweep."]
    at.controller.error = AWAY
    assert at.overseeing.replication().jobs is None


def test_jobs_that_nobody_runs_are_an_alarm(at: Setting) -> None:
    at.lease.release()
    assert any("echofs jobs" in text for text in at.alarms())


def test_repair_that_lags_and_a_journal_that_fills_are_alarms(at: Setting) -> None:
    at.catalog.record_chunks([ChunkRecord("a" * 64, 1, ("w1",), ("w2",))])
    at.details |= {"journal": "ok", "spooled_bytes": 600, "journal_depth": 4}
    at.clock.advance(2 * 3600)
    at.lease.run(lambda: None)
    at.view.refresh()
    texts = "\n".join(at.alarms())
    assert all(part in texts for part in ("due for 120 minutes", "60%", "on this host: 4"))


@pytest.mark.parametrize("intent", list(Intent))
def test_an_order_is_written_down_and_goes_to_the_controller(at: Setting, intent: Intent) -> None:
    at.overseeing.order(ADMIN, "w1", intent)
    assert at.controller.intents == {"w1": intent}
    (event,) = at.audit.events
    assert (event.actor, event.action, event.subject, event.outcome, event.detail) == (
        ADMIN,
        Action.WORKER_INTENT,
        "w1",
        Outcome.DONE,
        intent.value,
    )


def test_an_order_that_is_refused_is_written_down_as_such(at: Setting) -> None:
    at.controller.error = Conflict("Drain it first.")
    with pytest.raises(Conflict):
        at.overseeing.order(ADMIN, "w1", Intent.GONE)
    assert at.audit.events[0].outcome is Outcome.REFUSED


@pytest.mark.parametrize("error", [AWAY, AuthenticationFailed("Another secret.")])
def test_without_the_controller_an_order_is_unavailable(at: Setting, error: Unavailable) -> None:
    at.controller.error = error
    with pytest.raises(Unavailable):
        at.overseeing.order(ADMIN, "w1", Intent.DRAINING)
    assert at.audit.events[0].outcome is Outcome.BEGUN


def test_no_order_goes_out_that_cannot_be_written_down(at: Setting) -> None:
    at.audit.away = True
    with pytest.raises(CatalogUnavailable):
        at.overseeing.order(ADMIN, "w1", Intent.DRAINING)
    assert at.controller.intents == {}
