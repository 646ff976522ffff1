"""What users see of decisions, and how administrators steer them, through a master."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from echofs.core.audit import Action, Outcome
from echofs.core.errors import NotFound, Unavailable
from echofs.ports.steering import Answer
from echofs.web.consistency import consistency_blueprint
from tests.unit.services.controllers import FILE, OTHER, Host
from tests.web.conftest import PASSWORD, Site

PREFIX = "/api/v1/consistency"
ORDER = {"level": "available", "seconds": 60, "reason": "a test"}


class Master:
    """A master whose controller is in the same process; alice has FILE."""

    def __init__(self, site: Site) -> None:
        self.host = Host()
        self._site = site
        site.accounts.create_admin("root-admin", "root@example.org", PASSWORD)
        site.app.register_blueprint(consistency_blueprint(self.host.controller, self._find, site.auditing))
        self._proofs = {
            name: {"Authorization": f"Bearer {site.login(name)['access_token']}"} for name in ("alice", "root-admin")
        }

    def _find(self, owner_id: str, file_id: str) -> None:
        if file_id != FILE:
            raise NotFound("There is no such file.", field="file_id")

    def ask(self, method: str, path: str, body: Any = None, *, user: str = "root-admin") -> TestResponse:
        return self._site.client.open(PREFIX + path, method=method, json=body, headers=self._proofs[user])

    def data(self, method: str, path: str, body: Any = None, *, user: str = "root-admin") -> Any:
        answer = self.ask(method, path, body, user=user)
        assert answer.status_code == 200, answer.text
        return answer.get_json()["data"]


@pytest.fixture
def master(site: Site) -> Master:
    return Master(site)


def test_every_user_may_see_the_mode(master: Master) -> None:
    mode = master.data("GET", "/mode", user="alice")
    assert (mode["mode"], mode["policy"]) == ("strong", "slo")
    assert master.data("GET", f"/mode?object_id={FILE}", user="alice")["object_id"] == FILE


def test_a_file_that_a_user_does_not_have_is_not_found(master: Master) -> None:
    assert master.ask("GET", f"/mode?object_id={OTHER}", user="alice").status_code == 404
    answer = master.ask("POST", "/hint", {"level": "available", "object_id": OTHER}, user="alice")
    assert answer.status_code == 404
    assert master.data("GET", f"/mode?object_id={OTHER}")["mode"] == "strong"


def test_a_user_hints_in_the_own_name(master: Master) -> None:
    hint = master.data("POST", "/hint", {"level": "available", "object_id": FILE}, user="alice")
    assert hint["reason"] == "alice hinted at it"
    assert master.data("GET", f"/mode?object_id={FILE}", user="alice")["mode"] == "available"


def test_an_administrator_orders_in_the_own_name_and_clears(master: Master) -> None:
    order = master.data("POST", "/override", ORDER)
    assert order["author"] == "root-admin"
    assert master.data("GET", "/override")["overrides"] == [order]
    assert master.data("GET", "/mode", user="alice")["mode"] == "available"
    master.data("DELETE", f"/override/{order['id']}")
    assert master.ask("DELETE", f"/override/{order['id']}").status_code == 404
    assert master.data("GET", "/mode")["mode"] == "strong"


def test_an_order_expires(master: Master) -> None:
    order = master.data("POST", "/override", ORDER)
    master.host.clock.advance(60)
    answer = master.ask("DELETE", f"/override/{order['id']}")
    assert (answer.status_code, "expired" in answer.get_json()["message"]) == (404, True)


def test_critical_files_are_marked_and_unmarked(master: Master) -> None:
    master.data("POST", "/critical-keys", {"object_id": FILE})
    assert master.data("GET", "/critical-keys") == {"critical_keys": [FILE]}
    master.data("DELETE", "/critical-keys", {"object_id": FILE})
    assert master.data("GET", "/critical-keys") == {"critical_keys": []}


def test_a_decision_is_explained(master: Master) -> None:
    order = master.data("POST", "/override", ORDER)
    decision = master.data("GET", "/mode")["classes"]["write_small"]["decision"]
    assert master.data("GET", f"/explain/{decision}")["override"] == order["id"]
    assert master.ask("GET", "/explain/1-read-999").status_code == 404
    assert master.data("GET", "/policy")["levels"]["read"] == "available"


def test_orders_are_in_the_audit_log(site: Site, master: Master) -> None:
    order = master.data("POST", "/override", ORDER)
    master.data("DELETE", f"/override/{order['id']}")
    assert master.ask("DELETE", f"/override/{order['id']}").status_code == 404
    master.data("POST", "/critical-keys", {"object_id": FILE})
    told = [(event.action, event.subject, event.outcome) for event in site.audit.events if event.subject]
    assert told[-4:] == [
        (Action.OVERRIDE, "all", Outcome.DONE),
        (Action.OVERRIDE_CLEARED, order["id"], Outcome.DONE),
        (Action.OVERRIDE_CLEARED, order["id"], Outcome.REFUSED),
        (Action.CRITICAL, FILE, Outcome.DONE),
    ]
    site.audit.away = True
    assert master.ask("POST", "/override", ORDER).status_code == 503
    assert master.data("GET", "/override")["overrides"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/policy", None),
        ("GET", "/override", None),
        ("POST", "/override", ORDER),
        ("DELETE", f"/override/{FILE}", None),
        ("GET", "/critical-keys", None),
        ("POST", "/critical-keys", {"object_id": FILE}),
        ("DELETE", "/critical-keys", {"object_id": FILE}),
        ("GET", "/explain/1-read-1", None),
    ],
)
def test_only_administrators_steer(master: Master, method: str, path: str, body: Any) -> None:
    answer = master.ask(method, path, body, user="alice")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "forbidden")
    assert master.data("GET", "/override")["overrides"] == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/override", {**ORDER, "level": "fearless"}, "level"),
        ("/override", {**ORDER, "seconds": 0}, "seconds"),
        ("/override", {**ORDER, "seconds": "soon"}, "seconds"),
        ("/override", {**ORDER, "seconds": "1e999"}, "seconds"),
        ("/override", {**ORDER, "seconds": 10**400}, "seconds"),
        ("/override", {**ORDER, "seconds": None}, "seconds"),
        ("/override", {"level": "strong", "seconds": 60}, "reason"),
        ("/override", {**ORDER, "author": "somebody else"}, "author"),
        ("/override", {**ORDER, "op_class": "erase"}, "op_class"),
        ("/override", {**ORDER, "object_id": "x"}, "object_id"),
        ("/critical-keys", {"object_id": "x"}, "object_id"),
        ("/hint", {"level": "weak"}, "level"),
        ("/hint", {"level": "strong", "object_id": "x"}, "object_id"),
        ("/hint", {"level": "strong", "seconds": 0}, "seconds"),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(
    master: Master, path: str, body: dict[str, object], field: str
) -> None:
    answer = master.ask("POST", path, body)
    assert (answer.status_code, answer.get_json()["error"]["field"]) == (400, field)
    assert ".." not in answer.get_json()["message"]


def test_without_the_controller_the_answer_is_503(master: Master, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(object_id: str) -> Answer:
        raise Unavailable("The controller does not answer: connection refused")

    monkeypatch.setattr(master.host.controller, "mode", gone)
    answer = master.ask("GET", "/mode", user="alice")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
