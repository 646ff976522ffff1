"""Guessing is slowed down; those who log in are not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from echofs.adapters.redis_counters import SCHEME
from echofs.adapters.redis_link import RedisLink
from echofs.adapters.system import SystemClock
from echofs.core.errors import AuthenticationFailed, CatalogUnavailable, EchoError, RateLimited
from echofs.web.limits import AccountLimits, Rates, name_attempt
from tests.fakes.meters import FakeMeters
from tests.web.conftest import PASSWORD, Site

FEW = Rates(
    login_per_name_and_address="3/minute",
    login_per_name="5/hour",
    login_per_address="7/minute",
    password_per_user="3/minute",
    register_per_address="2/hour",
)


def limited_site(rates: Rates = FEW, storage_uri: str = "memory://") -> Site:
    site = Site(rates=rates, limited=True, storage_uri=storage_uri)
    site.register()
    return site


def guess(site: Site, name: str = "alice", address: str = "192.0.2.1", password: str = "wrong one") -> TestResponse:
    return site.post("login", {"username": name, "password": password}, address=address)


def statuses(answers: list[TestResponse]) -> list[int]:
    return [answer.status_code for answer in answers]


def test_guesses_at_one_name_from_one_address_are_limited() -> None:
    site = limited_site()
    assert statuses([guess(site) for _ in range(4)]) == [401, 401, 401, 429]
    assert guess(site, address="192.0.2.2").status_code == 401


def test_the_refusal_has_the_envelope_and_says_when_to_try_again() -> None:
    site = limited_site()
    answer = [guess(site) for _ in range(4)][-1]
    assert answer.get_json()["error"]["code"] == "rate_limited"
    assert 1 <= int(answer.headers["Retry-After"]) <= 61


def test_the_right_password_is_refused_too_once_the_limit_is_reached() -> None:
    site = limited_site()
    answers = [guess(site) for _ in range(3)]
    assert statuses([*answers, guess(site, password=PASSWORD)]) == [401, 401, 401, 429]
    assert site.hasher.work == 3


def test_attempts_under_way_count_already(monkeypatch: pytest.MonkeyPatch) -> None:
    site = limited_site()
    answers: list[TestResponse] = []

    def verify(password: str, password_hash: str) -> bool:
        answers.append(guess(site))  # Another request that arrives while this one is still hashing.
        return False

    monkeypatch.setattr(site.hasher, "verify", verify)
    assert guess(site).status_code == 401
    assert statuses(answers) == [429, 401, 401]


@pytest.mark.parametrize("name", ["ALICE", "ａlice", "Alice"])
def test_another_spelling_of_the_name_is_no_way_around(name: str) -> None:
    site = limited_site()
    for _ in range(3):
        guess(site)
    assert guess(site, name=name).status_code == 429


def test_guesses_at_one_name_from_many_addresses_are_limited() -> None:
    site = limited_site()
    answers = [guess(site, address=f"192.0.2.{number}") for number in range(6)]
    assert statuses(answers) == [401] * 5 + [429]


def test_guesses_from_one_address_at_many_names_are_limited() -> None:
    site = limited_site()
    answers = [guess(site, name=f"user{number}") for number in range(8)]
    assert statuses(answers) == [401] * 7 + [429]


def test_an_unknown_name_is_limited_like_a_known_one() -> None:
    site = limited_site()
    assert statuses([guess(site, name="nobody") for _ in range(4)]) == [401, 401, 401, 429]


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    site = limited_site()
    answers = [guess(site, address=f"2001:db8::{number}") for number in range(4)]
    assert statuses(answers) == [401, 401, 401, 429]
    assert guess(site, address="2001:db8:0:1::1").status_code == 401


def test_a_header_does_not_change_the_address() -> None:
    site = limited_site()
    for number in range(4):
        answer = site.client.post(
            "/api/v1/auth/login",
            json={"username": "alice", "password": "wrong one"},
            headers={"X-Forwarded-For": f"198.51.100.{number}"},
        )
    assert answer.status_code == 429


def test_successful_logins_are_not_counted() -> None:
    site = limited_site()
    assert statuses([guess(site, password=PASSWORD) for _ in range(10)]) == [200] * 10
    assert statuses([guess(site) for _ in range(4)]) == [401, 401, 401, 429]


def test_logins_that_fail_through_no_fault_of_the_caller_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    site = limited_site()

    def away(login: str) -> None:
        raise CatalogUnavailable("The catalog did not answer.")

    with monkeypatch.context() as broken:
        broken.setattr(site.users, "by_login", away)
        assert statuses([guess(site) for _ in range(10)]) == [503] * 10
    assert guess(site).status_code == 401


def test_requests_that_cannot_be_read_are_not_counted() -> None:
    site = limited_site()
    answers = [site.post("login", {"username": "alice"}, address="192.0.2.1") for _ in range(10)]
    assert statuses(answers) == [400] * 10
    assert guess(site).status_code == 401


def test_sessions_live_on_while_their_owner_is_attacked() -> None:
    site = limited_site()
    tokens = site.login()
    for number in range(10):
        guess(site, address=f"192.0.2.{number}")
    assert site.profile(tokens["access_token"]).status_code == 200
    assert site.post("refresh", token=tokens["refresh_token"]).status_code == 200


def test_guesses_at_the_old_password_are_limited_wherever_they_come_from() -> None:
    site = limited_site()
    token = site.login()["access_token"]
    body = {"old_password": "wrong one", "new_password": "staple of another kind"}
    answers = [site.post("password", body, token=token, address=f"192.0.2.{number}") for number in range(4)]
    assert statuses(answers) == [403, 403, 403, 429]


def test_accounts_made_from_one_address_are_limited() -> None:
    site = limited_site()
    answers = [
        site.post("register", {"username": name, "email": f"{name}@example.org", "password": PASSWORD})
        for name in ("user1", "user2", "user3")
    ]
    assert statuses(answers) == [201, 201, 429]


def test_limits_can_be_switched_off() -> None:
    site = Site(rates=FEW, limited=False)
    site.register()
    assert statuses([guess(site) for _ in range(20)]) == [401] * 20


def test_a_malformed_rate_stops_the_start() -> None:
    with pytest.raises(ValueError, match="often"):
        limited_site(Rates(login_per_name="often"))


def test_masters_with_redis_count_together_and_without_it_alone(valkey_addr: str) -> None:
    links = [RedisLink(f"redis://{valkey_addr}", SystemClock(), FakeMeters()) for _ in range(2)]
    sites = [
        Site(rates=FEW, limited=True, storage_uri=f"{SCHEME}://", storage_options={"link": link}) for link in links
    ]
    for site, link in zip(sites, links, strict=True):
        site.register()
        link.check()
        link.client.flushdb()
    assert guess(sites[0], password=PASSWORD).status_code == 200
    assert statuses([guess(site) for site in (*sites, *sites)]) == [401, 401, 401, 429]
    assert statuses([guess(site) for site in sites]) == [429, 429]
    for link in links:
        link.close()
    assert statuses([guess(sites[0]) for _ in range(4)]) == [401, 401, 401, 429]
    assert guess(sites[1]).status_code == 401
    for link in links:
        link.check()
    assert statuses([guess(site) for site in sites]) == [429, 429]
    for link in links:
        link.close()


def test_requests_about_anything_else_run_no_code_of_the_limits() -> None:
    limited, unlimited = limited_site().app, Site(limited=False).app
    assert len(limited.before_request_funcs[None]) == len(unlimited.before_request_funcs[None])
    assert len(limited.after_request_funcs[None]) == len(unlimited.after_request_funcs[None])


def check(secret: str) -> str:
    if secret != "right":
        raise AuthenticationFailed("The user name or the app password is wrong.")
    return secret


@pytest.mark.parametrize("limited", [True, False])
def test_of_programs_that_always_log_in_only_wrong_guesses_count(limited: bool) -> None:
    site = Site(rates=FEW, limited=limited)
    guess = AccountLimits(site.app, FEW, enabled=limited).wrong_guesses(check)
    for login, secret, refused in (
        *[("alice", "right", None)] * 9,
        *[("alice", "wrong", AuthenticationFailed)] * 3,
        ("alice", "right", RateLimited if limited else None),
        ("ben", "right", None),
    ):
        with site.app.test_request_context(), nullcontext() if refused is None else pytest.raises(refused):
            name_attempt(login)
            assert guess(secret) == "right"


class Together:
    """Whoever is checked waits for a moment until as many as possible are."""

    def __init__(self, guesses: int) -> None:
        self.checked = 0
        self._all = threading.Barrier(guesses)

    def check(self, secret: str) -> str:
        self.checked += 1
        with suppress(threading.BrokenBarrierError):
            self._all.wait(0.05)
        return check(secret)


def guess_together(site: Site, guess: Callable[[str], str], secrets: list[str]) -> list[str]:
    """What each is answered, all sent at once."""

    def answer(secret: str) -> str:
        with site.app.test_request_context():
            name_attempt("alice")
            try:
                return guess(secret)
            except EchoError as error:
                return error.code

    with ThreadPoolExecutor(len(secrets)) as pool:
        return list(pool.map(answer, secrets))


def test_wrong_guesses_sent_at_once_do_not_slip_past_the_limit() -> None:
    site, together = Site(rates=FEW, limited=True), Together(12)
    guess = AccountLimits(site.app, FEW).wrong_guesses(together.check)
    answers = guess_together(site, guess, ["wrong"] * 12)
    assert sorted(answers) == [AuthenticationFailed.code] * 3 + [RateLimited.code] * 9
    assert together.checked == 3


def test_right_logins_sent_at_once_are_all_let_in() -> None:
    site = Site(rates=FEW, limited=True)
    guess = AccountLimits(site.app, FEW).wrong_guesses(check)
    assert guess_together(site, guess, ["right"] * 12) == ["right"] * 12


def test_a_guess_that_could_not_be_checked_is_not_counted() -> None:
    rates = replace(FEW, login_per_name_and_address="5/minute;2/hour")
    site, outcomes = Site(rates=rates, limited=True), [CatalogUnavailable, AuthenticationFailed] * 2

    def check(secret: str) -> str:
        raise outcomes[int(secret)]("Not this time.")

    guess = AccountLimits(site.app, rates).wrong_guesses(check)
    answers = [guess_together(site, guess, [secret]) for secret in "01230"]
    assert answers == [[error.code] for error in (*outcomes, RateLimited)]
