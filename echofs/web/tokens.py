"""Signed tokens: issued at login, read on every request, remembered for a second."""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from threading import Lock
from typing import Any

from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt.exceptions import ExpiredSignatureError, PyJWTError

from echofs.core.errors import AuthenticationFailed, CatalogUnavailable
from echofs.core.models import Timestamp, User
from echofs.ports.offline import OfflineRights, Right
from echofs.ports.runtime import Clock
from echofs.ports.sessions import Ended, SessionNews
from echofs.services.accounts import Accounts, Claims, Principal

ALGORITHM = "HS256"
ISSUER = "echofs"
AUDIENCE = "echofs-api"
_LEEWAY_SECONDS = 10
"""How far the clocks of two masters may be apart."""
_REQUIRED = {"exp": int, "iat": int, "iss": str, "sub": str, "jti": str, "sid": str, "epoch": int, "type": str}
_REMEMBERED_SECONDS = 1.0
_KEPT_PARTS = 10
"""A right is kept anew this many times in the span for which it counts."""
_INVALID = "The token is not valid: log in again."


class Kind(StrEnum):
    """What a token is for."""

    ACCESS = "access"
    REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """``secret`` has at least 32 bytes; lifetimes are in seconds."""

    secret: str = field(repr=False)
    access_seconds: int = 3600
    refresh_seconds: int = 30 * 86400


@dataclass(frozen=True, slots=True)
class TokenPair:
    """``expires_in`` and ``refresh_expires_in`` are the lives of the two tokens in seconds."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int
    refresh_expires_in: int


class Tokens:
    """JSON Web Tokens (RFC 7519) of one application, signed by HMAC-SHA-256 and bound to issuer and audience.

    Issuing and reading need an application context.
    """

    def __init__(self, app: Flask, settings: TokenSettings) -> None:
        self._settings = settings
        # A key of its own, so that what pages may read says nothing about signatures.
        self._csrf_key = hmac.digest(settings.secret.encode(), b"page sessions", hashlib.sha256)
        app.config.update(
            JWT_SECRET_KEY=settings.secret,
            JWT_ALGORITHM=ALGORITHM,
            JWT_DECODE_ALGORITHMS=[ALGORITHM],
            JWT_ENCODE_ISSUER=ISSUER,
            JWT_DECODE_ISSUER=ISSUER,
            JWT_ENCODE_AUDIENCE=AUDIENCE,
            JWT_DECODE_AUDIENCE=AUDIENCE,
            JWT_ENCODE_NBF=False,
            JWT_DECODE_LEEWAY=_LEEWAY_SECONDS,
            JWT_TOKEN_LOCATION=["headers"],
            JWT_ACCESS_TOKEN_EXPIRES=timedelta(seconds=settings.access_seconds),
            JWT_REFRESH_TOKEN_EXPIRES=timedelta(seconds=settings.refresh_seconds),
        )
        manager = JWTManager(app)

        # The library fills in what a token lacks: a missing type becomes "access", a missing exp "for ever". This
        # callback is the only place that sees the claims before that.
        @manager.decode_key_loader
        def key_for(_headers: dict[str, Any], claims: dict[str, Any]) -> str:
            for name, kind in _REQUIRED.items():
                if type(claims.get(name)) is not kind:
                    raise AuthenticationFailed(_INVALID)
            return settings.secret

    def issue(self, user: User, sid: str) -> TokenPair:
        """A fresh pair of tokens for a user's session."""
        claims = {"sid": sid, "epoch": user.token_epoch}
        return TokenPair(
            access=create_access_token(user.id, additional_claims=claims),
            refresh=create_refresh_token(user.id, additional_claims=claims),
            expires_in=self._settings.access_seconds,
            refresh_expires_in=self._settings.refresh_seconds,
        )

    def csrf(self, sid: str) -> str:
        """What a page must send with its requests to prove that it belongs to a session; the same for all its life, so
        that several windows may share the session."""
        return hmac.new(self._csrf_key, sid.encode(), hashlib.sha256).hexdigest()

    def read(self, encoded: str, kind: Kind) -> Claims:
        """The claims of a genuine, unexpired token of that kind. Raises :class:`AuthenticationFailed`."""
        try:
            claims = decode_token(encoded)
        except ExpiredSignatureError:
            raise AuthenticationFailed("The token has expired: refresh it or log in again.") from None
        except (PyJWTError, JWTExtendedException, ValueError):
            raise AuthenticationFailed(_INVALID) from None
        if claims["type"] != kind:
            raise AuthenticationFailed(f"This address takes {kind} tokens only.")
        return Claims(
            user_id=claims["sub"],
            jti=claims["jti"],
            sid=claims["sid"],
            epoch=claims["epoch"],
            expires_at=claims["exp"] * 1_000_000,
        )


