"""The cluster as a master sees it: the controller's word, its own experience, and neither for ever."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest

from echofs.core.errors import AuthenticationFailed, CatalogUnavailable, StoreUnavailable
from echofs.core.models import Intent, Member, MemberState
from echofs.services.cluster import Call, MemberView
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import AWAY, FakeController, MemoryMemberList

UP, SUSPECT, DOWN = MemberState.UP, MemberState.SUSPECT, MemberState.DOWN
ONE = Member("w1", "http://w1.test:8091", "a", store_id="disk-1", free_bytes=100)
TWO = Member("w2", "http://w2.test:8091", "b")
THREE = Member("w3", "http://w3.test:8091", "b")


class Setting:
    def __init__(self, *saved: Member) -> None:
        self.controller = FakeController([ONE, TWO, THREE])
        self.saved = MemoryMemberList(saved)
        self.clock = FakeClock()
        self.view = MemberView(self.controller, self.saved, self.clock)
        self.returned: list[str] = []
        self.view.on_return = self.returned.append

    def hear(self, *members: Member) -> None:
        """The controller answers with these."""
        self.controller.error = None
        self.controller.list = list(members)
        self.view.refresh()

    def fall_silent(self, seconds: float = 5) -> None:
        """The controller goes away for so long."""
        self.controller.error = AWAY
        self.clock.advance(seconds)
        self.view.refresh()

    def fail(self, worker_id: str) -> None:
        """Requests to the worker fail until its breaker opens."""
        for _ in range(3):
            self.view.observe(worker_id, 0.001, False, Call.STORE)

    def time_out(self) -> None:
        """What a request to a silent worker comes to."""
        self.clock.advance(2)
        raise StoreUnavailable("It does not answer.")

    def states(self) -> list[MemberState]:
        return [member.state for member in self.view.members()]


@pytest.fixture
def at() -> Setting:
    setting = Setting()
    setting.view.refresh()
    return setting


def down(member: Member) -> Member:
    return replace(member, state=DOWN)


def suspect(member: Member) -> Member:
    return replace(member, state=SUSPECT)


def test_a_new_view_knows_nobody() -> None:
    at = Setting()
    assert (at.view.members(), dict(at.view.zones()), at.view.unavailable()) == ([], {}, frozenset())
    assert not at.view.controller_heard


def test_after_a_refresh_it_knows_what_the_controller_knows(at: Setting) -> None:
    assert at.view.members() == [ONE, TWO, THREE]
    assert at.view.zones() == {"w1": "a", "w2": "b", "w3": "b"}
    assert at.view.unavailable() == frozenset()
    assert at.view.controller_heard


def test_members_come_in_order_of_their_ids_whatever_the_controller_does(at: Setting) -> None:
    at.hear(THREE, ONE, TWO)
    assert at.view.members() == [ONE, TWO, THREE]


def test_what_callers_do_with_the_list_changes_nothing(at: Setting) -> None:
    at.view.members().clear()
    assert len(at.view.members()) == 3


def test_zones_are_not_made_anew_for_each_question(at: Setting) -> None:
    assert at.view.zones() is at.view.zones()


def test_workers_down_by_the_controllers_word_are_unavailable_and_suspect_ones_are_not(at: Setting) -> None:
    at.hear(down(ONE), suspect(TWO), THREE)
    assert at.view.unavailable() == {"w1"}
    assert at.states() == [DOWN, SUSPECT, UP]


def test_a_worker_that_fails_here_is_unavailable_and_suspect_though_the_controller_hears_it(at: Setting) -> None:
    at.fail("w2")
    assert at.view.unavailable() == {"w2"}
    assert at.states() == [UP, SUSPECT, UP]
    at.view.refresh()
    assert at.view.unavailable() == {"w2"}
    at.view.observe("w2", 0.01, True, Call.FETCH)
    assert at.view.unavailable() == frozenset()
    assert at.states() == [UP, UP, UP]


def test_own_experience_adds_to_the_controllers_word(at: Setting) -> None:
    at.hear(down(ONE), TWO, THREE)
    at.fail("w3")
    assert at.view.unavailable() == {"w1", "w3"}


def test_success_here_does_not_overrule_the_controller(at: Setting) -> None:
    at.hear(down(ONE), TWO, THREE)
    at.view.observe("w1", 0.01, True, Call.FETCH)
    assert at.view.unavailable() == {"w1"}


def test_the_last_list_stays_while_the_controller_is_away(at: Setting) -> None:
    at.fall_silent(3600)
    assert [member.url for member in at.view.members()] == [ONE.url, TWO.url, THREE.url]
    assert at.view.zones() == {"w1": "a", "w2": "b", "w3": "b"}


def test_a_silent_controllers_verdict_holds_for_five_seconds_and_no_longer(at: Setting) -> None:
    at.hear(down(ONE), TWO, THREE)
    at.fall_silent(4.9)
    assert at.view.unavailable() == {"w1"}
    at.fall_silent(0.1)
    assert at.view.unavailable() == frozenset()
    assert not at.view.controller_heard


def test_without_the_controller_states_are_judged_by_own_experience(at: Setting) -> None:
    at.hear(down(ONE), TWO, THREE)
    at.fall_silent()
    at.fail("w3")
    assert at.states() == [SUSPECT, UP, DOWN]
    assert at.view.unavailable() == {"w3"}


def test_the_controller_is_believed_again_when_it_returns(at: Setting) -> None:
    at.fall_silent()
    at.hear(ONE, down(TWO), THREE)
    assert at.view.unavailable() == {"w2"}


@pytest.mark.parametrize("error", [AWAY, AuthenticationFailed("CLUSTER_SECRET differs.")])
def test_trouble_with_the_controller_is_logged_when_it_begins_and_when_it_ends(
    at: Setting, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    at.controller.error = error  # type: ignore[assignment]
    for _ in range(3):
        at.view.refresh()
    at.controller.error = None
    for _ in range(3):
        at.view.refresh()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_master_that_starts_without_the_controller_works_with_the_saved_list() -> None:
    at = Setting(down(ONE), TWO)
    at.controller.error = AWAY
    at.view.refresh()
    assert at.view.zones() == {"w1": "a", "w2": "b"}
    assert at.view.unavailable() == frozenset()
    assert at.states() == [SUSPECT, SUSPECT]


def test_the_list_is_saved_when_something_lasting_changes_and_only_then(at: Setting) -> None:
    assert at.saved.saves == 1
    at.view.refresh()
    at.hear(replace(ONE, free_bytes=5), down(TWO), THREE)
    assert at.saved.saves == 1
    at.hear(replace(ONE, url="http://moved.test:1"), TWO, THREE)
    assert at.saved.saves == 2
    assert at.saved.members[0].url == "http://moved.test:1"


def test_a_saved_list_that_still_holds_is_not_saved_again() -> None:
    at = Setting(ONE, TWO, THREE)
    at.view.refresh()
    assert at.saved.saves == 0


def test_a_list_that_cannot_be_saved_is_logged_once_and_saved_later(caplog: pytest.LogCaptureFixture) -> None:
    at = Setting()
    at.saved.broken = True
    at.view.refresh()
    at.view.refresh()
    assert len(at.view.members()) == 3
    assert len(caplog.records) == 1
    at.saved.broken = False
    at.view.refresh()
    assert at.saved.saves == 1


def test_workers_the_controller_forgot_stay_known_as_suspect(at: Setting) -> None:
    at.hear(TWO)
    assert at.view.zones() == {"w1": "a", "w2": "b", "w3": "b"}
    assert at.states() == [SUSPECT, UP, SUSPECT]
    assert at.view.unavailable() == frozenset()


@pytest.mark.parametrize("state", [DOWN, SUSPECT])
def test_a_return_is_announced_once(at: Setting, state: MemberState) -> None:
    at.hear(replace(ONE, state=state), TWO, THREE)
    assert at.returned == []
    at.hear(ONE, TWO, THREE)
    at.hear(ONE, TWO, THREE)
    assert at.returned == ["w1"]


def test_workers_that_join_or_only_fade_are_no_returns(at: Setting) -> None:
    at.hear(ONE, TWO, THREE, Member("w4", "http://w4.test:1", "c"))
    at.hear(down(ONE), TWO, THREE)
    at.hear(suspect(ONE), TWO, THREE)
    assert at.returned == []


def test_what_was_held_against_a_worker_is_forgotten_when_it_returns(at: Setting) -> None:
    for _ in range(4):
        at.fail("w1")
        at.clock.advance(10)
        at.hear(down(ONE), TWO, THREE)
    at.fail("w1")
    at.hear(ONE, TWO, THREE)
    assert at.view.unavailable() == frozenset()


def test_a_return_that_could_not_be_acted_upon_is_announced_again(
    at: Setting, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[str] = []

    def fail_twice(worker_id: str) -> None:
        attempts.append(worker_id)
        if len(attempts) <= 2:
            raise CatalogUnavailable("The catalog does not answer.")

    at.view.on_return = fail_twice
    at.hear(down(ONE), TWO, THREE)
    at.hear(ONE, TWO, THREE)
    at.fall_silent(1)
    at.view.refresh()
    at.view.refresh()
    assert attempts == ["w1", "w1", "w1"]
    assert sum("return not acted upon" in record.message for record in caplog.records) == 1


def test_questions_are_answered_while_a_refresh_waits_for_the_controller() -> None:
    entered, released = threading.Event(), threading.Event()

    class SlowController(FakeController):
        def members(self) -> list[Member]:
            entered.set()
            assert released.wait(10)
            return super().members()

    view = MemberView(SlowController([ONE]), MemoryMemberList([ONE]), FakeClock())
    refreshing = threading.Thread(target=view.refresh)
    refreshing.start()
    assert entered.wait(10)
    assert [member.worker_id for member in view.members()] == ["w1"]
    view.observe("w1", 1.0, False, Call.STORE)
    assert view.unavailable() == {"w1"}
    released.set()
    refreshing.join(10)
    assert view.controller_heard


# --- what the operator wants ---------------------------------------------------------------------------------------


def gone(member: Member) -> Member:
    return replace(member, state=MemberState.GONE, intent=Intent.GONE)


def draining(member: Member) -> Member:
    return replace(member, state=MemberState.DRAINING, intent=Intent.DRAINING)


def test_a_removed_worker_is_in_no_list_and_no_zone(at: Setting) -> None:
    at.hear(gone(ONE), TWO, THREE)
    assert at.view.members() == [TWO, THREE]
    assert at.view.zones() == {"w2": "b", "w3": "b"}
    assert at.view.gone() == {"w1"}


def test_a_removed_worker_stays_removed_while_the_controller_is_away_and_across_restarts(at: Setting) -> None:
    at.hear(gone(ONE), TWO, THREE)
    at.fall_silent(3600)
    assert at.view.gone() == {"w1"}
    restarted = MemberView(at.controller, at.saved, at.clock)
    restarted.refresh()
    assert restarted.gone() == {"w1"}
    assert [member.worker_id for member in restarted.members()] == ["w2", "w3"]


def test_a_removed_worker_can_be_taken_back(at: Setting) -> None:
    at.hear(gone(ONE), TWO, THREE)
    at.hear(ONE, TWO, THREE)
    assert at.view.members() == [ONE, TWO, THREE]
    assert at.returned == ["w1"]


def test_new_chunks_are_for_workers_that_are_up_and_not_drained(at: Setting) -> None:
    at.hear(draining(ONE), TWO, replace(THREE, state=MemberState.JOINING))
    assert at.view.takers() == {"w2", "w3"}
    assert at.view.unavailable() == frozenset()
    at.fail("w2")
    assert at.view.takers() == {"w3"}
    at.hear(draining(ONE), TWO, replace(THREE, weight=0.0))
    assert at.view.takers() == frozenset()


def test_a_draining_worker_that_fails_here_is_suspect_and_still_drained(at: Setting) -> None:
    at.hear(draining(ONE), TWO, THREE)
    at.fail("w1")
    failing = at.view.members()[0]
    assert (failing.state, failing.intent) == (SUSPECT, Intent.DRAINING)


# --- what requests teach -------------------------------------------------------------------------------------------


def test_requests_turn_to_slow_workers_last_though_they_are_available(at: Setting) -> None:
    for worker_id, seconds in (("w1", 0.01), ("w2", 0.01), ("w3", 0.5)):
        for _ in range(30):
            at.view.observe(worker_id, seconds, True, Call.STORE)
    assert at.view.avoided(Call.STORE) == {"w3"}
    assert at.view.unavailable() == frozenset()
    at.hear(down(ONE), TWO, THREE)
    assert at.view.avoided(Call.STORE) == {"w1", "w3"}


def test_a_request_is_timed_and_observed_whatever_becomes_of_it(at: Setting) -> None:
    with at.view.asking("w1", Call.FETCH):
        at.clock.advance(0.25)
    with pytest.raises(StoreUnavailable), at.view.asking("w2", Call.FETCH):
        at.time_out()
    assert at.view.unavailable() == {"w2"}
    assert at.view.links.reports()[0].p50 == pytest.approx(0.25, rel=0.05)


def test_a_worker_whose_answer_is_overdue_is_avoided(at: Setting) -> None:
    assert at.view.overdue("w1", at.view.overdue_after("w1", Call.STORE), Call.STORE)
    assert at.view.avoided(Call.FETCH) == {"w1"}


def test_a_second_worker_is_asked_as_soon_as_the_first_takes_unusually_long(at: Setting) -> None:
    assert at.view.hedge_after("w1") == 1.0
    for _ in range(100):
        at.view.observe("w1", 0.1, True, Call.FETCH)
        at.view.observe("w2", 0.001, True, Call.FETCH)
        at.view.observe("w3", 9.0, True, Call.FETCH)
    assert at.view.hedge_after("w1") == pytest.approx(0.1, rel=0.05)
    assert (at.view.hedge_after("w2"), at.view.hedge_after("w3")) == (0.02, 1.0)
