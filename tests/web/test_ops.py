"""Health and the workers' own account, as HTTP."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from flask import Flask

from echofs.core.errors import StoreUnavailable
from echofs.core.models import ChunkRecord, Member, MemberState
from echofs.services.cluster import ClusterSurvey, MemberView
from echofs.services.health import HealthReport, Status
from echofs.web.access import ACCESS, Access
from echofs.web.errors import install_errors
from echofs.web.ops import cluster_blueprint, ops_blueprint
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import FakeController, MemoryMemberList
from tests.fakes.workers import FakeWorkers

DETAILS = {"workers_known": 3, "workers_up": 2}


def health_app(status: Status, reasons: tuple[str, ...] = (), *, api: bool = False) -> Flask:
    app = Flask("ops", static_folder=None)
    install_errors(app)
    report = HealthReport(status, "master", "1.2.3", reasons, DETAILS)
    app.register_blueprint(ops_blueprint(lambda: report, api=api))
    return app


@pytest.mark.parametrize(("status", "code"), [(Status.OK, 200), (Status.DEGRADED, 200), (Status.UNAVAILABLE, 503)])
def test_health_is_200_as_long_as_requests_are_welcome(status: Status, code: int) -> None:
    response = health_app(status, ("Two things are amiss.", "This is one.")).test_client().get("/health")
    assert response.status_code == code
    body = response.get_json()
    assert body["message"] == "Two things are amiss. This is one."
    assert body["data"] == {
        "status": status.value,
        "role": "master",
        "version": "1.2.3",
        "reasons": ["Two things are amiss.", "This is one."],
        "details": DETAILS,
    }


def test_who_is_unavailable_says_when_to_ask_again() -> None:
    assert health_app(Status.UNAVAILABLE).test_client().get("/health").headers["Retry-After"] == "1"
    assert "Retry-After" not in health_app(Status.OK).test_client().get("/health").headers


def test_health_is_never_answered_from_a_cache() -> None:
    assert health_app(Status.OK).test_client().get("/health").headers["Cache-Control"] == "no-store"


def test_masters_answer_it_under_the_public_api_too() -> None:
    assert health_app(Status.OK, api=True).test_client().get("/api/v1/health").get_json()["data"]["status"] == "ok"
    assert health_app(Status.OK).test_client().get("/api/v1/health").status_code == 404


WORKERS = [
    Member("w1", "http://w1.test:8091", "a", store_id="disk-1"),
    Member("w2", "http://w2.test:8091", "b", state=MemberState.DOWN, store_id="disk-2"),
]


class OneTalks(FakeWorkers):
    def health(self, member: Member) -> dict[str, object]:
        if member.worker_id != "w1":
            raise StoreUnavailable(f"{member.url} does not answer.")
        return {"status": "ok", "version": "1.2.3", "store_id": "disk-1", "free_bytes": 5}


@pytest.fixture
def catalog() -> MemoryCatalog:
    return MemoryCatalog(FakeClock())


@pytest.fixture
def app(catalog: MemoryCatalog) -> Flask:
    clock = FakeClock()
    view = MemberView(FakeController(WORKERS), MemoryMemberList(), clock)
    view.refresh()
    app = Flask("cluster", static_folder=None)
    install_errors(app)
    app.register_blueprint(cluster_blueprint(ClusterSurvey(catalog, OneTalks(), view, clock, wanted=3)))
    return app


def test_the_workers_answer_for_themselves_and_their_addresses_stay_hidden(app: Flask) -> None:
    response = app.test_client().get("/api/v1/workers/health")
    nothing: Mapping[str, None] = {"status": None, "version": None, "free_bytes": None}
    assert response.get_json()["data"] == {
        "reachable": 1,
        "workers": [
            {
                "worker_id": "w1",
                "zone": "a",
                "state": "up",
                "reachable": True,
                "status": "ok",
                "version": "1.2.3",
                "free_bytes": 5,
                "store_id": "disk-1",
            },
            {"worker_id": "w2", "zone": "b", "state": "down", "reachable": False, "store_id": "disk-2", **nothing},
        ],
    }
    assert b"http" not in response.data


def test_replication_is_told_as_the_catalog_has_it(app: Flask, catalog: MemoryCatalog) -> None:
    catalog.record_chunks([ChunkRecord("ab" * 32, 5, ("w1",), ("w2",))])
    data = app.test_client().get("/api/v1/replication/stats").get_json()["data"]
    assert (data["replicas_owed"], data["replication_factor"], data["workers_available"]) == (1, 3, 1)


def test_replication_without_the_catalog_is_unavailable(app: Flask, catalog: MemoryCatalog) -> None:
    catalog.down = True
    assert app.test_client().get("/api/v1/replication/stats").status_code == 503


def test_health_is_public_and_the_workers_account_is_for_users(app: Flask) -> None:
    assert ACCESS["ops.health"] is ACCESS["ops.api_health"] is Access.PUBLIC
    assert ACCESS["cluster.workers_health"] is ACCESS["cluster.replication_stats"] is Access.USER
