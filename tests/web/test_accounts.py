"""The account routes as clients see them."""

from __future__ import annotations

from typing import Any

import pytest

from echofs.core.models import Role
from echofs.ports.sessions import Ended, SessionNews
from tests.web.conftest import PASSWORD, Site

NEW_PASSWORD = "staple of another kind"


def test_registering_answers_the_user_and_nothing_secret(site: Site) -> None:
    answer = site.post("register", {"username": "Bob", "email": "bob@example.org", "password": PASSWORD})
    assert answer.status_code == 201
    body = answer.get_json()
    assert body["success"] is True
    user = body["data"]["user"]
    assert user.pop("id") == site.users.by_login("bob").id
    assert user == {
        "username": "Bob",
        "email": "bob@example.org",
        "role": "user",
        "created_at": "2020-01-01T00:00:00.000000Z",
    }


@pytest.mark.parametrize(
    ("username", "email", "field"), [("ALICE", "x@example.org", "username"), ("x1", "Alice@example.org", "email")]
)
def test_a_taken_name_or_address_is_a_conflict(site: Site, username: str, email: str, field: str) -> None:
    answer = site.post("register", {"username": username, "email": email, "password": PASSWORD})
    assert answer.status_code == 409
    assert answer.get_json()["error"]["code"] == "name_taken"
    assert answer.get_json()["error"]["field"] == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"username": "a"}, "username"),
        ({"email": "nowhere"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "lone \ud800 surrogate"}, "password"),
        ({"username": 7}, "username"),
        ({"username": None}, "username"),
        ({"password": ["x"] * 9}, "password"),
        ({"role": "admin"}, "role"),
        ({"token_epoch": 7}, "token_epoch"),
        ({"id": "1"}, "id"),
    ],
)
def test_a_bad_or_unknown_field_is_named_and_nobody_registered(site: Site, change: dict[str, Any], field: str) -> None:
    body = {"username": "bobby", "email": "bob@example.org", "password": PASSWORD, **change}
    answer = site.post("register", body)
    assert answer.status_code == 400
    assert answer.get_json()["error"]["field"] == field
    assert site.accounts.register("bobby", "bob@example.org", PASSWORD).role is Role.USER


def test_a_missing_field_is_named(site: Site) -> None:
    answer = site.post("login", {"username": "alice"})
    assert answer.status_code == 400
    assert answer.get_json()["message"] == "The field password is missing."


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'"text"', b"null", b"\xff\xfe", b'{"username": NaN}', b"[" * 50_000, b"9" * 5_000],
    ids=["empty", "cut", "list", "string", "null", "not-utf-8", "nan", "deep", "huge-number"],
)
def test_what_is_no_json_object_is_a_bad_request(site: Site, body: bytes) -> None:
    answer = site.client.post("/api/v1/auth/login", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json()["error"]["code"] == "invalid_request"


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""])
def test_only_json_is_read(site: Site, content_type: str) -> None:
    answer = site.client.post("/api/v1/auth/login", data=b"{}", content_type=content_type)
    assert answer.status_code == 415
    assert "application/json" in answer.get_json()["message"]


def test_a_charset_beside_the_type_does_not_matter(site: Site) -> None:
    body = f'{{"username": "alice", "password": "{PASSWORD}"}}'
    answer = site.client.post("/api/v1/auth/login", data=body, content_type="Application/JSON; charset=utf-8")
    assert answer.status_code == 200


def test_a_body_over_the_limit_is_refused(site: Site) -> None:
    answer = site.post("login", {"username": "alice", "password": "x" * 65_536})
    assert answer.status_code == 413
    assert answer.get_json()["error"]["code"] == "too_large"


def test_a_chunked_body_over_the_limit_is_refused_though_it_declares_nothing(site: Site) -> None:
    class Endless:
        def read(self, size: int) -> bytes:
            return b" " * size

    answer = site.client.post(
        "/api/v1/auth/login",
        content_type="application/json",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input": Endless(), "wsgi.input_terminated": True},
    )
    assert answer.status_code == 413


def test_logging_in_answers_a_pair_of_tokens(site: Site) -> None:
    answer = site.post("login", {"username": "ALICE@example.org", "password": PASSWORD})
    data = answer.get_json()["data"]
    assert (data["token_type"], data["expires_in"], data["user"]["username"]) == ("Bearer", 3600, "alice")
    assert site.profile(data["access_token"]).get_json()["data"]["user"] == data["user"]


