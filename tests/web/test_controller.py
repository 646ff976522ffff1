"""The controller's routes, and the client that calls them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from echofs.adapters.call_tokens import SharedSecretSigner
from echofs.adapters.controller_http import HttpController
from echofs.adapters.http_answers import Answer
from echofs.core.errors import AuthenticationFailed, Conflict, InvalidRequest, NotFound, Unavailable
from echofs.core.jobs_report import JobsReport, SweepPass
from echofs.core.membership import CONTROLLER, encode
from echofs.core.models import Intent, Member, MemberState
from echofs.services.accounts import Principal
from echofs.services.cluster import JobsBoard, MemberRegistry
from echofs.web.access import ACCESS, install_access
from echofs.web.controller import controller_blueprint
from echofs.web.errors import install_errors
from tests.fakes.clock import FakeClock
from tests.fakes.cluster import AppPool, MemoryMemberList

SECRET = "a cluster secret of thirty-two bytes"
URL = "http://controller.test:8082"
ONE = Member("w1", "http://w1.test:8091", "a", 2.0, store_id="disk-1", free_bytes=1 << 40)
TWO = Member("w2", "http://w2.test:8091", "b")


def _no_users(token: str) -> Principal:
    raise AuthenticationFailed("There are no users here.")


class Setting:
    """A controller and a worker's way to it, without a socket between them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.signer = SharedSecretSigner(SECRET, self.clock)
        self.registry = MemberRegistry(MemoryMemberList(), self.clock)
        self.app = Flask("controller", static_folder=None)
        install_errors(self.app)
        install_access(self.app, authenticate=_no_users, verify_call=self._verify)
        self.app.register_blueprint(
            controller_blueprint(self.registry, JobsBoard(self.clock), lambda: {"policy": "slo"})
        )
        self.pool = AppPool(self.app)
        self.controller = HttpController(self.pool, URL, self.signer)
        self.client = self.app.test_client()

    def _verify(self, token: str, method: str, path: str) -> None:
        self.signer.verify(token, CONTROLLER, method, path)

    def post(self, path: str, body: bytes) -> Any:
        headers = {"Authorization": f"Bearer {self.signer.sign(CONTROLLER, 'POST', path)}"}
        return self.client.post(path, data=body, headers=headers)


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_a_worker_joins_and_masters_see_it(at: Setting) -> None:
    for _ in range(2):
        at.controller.heartbeat(ONE)
        at.controller.heartbeat(TWO)
    assert at.controller.members() == [ONE, TWO]
    assert at.pool.calls[0] == (URL, "POST", "/internal/v1/heartbeat")


def test_a_worker_leaves(at: Setting) -> None:
    at.controller.heartbeat(ONE)
    at.controller.leave("w1")
    at.controller.leave("w1")
    assert [member.state for member in at.controller.members()] == [MemberState.DOWN]


def test_the_jobs_leave_word_and_masters_read_it(at: Setting) -> None:
    assert at.controller.jobs() is None
    report = JobsReport("j1", SweepPass(5, 1, 0), None, None)
    at.controller.tell_jobs(JobsReport("j0"))
    at.controller.tell_jobs(report)
    at.clock.advance(7)
    assert at.controller.jobs() == (report, 7.0)
    assert at.post("/internal/v1/jobs", b'{"holder": 7}').status_code == 400


@pytest.mark.parametrize("body", [b'{"data": []}', b'{"data": {"report": {}}}', b'{"data": {"report": 7}}'])
def test_an_answer_about_the_jobs_that_makes_no_sense_is_none(at: Setting, body: bytes) -> None:
    at.pool.answer = Answer(200, body)
    with pytest.raises(Unavailable, match="makes no sense"):
        at.controller.jobs()


def test_an_operator_drains_a_worker_and_masters_see_it(at: Setting) -> None:
    at.controller.heartbeat(ONE)
    at.controller.set_intent("w1", Intent.DRAINING)
    at.controller.heartbeat(ONE)
    assert at.controller.members() == [replace(ONE, state=MemberState.DRAINING, intent=Intent.DRAINING)]


def test_orders_that_cannot_be_followed_come_back_as_the_errors_they_were(at: Setting) -> None:
    at.controller.heartbeat(ONE)
    with pytest.raises(NotFound, match="w9"):
        at.controller.set_intent("w9", Intent.GONE)
    with pytest.raises(Conflict, match="drain it first"):
        at.controller.set_intent("w1", Intent.GONE)
    response = at.post("/internal/v1/workers/w1", b'{"intent": "away"}')
    assert (response.status_code, response.get_json()["error"]["field"]) == (400, "intent")


