"""How the SQL catalog reaches its engine: addresses, connections that are durable by construction, and the one place
where the drivers' errors become ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Executable, event, make_url
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, IntegrityError, NotSupportedError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from echofs.adapters.catalog import postgresql, prepared
from echofs.adapters.catalog.gate import CatalogGate
from echofs.adapters.catalog.kept import KeptConnections
from echofs.adapters.catalog.races import LostRace, again
from echofs.adapters.catalog.standstill import CatalogBusy, Standstill
from echofs.core.errors import CatalogUnavailable, InvalidSetting

T = TypeVar("T")
_Opening = Callable[[], AbstractContextManager[Connection]]

BUSY_SECONDS = 4
"""How long a writer waits for its turn on SQLite, and any thread for a free connection."""
SWEPT = 1000
"""Rows that one statement of a sweep changes."""
_READS = "echofs_reads"
_SHARED = "echofs_shared"
_KEPT = "echofs_kept"
_POSTGRES = "postgresql+psycopg2"
_PRAGMAS = (
    f"busy_timeout={BUSY_SECONDS * 1000}",
    "journal_mode=WAL",
    # In WAL mode NORMAL forgets acknowledged commits in a power cut; FULL syncs before every commit returns.
    "synchronous=FULL",
    "foreign_keys=ON",
)
_RACES = ("40001", "40P01")
"""SQLSTATE of a serialization failure and of a deadlock: the loser has only to start again."""
_LIMITS = ("55P03", "57014")
"""A lock was not to be had in time; a statement took too long."""
_OTHER_TABLES = ("3F000", "42P01", "42703", "42501")
"""A schema, table or column is missing, or not ours to use."""


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
        for option in parsed.query:
            if not postgresql.is_option(option):
                raise _invalid(f"has an option PostgreSQL does not know, {option}")
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
        return {"pool_size": 16, "max_overflow": 48, "pool_timeout": BUSY_SECONDS}
    return {
        # PostgreSQL accepts 100 connections unless told otherwise, and four or five processes share them.
        "pool_size": 8,
        "max_overflow": 12,
        "pool_timeout": BUSY_SECONDS,
        "connect_args": dict(postgresql.CONNECT_ARGUMENTS),
    }


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all users of an engine share. SQLite makes waiting writers sleep and poll, some of them for seconds; the
    lock hands the turn on at once. Writers in other processes still wait for the file's own lock."""

    turn: threading.Lock | None
    gate: CatalogGate
    reads: Standstill = field(default_factory=Standstill)
    writes: Standstill = field(default_factory=Standstill)


