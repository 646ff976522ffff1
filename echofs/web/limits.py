"""How often accounts may be tried. Attempts are charged before they are made and given back when they succeed, so that
many at once cannot slip through together."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from flask import Flask, g, request
from flask_limiter import Limiter, RateLimitExceeded
from limits import RateLimitItem, parse_many
from limits.strategies import RateLimiter

from echofs.core.errors import AuthenticationFailed, EchoError, Forbidden, RateLimited
from echofs.core.models import User
from echofs.core.names import fold
from echofs.services.accounts import Accounts, Grant, Principal

P = ParamSpec("P")
R = TypeVar("R")

_FALLBACK_WAIT_SECONDS = 60.0
_SITE_PREFIX_BITS = 64
_TURNS = 64
"""Locks that all keys share: two that happen on the same one only wait for each other."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Attempts per time, as Flask-Limiter writes them (``"10/minute"``, several joined by ``;``).

    Of logins and password changes only failures count. ``name`` means the user name tried, whether it exists or not.
    """

    login_per_name_and_address: str = "10/minute"
    login_per_name: str = "100/hour"
    login_per_address: str = "30/minute"
    password_per_user: str = "10/minute;100/hour"
    register_per_address: str = "60/hour"


@dataclass(frozen=True, slots=True)
class Attempts:
    """What may be tried a limited number of times, by whichever route; made once, or each route would count anew."""

    register: Callable[[str, str, str], User]
    login: Callable[[str, str], Grant]
    change_password: Callable[[Principal, str, str], Grant]


class _Guesses:
    """Charges for guesses before they are made and gives back what was no wrong one. In this process one waits for the
    other with the same key, or many right ones at once would be charged for together and refused."""

    def __init__(self, counters: RateLimiter, limits: Sequence[RateLimitItem]) -> None:
        self._counters = counters
        self._limits = limits
        self._turns = tuple(Lock() for _ in range(_TURNS))

    @contextmanager
    def one_at_a_time(self, key: str) -> Iterator[None]:
        """Surrounds a guess. Raises :class:`RateLimited` instead of beginning one too many."""
        with self._turns[hash(key) % _TURNS]:
            self._charge(key)
            try:
                yield
            except AuthenticationFailed:
                raise
            except BaseException:
                self._refund(key, self._limits)
                raise
            self._refund(key, self._limits)

    def _charge(self, key: str) -> None:
        for index, limit in enumerate(self._limits):
            if not self._counters.hit(limit, key):
                wait = self._counters.get_window_stats(limit, key).reset_time - time.time()
                self._refund(key, self._limits[: index + 1])
                raise RateLimited("Too many attempts: wait and try again.", retry_after=wait)

    def _refund(self, key: str, limits: Sequence[RateLimitItem]) -> None:
        for limit in limits:
            self._counters.hit(limit, key, cost=-1)


class AccountLimits:
    """Wraps what may be tried so that it raises :class:`RateLimited` when tried too often.

    ``storage_uri`` names the store of the counters by a scheme that :mod:`limits` knows, and ``storage_options`` go to
    it: ``memory://`` counts for each process alone. A store must not fail. Raises ValueError for a malformed rate.
    """

    def __init__(
        self,
        app: Flask,
        rates: Rates | None = None,
        *,
        storage_uri: str = "memory://",
        storage_options: Mapping[str, Any] | None = None,
        enabled: bool = True,
    ) -> None:
        self._rates = rates or Rates()
        self._limiter = Limiter(
            key_func=_address,
            enabled=enabled,
            storage_uri=storage_uri,
            storage_options=dict(storage_options or {}),
            strategy="fixed-window",
            key_prefix="echofs",
        )
        # Only the attempts below are limited, and they ask for themselves. Taking itself for installed, the library
        # adds no hooks around every other request: they cost 50 us, and would ask a lost store on the path of files.
        app.extensions.setdefault("limiter", set()).add(self._limiter)
        self._limiter.init_app(app)

    def attempts(self, accounts: Accounts) -> Attempts:
        """All that :class:`Attempts` has, limited. Call it once for an application."""
        return Attempts(
            self.register(accounts.register), self.login(accounts.login), self.change_password(accounts.change_password)
        )

    def login(self, attempt: Callable[P, R]) -> Callable[P, R]:
        """Limit logins; :func:`name_attempt` must have said who is tried."""
        return self._give_back(
            self._charge(
                "login",
                attempt,
                (self._rates.login_per_name_and_address, lambda: f"pair:{g.tried}:{_address()}"),
                (self._rates.login_per_name, lambda: f"name:{g.tried}"),
                (self._rates.login_per_address, _address),
            )
        )

    def wrong_guesses(self, attempt: Callable[P, R]) -> Callable[P, R]:
        """Limit wrong logins only, by name and address, for programs that log in with every request and send many at
        once; :func:`name_attempt` must have said who is tried."""
        if not self._limiter.enabled:
            return attempt
        guesses = _Guesses(self._limiter.limiter, parse_many(self._rates.login_per_name_and_address))

        def guess(*args: P.args, **kwargs: P.kwargs) -> R:
            with guesses.one_at_a_time(f"guess:{g.tried}:{_address()}"):
                return attempt(*args, **kwargs)

        return guess

    def change_password(self, attempt: Callable[P, R]) -> Callable[P, R]:
        """Limit guesses at the old password by whoever holds an access token."""
        return self._give_back(
            self._charge("password", attempt, (self._rates.password_per_user, lambda: f"user:{g.principal.user_id}"))
        )

    def register(self, attempt: Callable[P, R]) -> Callable[P, R]:
        """Limit new accounts, successful or not: each costs a slow hash and tells whether a name is taken."""
        return self._charge("register", attempt, (self._rates.register_per_address, _address))

    def _charge(self, what: str, attempt: Callable[P, R], *charges: tuple[str, Callable[[], str]]) -> Callable[P, R]:
        limited = attempt
        for rate, key in charges:
            parse_many(rate)  # The library would only log a malformed rate and limit nothing.
            # Shared by all routes that make the attempt: another route must not be another row of guesses.
            limited = self._limiter.shared_limit(rate, scope=what, key_func=key)(limited)

        def charged(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return limited(*args, **kwargs)
            except RateLimitExceeded:
                raise RateLimited("Too many attempts: wait and try again.", retry_after=self._wait()) from None

        return charged

    def _give_back(self, charged: Callable[P, R]) -> Callable[P, R]:
        def attempt(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                result = charged(*args, **kwargs)
            except EchoError as error:
                if not isinstance(error, AuthenticationFailed | Forbidden | RateLimited):
                    self._refund()
                raise
            self._refund()
            return result

        return attempt

    def _refund(self) -> None:
        for charge in self._limiter.current_limits:
            self._limiter.limiter.hit(charge.limit, *charge.request_args, cost=-1)

    def _wait(self) -> float:
        """Seconds until the exceeded limit starts anew."""
        exceeded = self._limiter.current_limit
        return exceeded.reset_at - time.time() if exceeded else _FALLBACK_WAIT_SECONDS


def name_attempt(login: str) -> None:
    """Say which user name or e-mail address this request tries."""
    # A digest, since names may be of any length and the store is no place for them.
    g.tried = hashlib.sha256(fold(login).encode(errors="surrogatepass")).hexdigest()[:32]


def _address() -> str:
    """The client's address; an IPv6 client has at least a whole /64, so that counts as one."""
    try:
        address = ip_address(request.remote_addr or "")
    except ValueError:
        return f"address:{request.remote_addr}"
    prefix = _SITE_PREFIX_BITS if address.version == 6 else address.max_prefixlen
    return f"address:{ip_network((address, prefix), strict=False)}"
