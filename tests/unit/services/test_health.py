"""Health is true: what does not work is said, and what is said to work does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.adapters.stores.memory import MemoryStore
from echofs.core.alarms import SCARCE_BYTES
from echofs.core.errors import StoreUnavailable, Unavailable
from echofs.core.models import ChunkRecord, Intent, Level, Member, MemberState
from echofs.ports.object_store import Stat
from echofs.services.cluster import Call, MemberRegistry, MemberView
from echofs.services.health import (
    CATALOG_EVERY_SECONDS,
    ControllerHealth,
    HealthReport,
    MasterHealth,
    Status,
    WorkerHealth,
)
from tests.contracts.journal_values import entry, frame
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import AWAY, FakeController, MemoryMemberList
from tests.fakes.journal import MemoryJournal

WORKERS = [Member(f"w{number}", f"http://w{number}.test:8091", f"zone-{number}") for number in (1, 2, 3)]
DIGEST = "ab" * 32


class Setting:
    """A master with everything in order."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.catalog = MemoryCatalog(self.clock)
        self.controller = FakeController(WORKERS)
        self.view = MemberView(self.controller, MemoryMemberList(), self.clock)
        self.journal = MemoryJournal(self.clock)
        self.health = MasterHealth(self.catalog, self.view, self.clock, "1.2.3", journal=self.journal)
        self.view.refresh()

    def report(self) -> HealthReport:
        """As it is after so much time that nothing is remembered from before."""
        self.clock.advance(5)
        self.view.refresh()
        return self.health.report()

    def lose(self, *worker_ids: str) -> None:
        self.controller.list = [
            replace(worker, state=MemberState.DOWN) if worker.worker_id in worker_ids else worker for worker in WORKERS
        ]


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_a_master_with_everything_in_order_is_ok(at: Setting) -> None:
    report = at.report()
    assert (report.status, report.role, report.version, report.reasons) == (Status.OK, "master", "1.2.3", ())
    assert report.details == {
        "catalog": "ok",
        "controller": "ok",
        "workers_known": 3,
        "workers_up": 3,
        "workers_available": 3,
        "can_write": True,
        "can_read": True,
        "replicas_owed": 0,
        "journal": "ok",
        "journal_depth": 0,
        "spooled_bytes": 0,
    }


def test_what_waits_in_the_journal_is_told(at: Setting) -> None:
    one = frame()
    at.journal.append(entry(), [one])
    report = at.report()
    assert report.status is Status.DEGRADED
    assert (report.details["journal_depth"], report.details["spooled_bytes"]) == (1, len(one))
    assert report.reasons == ("Versions that wait for the catalog: 1.", f"Bytes that wait for workers: {len(one)}.")


def test_a_journal_that_cannot_be_used_is_told(at: Setting) -> None:
    at.journal.down = True
    report = at.report()
    assert report.status is Status.DEGRADED
    assert report.details["journal"] == "unavailable"
    assert any("journal cannot be used" in reason for reason in report.reasons)


def test_without_the_catalog_a_master_with_a_journal_still_serves(at: Setting) -> None:
    at.catalog.down = True
    report = at.report()
    assert report.status is Status.DEGRADED
    assert report.details["catalog"] == "unavailable"
    assert (report.details["can_write"], report.details["can_read"]) == (False, True)
    assert report.details["replicas_owed"] is None
    assert any("new versions are provisional" in reason for reason in report.reasons)


def test_without_both_nothing_works(at: Setting) -> None:
    at.catalog.down = at.journal.down = True
    report = at.report()
    assert report.status is Status.UNAVAILABLE
    assert report.details["can_read"] is False
    assert any("neither found nor stored" in reason for reason in report.reasons)


@pytest.mark.parametrize("floor", [Level.STRONG, Level.HYBRID])
def test_nor_without_the_catalog_where_less_is_not_allowed(at: Setting, floor: Level) -> None:
    at.health = MasterHealth(at.catalog, at.view, at.clock, "1.2.3", journal=at.journal, floor=floor)
    at.catalog.down = True
    report = at.report()
    assert report.status is Status.UNAVAILABLE
    assert any("neither found nor stored" in reason for reason in report.reasons)