def prepare_engine(engine: Engine) -> Engine:
    """Make every connection of ``engine`` durable and every writing one exclusive. Idempotent; call it before the
    first connection.

    On SQLite the driver's own handling of BEGIN is switched off: it begins late and shared, and two writers that both
    read first then overwrite each other without an error.
    """
    if _SHARED in engine.get_execution_options():
        return engine
    if engine.dialect.name == "sqlite":
        engine.update_execution_options(**{_SHARED: _Shared(threading.Lock(), CatalogGate())})
        event.listen(engine, "connect", _connect_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        alarm = postgresql.Alarm()
        gate = CatalogGate(postgresql.PostgresProbe(engine), alarm)
        engine.update_execution_options(**{_SHARED: _Shared(None, gate)})
        postgresql.install_patience()
        event.listen(engine, "do_connect", _with_alarm(postgresql.alarmed(alarm)))
        event.listen(engine, "connect", postgresql.limit_session)
        event.listen(engine, "checkout", postgresql.refuse_stale)
        event.listen(engine, "begin", _begin_postgres)
    return engine


def keep_connections(engine: Engine) -> None:
    """Have each thread of this process keep its connection to SQLite. For processes that serve, after forking."""
    if engine.dialect.name == "sqlite":
        reads = engine.execution_options(**{_READS: True})
        engine.update_execution_options(**{_KEPT: KeptConnections(reads)})


def gate_of(engine: Engine) -> CatalogGate:
    """The gate before all that :class:`Connections` on this engine do."""
    shared: _Shared = prepare_engine(engine).get_execution_options()[_SHARED]
    return shared.gate


def _with_alarm(kind: type[postgresql.PatientConnection]) -> Callable[..., None]:
    def connect(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
        options["connection_factory"] = kind

    return connect


def _connect_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()


def _begin_sqlite(connection: Connection) -> None:
    if not connection.get_execution_options().get(_READS):
        prepared.begin(connection)


def _begin_postgres(connection: Connection) -> None:
    # The engine's own isolation level AUTOCOMMIT would cost a round trip for each read, to set it back.
    raw: Any = connection.connection.dbapi_connection
    raw.autocommit = bool(connection.get_execution_options().get(_READS))


@contextmanager
def translated() -> Iterator[None]:
    """Raise :class:`CatalogUnavailable` for whatever the driver or the pool reports, the cause kept. Errors that only
    a wrong statement can cause pass unchanged."""
    try:
        yield
    except DBAPIError as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning from error
    except PoolTimeout as error:
        raise CatalogUnavailable("The catalog is busy; try again shortly.") from error


def _meaning(error: DBAPIError) -> CatalogUnavailable | None:
    state = getattr(error.orig, "pgcode", None)
    if isinstance(error, IntegrityError) or state in _RACES:
        return LostRace("The catalog changed under this request; try again.")
    if state in _LIMITS:
        return CatalogBusy("The catalog is busy; try again shortly.")
    if state in _OTHER_TABLES:
        return CatalogUnavailable("The catalog is not the one this EchoFS needs; its operator knows what to do.")
    if isinstance(error, DataError | NotSupportedError | ProgrammingError):
        return None
    return CatalogUnavailable("The catalog does not answer; try again shortly.")


class Connections:
    """Connections for reading and for writing, on one engine.

    A reader runs one statement, which each engine answers from one consistent state: it needs no BEGIN, and on SQLite
    takes no lock that a writer could hold. A writer gets a transaction that is exclusive on SQLite and READ COMMITTED
    on PostgreSQL, is committed at the end and undone if anything raises.
    """

    def __init__(self, engine: Engine) -> None:
        prepare_engine(engine)
        self._shared: _Shared = engine.get_execution_options()[_SHARED]
        kept: KeptConnections | None = engine.get_execution_options().get(_KEPT)
        reads = engine.execution_options(**{_READS: True})
        self._read: _Opening = kept.reading if kept else reads.connect
        self._begin: _Opening = kept.writing if kept else engine.begin

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for statements that each stand alone."""
        shared = self._shared
        with shared.gate.passing(), shared.reads.guarding(), translated(), self._read() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection inside a transaction. Raises :class:`LostRace` when another writer was faster."""
        # Whoever waited for the turn must learn first what the one before found out.
        with (
            _in_turn(self._shared.turn),
            self._shared.gate.passing(),
            self._shared.writes.guarding(),
            translated(),
            self._begin() as connection,
        ):
            yield connection

    def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, done inside a transaction; done again from the start after a lost race."""

        def attempt(_: int) -> T:
            with self.writing() as connection:
                return work(connection)

        return again(attempt)

    def sweep(self, statement: Executable, values: Mapping[str, Any]) -> int:
        """Run a statement that changes at most ``limit`` rows until it finds none, each time in a transaction of its
        own, so that nobody waits for long behind it; how many rows it changed."""
        total, changed = 0, SWEPT
        while changed == SWEPT:
            changed = self.write(lambda connection: connection.execute(statement, {**values, "limit": SWEPT}).rowcount)
            total += changed
        return total


@contextmanager
def _in_turn(turn: threading.Lock | None) -> Iterator[None]:
    if turn is None:
        yield
        return
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise CatalogBusy("The catalog is busy; try again shortly.")
    try:
        yield
    finally:
        turn.release()
