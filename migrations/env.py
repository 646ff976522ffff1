"""How Alembic runs here: inside an application context, on the application's own engine, all in one transaction.

A migration either happens whole or not at all, on SQLite too, and two processes that start together do not collide:
the second waits, then finds nothing left to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, Engine

from echofs.adapters.catalog import postgresql

_PATIENCE_MS = 600_000
"""How long a process waits for another that is changing the tables of a SQLite catalog."""
_ADVISORY_LOCK = 0x4563686F4653
"""Any number will do on which all EchoFS processes agree; this one spells the name."""


def _settings() -> dict[str, Any]:
    extension = current_app.extensions["migrate"]
    return {
        "target_metadata": extension.db.metadata,
        "process_revision_directives": _skip_empty_revisions,
        **extension.configure_args,
    }


def _skip_empty_revisions(_context: object, _revision: object, directives: list[Any]) -> None:
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []


@contextmanager
def _tables_replaceable(connection: Connection) -> Iterator[None]:
    """SQLite changes a table by copying it and dropping the old one, which enforced foreign keys would turn into
    deletions. The switch has no effect within a transaction, so it is set around it."""
    raw = connection.connection.cursor()
    raw.execute("PRAGMA foreign_keys=OFF")
    (patience,) = raw.execute("PRAGMA busy_timeout").fetchone()
    raw.execute(f"PRAGMA busy_timeout={_PATIENCE_MS}")
    try:
        yield
    finally:
        connection.rollback()
        raw.execute("PRAGMA foreign_keys=ON")
        raw.execute(f"PRAGMA busy_timeout={patience}")


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """The lock ends with the transaction. Building an index may take longer than a request is allowed to."""
    with postgresql.unlimited(connection):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})")
        yield


def _run_online(engine: Engine) -> None:
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        context.configure(connection=connection, transactional_ddl=True, **_settings())
        if sqlite:
            with _tables_replaceable(connection), context.begin_transaction():
                context.run_migrations()
        else:
            with context.begin_transaction(), _alone(connection):
                context.run_migrations()


def _run_offline(engine: Engine) -> None:
    """Print the SQL instead of running it (``--sql``)."""
    context.configure(url=engine.url, literal_binds=True, **_settings())
    with context.begin_transaction():
        context.run_migrations()


_engine: Engine = current_app.extensions["migrate"].db.engine
if context.is_offline_mode():
    _run_offline(_engine)
else:
    _run_online(_engine)
