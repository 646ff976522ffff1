"""The controller's routes for decisions, and the clients that call them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask

from echofs.adapters.call_tokens import SharedSecretSigner
from echofs.adapters.controller_http import HttpController
from echofs.adapters.http_answers import Answer
from echofs.adapters.steering_http import HttpSteering
from echofs.core.advice import CatalogReport, OpClass, Report
from echofs.core.errors import AuthenticationFailed, Conflict, InvalidRequest, NotFound, Unavailable
from echofs.core.faults import Fault, FaultKind
from echofs.core.membership import CONTROLLER
from echofs.core.models import Level
from echofs.core.orders import parse_hint, parse_override
from echofs.core.report_json import encode_report
from echofs.services.accounts import Principal
from echofs.web.access import ACCESS, Access, install_access
from echofs.web.errors import install_errors
from echofs.web.steering import steering_blueprint
from tests.fakes.cluster import AppPool
from tests.unit.services.controllers import FILE, HERE, Host

SECRET = "a cluster secret of thirty-two bytes"
ORDER = {"level": "available", "seconds": 60, "author": "root", "reason": "a test"}


def _no_users(token: str) -> Principal:
    raise AuthenticationFailed("There are no users here.")


class Setting:
    """A controller and a master's way to it, without a socket between them."""

    def __init__(self) -> None:
        self.host = Host()
        self.signer = SharedSecretSigner(SECRET, self.host.clock)
        self.app = Flask("controller", static_folder=None)
        install_errors(self.app)
        install_access(self.app, authenticate=_no_users, verify_call=self._verify)
        self.app.register_blueprint(steering_blueprint(self.host.controller))
        self.pool = AppPool(self.app)
        self.controller = HttpController(self.pool, "http://controller.test:8082", self.signer)
        self.steering = HttpSteering(self.controller)

    def _verify(self, token: str, method: str, path: str) -> None:
        self.signer.verify(token, CONTROLLER, method, path)

    def send(self, method: str, path: str, body: object) -> Any:
        headers = {"Authorization": f"Bearer {self.signer.sign(CONTROLLER, method, path)}"}
        return self.app.test_client().open(path, method=method, data=json.dumps(body), headers=headers)


@pytest.fixture
def at() -> Setting:
    return Setting()


def test_a_master_reads_the_history_in_pages(at: Setting) -> None:
    at.host.order("available")
    first: Any = at.steering.history("", 1)
    rest: Any = at.steering.history(first["next"], 100)
    assert [first["decisions"], rest["next"]] == [at.host.controller.history("", 1)["decisions"], ""]
    assert "override" in {entry["kind"] for entry in (*first["decisions"], *rest["decisions"])}
    with pytest.raises(InvalidRequest):
        at.steering.history("x", 1)


def test_a_master_reports_and_is_advised(at: Setting) -> None:
    at.steering.set_critical(FILE, "root", critical=True)
    advice = at.controller.report(Report("host:1", HERE))
    assert {decision.level for decision in advice.decisions.values()} == {Level.STRONG}
    assert advice.critical == {FILE}
    assert advice == at.host.controller.report(Report("host:1", HERE))


def test_what_operators_say_arrives_as_they_said_it(at: Setting) -> None:
    order = at.steering.override(parse_override({**ORDER, "op_class": "read"}))
    assert at.steering.overrides() == {"overrides": [order]}
    mode: Any = at.steering.mode("")
    assert mode["classes"]["read"]["reason"] == "root ordered it: a test"
    explained: Any = at.steering.explain(mode["classes"]["read"]["decision"])
    assert (explained["level"], explained["override"]) == ("available", order["id"])
    at.steering.clear_override(str(order["id"]), "root")
    with pytest.raises(NotFound, match="expired"):
        at.steering.clear_override(str(order["id"]), "root")
    assert at.steering.status() == at.host.controller.status()


def test_critical_keys_come_and_go(at: Setting) -> None:
    at.steering.set_critical(FILE, "root", critical=True)
    assert at.steering.critical_keys() == {"critical_keys": [FILE]}
    assert at.steering.mode(FILE)["mode"] == "strong"
    at.steering.set_critical(FILE, "root", critical=False)
    assert at.steering.critical_keys() == {"critical_keys": []}


def test_a_hint_arrives(at: Setting) -> None:
    hint = at.steering.hint(parse_hint({"level": "hybrid", "author": "alice", "object_id": FILE}))
    assert at.steering.mode(FILE)["mode"] == "hybrid"
    assert at.steering.explain(str(hint["id"])) == hint


def test_drills_come_and_go(at: Setting) -> None:
    fault = Fault("f1", "worker:w1", FaultKind.DELAY, 10.0, 0.2)
    at.steering.inject(fault)
    assert at.controller.report(Report("host:1", HERE)).faults == (fault,)
    at.steering.withdraw("f1")
    assert at.controller.report(Report("host:1", HERE)).faults == ()


def test_a_master_that_the_controller_does_not_accept_does_not_refuse_its_users_tokens(at: Setting) -> None:
    stranger = SharedSecretSigner("another secret of thirty-two bytes", at.host.clock)
    steering = HttpSteering(HttpController(at.pool, "http://controller.test:8082", stranger))
    with pytest.raises(Unavailable, match="CLUSTER_SECRET"):
        steering.mode("")
    with pytest.raises(Unavailable, match="CLUSTER_SECRET"):
        steering.set_critical(FILE, "root", critical=True)