def test_the_catalogs_failure_and_return_show_within_a_second(at: Setting) -> None:
    assert at.report().status is Status.OK
    at.catalog.down = True
    at.clock.advance(CATALOG_EVERY_SECONDS)
    assert at.health.report().details["catalog"] == "unavailable"
    at.catalog.down = False
    at.clock.advance(CATALOG_EVERY_SECONDS)
    assert at.health.report().details["catalog"] == "ok"


def test_one_worker_down_is_degraded_but_all_still_works(at: Setting) -> None:
    at.lose("w2")
    report = at.report()
    assert report.status is Status.DEGRADED
    assert report.reasons == ("2 of 3 workers are up.",)
    assert (report.details["can_write"], report.details["can_read"]) == (True, True)


def test_with_one_worker_left_files_can_be_read_and_not_written(at: Setting) -> None:
    at.lose("w1", "w2")
    report = at.report()
    assert report.status is Status.DEGRADED
    assert (report.details["can_write"], report.details["can_read"]) == (False, True)


def test_without_any_worker_nothing_works(at: Setting) -> None:
    at.lose("w1", "w2", "w3")
    report = at.report()
    assert report.status is Status.UNAVAILABLE
    assert (report.details["workers_up"], report.details["workers_available"]) == (0, 0)


def test_a_cluster_no_worker_has_joined_says_so(at: Setting) -> None:
    view = MemberView(FakeController(), MemoryMemberList(), at.clock)
    view.refresh()
    report = MasterHealth(at.catalog, view, at.clock, "1.2.3").report()
    assert report.status is Status.UNAVAILABLE
    assert report.reasons == ("No worker has joined yet.",)


def test_two_workers_in_one_zone_cannot_take_a_strong_write_if_there_is_another_zone(at: Setting) -> None:
    at.controller.list = [replace(worker, zone="a") for worker in WORKERS[:2]] + [
        replace(WORKERS[2], state=MemberState.DOWN)
    ]
    at.view.refresh()
    assert at.report().details["can_write"] is False


def test_workers_that_take_no_new_chunks_count_for_reading_only(at: Setting) -> None:
    at.controller.list = [WORKERS[0], *(replace(worker, weight=0.0) for worker in WORKERS[1:])]
    at.view.refresh()
    report = at.report()
    assert (report.details["can_write"], report.details["can_read"]) == (False, True)


def test_a_worker_this_master_cannot_reach_is_missing_though_the_controller_hears_it(at: Setting) -> None:
    at.view.observe("w1", 1.0, False, Call.FETCH)
    report = at.health.report()
    assert report.status is Status.DEGRADED
    assert (report.details["workers_up"], report.details["workers_available"]) == (2, 2)


def test_without_the_controller_the_master_goes_on_degraded(at: Setting) -> None:
    at.controller.error = AWAY
    report = at.report()
    assert report.status is Status.DEGRADED
    assert report.details["controller"] == "unavailable"
    assert (report.details["can_write"], report.details["can_read"]) == (True, True)


def test_it_is_not_ok_before_every_owed_replica_is_made(at: Setting) -> None:
    at.catalog.record_chunks([ChunkRecord(DIGEST, 5, ("w1", "w2"), ("w3",))])
    report = at.report()
    assert report.status is Status.DEGRADED
    assert report.reasons == ("Replicas still to be made: 1.",)
    assert at.health.outbox_depth() == 1
    at.catalog.settle("w3", [DIGEST])
    assert at.report().status is Status.OK


def test_the_outbox_is_counted_at_most_every_five_seconds(at: Setting) -> None:
    assert at.health.outbox_depth() == 0
    at.catalog.record_chunks([ChunkRecord(DIGEST, 5, ("w1", "w2"), ("w3",))])
    at.clock.advance(4.9)
    assert at.health.outbox_depth() == 0
    at.clock.advance(0.1)
    assert at.health.outbox_depth() == 1


def test_the_depth_of_the_outbox_is_unknown_without_the_catalog(at: Setting) -> None:
    at.catalog.down = True
    with pytest.raises(Unavailable):
        at.health.outbox_depth()


def test_a_report_names_no_address(at: Setting) -> None:
    at.lose("w1")
    assert "http" not in repr(at.report())


