"""Rows to values and back, and the few statements' building stones that every module here shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table, TableValuedAlias, Text, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from echofs.adapters.catalog import prepared
from echofs.adapters.catalog.tables import files, versions
from echofs.adapters.catalog.version_fields import version_fields
from echofs.core.models import Content, Dot, File, IdempotencyRecord, Kind, Version
from echofs.core.names import ancestors_of, fold, name_of, parent_of

T = TypeVar("T")

ESCAPE = "\\"
SLICE = 1000
"""Values in one IN list. A file of the largest inline size needs two."""

VERSION_COLUMNS = tuple(column for column in versions.c if column is not versions.c.change)
FILE_COLUMNS = (files.c.id, files.c.owner_id, files.c.created_at.label("file_created_at"), *VERSION_COLUMNS)
_INSERT: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def version_of(row: Sequence[Any]) -> Version:
    """The version in a row of :data:`VERSION_COLUMNS`."""
    file_id, number, parent, kind, path, size, digest, chunk_size, inline, lists, *rest = row
    content_type, content_version, manifest, origin, counter, created_at = rest
    return Version(
        file_id=file_id,
        number=number,
        parent=parent,
        kind=Kind(kind),
        path=path,
        content=Content(size, digest, chunk_size, inline, lists),
        content_type=content_type,
        content_version=content_version,
        manifest=manifest,
        dot=Dot(origin, counter),
        created_at=created_at,
    )


def file_of(row: Sequence[Any]) -> File:
    """The file in a row of :data:`FILE_COLUMNS`."""
    return File(id=row[0], owner_id=row[1], head=version_of(row[3:]), created_at=row[2])


def head_values(head: Version) -> dict[str, Any]:
    """What a row of ``files`` says of the file's head."""
    return {
        "head": head.number,
        "path": head.path,
        "folder": parent_of(head.path),
        "name_key": fold(name_of(head.path)),
        "deleted": head.kind is Kind.TOMBSTONE,
        "size": head.content.size,
        "updated_at": head.created_at,
    }


def folder_rows(paths: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    """Rows of ``folders``, in the order of their keys: all above the paths, each given with its owner."""
    found = sorted({(owner, folder) for owner, path in paths for folder in ancestors_of(path)})
    return [{"owner_id": owner, "path": path, "parent": parent_of(path)} for owner, path in found]


def key_row(record: IdempotencyRecord) -> dict[str, Any]:
    """A row of ``idempotency``."""
    return {
        "owner_id": record.owner_id,
        "key": record.key,
        "fingerprint": record.fingerprint,
        "answer": record.answer,
        "created_at": record.created_at,
    }


def version_row(version: Version) -> dict[str, Any]:
    """A row of ``versions``."""
    return {"file_id": version.file_id, **version_fields(version)}


@cache
def insert_into(table: Table, dialect: str) -> Any:
    """The engine's own INSERT, which knows ON CONFLICT."""
    return _INSERT[dialect](table)


@cache
def insert_rows(table: Table, dialect: str) -> Any:
    """An INSERT of whole rows, for :func:`execute_rows`."""
    if dialect == "sqlite":
        return insert_into(table, dialect)
    given = given_rows({column.name: column.type for column in table.c if column.default is None})
    return insert_into(table, dialect).from_select(list(given.c.keys()), select(*given.c))


@cache
def insert_missing(table: Table, dialect: str) -> Any:
    """The same, leaving rows alone which exist already, by any of their keys."""
    return insert_rows(table, dialect).on_conflict_do_nothing()


def given_rows(types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """On PostgreSQL, the rows given to :func:`execute_rows` as a table to select from: one array for each column, so
    that one statement of one form carries any number of rows."""
    arrays = []
    for name, kind in types.items():
        array = postgresql.ARRAY(Text() if isinstance(kind, Text) else kind)
        arrays.append(cast(bindparam(name, type_=array), array))
    columns = [column(name, kind) for name, kind in types.items()]
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()


def execute_rows(connection: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    """Execute a statement for all the rows (one at least); how many it changed.

    SQLite, which lives in this process, runs it once for each; the statement must be one that is made once. For
    PostgreSQL it must be made with :func:`given_rows`, because its driver would wait for an answer after each row.
    """
    if connection.dialect.name == "sqlite":
        return prepared.run(connection, statement, rows)
    return connection.execute(statement, {name: [row[name] for row in rows] for name in rows[0]}).rowcount


def execute_row(connection: Connection, statement: Any, row: Mapping[str, Any]) -> int:
    """Execute a statement, one that is made once, for one row; how many it changed."""
    if connection.dialect.name == "sqlite":
        return prepared.run(connection, statement, [row])
    return connection.execute(statement, row).rowcount


def first_row(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Any] | None:
    """The first row that a query, one that is made once, finds."""
    if connection.dialect.name == "sqlite":
        return next(iter(prepared.fetch(connection, statement, values)), None)
    return connection.execute(statement, values).first()


def all_rows(connection: Connection, statement: Select[Any], values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """All rows that such a query finds."""
    if connection.dialect.name == "sqlite":
        return prepared.fetch(connection, statement, values)
    return connection.execute(statement, values).all()


def slices(values: Iterable[T], size: int = SLICE) -> Iterator[list[T]]:
    """The values in lists of at most ``size``."""
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part


def literally(text: str) -> str:
    """A text as part of a pattern of LIKE, with :data:`ESCAPE` for its escape: no character stands for others."""
    for special in (ESCAPE, "%", "_"):
        text = text.replace(special, ESCAPE + special)
    return text


def storable(*texts: str) -> bool:
    """Whether an engine can hold these texts at all. One that cannot be stored names nothing: PostgreSQL refuses NUL,
    and no engine takes half a surrogate pair."""
    try:
        return all(b"\0" not in text.encode() for text in texts)
    except UnicodeEncodeError:
        return False
