"""The controller's list: who is up, what a restart remembers, and who is turned away."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest

from echofs.core.errors import Conflict, InvalidRequest, NotFound, Unavailable
from echofs.core.models import Intent, Member, MemberState
from echofs.services.cluster import MemberRegistry
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import MemoryMemberList

JOINING, UP, SUSPECT, DOWN = MemberState.JOINING, MemberState.UP, MemberState.SUSPECT, MemberState.DOWN
DRAINING, GONE = MemberState.DRAINING, MemberState.GONE
ONE = Member("w1", "http://w1.test:8091", "a", 1.0, store_id="disk-1", free_bytes=100)
TWO = Member("w2", "http://w2.test:8091", "b", 1.0, store_id="disk-2")


class Setting:
    def __init__(self, *saved: Member) -> None:
        self.saved = MemoryMemberList(saved)
        self.clock = FakeClock()
        self.registry = MemberRegistry(self.saved, self.clock)

    def settle(self, *members: Member) -> None:
        """The workers have been heard twice and so have joined."""
        for _ in range(2):
            for member in members:
                self.registry.heartbeat(member)

    def states(self) -> dict[str, MemberState]:
        return {member.worker_id: member.state for member in self.registry.members()}

    def restart(self) -> None:
        self.registry = MemberRegistry(self.saved, self.clock)


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_the_first_heartbeat_registers_a_worker_and_the_second_makes_it_a_full_member(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    assert at.registry.members() == [replace(ONE, state=JOINING)]
    at.clock.advance(1)
    at.registry.heartbeat(ONE)
    assert at.registry.members() == [ONE]


def test_members_come_in_order_of_their_ids(at: Setting) -> None:
    at.registry.heartbeat(TWO)
    at.registry.heartbeat(ONE)
    assert [member.worker_id for member in at.registry.members()] == ["w1", "w2"]


def test_silence_makes_a_worker_suspect_and_then_down_and_a_heartbeat_up_again(at: Setting) -> None:
    at.settle(ONE)
    seen = []
    for seconds in (4.1, 0.2, 0.8, 0.2):
        at.clock.advance(seconds)
        seen.append(at.states()["w1"])
    assert seen == [UP, SUSPECT, SUSPECT, DOWN]
    at.registry.heartbeat(ONE)
    assert at.states() == {"w1": UP}


def test_a_jump_of_the_wall_clock_changes_no_state(at: Setting) -> None:
    at.settle(ONE)
    at.clock.jump(86400)
    assert at.states() == {"w1": UP}


def test_the_state_and_intent_a_worker_claims_for_itself_count_for_nothing(at: Setting) -> None:
    at.settle(replace(ONE, state=DOWN, intent=Intent.GONE))
    assert at.states() == {"w1": UP}


def test_a_worker_that_leaves_is_down_at_once_and_up_when_it_reports_again(at: Setting) -> None:
    at.settle(ONE)
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
    at.settle(ONE)
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
    at.settle(ONE)
    at.clock.advance(2)
    with pytest.raises(Conflict):
        at.registry.heartbeat(replace(ONE, url="http://other.test:8091"))
    at.clock.advance(2.5)
    assert at.states() == {"w1": SUSPECT}


@pytest.mark.parametrize("silent", [True, False])
def test_a_worker_may_move_once_the_old_one_is_silent_or_has_left(at: Setting, silent: bool) -> None:
    at.registry.heartbeat(ONE)
    if silent:
        at.clock.advance(4.5)
    else:
        at.registry.leave("w1")
    moved = replace(ONE, url="http://other.test:8091")
    at.settle(moved)
    assert at.registry.members() == [moved]
    assert at.saved.members == [moved]


def test_another_store_is_accepted_with_an_error_in_the_log_and_a_mark_in_the_status(
    at: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    at.registry.heartbeat(ONE)
    assert [worker.store_changed for worker in at.registry.status()] == [False]
    at.clock.advance(4.5)
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
    assert heard.phi == pytest.approx(0.6, abs=0.1)
    assert (unheard.worker_id, unheard.state, unheard.silent_seconds, unheard.phi) == ("w2", SUSPECT, None, None)


def test_a_list_that_cannot_be_saved_stops_no_heartbeat_and_is_saved_later(
    at: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    at.saved.broken = True
    at.settle(ONE)
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


# --- how regular a worker was decides how soon its silence is one -------------------------------------------------


def test_an_irregular_worker_is_given_more_time_than_a_regular_one(at: Setting) -> None:
    at.settle(ONE, TWO)
    for _ in range(20):
        at.clock.advance(1)
        at.registry.heartbeat(ONE)
        at.clock.advance(1)
        at.registry.heartbeat(ONE)
        at.registry.heartbeat(TWO)
    at.clock.advance(6)
    assert at.states() == {"w1": DOWN, "w2": UP}


def test_however_irregular_nobody_is_up_after_fifteen_seconds_of_silence(at: Setting) -> None:
    at.settle(ONE)
    for seconds in range(2, 15):
        for _ in range(120):
            at.clock.advance(seconds)
            at.registry.heartbeat(ONE)
    at.clock.advance(14.9)
    assert at.states() == {"w1": UP}
    at.clock.advance(0.1)
    assert at.states() == {"w1": DOWN}


def test_an_outage_is_no_part_of_a_workers_rhythm(at: Setting) -> None:
    at.settle(ONE)
    for _ in range(3):
        at.clock.advance(100)
        at.registry.heartbeat(ONE)
    at.clock.advance(5.5)
    assert at.states() == {"w1": DOWN}


# --- what the operator wants ---------------------------------------------------------------------------------------


def test_a_drained_worker_is_draining_whatever_it_says_of_itself_and_can_be_taken_back(at: Setting) -> None:
    at.settle(ONE)
    at.registry.set_intent("w1", Intent.DRAINING)
    at.registry.heartbeat(ONE)
    assert at.registry.members() == [replace(ONE, state=DRAINING, intent=Intent.DRAINING)]
    at.registry.set_intent("w1", Intent.UP)
    assert at.registry.members() == [ONE]


def test_a_draining_worker_that_falls_silent_is_down_and_still_to_be_drained(at: Setting) -> None:
    at.settle(ONE)
    at.registry.set_intent("w1", Intent.DRAINING)
    at.clock.advance(10)
    assert [(member.state, member.intent) for member in at.registry.members()] == [(DOWN, Intent.DRAINING)]


@pytest.mark.parametrize("intent", Intent)
def test_what_the_operator_wants_outlives_the_controller(at: Setting, intent: Intent) -> None:
    at.settle(ONE)
    at.registry.set_intent("w1", Intent.DRAINING)
    at.registry.set_intent("w1", intent)
    at.restart()
    assert [member.intent for member in at.registry.members()] == [intent]


def test_saying_the_same_again_saves_nothing(at: Setting) -> None:
    at.settle(ONE)
    at.registry.set_intent("w1", Intent.DRAINING)
    saves = at.saved.saves
    at.registry.set_intent("w1", Intent.DRAINING)
    assert at.saved.saves == saves


def test_a_worker_that_serves_is_not_removed_before_it_is_drained(at: Setting) -> None:
    at.settle(ONE)
    with pytest.raises(Conflict, match="drain it first"):
        at.registry.set_intent("w1", Intent.GONE)
    at.registry.set_intent("w1", Intent.DRAINING)
    at.registry.set_intent("w1", Intent.GONE)
    assert at.states() == {"w1": GONE}


def test_a_worker_a_new_controller_has_not_heard_yet_is_not_removed_undrained(at: Setting) -> None:
    at.settle(ONE)
    at.restart()
    with pytest.raises(Conflict):
        at.registry.set_intent("w1", Intent.GONE)


def test_a_dead_worker_is_removed_at_once_and_turned_away_until_it_is_taken_back(at: Setting) -> None:
    at.settle(ONE)
    at.clock.advance(20)
    at.registry.set_intent("w1", Intent.GONE)
    with pytest.raises(Conflict, match="echofs admin workers undrain w1"):
        at.registry.heartbeat(ONE)
    assert at.states() == {"w1": GONE}
    at.registry.set_intent("w1", Intent.UP)
    at.registry.heartbeat(ONE)
    assert at.states() == {"w1": UP}


def test_there_is_nothing_to_want_of_a_stranger(at: Setting) -> None:
    with pytest.raises(NotFound):
        at.registry.set_intent("w9", Intent.DRAINING)


def test_an_operator_is_told_when_the_order_cannot_be_kept(at: Setting) -> None:
    at.settle(ONE)
    at.saved.broken = True
    with pytest.raises(Unavailable, match="cannot be saved"):
        at.registry.set_intent("w1", Intent.DRAINING)
    assert at.states() == {"w1": DRAINING}