class Disk(MemoryStore):
    """A store whose room and failures the test decides."""

    room: int | None = 1 << 40
    broken = False

    def free_bytes(self) -> int | None:
        return self.room

    def stat(self, key: str) -> Stat:
        if self.broken:
            raise StoreUnavailable("/dev/sdb1: input/output error")
        return super().stat(key)


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_a_worker_whose_store_answers_is_ok(disk: Disk) -> None:
    report = WorkerHealth(disk, "w1", FakeClock(), "1.2.3").report()
    assert (report.status, report.role) == (Status.OK, "worker")
    assert report.details == {"worker_id": "w1", "store": "ok", "free_bytes": 1 << 40}


def test_a_store_that_does_not_know_its_room_is_ok(disk: Disk) -> None:
    disk.room = None
    report = WorkerHealth(disk, "w1", FakeClock(), "1.2.3").report()
    assert (report.status, report.details["free_bytes"]) == (Status.OK, None)


def test_a_worker_running_out_of_room_is_degraded(disk: Disk) -> None:
    disk.room = SCARCE_BYTES - 1
    report = WorkerHealth(disk, "w1", FakeClock(), "1.2.3").report()
    assert (report.status, report.reasons) == (Status.DEGRADED, ("The store is almost full.",))


def test_a_worker_whose_store_cannot_be_read_is_unavailable_though_it_has_room(disk: Disk) -> None:
    disk.broken = True
    report = WorkerHealth(disk, "w1", FakeClock(), "1.2.3").report()
    assert report.status is Status.UNAVAILABLE
    assert report.details == {"worker_id": "w1", "store": "unavailable", "free_bytes": None}
    assert "sdb1" not in repr(report)


def test_a_workers_failure_and_return_show_within_a_second(disk: Disk) -> None:
    clock = FakeClock()
    health = WorkerHealth(disk, "w1", clock, "1.2.3")
    seen = [health.report().status]
    disk.broken = True
    clock.advance(1)
    seen.append(health.report().status)
    disk.broken = False
    clock.advance(1)
    seen.append(health.report().status)
    assert seen == [Status.OK, Status.UNAVAILABLE, Status.OK]


def test_a_worker_tells_masters_which_store_it_has(disk: Disk) -> None:
    account = WorkerHealth(disk, "w1", FakeClock(), "1.2.3").account()
    assert account == {
        "worker_id": "w1",
        "status": "ok",
        "version": "1.2.3",
        "store_id": disk.store_id,
        "free_bytes": 1 << 40,
    }


def test_operators_are_told_which_process_a_worker_is(disk: Disk) -> None:
    account = WorkerHealth(disk, "w1", FakeClock(), "1.2.3", {"pid": 42, "boot": "b"}).account()
    assert (account["pid"], account["boot"]) == (42, "b")


def test_a_controller_counts_its_workers() -> None:
    clock = FakeClock()
    saved = MemoryMemberList([*WORKERS, replace(WORKERS[0], worker_id="w4", intent=Intent.GONE)])
    registry = MemberRegistry(saved, clock)
    registry.heartbeat(WORKERS[0])
    clock.advance(4.5)
    registry.heartbeat(WORKERS[1])
    registry.heartbeat(WORKERS[2])
    registry.leave("w3")
    registry.heartbeat(replace(WORKERS[0], worker_id="w5"))
    report = ControllerHealth(registry, "1.2.3").report()
    assert (report.status, report.role) == (Status.OK, "controller")
    assert report.details == {
        "workers_known": 4,
        "workers_joining": 1,
        "workers_up": 1,
        "workers_draining": 0,
        "workers_suspect": 1,
        "workers_down": 1,
        "workers_gone": 1,
    }


def test_a_master_without_redis_serves_and_says_so(at: Setting) -> None:
    here = [True]
    at.health = MasterHealth(at.catalog, at.view, at.clock, "1.2.3", redis=lambda: here[0])
    report = at.report()
    assert (report.status, report.details["redis"]) == (Status.OK, "ok")
    here[0] = False
    report = at.report()
    assert (report.status, report.details["redis"]) == (Status.DEGRADED, "away")
    assert report.details["can_write"]
    assert any(reason.startswith("Redis is away") for reason in report.reasons)


def test_a_master_that_has_no_redis_does_not_speak_of_it(at: Setting) -> None:
    assert "redis" not in at.report().details
