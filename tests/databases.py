"""Fresh databases for tests, made by the real migrations once and copied from then on."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine

from echofs.adapters.catalog.schema import database_app, open_engine, upgrade
from echofs.adapters.catalog.tables import db


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
def emptied_postgresql(url: str) -> Iterator[Engine]:
    """The engine of a PostgreSQL catalog, its tables up to date and empty."""
    app = _migrated(url)
    engine = open_engine(app)
    with engine.begin() as connection:
        for table in reversed(db.metadata.sorted_tables):
            connection.execute(table.delete())
    try:
        yield engine
    finally:
        engine.dispose()


@cache
def _migrated(url: str) -> Flask:
    app = database_app(url)
    upgrade(app)
    return app
