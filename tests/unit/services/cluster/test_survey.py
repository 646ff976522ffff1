"""Asking the workers themselves."""

from __future__ import annotations

import threading

import pytest

from echofs.core.errors import CatalogUnavailable, StoreUnavailable
from echofs.core.models import ChunkRecord, Member, MemberState
from echofs.services.cluster import ClusterSurvey, MemberView, WorkerAnswer
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeController, MemoryMemberList
from tests.fakes.workers import FakeWorkers

WORKERS = [
    Member("w1", "http://w1.test:8091", "a", store_id="disk-1"),
    Member("w2", "http://w2.test:8091", "b", store_id="disk-2"),
    Member("w3", "http://w3.test:8091", "b", state=MemberState.DOWN, store_id="disk-3"),
]


class TalkingWorkers(FakeWorkers):
    """Each worker says what ``says`` holds for it, or nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.says: dict[str, dict[str, object]] = {}
        self.asked: list[str] = []
        self.meeting: threading.Barrier | None = None

    def health(self, member: Member) -> dict[str, object]:
        self.asked.append(member.worker_id)
        if self.meeting is not None:
            self.meeting.wait(10)
        if member.worker_id not in self.says:
            raise StoreUnavailable(f"{member.url} does not answer.")
        return self.says[member.worker_id]


class Setting:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.catalog = MemoryCatalog(self.clock)
        self.workers = TalkingWorkers()
        self.controller = FakeController(WORKERS)
        self.view = MemberView(self.controller, MemoryMemberList(), self.clock)
        self.view.refresh()
        self.survey = ClusterSurvey(self.catalog, self.workers, self.view, self.clock, wanted=3)


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_each_worker_is_asked_and_quoted(at: Setting) -> None:
    at.workers.says["w1"] = {"status": "ok", "version": "1.2.3", "store_id": "disk-9", "free_bytes": 7}
    assert at.survey.workers()[0] == WorkerAnswer("w1", "a", MemberState.UP, True, "disk-9", "ok", "1.2.3", 7)


def test_a_worker_that_is_up_and_does_not_answer_is_unreachable(at: Setting) -> None:
    answers = at.survey.workers()
    assert answers[1] == WorkerAnswer("w2", "b", MemberState.UP, False, "disk-2")


def test_a_worker_believed_to_be_down_is_asked_too(at: Setting) -> None:
    at.workers.says["w3"] = {"status": "ok"}
    answer = at.survey.workers()[2]
    assert (answer.state, answer.reachable, answer.store_id) == (MemberState.DOWN, True, "disk-3")


@pytest.mark.parametrize("free", [None, "much", [1], 1.5])
def test_nonsense_in_an_account_is_left_out(at: Setting, free: object) -> None:
    at.workers.says["w1"] = {"status": 5, "version": None, "store_id": {}, "free_bytes": free}
    answer = at.survey.workers()[0]
    assert (answer.status, answer.version, answer.store_id, answer.free_bytes) == (None, None, "disk-1", None)


def test_all_workers_are_asked_at_the_same_time(at: Setting) -> None:
    at.workers.meeting = threading.Barrier(len(WORKERS))
    at.survey.workers()
    assert not at.workers.meeting.broken
    assert sorted(at.workers.asked) == ["w1", "w2", "w3"]


def test_answers_are_shared_for_a_second(at: Setting) -> None:
    at.survey.workers()
    at.clock.advance(0.9)
    at.survey.workers()
    assert len(at.workers.asked) == 3
    at.clock.advance(0.1)
    at.survey.workers()
    assert len(at.workers.asked) == 6


def test_a_cluster_without_workers_has_no_answers(at: Setting) -> None:
    view = MemberView(FakeController(), MemoryMemberList(), at.clock)
    assert ClusterSurvey(at.catalog, at.workers, view, at.clock, wanted=3).workers() == ()


def test_the_replicas_owed_are_counted_by_the_catalog(at: Setting) -> None:
    at.catalog.record_chunks([ChunkRecord("ab" * 32, 5, ("w1",), ("w2", "w3"))])
    assert at.survey.replication() == {
        "replication_factor": 3,
        "replicas_owed": 2,
        "workers_known": 3,
        "workers_available": 2,
        "zones": 2,
    }


def test_without_the_catalog_nobody_knows_what_is_owed(at: Setting) -> None:
    at.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        at.survey.replication()
