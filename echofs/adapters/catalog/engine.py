"""How the SQL catalog reaches its engine: addresses, connections that are durable by construction, and the one place
where the drivers' errors become ours."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from echofs.core.errors import CatalogUnavailable, InvalidSetting

BUSY_SECONDS = 15
"""How long a writer waits for its turn on SQLite."""
POOL_SECONDS = 5
"""How long a thread waits for a free connection."""
_STATEMENT_MS = 5_000
_CONNECT_SECONDS = 3
_READS = "echofs_reads"
_TURN = "echofs_turn"
_POSTGRES = "postgresql+psycopg2"
_PRAGMAS = (
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "journal_mode=WAL",
    # In WAL mode NORMAL forgets acknowledged commits in a power cut; FULL syncs before every commit returns.
    "synchronous=FULL",
    "foreign_keys=ON",
)
_RETRIED_BY_POSTGRES = ("40001", "40P01")
"""SQLSTATE of a serialization failure and of a deadlock: the loser has only to start again."""


class LostRace(CatalogUnavailable):
    """Another writer came between the checks and the writes. Nothing was changed; looking again is all it takes."""


def normalise_url(url: str) -> str:
    """The address of a catalog in the one form the engine understands.

    ``postgres://`` and ``postgresql://`` mean psycopg2, with their query (``sslmode``) kept; a SQLite path is made
    absolute. Raises :class:`InvalidSetting` naming ``DATABASE_URL``, without repeating a password.
    """
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        raise _invalid("is not an address") from None
    if parsed.drivername in ("postgres", "postgresql", _POSTGRES):
        if not parsed.database:
            raise _invalid("names no database: add /NAME at its end")
        return parsed.set(drivername=_POSTGRES).render_as_string(hide_password=False)
    if parsed.drivername in ("sqlite", "sqlite+pysqlite"):
        if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
            raise _invalid("names no file: write sqlite:////folder/catalog.db")
        path = Path(parsed.database).expanduser().absolute()
        return parsed.set(drivername="sqlite", database=str(path)).render_as_string(hide_password=False)
    raise _invalid("names an engine EchoFS does not know")


def _invalid(what: str) -> InvalidSetting:
    return InvalidSetting(
        f"DATABASE_URL {what}. Use sqlite:////folder/catalog.db or postgresql://user:password@host/name.",
        field="DATABASE_URL",
    )


def engine_options(url: str) -> dict[str, Any]:
    """Arguments of ``create_engine`` for a normalised address: pools as large as a process has threads, and no wait
    without end."""
    if url.startswith("sqlite"):
        return {"pool_size": 16, "max_overflow": 48, "pool_timeout": POOL_SECONDS}
    return {
        "pool_size": 8,
        "max_overflow": 24,
        "pool_timeout": POOL_SECONDS,
        # A restarted database then costs one ping, not one failed request for each pooled connection.
        "pool_pre_ping": True,
        "connect_args": {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _STATEMENT_MS},
    }


def prepare_engine(engine: Engine) -> Engine:
    """Make every connection of ``engine`` durable and every writing one exclusive. Idempotent; call it before the
    first connection.

    On SQLite the driver's own handling of BEGIN is switched off: it begins late and shared, and two writers that both
    read first then overwrite each other without an error.
    """
    sqlite = engine.dialect.name == "sqlite"
    connect = _connect_sqlite if sqlite else _connect_postgres
    if event.contains(engine, "connect", connect):
        return engine
    event.listen(engine, "connect", connect)
    if sqlite:
        event.listen(engine, "begin", _begin_sqlite)
        # SQLite makes waiting writers sleep and poll, some of them for seconds; a lock that all users of this engine
        # share hands the turn on at once. Writers in other processes still wait for the file's own lock.
        engine.update_execution_options(**{_TURN: threading.Lock()})
    return engine


def _connect_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READS):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _connect_postgres(connection: Any, _record: object) -> None:
    # Sent as a statement because connection poolers refuse it as a start-up option.
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {_STATEMENT_MS}")
    connection.commit()


@contextmanager
def translated() -> Iterator[None]:
    """Raise :class:`CatalogUnavailable` for whatever the driver or the pool reports, the cause kept. Errors that only
    a wrong statement can cause pass unchanged."""
    try:
        yield
    except IntegrityError as error:
        raise LostRace("The catalog changed under this request; try again.") from error
    except (DataError, NotSupportedError, ProgrammingError):
        raise
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) in _RETRIED_BY_POSTGRES:
            raise LostRace("The catalog changed under this request; try again.") from error
        raise CatalogUnavailable("The catalog does not answer; try again shortly.") from error
    except PoolTimeout as error:
        raise CatalogUnavailable("The catalog is busy; try again shortly.") from error


class Connections:
    """Connections for reading and for writing, on one engine.

    A reader runs one statement, which each engine answers from one consistent state: it needs no BEGIN, and on SQLite
    takes no lock that a writer could hold. A writer gets a transaction that is exclusive on SQLite and READ COMMITTED
    on PostgreSQL, is committed at the end of the ``with`` and undone if that raises.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = prepare_engine(engine)
        self._turn: threading.Lock | None = engine.get_execution_options().get(_TURN)
        sqlite = engine.dialect.name == "sqlite"
        reads: dict[str, Any] = {_READS: True} if sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._reads = engine.execution_options(**reads)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for statements that each stand alone."""
        with translated(), self._reads.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection inside a transaction."""
        with translated(), _in_turn(self._turn), self._engine.begin() as connection:
            yield connection


@contextmanager
def _in_turn(turn: threading.Lock | None) -> Iterator[None]:
    if turn is None:
        yield
        return
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise CatalogUnavailable("The catalog is busy; try again shortly.")
    try:
        yield
    finally:
        turn.release()
