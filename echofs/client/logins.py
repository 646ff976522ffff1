"""How a client is logged in: with a token, by itself, or by a profile of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from echofs.client.api import Access
from echofs.client.errors import Refused
from echofs.client.http import Http
from echofs.client.profiles import Profiles, ProfileTokens
from echofs.client.tickets import Tickets
from echofs.client.tokens import FixedToken, Login, MemoryTokens


@dataclass(frozen=True, slots=True)
class Account:
    """What a client needs of its login. ``session`` is the session token to begin with, ``tickets`` keeps unfinished
    uploads beyond the client's life."""

    access: Access
    login: Callable[[str, str], Mapping[str, Any]]
    forget: Callable[[], None]
    keep_session: Callable[[str], None]
    session: str = ""
    tickets: Tickets | None = None


def fixed_account(token: str) -> Account:
    """A token from elsewhere, which cannot be renewed."""
    return Account(FixedToken(token), _no_login, _nothing, _keep_nothing)


def account_of_user(http: Http, username: str, password: str) -> Account:
    """A user who is logged in when that is needed; without a name and a password, once ``login`` was called."""
    login = Login(http, MemoryTokens(), username=username, password=password)
    return Account(login, login.login, login.forget, _keep_nothing)


def account_of_profile(http: Http, profiles: Profiles, name: str) -> Account:
    """The login that is kept in a profile. Raises :class:`NotLoggedIn` when there is none by that name."""
    login = Login(http, ProfileTokens(profiles, name))
    session = profiles.session(name)

    def keep(token: str) -> None:
        if token != session:
            profiles.save_session(name, token)

    tickets = profiles.tickets(profiles.find(name))
    return Account(login, login.login, lambda: profiles.remove(name), keep, session, tickets)


def _no_login(username: str, password: str) -> Mapping[str, Any]:
    raise Refused("This client was given a token: make one without it to log in.")


def _nothing() -> None:
    """A token from elsewhere is not kept anywhere."""


def _keep_nothing(token: str) -> None:
    """A session token lives as long as its client."""
