"""Fresh databases for tests, made by the real migrations once and copied from then on."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import Engine, text

from echofs.adapters.catalog.schema import database_app, open_engine, upgrade
from echofs.adapters.catalog.tables import db

POSTGRESQL = os.environ.get("ECHOFS_TEST_POSTGRESQL", "")
"""The address of an empty PostgreSQL database that tests may fill and wipe; without it, PostgreSQL is left out."""


@cache
def _template() -> bytes:
    folder = tempfile.mkdtemp(prefix="echofs-test-")
    try:
        app = database_app(f"sqlite:///{folder}/catalog.db")
        upgrade(app)
        open_engine(app).dispose()
        return Path(folder, "catalog.db").read_bytes()
    finally:
        shutil.rmtree(folder)


def sqlite_url(folder: Path) -> str:
    """The address of a fresh SQLite catalog in ``folder``."""
    path = folder / "catalog.db"
    path.write_bytes(_template())
    return f"sqlite:///{path}"


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """The engine of a catalog, closed at the end."""
    engine = open_engine(database_app(url))
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def emptied_postgresql() -> Iterator[Engine]:
    """The engine of the PostgreSQL catalog, its tables brought up to date and emptied."""
    app = database_app(POSTGRESQL)
    upgrade(app)
    engine = open_engine(app)
    with engine.begin() as connection:
        names = ", ".join(table.name for table in db.metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {names}"))
    try:
        yield engine
    finally:
        engine.dispose()
