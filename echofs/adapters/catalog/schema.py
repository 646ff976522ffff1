"""Making a catalog's tables, checking that they are the right ones, and opening its engine.

Nothing here connects when it is imported or when an application is built: a process may still fork afterwards.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flask_migrate
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from flask import Flask
from flask_migrate import Migrate
from sqlalchemy import Engine

import echofs
from echofs.adapters.catalog import (
    account_tables,  # noqa: F401  (its tables are part of the metadata)
    changes,
    postgresql,
)
from echofs.adapters.catalog.engine import Connections, engine_options, normalise_url, prepare_engine, translated
from echofs.adapters.catalog.tables import db
from echofs.core.errors import CatalogUnavailable, InvalidSetting


def migrations_folder() -> Path:
    """Where Alembic's scripts are: in the package if it is installed, else at the top of the tree it is run from."""
    found = importlib.util.find_spec("echofs.migrations")
    if found is None or found.origin is None:
        return Path(echofs.__file__).parents[1] / "migrations"
    return Path(found.origin).parent


def attach(app: Flask, url: str) -> None:
    """Give an application the catalog at ``url``: its ``db`` and the ``flask db`` commands. Raises
    :class:`InvalidSetting` for an address it cannot use."""
    address = normalise_url(url)
    app.config["SQLALCHEMY_DATABASE_URI"] = address
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(address)
    db.init_app(app)
    Migrate(app, db, directory=str(migrations_folder()), render_as_batch=True, compare_type=True)


def database_app(url: str) -> Flask:
    """An application that has a catalog and nothing else, for processes that serve no pages."""
    app = Flask("echofs")
    attach(app, url)
    return app


def open_engine(app: Flask) -> Engine:
    """The engine of an application that :func:`attach` prepared. Call it once in each process, after forking."""
    with app.app_context():
        return prepare_engine(db.engine)


def upgrade(app: Flask) -> None:
    """Bring the catalog's tables to the revision this EchoFS needs, and the order of changes to the database it is in.
    Idempotent, and safe to run from several processes at once: the second waits and finds nothing to do. Raises
    :class:`CatalogUnavailable`, saying why."""
    engine = open_engine(app)
    with _explained(engine), app.app_context(), translated():
        flask_migrate.upgrade(directory=str(migrations_folder()))
        if engine.dialect.name == "postgresql":
            with Connections(engine).writing() as connection, postgresql.unlimited(connection):
                changes.renumber(connection)


def create(app: Flask) -> bool:
    """Make the catalog's tables if there are none; whether there were none. Raises like :func:`check_current` when
    there are others than this EchoFS needs."""
    engine = open_engine(app)
    missing = _revision(engine) is None
    if missing:
        upgrade(app)
    check_current(engine)
    return missing


def check_current(engine: Engine) -> None:
    """Raise :class:`InvalidSetting` unless the tables are of the revision this EchoFS needs. Changes nothing.

    Raises :class:`CatalogUnavailable`, saying why, when the catalog cannot be opened.
    """
    scripts = ScriptDirectory.from_config(_config())
    wanted = scripts.get_current_head()
    present = _revision(engine)
    if present == wanted:
        return
    if present is not None and not _known(scripts, present):
        raise InvalidSetting(
            f"The catalog (DATABASE_URL) is at revision {present}, which this EchoFS does not know: install the newer"
            " EchoFS that made it.",
            field="DATABASE_URL",
        )
    raise InvalidSetting(
        f"The catalog (DATABASE_URL) is at revision {present or 'none'}, this EchoFS needs {wanted}: run"
        " `echofs db upgrade`.",
        field="DATABASE_URL",
    )


def _revision(engine: Engine) -> str | None:
    with _explained(engine), Connections(engine).reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    """Users are told only that the catalog does not answer; whoever starts a process has to know why."""
    try:
        yield
    except CatalogUnavailable as error:
        cause = getattr(error.__cause__, "orig", None) or error.__cause__ or error.message
        why = str(cause).strip().partition("\n")[0].rstrip(".")
        if engine.url.password:
            why = why.replace(str(engine.url.password), "***")
        raise CatalogUnavailable(
            f"The catalog (DATABASE_URL) cannot be opened: {why}. Check the address, and that the database runs.",
            field="DATABASE_URL",
        ) from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    return config


def _known(scripts: ScriptDirectory, revision: str) -> bool:
    try:
        return scripts.get_revision(revision) is not None
    except CommandError:
        return False
