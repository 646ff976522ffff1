"""The way to Redis or Valkey, made so that losing it costs a request next to nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection
from redis.exceptions import (
    AuthenticationError,
    InvalidResponse,
    NoPermissionError,
    RedisError,
    ResponseError,
    TimeoutError,
)
from redis.retry import Retry

from echofs.core.errors import Unavailable
from echofs.ports.runtime import Clock, Meters

TIMEOUT_SECONDS = 0.25
"""How long one answer may take; also the most a thread loses to a Redis that has just begun to hang."""
PREFIX = "{echofs}:"
"""Of every key. The braces keep them together in a cluster of Redis servers, as scripts on several keys need."""
_PROBE_KEY = f"{PREFIX}probe"
_PROBE = "return redis.call('SET', KEYS[1], '', 'PX', 1000)"
"""Writes, and by a script, since that is all we ever ask: a server that only reads or is full does not pass."""
_FAILURES = (RedisError, OSError, ValueError)
"""ValueError: what a server that is no Redis may send."""

T = TypeVar("T")
_log = logging.getLogger(__name__)


class RedisLink:
    """Thread-safe. Opens no connection before :meth:`check` is called the first time.

    A failed call makes the link *away*: until :meth:`check`, the action of a loop, finds Redis well again, every call
    is refused at once, so no request waits for a server that was found away (a circuit breaker whose trial calls are
    the loop's). A server that was restarted may have forgotten or brought back anything, so it counts as one that was
    away. ``url`` may hold a password; messages never do.
    """

    def __init__(self, url: str, clock: Clock, meters: Meters) -> None:
        self.client = redis.Redis.from_url(
            url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 0),
            redis_connect_func=self._greet,
            protocol=2,
        )
        self._where = urlsplit(url).netloc.rpartition("@")[2]
        self._clock = clock
        self._meters = meters
        self._probe = self.client.register_script(_PROBE)
        self._lock = threading.Lock()
        self._here = threading.Event()
        self._since = 0.0
        self._generation = 0
        self._run: bytes | None = None
        self._reason = ""

    @property
    def here(self) -> bool:
        """Whether the last call or check succeeded."""
        return self._here.is_set()

    @property
    def generation(self) -> int:
        """Grows with every return of Redis: what was learned under another number may be gone."""
        return self._generation

    def steady_for(self, seconds: float) -> bool:
        """Whether Redis has answered everything for that long."""
        return self.here and self._clock.monotonic() - self._since >= seconds

    def wait(self, timeout: float) -> bool:
        """Wait until Redis is here, at most ``timeout`` seconds; whether it is."""
        return self._here.wait(timeout)

    def call(self, question: Callable[[redis.Redis], T]) -> T:
        """Ask Redis. Raises :class:`Unavailable`: at once while it is away, else after :data:`TIMEOUT_SECONDS` for each
        command in ``question`` at most."""
        if not self.here:
            raise Unavailable("Redis is away.")
        try:
            return question(self.client)
        except _FAILURES as error:
            raise self._lose(error) from error

    def check(self) -> None:
        """Find out how Redis is, and say so in the log when that changed. Never raises."""
        if not self.here:
            self.client.connection_pool.disconnect(inuse_connections=False)
            self._run = None
        try:
            self._probe(keys=[_PROBE_KEY])
        except _FAILURES as error:
            self._lose(error)
        else:
            self._regain()

    def close(self) -> None:
        """Free the connections. Idempotent."""
        self._here.clear()
        self.client.close()

    def _lose(self, error: Exception) -> Unavailable:
        reason = _reason(error, self._where)
        with self._lock:
            was_here, told = self.here, self._reason == reason
            self._here.clear()
            self._reason = reason
        self._meters.add("redis_failures")
        if was_here or not told:
            _log.warning("Redis is away; everything goes on without it", extra={"why": reason})
        return Unavailable(reason)

    def _regain(self) -> None:
        with self._lock:
            if self.here:
                return
            self._generation += 1
            self._since = self._clock.monotonic()
            self._reason = ""
            self._here.set()
        _log.info("Redis answers")

    def _greet(self, connection: AbstractConnection) -> None:
        """Begin a connection, and refuse it if it leads to another server process than those before."""
        connection.on_connect()  # type: ignore[no-untyped-call]
        connection.send_command("INFO", "server")  # type: ignore[no-untyped-call]
        run = _run_id(connection.read_response())
        with self._lock:
            known, self._run = self._run, run
        if known is not None and known != run:
            raise redis.ConnectionError("Redis was restarted")


def _run_id(info: Any) -> bytes:
    for line in info.splitlines() if isinstance(info, bytes) else ():
        name, _, value = line.partition(b":")
        if name == b"run_id":
            return bytes(value)
    raise InvalidResponse("no run_id")


def _reason(error: Exception, where: str) -> str:
    """What is wrong, in a sentence that repeats nothing the other side or the URL says."""
    sentences: tuple[tuple[type[Exception], str], ...] = (
        (AuthenticationError, f"Redis at {where} refuses the user or password in REDIS_ADDR."),
        (NoPermissionError, f"Redis at {where} does not let the user in REDIS_ADDR do what is needed."),
        (TimeoutError, f"Redis at {where} did not answer within {TIMEOUT_SECONDS:g} s."),
        (InvalidResponse, f"What answers at {where} is no Redis."),
        (ValueError, f"What answers at {where} is no Redis."),
        (redis.ConnectionError, f"There is no connection to Redis at {where}, or it broke."),
        (ResponseError, f"Redis at {where} refuses to write: it is full, read-only or in trouble."),
    )
    return next((text for kind, text in sentences if isinstance(error, kind)), f"Redis at {where} failed.")
