"""Who sends a request, by user name and app password. Clients of WebDAV log in with every one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from threading import Lock

from echofs.ports.runtime import Clock
from echofs.services.accounts import Principal
from echofs.web.limits import name_attempt

REMEMBERED_SECONDS = 1.0
"""As for tokens: what ended elsewhere is refused after at most so long."""
_CAPACITY = 4096


class DavLogins:
    """Asks about each pair of name and password at most once a second. Safe to share between threads.

    ``check`` takes both and raises :class:`AuthenticationFailed` or, for too many wrong ones, :class:`RateLimited`.
    """

    def __init__(self, check: Callable[[str, str], Principal], clock: Clock) -> None:
        self._check = check
        self._clock = clock
        self._remembered: dict[bytes, tuple[Principal, float]] = {}
        self._lock = Lock()

    def __call__(self, login: str, secret: str) -> Principal:
        """Who that is. Raises as ``check`` does."""
        asked = self._clock.monotonic()
        pair = hashlib.sha256(f"{len(login)}:{login}{secret}".encode(errors="surrogatepass")).digest()
        known = self._remembered.get(pair)
        if known is not None and asked < known[1]:
            return known[0]
        name_attempt(login)
        principal = self._check(login, secret)
        with self._lock:
            # All entries are worthless after a second, so emptying a full table costs little.
            if len(self._remembered) >= _CAPACITY:
                self._remembered.clear()
            self._remembered[pair] = principal, asked + REMEMBERED_SECONDS
        return principal
