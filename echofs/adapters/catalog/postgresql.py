"""PostgreSQL through psycopg2, without ever waiting for long.

libpq waits for an answer as long as a connection lives: a frozen database, or a firewall that forgot the connection,
would hold a request for good. psycopg2 leaves the waiting to a callback where there is one, and ours knows a limit. The
database has shorter ones of its own, so that while it lives it is the one to say what took too long.
"""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DisconnectionError

from echofs.core.errors import CatalogUnavailable

PATIENCE_SECONDS = 4.0
"""How long a connection or an answer may take."""
LIMITS = {
    "statement_timeout": 3_500,
    # Somebody else's transaction should not hold a row for longer than it takes to write a batch.
    "lock_timeout": 2_000,
    # A process that freezes in the middle of a transaction must not keep others from its rows.
    "idle_in_transaction_session_timeout": 5_000,
}
"""Milliseconds, for every session."""


class Alarm:
    """Breaks off the waits of the connections that carry it, whichever threads they are in. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ringing = False
        self._bell, self._rope = socket.socketpair()

    def fileno(self) -> int:
        """What a wait polls beside its connection: it can be read while the alarm rings."""
        return self._bell.fileno()

    def break_off(self) -> None:
        """End all waits under way and to come. Idempotent."""
        with self._lock:
            if not self._ringing:
                self._rope.send(b"!")
                self._ringing = True

    def allow(self) -> None:
        """Let the waits to come be. Idempotent."""
        with self._lock:
            if self._ringing:
                self._bell.recv(1)
                self._ringing = False


class PatientConnection(extensions.connection):  # type: ignore[misc]  # psycopg2 ships no types
    """A connection that gives up after ``patience`` seconds without an answer (None waits for ever), or when its
    ``alarm`` rings."""

    patience: float | None = PATIENCE_SECONDS
    alarm: Alarm | None = None


CONNECT_ARGUMENTS: dict[str, Any] = {
    "connection_factory": PatientConnection,
    "fallback_application_name": "echofs",
    "tcp_user_timeout": int(PATIENCE_SECONDS * 1000),
}
"""What ``psycopg2.connect`` gets beside the address."""


def is_option(name: str) -> bool:
    """Whether libpq knows a connection option of this name."""
    try:
        extensions.make_dsn(**{name: "x"})
    except psycopg2.ProgrammingError:
        return False
    return True


def install_patience() -> None:
    """Give the waiting of this process to :func:`_wait`. Idempotent; other connections than ours wait as before."""
    extensions.set_wait_callback(_wait)


def _wait(connection: Any) -> None:
    patience, alarm = getattr(connection, "patience", None), getattr(connection, "alarm", None)
    deadline = None if patience is None else time.monotonic() + patience
    while (state := connection.poll()) != extensions.POLL_OK:
        poll = select.poll()
        # Asked for anew each time: while connecting, libpq may go on to another address on another socket.
        poll.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        if alarm is not None:
            poll.register(alarm.fileno(), select.POLLIN)
        left = None if deadline is None else max(deadline - time.monotonic(), 0) * 1000
        ready = poll.poll(left)
        # psycopg2 closes a connection whose callback raises: a late answer must not meet the next question.
        if not ready:
            raise psycopg2.OperationalError(f"no answer within {patience:g} seconds")
        if alarm is not None and all(number == alarm.fileno() for number, _ in ready):
            raise psycopg2.OperationalError("the database does not answer anybody")


def limit_session(connection: Any, _record: object) -> None:
    """Have the database itself end what takes too long, and isolate transactions as this program expects; for each new
    connection."""
    # Sent as statements because connection poolers refuse them as start-up options.
    connection.autocommit = True
    settings = {**LIMITS, "default_transaction_isolation": "'read committed'"}
    with connection.cursor() as cursor:
        cursor.execute("; ".join(f"SET {name} = {value}" for name, value in settings.items()))


def refuse_stale(connection: Any, _record: object, _proxy: object) -> None:
    """Make the pool replace a connection that the database closed while it lay idle; for each checkout.

    The database never speaks unasked but to take its leave, and looking costs no round trip.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError("The database closed this connection.")


@contextmanager
def unlimited(connection: Connection) -> Iterator[None]:
    """Lift every limit for the transaction that ``connection`` is in: changing tables may take its time."""
    raw = connection.connection.dbapi_connection
    assert raw is not None
    raw.patience = None
    try:
        for name in LIMITS:
            connection.exec_driver_sql(f"SET LOCAL {name} = 0")
        yield
    finally:
        del raw.patience


def alarmed(alarm: Alarm) -> type[PatientConnection]:
    """The kind of connection whose waits ``alarm`` breaks off."""
    return type("AlarmedConnection", (PatientConnection,), {"alarm": alarm})


class PostgresProbe:
    """A trivial question on a connection of its own, which is kept. Belongs to one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None

    def __call__(self, seconds: float) -> None:
        """Raises :class:`CatalogUnavailable` without an answer in so many seconds."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = self._connect(seconds)
            self._connection.patience = seconds
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error as error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            raise CatalogUnavailable("The catalog does not answer; try again shortly.") from error

    def _connect(self, seconds: float) -> Any:
        arguments, options = self._engine.dialect.create_connect_args(self._engine.url)
        hurried = type("HurriedConnection", (PatientConnection,), {"patience": seconds})
        connection = psycopg2.connect(*arguments, **{**options, **CONNECT_ARGUMENTS, "connection_factory": hurried})
        connection.autocommit = True
        return connection
