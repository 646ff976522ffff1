"""Workers, replication and decisions as administrators see them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from werkzeug.test import TestResponse

from echofs.core.errors import Conflict, NotFound
from echofs.core.jobs_report import JobsReport, SweepPass
from echofs.core.models import ChunkRecord, Intent, Member
from echofs.services.cluster import MemberView
from echofs.services.health import HealthReport, Status
from echofs.services.overseeing import Overseeing, Room
from echofs.web.admin_cluster import admin_cluster_blueprint
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.cluster import AWAY, FakeController, MemoryMemberList
from tests.unit.services.controllers import Host
from tests.web.conftest import PASSWORD, Site

PREFIX = "/api/v1/admin"
WORKERS = [
    Member("w1", "http://w1.test:8091", "a", 2.0, store_id="disk-1", free_bytes=1 << 40),
    Member("w2", "http://w2.test:8091", "b"),
]


class Cluster:
    """Two workers and a controller behind a site, with the routes about them."""

    def __init__(self, site: Site) -> None:
        self.catalog = MemoryCatalog(site.clock)
        self.controller = FakeController(WORKERS)
        self.host = Host()
        view = MemberView(self.controller, MemoryMemberList(), site.clock)
        view.refresh()
        details = {"catalog": "ok", "controller": "ok", "can_write": True}
        overseeing = Overseeing(
            self.catalog,
            view,
            self.controller,
            lambda: HealthReport(Status.OK, "master", "1", (), details),
            Room(1000, lambda: math.nan),
            site.auditing,
            site.clock,
            wanted=3,
        )
        site.app.register_blueprint(admin_cluster_blueprint(overseeing, self.host.controller))


class Master(Cluster):
    """A site where alice is an ordinary user, with a cluster behind it."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self._site = site
        site.accounts.create_admin("root-admin", "root@example.org", PASSWORD)
        self._tokens = {name: site.login(name)["access_token"] for name in ("alice", "root-admin")}

    def ask(self, method: str, path: str, body: Any = None, *, user: str = "root-admin") -> TestResponse:
        proof = {"Authorization": f"Bearer {self._tokens[user]}"}
        return self._site.client.open(PREFIX + path, method=method, json=body, headers=proof)

    def data(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.get_json()["data"]


@pytest.fixture
def master(site: Site) -> Master:
    return Master(site)


def test_workers_are_shown_with_what_they_owe(master: Master) -> None:
    master.catalog.record_chunks([ChunkRecord("a" * 64, 1, ("w1",), ("w2",))])
    one, two = master.data("/workers")["workers"]
    assert one == {
        "worker_id": "w1",
        "state": "up",
        "intent": "up",
        "zone": "a",
        "weight": 2.0,
        "url": "http://w1.test:8091",
        "free_bytes": 1 << 40,
        "store_id": "disk-1",
        "store_ms": {"p50": None, "p95": None},
        "fetch_ms": {"p50": None, "p95": None},
        "breaker": "closed",
        "owed": 0,
    }
    assert (two["free_bytes"], two["owed"]) == (None, 1)


def test_replication_is_shown_with_the_jobs_and_alarms(master: Master) -> None:
    master.catalog.record_chunks([ChunkRecord("a" * 64, 1, ("w1",), ("w2",))])
    master.controller.jobs_told = (JobsReport("j1", SweepPass(7, 1, 0), SweepPass(9, 0, 0), 1_577_836_800_000_000), 2.5)
    data = master.data("/replication")
    (reason,) = data["owed_by_reason"]
    assert data == {
        "replication_factor": 3,
        "replicas_owed": 1,
        "owed_by_worker": {"w2": 1},
        "owed_by_reason": {reason: 1},
        "sweep": {
            "under_way": {"chunks": 7, "owed": 1, "few": 0},
            "last": {"chunks": 9, "owed": 0, "few": 0},
            "ended_at": "2020-01-01T00:00:00.000000Z",
        },
        "jobs": {"holder": "", "reported_seconds_ago": 2.5},
        "alarms": [
            {
                "severity": "critical",
                "text": "No jobs process is at work, so nothing is repaired: start `echofs jobs`.",
            }
        ],
    }


def test_an_order_reaches_the_controller(master: Master) -> None:
    answer = master.ask("POST", "/workers/w1", {"intent": "draining"})
    assert (answer.status_code, answer.get_json()["data"]) == (200, {"worker_id": "w1", "intent": "draining"})
    assert master.controller.intents == {"w1": Intent.DRAINING}


@pytest.mark.parametrize(
    ("error", "status"), [(AWAY, 503), (NotFound("There is no worker."), 404), (Conflict("Drain it first."), 409)]
)
def test_what_the_controller_refuses_is_refused(master: Master, error: Any, status: int) -> None:
    master.controller.error = error
    assert master.ask("POST", "/workers/w1", {"intent": "gone"}).status_code == status


@pytest.mark.parametrize("body", [{"intent": "dead"}, {"intent": None}, {}, {"intent": "up", "state": "up"}])
def test_an_order_that_makes_no_sense_goes_nowhere(master: Master, body: dict[str, object]) -> None:
    assert master.ask("POST", "/workers/w1", body).status_code == 400
    assert master.controller.intents == {}


def test_decisions_are_paged(master: Master) -> None:
    master.host.live(1)
    master.host.order("available")
    first = master.data("/consistency/history?limit=1")
    assert first["next"] != ""
    rest = master.data(f"/consistency/history?after={first['next']}")["decisions"]
    assert {entry["kind"] for entry in (*first["decisions"], *rest)} == {"decision", "override"}
    assert master.ask("GET", "/consistency/history?after=x").status_code == 400


@pytest.mark.parametrize("path", ["/workers", "/replication", "/consistency/history"])
def test_ordinary_users_see_none_of_it(master: Master, path: str) -> None:
    assert master.ask("GET", path, user="alice").status_code == 403
    assert master.ask("POST", "/workers/w1", {"intent": "gone"}, user="alice").status_code == 403
    assert master.controller.intents == {}
