"""The routes of administrators for users and the audit log, and everybody's for app passwords."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from werkzeug.test import TestResponse

from echofs.core.models import Role
from echofs.services.administration import Administration
from echofs.services.app_passwords import AppAccess
from echofs.web.admin_users import admin_users_blueprint
from echofs.web.app_passwords import app_passwords_blueprint
from echofs.web.audit import audit_blueprint
from tests.fakes.app_passwords import MemoryAppPasswords
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.ids import SequentialIds
from tests.web.conftest import PASSWORD, Site

USERS = "/api/v1/admin/users"
AUDIT = "/api/v1/admin/audit"
APP_PASSWORDS = "/api/v1/auth/app-passwords"
NEW_PASSWORD = "staple of another kind"


class Master:
    """A site with the routes of administrators; alice is an ordinary user."""

    def __init__(self, site: Site) -> None:
        self.site = site
        passwords = MemoryAppPasswords()
        self.catalog = MemoryCatalog(site.clock)
        self.access = AppAccess(site.users, passwords, site.auditing, site.clock, SequentialIds())
        administration = Administration(site.users, site.accounts, passwords, site.auditing)
        site.app.register_blueprint(admin_users_blueprint(administration, self.catalog.usages, site.authenticator))
        site.app.register_blueprint(app_passwords_blueprint(self.access))
        site.app.register_blueprint(audit_blueprint(site.audit))
        self.root = site.accounts.create_admin("root-admin", "root@example.org", PASSWORD)
        self.alice = site.users.by_login("alice")
        self._tokens = {name: site.login(name)["access_token"] for name in ("alice", "root-admin")}

    def ask(self, method: str, path: str, body: Any = None, *, user: str = "root-admin") -> TestResponse:
        proof = {"Authorization": f"Bearer {self._tokens[user]}"}
        address = {"REMOTE_ADDR": "192.0.2.7"}
        return self.site.client.open(path, method=method, json=body, headers=proof, environ_overrides=address)

    def data(self, method: str, path: str, body: Any = None, *, user: str = "root-admin") -> Any:
        answer = self.ask(method, path, body, user=user)
        assert answer.status_code in (200, 201), answer.text
        return answer.get_json()["data"]

    def works(self, user: str) -> bool:
        """Whether the user's token still opens anything."""
        return self.site.profile(self._tokens[user]).status_code == 200


@pytest.fixture
def master(site: Site) -> Master:
    return Master(site)


def test_users_are_listed_by_name_with_all_but_their_secrets(master: Master) -> None:
    data = master.data("GET", USERS)
    assert data["next"] == ""
    assert [user["username"] for user in data["users"]] == ["alice", "root-admin"]
    assert data["users"][0] == {
        "id": master.alice.id,
        "username": "alice",
        "email": "alice@example.org",
        "role": "user",
        "disabled": False,
        "quota_bytes": None,
        "usage": {"files": 0, "bytes": 0, "trash_bytes": 0},
        "created_at": "2020-01-01T00:00:00.000000Z",
        "last_login_at": "2020-01-01T00:00:00.000000Z",
    }


def test_users_are_searched_and_paged(master: Master) -> None:
    first = master.data("GET", f"{USERS}?search=EXAMPLE.org&limit=1")
    second = master.data("GET", f"{USERS}?search=EXAMPLE.org&limit=1&after={first['next']}")
    assert [page["users"][0]["username"] for page in (first, second)] == ["alice", "root-admin"]
    assert master.data("GET", f"{USERS}?search=%25")["users"] == []
    assert master.ask("GET", f"{USERS}?limit=0").get_json()["error"]["field"] == "limit"


def test_a_user_is_made_and_logs_in(master: Master) -> None:
    body = {"username": "bob", "email": "bob@example.org", "password": PASSWORD, "role": "admin", "quota_bytes": 5}
    answer = master.ask("POST", USERS, body)
    user = answer.get_json()["data"]["user"]
    assert (answer.status_code, user["role"], user["quota_bytes"]) == (201, "admin", 5)
    assert master.site.login("bob")["user"]["id"] == user["id"]
    assert master.ask("POST", USERS, body).status_code == 409


def test_a_lock_holds_at_once_and_for_all_sessions(master: Master) -> None:
    assert master.works("alice")
    assert master.data("PATCH", f"{USERS}/{master.alice.id}", {"disabled": True})["user"]["disabled"] is True
    assert not master.works("alice")
    master.data("PATCH", f"{USERS}/{master.alice.id}", {"disabled": False})
    assert not master.works("alice")
    assert master.site.post("login", {"username": "alice", "password": PASSWORD}).status_code == 200


def test_role_and_quota_are_changed_and_the_quota_is_taken_away(master: Master) -> None:
    path = f"{USERS}/{master.alice.id}"
    user = master.data("PATCH", path, {"role": "admin", "quota_bytes": 7})["user"]
    assert (user["role"], user["quota_bytes"]) == ("admin", 7)
    assert master.data("PATCH", path, {"quota_bytes": None})["user"]["quota_bytes"] is None
    assert master.site.users.by_id(master.alice.id).role is Role.ADMIN


