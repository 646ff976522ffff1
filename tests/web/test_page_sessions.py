"""The page's sessions: what browsers keep, what other sites cannot do with it, and how sessions go on and end."""

from __future__ import annotations

from http.cookies import Morsel, SimpleCookie
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from echofs.core.errors import CatalogUnavailable
from echofs.ports.accounts import UserChange
from echofs.web.access import ACCESS, Access, current_user
from echofs.web.answers import ok
from echofs.web.cookies import ACCESS_COOKIE, REFRESH_COOKIE
from echofs.web.limits import Rates
from tests.web.conftest import PASSWORD, Site

SESSION = "/api/v1/session"
PROFILE = "/api/v1/auth/profile"
CHANGE = "/api/v1/changes"
NEW_PASSWORD = "another horse battery"
HOUR = 3600


class Page:
    """A browser that shows the page: it keeps cookies, and sends the proof it was told."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.client: FlaskClient = site.app.test_client()
        self.csrf = ""

    def ask(self, method: str, path: str = SESSION, body: Any = None, **headers: str) -> TestResponse:
        proof = {"X-CSRF-Token": self.csrf} if self.csrf else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.open(path, method=method, json=body, headers={**proof, **named})
        data = (answer.get_json() or {}).get("data")
        if isinstance(data, dict) and data.get("csrf"):
            self.csrf = data["csrf"]
        return answer

    def sign_in(self, password: str = PASSWORD, **headers: str) -> TestResponse:
        return self.ask("POST", SESSION, {"username": "alice", "password": password}, **headers)

    def cookie(self, name: str) -> str:
        path = SESSION if name == REFRESH_COOKIE else "/api/v1"
        cookie = self.client.get_cookie(name, path=path)
        return cookie.value if cookie else ""

    def put(self, name: str, value: str) -> None:
        self.client.set_cookie(name, value, path=SESSION if name == REFRESH_COOKIE else "/api/v1")


def cookies(answer: TestResponse) -> dict[str, Morsel[str]]:
    """The cookies that an answer sets."""
    parsed: SimpleCookie = SimpleCookie()
    for header in answer.headers.getlist("Set-Cookie"):
        parsed.load(header)
    return dict(parsed)


def code(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["error"]["code"]


@pytest.fixture
def page(site: Site, monkeypatch: pytest.MonkeyPatch) -> Page:
    """A page where nobody is signed in, of a site with one more route that changes something."""
    monkeypatch.setitem(ACCESS, "changes", Access.USER)
    site.app.add_url_rule(
        CHANGE, "changes", lambda: ok(current_user().name), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]
    )
    return Page(site)


@pytest.fixture
def signed_in(page: Page) -> Page:
    assert page.sign_in().status_code == 200
    return page


def test_signing_in_answers_the_user_and_a_proof_but_no_token(page: Page) -> None:
    answer = page.sign_in()
    assert set(answer.get_json()["data"]) == {"user", "csrf"}
    assert answer.get_json()["data"]["user"]["username"] == "alice"
    assert page.cookie(ACCESS_COOKIE) not in answer.get_data(as_text=True)
    assert page.cookie(REFRESH_COOKIE) not in answer.get_data(as_text=True)


def test_scripts_and_other_sites_never_see_the_cookies(page: Page) -> None:
    for cookie in cookies(page.sign_in()).values():
        assert (cookie["httponly"], cookie["samesite"], cookie["domain"]) == (True, "Strict", "")


def test_the_refresh_token_goes_nowhere_but_to_the_session(page: Page) -> None:
    set_ = cookies(page.sign_in())
    assert {name: cookie["path"] for name, cookie in set_.items()} == {
        ACCESS_COOKIE: "/api/v1",
        REFRESH_COOKIE: SESSION,
    }
    assert int(set_[REFRESH_COOKIE]["max-age"]) > int(set_[ACCESS_COOKIE]["max-age"]) == HOUR


@pytest.mark.parametrize(("scheme", "secure"), [("https", True), ("http", "")])
def test_cookies_that_came_encrypted_never_travel_in_the_clear(page: Page, scheme: str, secure: object) -> None:
    answer = page.client.post(
        SESSION, json={"username": "alice", "password": PASSWORD}, base_url=f"{scheme}://files.example.org"
    )
    assert [cookie["secure"] for cookie in cookies(answer).values()] == [secure, secure]


def test_a_wrong_password_sets_no_cookie(page: Page) -> None:
    answer = page.sign_in("wrong")
    assert (code(answer), cookies(answer)) == ((401, "authentication_failed"), {})


def test_the_page_may_read_with_its_cookie_alone(signed_in: Page) -> None:
    signed_in.csrf = ""
    assert signed_in.ask("GET", PROFILE).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_changes_need_the_proof_beside_the_cookie(signed_in: Page, method: str) -> None:
    assert signed_in.ask(method, CHANGE).get_json()["data"] == "alice"
    for forged in ("", "x", "é", "0" * 64):
        signed_in.csrf = forged
        assert code(signed_in.ask(method, CHANGE)) == (403, "csrf_failed"), forged


def test_the_proof_of_one_session_is_none_for_another(signed_in: Page) -> None:
    other = Page(signed_in.site)
    other.sign_in()
    assert other.csrf != signed_in.csrf
    other.csrf = signed_in.csrf
    assert code(other.ask("POST", CHANGE)) == (403, "csrf_failed")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:8081"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://localhost"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_what_another_origin_had_the_browser_send_changes_nothing(signed_in: Page, headers: dict[str, str]) -> None:
    for method, path in (("POST", CHANGE), ("PUT", SESSION), ("DELETE", SESSION)):
        assert code(signed_in.ask(method, path, **headers)) == (403, "csrf_failed"), path
    assert code(signed_in.sign_in(**headers)) == (403, "csrf_failed")
    assert signed_in.ask("GET").get_json()["data"]["user"]["username"] == "alice"


@pytest.mark.parametrize("headers", [{"Origin": "http://localhost"}, {"Sec_Fetch_Site": "same-origin"}, {}])
def test_what_the_page_itself_sends_is_done(signed_in: Page, headers: dict[str, str]) -> None:
    assert signed_in.ask("POST", CHANGE, **headers).status_code == 200


def test_no_answer_lets_another_origin_read_it(signed_in: Page) -> None:
    for method, path in (("GET", SESSION), ("GET", PROFILE), ("GET", CHANGE), ("OPTIONS", CHANGE)):
        answer = signed_in.ask(method, path, Origin="https://evil.example")
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_a_form_of_another_site_cannot_sign_anybody_in(page: Page) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        body = '{"username": "alice", "password": "' + PASSWORD + '"}'
        answer = page.client.post(SESSION, data=body, content_type=kind)
        assert (answer.status_code, cookies(answer)) == (415, {})


def test_bearer_requests_need_no_proof_and_count_before_the_cookie(signed_in: Page) -> None:
    site = signed_in.site
    site.register("bob")
    bearer = f"Bearer {site.login('bob')['access_token']}"
    signed_in.csrf = ""
    assert signed_in.ask("POST", CHANGE, Authorization=bearer).get_json()["data"] == "bob"
    assert signed_in.ask("POST", CHANGE, Authorization="Bearer x").status_code == 401
    assert signed_in.ask("POST", CHANGE, Authorization="Basic eDp5").status_code == 401


def test_a_token_of_the_other_kind_is_no_cookie(signed_in: Page) -> None:
    refresh, access = signed_in.cookie(REFRESH_COOKIE), signed_in.cookie(ACCESS_COOKIE)
    signed_in.put(ACCESS_COOKIE, refresh)
    assert signed_in.ask("GET", PROFILE).status_code == 401
    signed_in.put(REFRESH_COOKIE, access)
    assert signed_in.ask("PUT").status_code == 401


@pytest.mark.parametrize("value", ["x", "a.b.c", "x" * 4000, "é"])
def test_a_cookie_that_is_no_token_is_nobody(page: Page, value: str) -> None:
    page.put(ACCESS_COOKIE, value)
    page.put(REFRESH_COOKIE, value)
    assert page.ask("GET", PROFILE).status_code == 401
    assert page.ask("GET").get_json()["data"] == {"user": None, "csrf": None}
    assert page.ask("PUT").status_code == 401
    assert page.ask("DELETE").status_code == 200


def test_a_stranger_is_told_that_nobody_is_signed_in(page: Page) -> None:
    answer = page.ask("GET")
    assert (answer.status_code, answer.get_json()["data"]) == (200, {"user": None, "csrf": None})


def test_a_reloaded_page_learns_who_is_signed_in(signed_in: Page) -> None:
    data = signed_in.ask("GET").get_json()["data"]
    assert (data["user"]["username"], data["csrf"]) == ("alice", signed_in.csrf)


def test_without_an_access_token_the_page_learns_that_it_may_refresh(signed_in: Page) -> None:
    signed_in.put(ACCESS_COOKIE, "")
    data = signed_in.ask("GET").get_json()["data"]
    assert (data["user"], data["csrf"]) == (None, signed_in.csrf)
    assert signed_in.ask("PUT").get_json()["data"]["user"]["username"] == "alice"
    assert signed_in.ask("POST", CHANGE).status_code == 200


def test_a_refresh_needs_the_proof(signed_in: Page) -> None:
    signed_in.csrf = ""
    assert code(signed_in.ask("PUT")) == (403, "csrf_failed")


def test_the_proof_stays_the_same_for_all_windows_of_a_session(signed_in: Page) -> None:
    before = signed_in.csrf
    signed_in.ask("PUT")
    assert signed_in.csrf == before


def test_a_refresh_token_that_comes_back_ends_the_session(signed_in: Page) -> None:
    used = signed_in.cookie(REFRESH_COOKIE)
    assert signed_in.ask("PUT").status_code == 200
    fresh = signed_in.cookie(REFRESH_COOKIE)
    signed_in.put(REFRESH_COOKIE, used)
    assert signed_in.ask("PUT").status_code == 401
    signed_in.put(REFRESH_COOKIE, fresh)
    assert signed_in.ask("PUT").status_code == 401
    assert signed_in.ask("GET", PROFILE).status_code == 401


def test_signing_out_ends_the_session_and_clears_the_cookies(signed_in: Page) -> None:
    access, refresh = signed_in.cookie(ACCESS_COOKIE), signed_in.cookie(REFRESH_COOKIE)
    answer = signed_in.ask("DELETE")
    assert [cookie["max-age"] for cookie in cookies(answer).values()] == ["0", "0"]
    signed_in.put(ACCESS_COOKIE, access)
    signed_in.put(REFRESH_COOKIE, refresh)
    assert signed_in.ask("GET", PROFILE).status_code == 401
    assert signed_in.ask("PUT").status_code == 401
    assert signed_in.site.profile(access).status_code == 401


def test_signing_out_needs_the_proof_and_may_be_repeated(signed_in: Page) -> None:
    refresh = signed_in.cookie(REFRESH_COOKIE)
    proof, signed_in.csrf = signed_in.csrf, ""
    assert code(signed_in.ask("DELETE")) == (403, "csrf_failed")
    signed_in.csrf = proof
    assert signed_in.ask("DELETE").status_code == 200
    signed_in.put(REFRESH_COOKIE, refresh)
    assert signed_in.ask("DELETE").status_code == 200


def test_what_is_over_for_tokens_is_over_for_cookies(signed_in: Page) -> None:
    user_id = signed_in.site.users.by_login("alice").id
    signed_in.site.users.amend(user_id, UserChange(disabled=True))
    signed_in.site.clock.advance(1)
    assert signed_in.ask("GET", PROFILE).status_code == 401
    assert signed_in.ask("PUT").status_code == 401


def test_a_new_password_keeps_this_page_and_ends_all_other_sessions(signed_in: Page) -> None:
    other = Page(signed_in.site)
    other.sign_in()
    body = {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
    answer = signed_in.ask("POST", f"{SESSION}/password", body)
    assert (answer.status_code, set(answer.get_json()["data"])) == (200, {"user", "csrf"})
    assert signed_in.ask("POST", CHANGE).status_code == 200
    assert other.ask("GET", PROFILE).status_code == 401


def test_a_new_password_needs_the_old_one_and_the_proof(signed_in: Page) -> None:
    body = {"old_password": "wrong", "new_password": NEW_PASSWORD}
    assert code(signed_in.ask("POST", f"{SESSION}/password", body)) == (403, "forbidden")
    signed_in.csrf = ""
    body["old_password"] = PASSWORD
    assert code(signed_in.ask("POST", f"{SESSION}/password", body)) == (403, "csrf_failed")


def test_guesses_at_the_page_and_at_the_api_are_counted_together() -> None:
    site = Site(limited=True, rates=Rates(login_per_name_and_address="3/minute"))
    site.register()
    page = Page(site)
    wrong = {"username": "alice", "password": "wrong"}
    assert [site.post("login", wrong).status_code for _ in range(2)] == [401, 401]
    assert page.sign_in("wrong").status_code == 401
    assert page.sign_in().status_code == site.post("login", wrong).status_code == 429


def test_the_page_goes_on_without_the_catalog_for_those_who_may(
    signed_in: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(user_id: str) -> None:
        raise CatalogUnavailable("The catalog does not answer.")

    assert signed_in.ask("GET", PROFILE).status_code == 200
    monkeypatch.setattr(signed_in.site.users, "by_id", away)
    assert signed_in.ask("GET").get_json()["data"]["user"]["username"] == "alice"
