"""Logins: access tokens that are renewed before they end, and where they are kept meanwhile."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from echofs.client.errors import NotLoggedIn
from echofs.client.http import Http, Request

EARLY_SECONDS = 60.0
"""A token that ends within this time is renewed first: a long upload must not find out at its end."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gave. ``expires_at`` is the end of ``access``, in seconds since 1970 by this machine's clock."""

    access: str
    refresh: str
    expires_at: float

    @property
    def fresh(self) -> bool:
        """Whether the access token can be used for a while."""
        return time.time() < self.expires_at - EARLY_SECONDS


class TokenStore(Protocol):
    """Keeps the tokens of one login."""

    def load(self) -> Tokens | None:
        """The tokens as they are now, perhaps renewed by another process."""

    def save(self, tokens: Tokens | None) -> None:
        """Keep these from now on; None forgets them."""

    def lock(self) -> AbstractContextManager[object]:
        """Held while tokens are renewed: a refresh token works once, and using it twice ends the session."""


class MemoryTokens:
    """Tokens for the life of one client."""

    def __init__(self) -> None:
        self._tokens: Tokens | None = None
        self._lock = threading.Lock()

    def load(self) -> Tokens | None:
        return self._tokens

    def save(self, tokens: Tokens | None) -> None:
        self._tokens = tokens

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._lock:
            yield


class FixedToken:
    """A token that was given from outside and cannot be renewed."""

    def __init__(self, token: str) -> None:
        self._token = token

    def access(self) -> str:
        return self._token

    def renew(self, refused: str) -> str:
        raise NotLoggedIn("The token is not valid (any more): get a new one.")


class Login:
    """The access token of a user who logged in. Thread-safe, and safe beside other processes with the same store.

    With ``username`` and ``password`` it logs in by itself when nothing else helps.
    """

    def __init__(self, http: Http, store: TokenStore, *, username: str = "", password: str = "") -> None:
        self._http = http
        self._store = store
        self._username = username
        self._password = password

    def access(self) -> str:
        """A token that works for at least a minute. Raises :class:`NotLoggedIn`."""
        tokens = self._store.load()
        return tokens.access if tokens and tokens.fresh else self.renew(tokens.access if tokens else "")

    def renew(self, refused: str) -> str:
        """Another token than the one that was refused. Raises :class:`NotLoggedIn`."""
        with self._store.lock():
            tokens = self._store.load()
            if tokens and tokens.fresh and tokens.access != refused:
                return tokens.access
            renewed = (self._refreshed(tokens) if tokens else None) or self._logged_in()
            self._store.save(renewed)
        return renewed.access

    def login(self, username: str, password: str) -> Mapping[str, Any]:
        """Log in and keep the tokens; the answer's data. Raises :class:`NotLoggedIn`."""
        data = self._log_in(username, password)
        with self._store.lock():
            self._store.save(_tokens(data))
        return data

    def forget(self) -> None:
        """Keep no tokens any more."""
        with self._store.lock():
            self._store.save(None)

    def _refreshed(self, tokens: Tokens) -> Tokens | None:
        try:
            headers = {"Authorization": f"Bearer {tokens.refresh}"}
            # A refresh token works once: sent twice, it would end the session.
            answer = self._http.json(Request("POST", "/auth/refresh", headers=headers, repeatable=False))
        except NotLoggedIn:
            return None
        return _tokens(answer.data)

    def _logged_in(self) -> Tokens:
        if not self._password:
            raise NotLoggedIn("You are not logged in, or your session has ended: log in again (`echofs login`).")
        return _tokens(self._log_in(self._username, self._password))

    def _log_in(self, username: str, password: str) -> Mapping[str, Any]:
        body = json.dumps({"username": username, "password": password}).encode()
        headers = {"Content-Type": "application/json"}
        data: Mapping[str, Any] = self._http.json(Request("POST", "/auth/login", {}, headers, lambda: body)).data
        return data


def _tokens(data: Mapping[str, Any]) -> Tokens:
    return Tokens(data["access_token"], data["refresh_token"], time.time() + data["expires_in"])