def test_a_new_password_ends_all_sessions_at_once(master: Master) -> None:
    master.data("POST", f"{USERS}/{master.alice.id}/password", {"password": NEW_PASSWORD})
    assert not master.works("alice")
    assert master.site.post("login", {"username": "alice", "password": NEW_PASSWORD}).status_code == 200


@pytest.mark.parametrize("body", [{"role": "user"}, {"disabled": True}])
def test_nobody_locks_themselves_out(master: Master, body: dict[str, object]) -> None:
    master.site.accounts.create_admin("second", "second@example.org", PASSWORD)
    assert master.ask("PATCH", f"{USERS}/{master.root.id}", body).status_code == 409
    assert master.works("root-admin")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "king"}, "role"),
        ({"role": None}, "role"),
        ({"disabled": "yes"}, "disabled"),
        ({"disabled": None}, "disabled"),
        ({"quota_bytes": "1GB"}, "quota_bytes"),
        ({"quota_bytes": 1.5}, "quota_bytes"),
        ({"quota_bytes": True}, "quota_bytes"),
        ({"quota_bytes": -1}, "quota_bytes"),
        ({"quota_bytes": 10**400}, "quota_bytes"),
        ({"token_epoch": 7}, "token_epoch"),
        ({}, None),
    ],
)
def test_what_makes_no_sense_is_refused_by_its_field(master: Master, body: dict[str, object], field: str) -> None:
    answer = master.ask("PATCH", f"{USERS}/{master.alice.id}", body)
    assert (answer.status_code, answer.get_json()["error"].get("field")) == (400, field)
    assert master.site.users.by_id(master.alice.id).token_epoch == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", USERS, None),
        ("POST", USERS, {"username": "bob", "email": "bob@example.org", "password": PASSWORD, "role": "admin"}),
        ("PATCH", USERS + "/{}", {"role": "admin"}),
        ("POST", USERS + "/{}/password", {"password": NEW_PASSWORD}),
        ("GET", AUDIT, None),
    ],
)
def test_ordinary_users_may_do_none_of_it(master: Master, method: str, path: str, body: Any) -> None:
    answer = master.ask(method, path.format(master.alice.id), body, user="alice")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "forbidden")
    assert len(master.site.users.page("", 10)) == 2
    assert master.site.users.by_id(master.alice.id).role is Role.USER


def test_an_app_password_is_shown_once_and_opens_until_it_is_deleted(master: Master) -> None:
    answer = master.ask("POST", APP_PASSWORDS, {"name": "<b>phone</b>"}, user="alice")
    made = answer.get_json()["data"]
    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert master.access.check("alice", made["password"]).user_id == master.alice.id
    listed = master.data("GET", APP_PASSWORDS, user="alice")["app_passwords"]
    assert listed == [{**{key: made[key] for key in ("id", "name", "created_at")}, "last_used_at": made["created_at"]}]
    assert master.data("GET", APP_PASSWORDS)["app_passwords"] == []
    assert master.ask("DELETE", f"{APP_PASSWORDS}/{made['id']}").status_code == 404
    assert master.ask("DELETE", f"{APP_PASSWORDS}/{made['id']}", user="alice").status_code == 200
    assert master.data("GET", APP_PASSWORDS, user="alice")["app_passwords"] == []


def test_the_audit_log_tells_who_did_what_from_where(master: Master) -> None:
    master.data("PATCH", f"{USERS}/{master.alice.id}", {"quota_bytes": 7})
    assert master.data("GET", f"{AUDIT}?limit=1")["events"][0] == {
        "id": master.site.audit.events[-1].id,
        "at": "2020-01-01T00:00:00.000000Z",
        "actor": {"id": master.root.id, "name": "root-admin"},
        "address": "192.0.2.7",
        "action": "user.change",
        "subject": "alice",
        "outcome": "done",
        "detail": "quota 7 bytes",
    }


def test_failed_logins_are_found_by_what_was_tried(master: Master) -> None:
    tried = "<img src=x onerror=alert(1)>"
    master.site.post("login", {"username": tried, "password": PASSWORD}, address="198.51.100.9")
    (event,) = master.data("GET", f"{AUDIT}?{urlencode({'actor': tried})}")["events"]
    assert (event["actor"], event["outcome"]) == ({"id": None, "name": tried}, "refused")
    assert event["address"] == "198.51.100.9"


def test_the_audit_log_is_filtered_and_paged(master: Master) -> None:
    first = master.data("GET", f"{AUDIT}?action=account&limit=1")
    second = master.data("GET", f"{AUDIT}?action=account.login&actor=alice&after={first['next']}")
    assert [event["actor"]["name"] for event in (*first["events"], *second["events"])] == ["root-admin", "alice"]
    assert master.ask("GET", f"{AUDIT}?after=nonsense").get_json()["error"]["field"] == "after"


def test_no_act_is_done_that_cannot_be_written_down(master: Master) -> None:
    master.site.audit.away = True
    answer = master.ask("PATCH", f"{USERS}/{master.alice.id}", {"disabled": True})
    assert answer.status_code == 503
    assert master.works("alice")
