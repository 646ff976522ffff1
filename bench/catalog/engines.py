"""The engines a catalog can have, each started for the measurement and gone afterwards."""

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from echofs.adapters.catalog import schema
from echofs.adapters.catalog.records import RecordsCatalog
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.system import SystemClock
from echofs.ports.catalog import Catalog
from tests import tables
from tests.servers import lifeline, postgresql


@dataclass(frozen=True)
class Empty:
    """A catalog with nothing in it. `url` is where a cluster finds it, `""` if it has no such address. `filled` is to
    be called when the catalog got a lot: it does at once what the engine would do by itself a while later."""

    catalog: Catalog
    url: str = ""
    filled: Callable[[], None] = lambda: None


Maker = Callable[[], Empty]
"""Makes another catalog on the same engine; it is closed together with the engine."""


@contextlib.contextmanager
def sqlite(folder: Path) -> Iterator[Maker]:
    """One file for each catalog, as EchoFS sets them up: every commit is flushed to disk."""
    with ExitStack() as stack:

        def make() -> Empty:
            place = folder / f"{sum(1 for _ in folder.iterdir())}"
            place.mkdir()
            url = f"sqlite:///{place}/catalog.db"
            return Empty(SqlCatalog(_engine(stack, url), SystemClock()), url)

        yield make


@contextlib.contextmanager
def postgres(_folder: Path) -> Iterator[Maker]:
    """The tests' own server on this machine, told to flush; one database for each catalog."""
    with ExitStack() as stack:
        server = stack.enter_context(lifeline.started("tests.servers.postgresql", postgresql.DURABLE))

        def make() -> Empty:
            url = postgresql.create_database(server)
            engine = _engine(stack, url)
            return Empty(SqlCatalog(engine, SystemClock()), url, lambda: _vacuum(engine))

        yield make


@contextlib.contextmanager
def dynamodb(_folder: Path) -> Iterator[Maker]:
    """DynamoDB as moto imitates it: the calls are those that AWS would get, their time is moto's."""
    with ExitStack() as stack:
        client = tables.client_of(stack.enter_context(lifeline.started("tests.servers.aws")))

        def make() -> Empty:
            names = stack.enter_context(tables.catalog_tables(client))
            return Empty(RecordsCatalog(client, names, SystemClock()))

        yield make


ENGINES: dict[str, Callable[[Path], AbstractContextManager[Maker]]] = {
    "sqlite": sqlite,
    "postgresql": postgres,
    "dynamodb": dynamodb,
}


def _engine(stack: ExitStack, url: str) -> Engine:
    app = schema.database_app(url)
    schema.upgrade(app)
    engine = schema.open_engine(app)
    stack.callback(engine.dispose)
    return engine


def _vacuum(engine: Engine) -> None:
    raw = engine.raw_connection()
    try:
        raw.dbapi_connection.patience = None  # type: ignore[union-attr]
        raw.dbapi_connection.autocommit = True  # type: ignore[union-attr]
        cursor = raw.cursor()
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")
    finally:
        raw.invalidate()
