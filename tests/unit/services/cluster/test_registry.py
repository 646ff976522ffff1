"""The controller's list: who is up, what a restart remembers, and who is turned away."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest

from echofs.core.errors import Conflict, InvalidRequest
from echofs.core.models import Member, MemberState
from echofs.services.cluster import MemberRegistry
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import MemoryMemberList

UP, SUSPECT, DOWN = MemberState.UP, MemberState.SUSPECT, MemberState.DOWN
ONE = Member("w1", "http://w1.test:8091", "a", 1.0, store_id="disk-1", free_bytes=100)
TWO = Member("w2", "http://w2.test:8091", "b", 1.0, store_id="disk-2")


class Setting:
    def __init__(self, *saved: Member) -> None:
        self.saved = MemoryMemberList(saved)
        self.clock = FakeClock()
        self.registry = MemberRegistry(self.saved, self.clock)

    def states(self) -> dict[str, MemberState]:
        return {member.worker_id: member.state for member in self.registry.members()}

    def restart(self) -> None:
        self.registry = MemberRegistry(self.saved, self.clock)


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_the_first_heartbeat_registers_a_worker(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    assert at.registry.members() == [ONE]


def test_members_come_in_order_of_their_ids(at: Setting) -> None:
    at.registry.heartbeat(TWO)
    at.registry.heartbeat(ONE)
    assert [member.worker_id for member in at.registry.members()] == ["w1", "w2"]


def test_silence_makes_a_worker_suspect_and_then_down_and_a_heartbeat_up_again(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    seen = []
    for seconds in (2.9, 0.2, 2.8, 0.2):
        at.clock.advance(seconds)
        seen.append(at.states()["w1"])
    assert seen == [UP, SUSPECT, SUSPECT, DOWN]
    at.registry.heartbeat(ONE)
    assert at.states() == {"w1": UP}


def test_a_jump_of_the_wall_clock_changes_no_state(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    at.clock.jump(86400)
    assert at.states() == {"w1": UP}


def test_the_state_a_worker_claims_for_itself_counts_for_nothing(at: Setting) -> None:
    at.registry.heartbeat(replace(ONE, state=DOWN))
    assert at.states() == {"w1": UP}


def test_a_worker_that_leaves_is_down_at_once_and_up_when_it_reports_again(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    at.registry.leave("w1")
    at.registry.leave("w1")
    assert at.states() == {"w1": DOWN}
    at.registry.heartbeat(ONE)
    assert at.states() == {"w1": UP}


def test_a_stranger_may_say_that_it_leaves(at: Setting) -> None:
    at.registry.leave("nobody")
    assert at.registry.members() == []


@pytest.mark.parametrize(
    "claim",
    [
        replace(ONE, worker_id="W1"),
        replace(ONE, url="http://169.254.169.254"),
        replace(ONE, url="file:///etc/passwd"),
        replace(ONE, zone=""),
        replace(ONE, weight=-1.0),
    ],
)
def test_a_claim_no_worker_may_make_leaves_no_trace(at: Setting, claim: Member) -> None:
    with pytest.raises(InvalidRequest):
        at.registry.heartbeat(claim)
    assert at.registry.members() == []
    assert at.saved.saves == 0


def test_only_what_lasts_is_saved_and_only_when_it_changes(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    at.registry.heartbeat(ONE)
    at.registry.heartbeat(replace(ONE, free_bytes=99))
    assert at.saved.saves == 1
    at.registry.heartbeat(replace(ONE, weight=2.0))
    assert at.saved.saves == 2
    assert [member.weight for member in at.saved.members] == [2.0]


def test_a_restarted_controller_knows_all_workers_and_calls_none_down_for_six_seconds(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    at.registry.heartbeat(TWO)
    at.restart()
    assert at.states() == {"w1": SUSPECT, "w2": SUSPECT}
    at.clock.advance(1)
    at.registry.heartbeat(ONE)
    assert at.states() == {"w1": UP, "w2": SUSPECT}
    at.clock.advance(4.9)
    assert at.states()["w2"] is SUSPECT
    at.clock.advance(0.1)
    assert at.states()["w2"] is DOWN


def test_a_worker_that_left_is_down_though_the_controller_has_just_started(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    at.restart()
    at.registry.leave("w1")
    assert at.states() == {"w1": DOWN}


@pytest.mark.parametrize("claim", [replace(ONE, url="http://other.test:8091"), replace(ONE, store_id="disk-9")])
def test_a_second_live_process_with_the_same_id_is_refused(
    at: Setting, claim: Member, caplog: pytest.LogCaptureFixture
) -> None:
    at.registry.heartbeat(ONE)
    at.clock.advance(2.9)
    for _ in range(3):
        with pytest.raises(Conflict) as caught:
            at.registry.heartbeat(claim)
        assert caught.value.field == "worker_id"
    assert at.registry.members() == [ONE]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_refused_twin_is_logged_once_though_the_other_goes_on_beating(
    at: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    at.registry.heartbeat(ONE)
    for _ in range(3):
        with pytest.raises(Conflict):
            at.registry.heartbeat(replace(ONE, url="http://other.test:8091"))
        at.registry.heartbeat(ONE)
    assert len(caplog.records) == 1


def test_a_refused_twin_does_not_keep_the_first_one_alive(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    at.clock.advance(2)
    with pytest.raises(Conflict):
        at.registry.heartbeat(replace(ONE, url="http://other.test:8091"))
    at.clock.advance(1)
    assert at.states() == {"w1": SUSPECT}


@pytest.mark.parametrize("silent", [True, False])
def test_a_worker_may_move_once_the_old_one_is_silent_or_has_left(at: Setting, silent: bool) -> None:
    at.registry.heartbeat(ONE)
    if silent:
        at.clock.advance(3)
    else:
        at.registry.leave("w1")
    moved = replace(ONE, url="http://other.test:8091")
    at.registry.heartbeat(moved)
    assert at.registry.members() == [moved]
    assert at.saved.members == [moved]


def test_another_store_is_accepted_with_an_error_in_the_log_and_a_mark_in_the_status(
    at: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    at.registry.heartbeat(ONE)
    assert [worker.store_changed for worker in at.registry.status()] == [False]
    at.clock.advance(3)
    swapped = replace(ONE, store_id="disk-9")
    at.registry.heartbeat(swapped)
    at.registry.heartbeat(swapped)
    assert at.registry.members() == [swapped]
    assert [worker.store_changed for worker in at.registry.status()] == [True]
    (record,) = caplog.records
    assert (vars(record)["old_store"], vars(record)["new_store"]) == ("disk-1", "disk-9")


def test_another_store_is_noticed_across_a_restart_of_the_controller(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    at.restart()
    at.registry.heartbeat(replace(ONE, store_id="disk-9"))
    assert [worker.store_changed for worker in at.registry.status()] == [True]


def test_a_store_that_becomes_known_is_no_change(at: Setting) -> None:
    at.registry.heartbeat(replace(ONE, store_id=""))
    at.registry.heartbeat(ONE)
    assert [worker.store_changed for worker in at.registry.status()] == [False]


def test_the_status_tells_the_age_of_the_last_heartbeat_and_none_without_one() -> None:
    at = Setting(ONE, TWO)
    at.registry.heartbeat(ONE)
    at.clock.advance(1.5)
    heard, unheard = at.registry.status()
    assert (heard.worker_id, heard.zone, heard.state, heard.silent_seconds) == ("w1", "a", UP, 1.5)
    assert (unheard.worker_id, unheard.state, unheard.silent_seconds) == ("w2", SUSPECT, None)


def test_a_list_that_cannot_be_saved_stops_no_heartbeat_and_is_saved_later(
    at: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    at.saved.broken = True
    at.registry.heartbeat(ONE)
    at.registry.heartbeat(ONE)
    assert at.states() == {"w1": UP}
    assert len(caplog.records) == 1
    at.saved.broken = False
    at.registry.heartbeat(ONE)
    assert at.saved.members == [ONE]


class SlowList(MemoryMemberList):
    """Saving takes until the test lets it end."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.released = threading.Event()

    def save(self, members: list[Member]) -> None:
        self.entered.set()
        assert self.released.wait(10)
        super().save(members)


def test_a_slow_disk_delays_no_other_heartbeat_and_loses_no_change() -> None:
    saved = SlowList()
    registry = MemberRegistry(saved, FakeClock())
    first = threading.Thread(target=registry.heartbeat, args=(ONE,))
    first.start()
    assert saved.entered.wait(10)
    registry.heartbeat(TWO)
    assert [member.worker_id for member in registry.members()] == ["w1", "w2"]
    saved.released.set()
    first.join(10)
    assert [member.worker_id for member in saved.members] == ["w1", "w2"]


def test_many_workers_may_join_at_once(at: Setting) -> None:
    workers = [replace(ONE, worker_id=f"w{number}", url=f"http://w{number}.test:1") for number in range(40)]
    threads = [threading.Thread(target=at.registry.heartbeat, args=(worker,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(at.registry.members()) == 40
    assert len(at.saved.members) == 40