def test_refusals_come_back_as_the_errors_they_were(at: Setting) -> None:
    at.controller.heartbeat(ONE)
    with pytest.raises(Conflict, match="w1"):
        at.controller.heartbeat(Member("w1", "http://other.test:8091", "a"))
    with pytest.raises(InvalidRequest, match="WORKER_URL"):
        at.controller.heartbeat(Member("w3", "http://169.254.169.254", "a"))


def test_another_secret_is_refused_with_the_variable_to_look_at(at: Setting) -> None:
    stranger = HttpController(at.pool, URL, SharedSecretSigner("quite another secret, as long as it", at.clock))
    with pytest.raises(AuthenticationFailed, match="CLUSTER_SECRET"):
        stranger.members()


def test_a_controller_that_does_not_answer_is_unavailable(at: Setting) -> None:
    at.pool.down = True
    with pytest.raises(Unavailable, match="connection refused"):
        at.controller.heartbeat(ONE)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>"),
        Answer(200, b"\xff"),
        Answer(200, b"[]"),
        Answer(200, b'{"data": null}'),
        Answer(200, b'{"data": {}}'),
        Answer(200, b'{"data": {"members": null}}'),
        Answer(200, b'{"data": {"members": [5]}}'),
        Answer(200, b'{"data": {"members": [{"worker_id": 5}]}}'),
        Answer(502, b"bad gateway"),
        Answer(503, b'{"success": false, "message": "not now"}'),
        Answer(418, b"{}"),
    ],
)
def test_an_answer_that_makes_no_sense_is_unavailable(at: Setting, answer: Answer) -> None:
    at.pool.answer = answer
    with pytest.raises(Unavailable):
        at.controller.members()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/internal/v1/heartbeat"),
        ("POST", "/internal/v1/leave"),
        ("GET", "/internal/v1/members"),
        ("POST", "/internal/v1/workers/w1"),
    ],
)
def test_internal_routes_are_closed_to_strangers(at: Setting, method: str, path: str) -> None:
    at.registry.heartbeat(ONE)
    for audience, signed_path in (("w1", path), (CONTROLLER, "/internal/v1/other"), (CONTROLLER, "/status")):
        token = at.signer.sign(audience, method, signed_path)
        response = at.client.open(path, method=method, headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 401
        assert b"w1" not in response.data
    assert at.client.open(path, method=method).status_code == 401


@pytest.mark.parametrize("path", ["/internal/v1/heartbeat", "/internal/v1/leave", "/internal/v1/workers/w1"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"w1"', b"\xff\xfe", b"{}", b'{"worker_id": 5}', b'{"worker_id": null}']
)
def test_a_body_that_makes_no_sense_is_the_callers_fault(at: Setting, path: str, body: bytes) -> None:
    response = at.post(path, body)
    assert response.status_code == 400
    assert response.get_json()["message"]
    assert at.registry.members() == []


def test_a_body_cut_short_registers_nothing(at: Setting) -> None:
    whole = json.dumps(encode(ONE)).encode()
    for length in range(0, len(whole), 10):
        assert at.post("/internal/v1/heartbeat", whole[:length]).status_code == 400
    assert at.registry.members() == []
    assert at.post("/internal/v1/heartbeat", whole).status_code == 200


def test_a_body_far_longer_than_any_heartbeat_is_not_read(at: Setting) -> None:
    body = json.dumps({**encode(ONE), "padding": "x" * 10_000}).encode()
    assert at.post("/internal/v1/heartbeat", body).status_code == 413


def test_a_body_nested_without_end_is_the_callers_fault(at: Setting) -> None:
    assert at.post("/internal/v1/heartbeat", b"[" * 8000).status_code == 400
    assert at.post("/internal/v1/heartbeat", b'{"a":' * 1600).status_code == 400


def test_anybody_may_see_who_is_up_and_not_where(at: Setting) -> None:
    at.registry.heartbeat(ONE)
    at.registry.heartbeat(ONE)
    at.clock.advance(4.33456)
    response = at.client.get("/status")
    assert response.status_code == 200
    assert response.get_json()["data"] == {
        "workers": [
            {
                "worker_id": "w1",
                "zone": "a",
                "state": "suspect",
                "last_heartbeat_seconds": 4.335,
                "phi": 5.359,
                "store_changed": False,
            }
        ],
        "consistency": {"policy": "slo"},
    }
    assert b"http" not in response.data
    assert b"disk" not in response.data


def test_every_route_has_its_entry_in_the_table_of_access(at: Setting) -> None:
    assert {rule.endpoint for rule in at.app.url_map.iter_rules()} <= ACCESS.keys()
