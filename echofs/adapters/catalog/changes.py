"""The change sequence: every version in the order in which readers may learn of it.

On PostgreSQL a version's place is the id of its transaction. Transactions do not commit in the order of their ids, so
only those are shown that are older than every one under way (``pg_snapshot_xmin``): none can appear among them any
more. On SQLite, where a writer is alone, places are consecutive numbers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, literal_column, select

from echofs.adapters.catalog.rows import FILE_COLUMNS, file_of
from echofs.adapters.catalog.tables import files, versions
from echofs.ports.catalog import Changes

_NEWEST = select(func.coalesce(func.max(versions.c.change), 0))
_SETTLED: ColumnElement[int] = literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint")


def after(connection: Connection, place: int, limit: int) -> Changes:
    """What follows a place; transactions are never cut in two."""
    # Asked first: what is committed between the two statements is then newer than promised, and not older.
    newest = int(connection.execute(_NEWEST).scalar_one())
    rows = connection.execute(_after(connection.dialect.name), {"after": place, "limit": limit}).all()
    upto = rows[-1].change if rows else place
    return Changes(tuple(file_of(row[:-1]) for row in rows), upto, newest, more=len(rows) >= limit)


def last(connection: Connection, back: int) -> int:
    """The place that about ``back`` changes follow."""
    return int(connection.execute(_last(connection.dialect.name), {"back": back}).scalar_one())


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
