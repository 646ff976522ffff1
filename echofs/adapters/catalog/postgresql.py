"""PostgreSQL through psycopg2, without ever waiting for long.

libpq waits for an answer as long as a connection lives: a frozen database, or a firewall that forgot the connection,
would hold a request for good. psycopg2 leaves the waiting to a callback where there is one, and ours knows a limit. The
database has shorter ones of its own, so that while it lives it is the one to say what took too long.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Connection
from sqlalchemy.exc import DisconnectionError

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


class PatientConnection(extensions.connection):  # type: ignore[misc]  # psycopg2 ships no types
    """A connection that gives up after ``patience`` seconds without an answer; None waits for ever."""

    patience: float | None = PATIENCE_SECONDS


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
    patience = getattr(connection, "patience", None)
    deadline = None if patience is None else time.monotonic() + patience
    while (state := connection.poll()) != extensions.POLL_OK:
        poll = select.poll()
        # Asked for anew each time: while connecting, libpq may go on to another address on another socket.
        poll.register(connection.fileno(), select.POLLIN if state == extensions.POLL_READ else select.POLLOUT)
        left = None if deadline is None else max(deadline - time.monotonic(), 0) * 1000
        if not poll.poll(left):
            # psycopg2 closes a connection whose callback raises: a late answer must not meet the next question.
            raise psycopg2.OperationalError(f"no answer within {patience:g} seconds")


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