@dataclass(frozen=True, slots=True)
class _Remembered:
    principal: Principal
    until: float
    expires_at: Timestamp
    kept_at: float


class Authenticator:
    """Turns access tokens into principals, asking the accounts about each token at most once a second.

    A logout, a new password, a lost role or a lock is therefore effective on every master within one second, and at
    once in the process that is told through :meth:`forget` and, by way of ``news``, in all that hear of it.

    While the accounts cannot be asked, a token goes on as long as this host's last question about it is no older than
    ``offline_seconds``, by what is kept in ``offline``; then it is refused. Safe to share between threads.
    """

    def __init__(
        self,
        tokens: Tokens,
        accounts: Accounts,
        clock: Clock,
        *,
        news: SessionNews | None = None,
        offline: OfflineRights | None = None,
        offline_seconds: float = 0.0,
        capacity: int = 4096,
    ) -> None:
        self._news = news
        self._offline = offline
        self._offline_seconds = offline_seconds
        self._tokens = tokens
        self._accounts = accounts
        self._clock = clock
        self._capacity = capacity
        self._remembered: dict[str, _Remembered] = {}
        self._forgotten = 0
        self._lock = Lock()

    def __call__(self, encoded: str) -> Principal:
        """The bearer of an access token. Raises :class:`AuthenticationFailed` and :class:`CatalogUnavailable`."""
        # The second runs from before the question, as the answer may be old when it arrives.
        asked = self._clock.monotonic()
        known = self._remembered.get(encoded)
        if known is not None and asked < known.until and self._clock.now() < known.expires_at:
            return known.principal
        forgotten = self._forgotten
        claims = self._tokens.read(encoded, Kind.ACCESS)
        principal, kept_at = self._check(encoded, claims, asked, known.kept_at if known else -math.inf)
        entry = _Remembered(principal, asked + _REMEMBERED_SECONDS, claims.expires_at, kept_at)
        self._remember(encoded, entry, forgotten)
        return principal

    def _check(self, encoded: str, claims: Claims, asked: float, kept_at: float) -> tuple[Principal, float]:
        """The bearer, and when that was last kept for the time without the accounts."""
        try:
            principal = self._accounts.check(claims)
        except AuthenticationFailed:
            if self._offline is not None:
                self._offline.refuse(encoded)
            raise
        except CatalogUnavailable:
            kept = self._offline.recall(encoded) if self._offline is not None else None
            if kept is None or kept[1] > self._offline_seconds:
                raise
            return _bearer(kept[0]), kept_at
        if self._offline is not None and asked - kept_at >= self._offline_seconds / _KEPT_PARTS:
            self._offline.keep(encoded, _right(principal, claims.expires_at), asked)
            kept_at = asked
        return principal, kept_at

    def revoked(self, ended: Ended) -> None:
        """Have this process and all that can be reached ask again; call it once the accounts refuse the tokens."""
        self.forget(ended)
        if self._news is not None:
            self._news.announce(ended)

    def forget(self, ended: Ended) -> None:
        """Ask again about the tokens of what has ended, in this process; on this host they need an answer."""
        if self._offline is not None:
            self._offline.forget(ended)
        with self._lock:
            self._forgotten += 1
            self._remembered = {
                encoded: entry
                for encoded, entry in self._remembered.items()
                if entry.principal.sid != ended.sid and entry.principal.user_id != ended.user_id
            }

    def _remember(self, encoded: str, entry: _Remembered, forgotten: int) -> None:
        with self._lock:
            # Something was forgotten while the question was under way: the answer may be from before.
            if forgotten != self._forgotten:
                return
            # All entries are worthless after a second, so emptying a full table costs little.
            if len(self._remembered) >= self._capacity:
                self._remembered.clear()
            self._remembered[encoded] = entry


def _right(who: Principal, expires_at: Timestamp) -> Right:
    return Right(who.user_id, who.name, who.role, who.jti, who.sid, expires_at, who.quota_bytes)


def _bearer(right: Right) -> Principal:
    return Principal(right.user_id, right.name, right.role, right.jti, right.sid, right.quota_bytes)
