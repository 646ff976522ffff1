"""Signed internal calls: JSON Web Tokens (RFC 7519) with HMAC-SHA-256, bound to one process, method and path.

The signing key is derived from CLUSTER_SECRET, so neither a user's token nor anything else ever made with that secret
verifies here. A token may be used again within its short life: internal calls are idempotent.
"""

from __future__ import annotations

import base64
import hmac
import logging
import threading
from dataclasses import dataclass

import jwt

from echofs.core.errors import AuthenticationFailed
from echofs.ports.cluster import CallSigner
from echofs.ports.runtime import Clock

LIFETIME_SECONDS = 30
SKEW_SECONDS = 30
"""How far the clocks of two hosts may differ; beyond it their calls to each other are refused."""
REUSE_SECONDS = 10
"""How long one token serves repeated calls. Signing anew costs some forty times as much."""
MAX_REMEMBERED = 4096
TYPE = "echofs-call"

_ALGORITHM = "HS256"
_KEY_LABEL = b"echofs internal calls, version 1"
_CLAIMS = ["aud", "m", "p", "iat", "exp"]
_MICROSECONDS = 1_000_000

_log = logging.getLogger(__name__)

Call = tuple[str, str, str]
"""Audience, method and path."""


@dataclass(frozen=True, slots=True)
class _Verified:
    call: Call
    issued_at: int
    expires_at: int

    def timely(self, now: float) -> bool:
        return self.issued_at - SKEW_SECONDS <= now < self.expires_at + SKEW_SECONDS


class SharedSecretSigner(CallSigner):
    """Thread-safe. What was signed or verified lately is remembered, so that a call costs next to nothing.

    Times are the wall clock's, compared across hosts with 30 seconds of tolerance either way. A clock that jumps
    costs at most the calls under way: remembered tokens are checked against it again at every use.
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self._key = hmac.digest(secret.encode(), _KEY_LABEL, "sha256")
        self._clock = clock
        self._lock = threading.Lock()
        self._signed: dict[Call, tuple[float, str]] = {}
        self._verified: dict[str, _Verified] = {}

    def sign(self, audience: str, method: str, path: str) -> str:
        call = (audience, method, path)
        now = self._now()
        remembered = self._signed.get(call)
        if remembered is not None and 0 <= now - remembered[0] < REUSE_SECONDS:
            return remembered[1]
        issued_at = int(now)
        claims = {"aud": audience, "m": method, "p": path, "iat": issued_at, "exp": issued_at + LIFETIME_SECONDS}
        token = jwt.encode(claims, self._key, _ALGORITHM, headers={"typ": TYPE})
        with self._lock:
            if len(self._signed) >= MAX_REMEMBERED:
                self._signed.clear()
            self._signed[call] = (now, token)
        return token

    def verify(self, token: str, audience: str, method: str, path: str) -> None:
        verified = self._verified.get(token)
        if verified is None:
            verified = self._decode(token)
        if verified.call != (audience, method, path):
            raise _refusal()
        now = self._now()
        if not verified.timely(now):
            # The signature is right, so this is the operator's business, unlike whatever strangers send.
            _log.warning(
                "internal call refused: its token is too old or from the future; do the hosts' clocks agree?",
                extra={"seconds_since_signed": round(now - verified.issued_at)},
            )
            raise _refusal()
        self._remember(token, verified, now)

    def _decode(self, token: str) -> _Verified:
        """Check everything but the time and what the token was signed for. Raises :class:`AuthenticationFailed`."""
        try:
            decoded = jwt.decode_complete(
                token,
                self._key,
                [_ALGORITHM],
                # Time is our own clock's business, and the audience is compared with the rest of the call.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False, "verify_aud": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise _refusal() from error
        claims = decoded["payload"]
        genuine = decoded["header"].get("typ") == TYPE and _canonical(token, decoded["signature"])
        call = (claims["aud"], claims["m"], claims["p"])
        times = (claims["iat"], claims["exp"])
        if not (genuine and all(isinstance(part, str) for part in call) and all(type(at) is int for at in times)):
            raise _refusal()
        return _Verified(call, *times)

    def _remember(self, token: str, verified: _Verified, now: float) -> None:
        if token in self._verified:
            return
        with self._lock:
            if len(self._verified) >= MAX_REMEMBERED:
                self._verified = {known: seen for known, seen in self._verified.items() if seen.timely(now)}
            if len(self._verified) >= MAX_REMEMBERED:
                self._verified = {}
            self._verified[token] = verified

    def _now(self) -> float:
        return self._clock.now() / _MICROSECONDS


def _canonical(token: str, signature: bytes) -> bool:
    """Whether the token is spelt as it was made: Base64 has several spellings for one value, and one is enough."""
    return token.rpartition(".")[2] == base64.urlsafe_b64encode(signature).rstrip(b"=").decode()


def _refusal() -> AuthenticationFailed:
    return AuthenticationFailed("This call carries no valid proof of coming from this cluster.")
