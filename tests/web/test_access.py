"""The authorization table, tried on every kind of access with every kind of proof."""

from __future__ import annotations

import pytest
from flask import Flask, Response
from werkzeug.test import TestResponse

from echofs.core.models import Role
from echofs.ports.accounts import UserChange
from echofs.web.access import ACCESS, Access, check_declared, current_user
from echofs.web.answers import ok
from tests.web.conftest import INTERNAL_TOKEN, PASSWORD, Site

ADMIN_ROUTE = "/only-admins"
INTERNAL_ROUTE = "/internal/v1/thing"
BAD_PROOFS = [
    "",
    "Bearer",
    "Bearer ",
    "Bearer x",
    "Bearer x y",
    "Basic YWxpY2U6c2VjcmV0",
    "bearer\tx",
    "Bearer " + "x" * 10_000,
    "Bearer é",
]


@pytest.fixture
def guarded(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with one route of each kind the accounts do not have."""
    monkeypatch.setitem(ACCESS, "admins", Access.ADMIN)
    monkeypatch.setitem(ACCESS, "internal", Access.INTERNAL)
    site.app.add_url_rule(ADMIN_ROUTE, "admins", lambda: ok(current_user().name))
    site.app.add_url_rule(INTERNAL_ROUTE, "internal", lambda: ok("inside"), methods=["GET", "POST"])
    return site


def call(site: Site, endpoint: str, proof: str) -> TestResponse:
    """Call an endpoint of the site by its first method."""
    rule = next(rule for rule in site.app.url_map.iter_rules() if rule.endpoint == endpoint)
    method = min((rule.methods or set()) - {"HEAD", "OPTIONS"})
    return site.client.open(rule.rule, method=method, headers={"Authorization": proof} if proof else {})


def endpoints(site: Site, *kinds: Access) -> list[str]:
    return sorted({rule.endpoint for rule in site.app.url_map.iter_rules() if ACCESS[rule.endpoint] in kinds})


def internal_proof(method: str = "GET", path: str = INTERNAL_ROUTE) -> str:
    return f"Bearer {INTERNAL_TOKEN}:{method}:{path}"


@pytest.mark.parametrize("proof", BAD_PROOFS)
def test_nothing_but_public_routes_opens_without_a_good_proof(guarded: Site, proof: str) -> None:
    closed = endpoints(guarded, Access.USER, Access.ADMIN, Access.INTERNAL)
    assert len(closed) >= 5
    for endpoint in closed:
        answer = call(guarded, endpoint, proof)
        assert answer.status_code == 401, endpoint
        assert answer.get_json()["error"]["code"] == "authentication_failed"
        assert "WWW-Authenticate" in answer.headers


def test_a_user_token_opens_no_internal_route_nor_the_reverse(guarded: Site) -> None:
    user_proof = f"Bearer {guarded.login()['access_token']}"
    for endpoint in endpoints(guarded, Access.INTERNAL):
        assert call(guarded, endpoint, user_proof).status_code == 401, endpoint
    for endpoint in endpoints(guarded, Access.USER, Access.ADMIN):
        assert call(guarded, endpoint, internal_proof()).status_code == 401, endpoint


def test_a_user_opens_what_users_may_and_not_what_administrators_may(guarded: Site) -> None:
    proof = f"bearer {guarded.login()['access_token']}"
    assert call(guarded, "accounts.profile", proof).status_code == 200
    answer = call(guarded, "admins", proof)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (403, "forbidden")


def test_an_administrator_opens_both(guarded: Site) -> None:
    guarded.accounts.create_admin("root-admin", "root@example.org", PASSWORD)
    proof = f"Bearer {guarded.login('root-admin')['access_token']}"
    assert call(guarded, "admins", proof).get_json()["data"] == "root-admin"
    assert call(guarded, "accounts.profile", proof).status_code == 200


def test_a_demoted_administrator_is_one_no_longer(guarded: Site) -> None:
    admin = guarded.accounts.create_admin("root-admin", "root@example.org", PASSWORD)
    proof = f"Bearer {guarded.login('root-admin')['access_token']}"
    assert call(guarded, "admins", proof).status_code == 200
    guarded.accounts.create_admin("another", "another@example.org", PASSWORD)
    guarded.users.amend(admin.id, UserChange(role=Role.USER))
    guarded.clock.advance(1)
    assert call(guarded, "admins", proof).status_code == 401


def test_an_internal_token_opens_the_one_call_it_was_signed_for(guarded: Site) -> None:
    assert call(guarded, "internal", internal_proof()).get_json()["data"] == "inside"
    assert call(guarded, "internal", internal_proof(method="POST")).status_code == 401
    assert call(guarded, "internal", internal_proof(path="/internal/v1/other")).status_code == 401


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/auth/nowhere"])
def test_an_address_that_does_not_exist_asks_for_no_proof(guarded: Site, path: str) -> None:
    assert guarded.client.get(path).status_code == 404


def test_a_method_that_does_not_exist_asks_for_no_proof(guarded: Site) -> None:
    assert guarded.client.delete("/api/v1/auth/profile").status_code == 405


def test_an_application_of_declared_endpoints_is_built(guarded: Site) -> None:
    check_declared(guarded.app)


def test_an_undeclared_endpoint_fails_the_build(site: Site) -> None:
    site.app.add_url_rule("/forgotten", "forgotten", lambda: Response())
    with pytest.raises(LookupError, match="forgotten"):
        check_declared(site.app)


def test_flasks_own_static_route_must_be_declared_too() -> None:
    with pytest.raises(LookupError, match="static"):
        check_declared(Flask("with-static", static_folder="/"))
