"""While the user directory is away, logins that this host knew go on for a while, and no others."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from echofs.core.errors import AuthenticationFailed, CatalogUnavailable
from echofs.core.models import Role, Timestamp, User
from echofs.ports.accounts import UserChange
from echofs.services.accounts import Principal
from tests.fakes.clock import FakeClock
from tests.fakes.offline import MemoryRights
from tests.fakes.users import MemoryUsers
from tests.web.conftest import Site


class Leaving(MemoryUsers):
    """A directory that can be away."""

    away = False

    def by_id(self, user_id: str) -> User:
        self._answer()
        return super().by_id(user_id)

    def revoked(self, token_ids: Collection[str]) -> bool:
        self._answer()
        return super().revoked(token_ids)

    def revoke(self, token_ids: Collection[str], expires_at: Timestamp) -> int:
        self._answer()
        return super().revoke(token_ids, expires_at)

    def _answer(self) -> None:
        if self.away:
            raise CatalogUnavailable("The catalog does not answer; try again shortly.")


class Host:
    """Two master processes of one host."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.users = Leaving()
        self.rights = MemoryRights(self.clock)
        self.one, self.two = self.process(), self.process()
        self.one.register()

    def process(self, seconds: float = 300.0) -> Site:
        return Site(users=self.users, offline=self.rights, offline_seconds=seconds, clock=self.clock)

    def login(self) -> dict[str, str]:
        """Tokens that the first process asked about two seconds ago."""
        tokens: dict[str, str] = self.one.login()
        self.who(tokens)
        self.clock.advance(2)
        return tokens

    def who(self, tokens: dict[str, str], site: Site | None = None) -> Principal:
        chosen = site or self.one
        with chosen.app.app_context():
            return chosen.authenticator(tokens["access_token"])


@pytest.fixture
def host() -> Host:
    return Host()


def test_every_process_of_the_host_goes_on_with_what_one_knew(host: Host) -> None:
    tokens = host.login()
    before = host.who(tokens)
    host.users.away = True
    host.clock.advance(100)
    for site in (host.one, host.two, host.process()):
        assert host.who(tokens, site) == before
    assert before.role is Role.USER


def test_after_its_time_nobody_is_served(host: Host) -> None:
    tokens = host.login()
    host.users.away = True
    host.clock.advance(298)
    host.who(tokens)
    host.clock.advance(0.5)
    host.who(tokens)
    # What a process remembers for a second counts from then.
    host.clock.advance(1)
    for site in (host.one, host.two):
        with pytest.raises(CatalogUnavailable):
            host.who(tokens, site)


def test_going_on_does_not_prolong_it(host: Host) -> None:
    tokens = host.login()
    host.users.away = True
    for _ in range(29):
        host.clock.advance(10)
        host.who(tokens)
    host.clock.advance(10)
    with pytest.raises(CatalogUnavailable):
        host.who(tokens)


def test_every_answer_of_the_directory_prolongs_it(host: Host) -> None:
    tokens = host.login()
    for _ in range(60):
        host.clock.advance(10)
        host.who(tokens)
    host.users.away = True
    host.clock.advance(270)
    host.who(tokens, host.two)


def test_a_token_that_this_host_never_asked_about_is_not_served(host: Host) -> None:
    host.login()
    tokens = host.one.login()
    host.users.away = True
    with pytest.raises(CatalogUnavailable):
        host.who(tokens)


def test_a_signature_is_checked_all_the_same(host: Host) -> None:
    tokens = host.login()
    host.users.away = True
    with pytest.raises(AuthenticationFailed):
        host.who({"access_token": tokens["access_token"][:-6] + "AAAAAA"})


def test_with_no_time_allowed_nobody_is_served(host: Host) -> None:
    tokens = host.login()
    strict = host.process(0.0)
    host.who(tokens, strict)
    host.clock.advance(2)
    host.users.away = True
    with pytest.raises(CatalogUnavailable):
        host.who(tokens, strict)


def test_a_session_that_was_logged_out_here_has_ended_on_the_whole_host(host: Host) -> None:
    tokens = host.login()
    host.who(tokens, host.two)
    assert host.one.post("logout", token=tokens["access_token"]).status_code == 200
    host.clock.advance(2)
    host.users.away = True
    for site in (host.one, host.two):
        with pytest.raises(CatalogUnavailable):
            host.who(tokens, site)


def test_a_logout_that_the_directory_could_not_note_ends_the_session_here(host: Host) -> None:
    tokens = host.login()
    host.users.away = True
    assert host.one.post("logout", token=tokens["access_token"]).status_code == 503
    with pytest.raises(CatalogUnavailable):
        host.who(tokens)


def test_a_refresh_that_found_no_directory_ends_nothing(host: Host) -> None:
    tokens = host.login()
    host.users.away = True
    assert host.one.post("refresh", token=tokens["refresh_token"]).status_code == 503
    host.who(tokens)


def test_a_refresh_token_used_again_ends_the_session_here(host: Host) -> None:
    tokens = host.login()
    assert host.one.post("refresh", token=tokens["refresh_token"]).status_code == 200
    assert host.one.post("refresh", token=tokens["refresh_token"]).status_code == 401
    host.users.away = True
    with pytest.raises(CatalogUnavailable):
        host.who(tokens)


def test_a_token_that_the_directory_refused_is_not_served_later(host: Host) -> None:
    tokens = host.login()
    host.users.amend(host.who(tokens).user_id, UserChange(disabled=True))
    host.clock.advance(2)
    with pytest.raises(AuthenticationFailed):
        host.who(tokens)
    host.users.away = True
    with pytest.raises(CatalogUnavailable):
        host.who(tokens, host.two)
