"""Counters of the limits on attempts: in Redis for all masters together, in this process while Redis is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from limits.storage import MemoryStorage, RedisStorage, Storage
from redis.exceptions import RedisError

from echofs.adapters.redis_link import PREFIX, RedisLink
from echofs.core.errors import Unavailable

SCHEME = "echofs-shared"
"""Flask-Limiter finds this store by the scheme of its address."""

T = TypeVar("T")


class SharedCounters(Storage):
    """Never fails. Whenever Redis goes away, and for as long, each process counts for itself from nothing; what Redis
    had counted goes on when it returns."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012  (the library declares it so)

    def __init__(self, uri: str, wrap_exceptions: bool = False, *, link: RedisLink) -> None:
        super().__init__(uri, wrap_exceptions=wrap_exceptions)
        self._link = link
        pool = link.client.connection_pool
        self._shared = RedisStorage("redis://", connection_pool=pool, key_prefix=f"{PREFIX}limits")
        self._own = MemoryStorage()

    @property
    def base_exceptions(self) -> type[Exception]:
        return RedisError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        def own() -> int:
            # Nothing is given back here that was charged there: it would allow attempts beyond the limit.
            return self._own.incr(key, expiry, amount) if amount > 0 or self._own.get(key) > 0 else 0

        return self._ask(lambda: self._shared.incr(key, expiry, amount), own)

    def get(self, key: str) -> int:
        return self._ask(lambda: self._shared.get(key), lambda: self._own.get(key))

    def get_expiry(self, key: str) -> float:
        return self._ask(lambda: self._shared.get_expiry(key), lambda: self._own.get_expiry(key))

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        self._own.reset()
        return self._ask(self._shared.reset, lambda: None)

    def clear(self, key: str) -> None:
        self._own.clear(key)
        self._ask(lambda: self._shared.clear(key), lambda: None)

    def _ask(self, shared: Callable[[], T], own: Callable[[], T]) -> T:
        try:
            return self._link.call(lambda _client: shared())
        except Unavailable:
            return own()