def test_an_unknown_user_and_a_wrong_password_cannot_be_told_apart(site: Site) -> None:
    wrong = site.post("login", {"username": "alice", "password": "not the password"})
    unknown = site.post("login", {"username": "nobody", "password": PASSWORD})
    assert (wrong.status_code, unknown.status_code) == (401, 401)
    bodies = [answer.get_json() for answer in (wrong, unknown)]
    for body in bodies:
        assert body["error"].pop("request_id")
    assert bodies[0] == bodies[1]
    headers = [{**answer.headers, "X-Request-ID": ""} for answer in (wrong, unknown)]
    assert headers[0] == headers[1]


@pytest.mark.parametrize("username", ["nul\0", "\ud800", "x" * 60_000, "' OR 1=1 --"])
def test_odd_user_names_are_only_wrong(site: Site, username: str) -> None:
    assert site.post("login", {"username": username, "password": PASSWORD}).status_code == 401


def test_refreshing_gives_a_new_pair_for_the_same_session(site: Site) -> None:
    first = site.login()
    second = site.post("refresh", token=first["refresh_token"]).get_json()["data"]
    assert second["refresh_token"] != first["refresh_token"]
    assert site.profile(second["access_token"]).status_code == 200
    assert site.post("refresh", token=second["refresh_token"]).status_code == 200


def test_a_stolen_refresh_token_ends_the_session_at_once(site: Site) -> None:
    first = site.login()
    second = site.post("refresh", token=first["refresh_token"]).get_json()["data"]
    assert site.profile(second["access_token"]).status_code == 200
    assert site.post("refresh", token=first["refresh_token"]).status_code == 401
    assert site.profile(second["access_token"]).status_code == 401
    assert site.post("refresh", token=second["refresh_token"]).status_code == 401


def test_refreshing_takes_a_refresh_token_only(site: Site) -> None:
    tokens = site.login()
    assert site.post("refresh", token=tokens["access_token"]).status_code == 401
    assert site.post("refresh").status_code == 401


def test_after_logging_out_neither_token_works_here(site: Site) -> None:
    tokens, other = site.login(), site.login()
    assert site.profile(tokens["access_token"]).status_code == 200
    assert site.post("logout", token=tokens["access_token"]).status_code == 200
    assert site.profile(tokens["access_token"]).status_code == 401
    assert site.post("refresh", token=tokens["refresh_token"]).status_code == 401
    assert site.profile(other["access_token"]).status_code == 200


def test_changing_the_password_ends_all_sessions_at_once_and_begins_anew(site: Site) -> None:
    here, elsewhere = site.login(), site.login()
    for tokens in (here, elsewhere):
        assert site.profile(tokens["access_token"]).status_code == 200
    answer = site.post("password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD}, token=here["access_token"])
    assert answer.status_code == 200
    assert site.profile(answer.get_json()["data"]["access_token"]).status_code == 200
    for tokens in (here, elsewhere):
        assert site.profile(tokens["access_token"]).status_code == 401
        assert site.post("refresh", token=tokens["refresh_token"]).status_code == 401


def test_a_wrong_old_password_changes_nothing_and_ends_no_session(site: Site) -> None:
    token = site.login()["access_token"]
    answer = site.post("password", {"old_password": "wrong", "new_password": NEW_PASSWORD}, token=token)
    assert answer.status_code == 403
    assert answer.get_json()["error"]["field"] == "old_password"
    assert site.profile(token).status_code == 200
    assert site.login()["user"]["username"] == "alice"


class Told(SessionNews):
    """Keeps what was announced, and whether the directory refused it already."""

    def __init__(self) -> None:
        self.all: list[Ended] = []

    def announce(self, ended: Ended) -> None:
        self.all.append(ended)


def test_other_masters_are_told_of_logouts_new_passwords_and_used_refresh_tokens() -> None:
    told = Told()
    site = Site(news=told)
    site.register()
    pair = site.login()
    with site.app.app_context():
        principal = site.authenticator(pair["access_token"])
    assert site.post("refresh", token=pair["refresh_token"]).status_code == 200
    assert told.all == [Ended(sid=principal.sid)]
    body = {"old_password": PASSWORD, "new_password": "another horse battery"}
    assert site.post("password", body, token=pair["access_token"]).status_code == 200
    assert told.all[1:] == [Ended(user_id=principal.user_id)]


def test_other_masters_are_told_of_a_logout_only_once_the_directory_refuses_the_token() -> None:
    refused: list[bool] = []

    class Asking(SessionNews):
        def announce(self, ended: Ended) -> None:
            refused.append(site.users.revoked((ended.sid,)))

    site = Site(news=Asking())
    site.register()
    assert site.post("logout", token=site.login()["access_token"]).status_code == 200
    assert refused == [True]
