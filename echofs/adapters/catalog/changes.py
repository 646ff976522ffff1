"""The change sequence: every version in the order in which readers may learn of it.

On PostgreSQL a version's place is the id of its transaction. Transactions do not commit in the order of their ids, so
only those are shown that are older than every one under way (``pg_snapshot_xmin``): none can appear among them any
more. On SQLite, where a writer is alone, places are consecutive numbers.

A dump that is restored in another PostgreSQL brings places that its transactions come to much later. Nothing is told of
changes then, rather than something wrong, until :func:`renumber` has put them before all to come.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal, literal_column, select, update

from echofs.adapters.catalog.rows import FILE_COLUMNS, file_of
from echofs.adapters.catalog.tables import files, versions
from echofs.core.errors import CatalogUnavailable
from echofs.ports.catalog import Changes

_SETTLED: ColumnElement[int] = literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_TO_COME: ColumnElement[int] = literal_column("pg_snapshot_xmax(pg_current_snapshot())::text::bigint")


def after(connection: Connection, place: int, limit: int) -> Changes:
    """What follows a place; transactions are never cut in two. Raises :class:`CatalogUnavailable` where places are
    those of another PostgreSQL."""
    # Asked first: what is committed between the two statements is then newer than promised, and not older.
    newest, own = connection.execute(_newest(connection.dialect.name)).one()
    if not own:
        raise CatalogUnavailable("The catalog was restored from a dump: `echofs db upgrade` orders its changes.")
    rows = connection.execute(_after(connection.dialect.name), {"after": place, "limit": limit}).all()
    upto = rows[-1].change if rows else place
    return Changes(tuple(file_of(row[:-1]) for row in rows), upto, newest, more=len(rows) >= limit)


def last(connection: Connection, back: int) -> int:
    """The place that about ``back`` changes follow."""
    return int(connection.execute(_last(connection.dialect.name), {"back": back}).scalar_one())


def renumber(connection: Connection) -> None:
    """Put versions that come from another PostgreSQL before all to come, in the order they had. Idempotent."""
    if connection.dialect.name == "postgresql":
        newest = select(func.max(versions.alias().c.change)).scalar_subquery()
        before_all = update(versions).where(newest >= _TO_COME).values(change=versions.c.change - newest)
        connection.execute(before_all)


@cache
def _newest(dialect: str) -> Select[Any]:
    """The last place taken, and whether it is one of this database."""
    newest = func.coalesce(func.max(versions.c.change), 0)
    return select(newest, newest < _TO_COME if dialect == "postgresql" else literal(True))


@cache
def _after(dialect: str) -> Select[Any]:
    here = versions.c.change > bindparam("after")
    shown = select(versions.c.change).where(here, *_settled(dialect)).order_by(versions.c.change)
    upto = select(func.max(shown.limit(bindparam("limit")).subquery().c.change)).scalar_subquery()
    columns = (*FILE_COLUMNS, versions.c.change)
    joined = select(*columns).join_from(versions, files, versions.c.file_id == files.c.id)
    return joined.where(here, versions.c.change <= upto).order_by(
        versions.c.change, versions.c.file_id, versions.c.number
    )


@cache
def _last(dialect: str) -> Select[Any]:
    newest = select(versions.c.change).where(*_settled(dialect)).order_by(versions.c.change.desc())
    before_the_first = select(func.min(versions.c.change) - 1).scalar_subquery()
    return select(func.coalesce(newest.offset(bindparam("back")).limit(1).scalar_subquery(), before_the_first, 0))


def _settled(dialect: str) -> tuple[ColumnElement[bool], ...]:
    return (versions.c.change < _SETTLED,) if dialect == "postgresql" else ()