@pytest.mark.parametrize("decision_id", ["nothing", "1-read-9999", "../status", "ü", "hint-7"])
def test_a_decision_nobody_knows_is_not_found(at: Setting, decision_id: str) -> None:
    with pytest.raises(NotFound):
        at.steering.explain(decision_id)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"level": "fearless"}, "level"),
        ({"level": None}, "level"),
        ({"level": ["strong"]}, "level"),
        ({"seconds": 0}, "seconds"),
        ({"seconds": -5}, "seconds"),
        ({"seconds": 8 * 86400}, "seconds"),
        ({"seconds": "60"}, "seconds"),
        ({"seconds": True}, "seconds"),
        ({"author": ""}, "author"),
        ({"author": None}, "author"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 301}, "reason"),
        ({"reason": "a\u0000b"}, "reason"),
        ({"op_class": "erase"}, "op_class"),
        ({"op_class": ["read"]}, "op_class"),
        ({"object_id": "../etc/passwd"}, "object_id"),
        ({"object_id": 5}, "object_id"),
        ({"op_class": "read", "object_id": FILE}, "op_class"),
    ],
)
def test_an_impossible_order_is_refused_by_its_field(at: Setting, change: dict[str, object], field: str) -> None:
    answer = at.send("POST", "/v1/override", {**ORDER, **change})
    assert (answer.status_code, answer.get_json()["error"].get("field")) == (400, field)
    assert at.steering.overrides() == {"overrides": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/v1/hint", {"level": "weak", "author": "alice"}, "level"),
        ("POST", "/v1/hint", {"level": "strong", "author": "alice", "object_id": "x"}, "object_id"),
        ("POST", "/v1/hint", {"level": "strong", "author": "alice", "seconds": 3601}, "seconds"),
        ("DELETE", "/v1/override", {"override_id": 5, "author": "root"}, "override_id"),
        ("DELETE", "/v1/override", {"override_id": "x"}, "author"),
        ("POST", "/v1/critical-keys", {"author": "root"}, "object_id"),
        ("POST", "/v1/critical-keys", {"object_id": FILE}, "author"),
        ("DELETE", "/v1/critical-keys", {"object_id": "", "author": "root"}, "object_id"),
        ("POST", "/internal/v1/faults", {}, "fault"),
        ("DELETE", "/internal/v1/faults", {}, "id"),
        ("POST", "/internal/v1/report", {}, "report"),
        ("POST", "/internal/v1/report", [], None),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(
    at: Setting, method: str, path: str, body: object, field: str | None
) -> None:
    answer = at.send(method, path, body)
    assert (answer.status_code, answer.get_json()["error"].get("field")) == (400, field)


def test_a_mode_of_what_can_be_no_file_is_refused(at: Setting) -> None:
    with pytest.raises(InvalidRequest):
        at.steering.mode("x")


def test_too_many_are_a_conflict_on_the_other_side_too(at: Setting) -> None:
    for number in range(1000):
        at.host.controller.set_critical(f"{number:032x}", "root", critical=True)
    with pytest.raises(Conflict, match="critical"):
        at.steering.set_critical(FILE, "root", critical=True)


def test_a_report_far_longer_than_any_is_not_read(at: Setting) -> None:
    assert at.send("POST", "/internal/v1/report", {"padding": "x" * (1 << 20)}).status_code == 413


@pytest.mark.parametrize("body", [b'{"data": null}', b'{"data": []}', b'{"data": {"epoch": 0}}', b"[]", b"<html>"])
def test_an_answer_that_makes_no_sense_is_as_good_as_none(at: Setting, body: bytes) -> None:
    at.pool.answer = Answer(200, body)
    with pytest.raises(Unavailable):
        at.controller.report(Report("host:1", CatalogReport(True)))
    if b"epoch" not in body:
        with pytest.raises(Unavailable):
            at.steering.status()


def test_forged_advice_is_refused(at: Setting) -> None:
    """A decision of another epoch than the advice it came with is nothing a controller says."""
    at.controller.report(Report("host:1", HERE))
    answer = at.send("POST", "/internal/v1/report", encode_report(Report("host:2", HERE))).get_json()
    answer["data"]["decisions"][0]["epoch"] = 99
    at.pool.answer = Answer(200, json.dumps(answer).encode())
    with pytest.raises(Unavailable, match="epoch"):
        at.controller.report(Report("host:1", HERE))


def test_all_routes_are_closed_to_strangers(at: Setting) -> None:
    client = at.app.test_client()
    for rule in at.app.url_map.iter_rules():
        assert ACCESS[rule.endpoint] is Access.INTERNAL
        path = rule.rule.replace("<decision_id>", "x")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            other = SharedSecretSigner("quite another secret, as long as it", at.host.clock)
            forged = {"Authorization": f"Bearer {other.sign(CONTROLLER, method, path)}"}
            assert client.open(path, method=method, headers=forged, json={}).status_code == 401
            assert client.open(path, method=method, json={}).status_code == 401
    assert at.host.controller.levels()[OpClass.READ] == 0
