"""Reading files: one, a page of many, and the history of one. Every function is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, select, tuple_

from echofs.adapters.catalog import cursor
from echofs.adapters.catalog.folders import below, below_values
from echofs.adapters.catalog.rows import (
    FILE_COLUMNS,
    VERSION_COLUMNS,
    all_rows,
    file_of,
    first_row,
    storable,
    version_of,
)
from echofs.adapters.catalog.tables import ShownDigest, files, folders, versions
from echofs.core.errors import NotFound
from echofs.core.models import File, Kind, Version
from echofs.core.names import fold
from echofs.ports.listing import Listed, ListedPage, ListQuery, Page, SortKey

_ESCAPE = "!"
_IS_HEAD = (versions.c.file_id == files.c.id) & (versions.c.number == files.c.head)
_FILES = select(*FILE_COLUMNS).join_from(files, versions, _IS_HEAD)
_SHOWN = select(
    files.c.id,
    versions.c.path,
    versions.c.number,
    versions.c.kind,
    versions.c.size,
    ShownDigest(versions.c.digest),
    versions.c.content_type,
    versions.c.content_version,
    versions.c.created_at,
    files.c.created_at,
).join_from(files, versions, _IS_HEAD)
_KINDS = {kind.value: kind for kind in Kind}
_OWN = files.c.owner_id == bindparam("owner")
_ONE = _FILES.where(files.c.id == bindparam("id"), _OWN, ~files.c.deleted)
_HEAD = _FILES.where(files.c.id == bindparam("id"), _OWN)
_ONE_AT = _FILES.where(_OWN, files.c.path == bindparam("path"), ~files.c.deleted)
_HISTORY = (
    select(*VERSION_COLUMNS)
    .join_from(versions, files, versions.c.file_id == files.c.id)
    .where(files.c.id == bindparam("id"), _OWN)
    .order_by(versions.c.number.desc())
)
_FOLDERS = (
    select(folders.c.path)
    .where(folders.c.owner_id == bindparam("owner"), folders.c.parent == bindparam("parent"))
    .order_by(folders.c.path)
)


def one(connection: Connection, owner_id: str, file_id: str) -> File:
    """A living file by its id. Raises :class:`NotFound`."""
    return _only(connection, _ONE, {"owner": owner_id, "id": file_id})


def head(connection: Connection, owner_id: str, file_id: str) -> File:
    """A file by its id, deleted or not. Raises :class:`NotFound`."""
    return _only(connection, _HEAD, {"owner": owner_id, "id": file_id})


def one_at(connection: Connection, owner_id: str, path: str) -> File:
    """The living file at a path. Raises :class:`NotFound`."""
    return _only(connection, _ONE_AT, {"owner": owner_id, "path": path})


def _only(connection: Connection, statement: Select[Any], values: dict[str, str]) -> File:
    row = first_row(connection, statement, values) if storable(*values.values()) else None
    if row is None:
        raise file_not_found()
    return file_of(row)


def history(connection: Connection, owner_id: str, file_id: str) -> list[Version]:
    """All versions of a file, the newest first. Raises :class:`NotFound`."""
    values = {"owner": owner_id, "id": file_id}
    rows = connection.execute(_HISTORY, values).all() if storable(owner_id, file_id) else []
    if not rows:
        raise file_not_found()
    return [version_of(row) for row in rows]


def page(connection: Connection, query: ListQuery) -> Page:
    """One page of living files. Raises :class:`InvalidRequest` for a malformed cursor."""
    found = [file_of(row) for row in _rows(connection, _FILES, query)]
    shown = tuple(found[: query.limit])
    more = len(found) > query.limit
    return Page(shown, cursor.encode(cursor.place_of(shown[-1], query.sort), query.sort) if more else "")


def listed(connection: Connection, query: ListQuery) -> ListedPage:
    """The same for those who only show it: of thousands of files, what is not shown would take most of the time."""
    rows = _rows(connection, _SHOWN, query)
    shown = _listed(rows[: query.limit])
    more = len(rows) > query.limit
    return ListedPage(shown, cursor.encode(cursor.place_of_listed(shown[-1], query.sort), query.sort) if more else "")


def _listed(rows: Sequence[Sequence[Any]]) -> tuple[Listed, ...]:
    """The files in rows of :data:`_SHOWN`. One loop: to call something for each row takes as long as what it does."""
    return tuple(
        [
            Listed(
                id_,
                path,
                number,
                _KINDS[kind],
                size,
                digest if isinstance(digest, str) else digest.hex(),
                type_,
                content_version,
                updated,
                created,
            )
            for id_, path, number, kind, size, digest, type_, content_version, updated, created in rows
        ]
    )


def _rows(connection: Connection, base: Select[Any], query: ListQuery) -> Sequence[Any]:
    """One row more than were asked for, if there are so many. Raises :class:`InvalidRequest`."""
    values: dict[str, Any] = {"owner": query.owner_id, "limit": query.limit + 1}
    if query.after:
        values["value"], values["path"] = cursor.decode(query.after, query.sort)
    if not storable(query.folder or "", query.below, query.search):
        return ()
    if query.folder is not None:
        values["folder"] = query.folder
    if query.below:
        values |= below_values(query.below)
    if query.search:
        values["pattern"] = f"%{_escaped(fold(query.search))}%"
    return all_rows(connection, _page_statement(base, _Form.of(query)), values)


class _Form(NamedTuple):
    """What decides about the statement that lists a page."""

    sort: SortKey
    descending: bool
    in_folder: bool = False
    below: bool = False
    searched: bool = False
    resumed: bool = False

    @classmethod
    def of(cls, query: ListQuery) -> _Form:
        wanted = query.folder is not None, bool(query.below), bool(query.search), bool(query.after)
        return cls(query.sort, query.descending, *wanted)


@cache
def _page_statement(base: Select[Any], form: _Form) -> Select[Any]:
    """The listing in one order, a range of one index: equal values fall back to the path, in the same direction."""
    columns = {SortKey.NAME: [], SortKey.SIZE: [files.c.size], SortKey.UPDATED: [files.c.updated_at]}[form.sort]
    order = [*columns, files.c.path]
    statement = base.where(_OWN, ~files.c.deleted).limit(bindparam("limit"))
    if form.in_folder:
        statement = statement.where(files.c.folder == bindparam("folder"))
    if form.below:
        statement = statement.where(below(files))
    if form.searched:
        statement = statement.where(files.c.name_key.like(bindparam("pattern"), escape=_ESCAPE))
    if form.resumed:
        here = tuple_(*order)
        place = tuple_(*([bindparam("value")] if columns else []), bindparam("path"))
        statement = statement.where(here < place if form.descending else here > place)
    return statement.order_by(*(column.desc() if form.descending else column for column in order))


def _escaped(text: str) -> str:
    """The text as a pattern of LIKE that means nothing but itself."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return text


def subfolders(connection: Connection, owner_id: str, parent: str) -> list[str]:
    """Folders directly inside another, sorted."""
    return list(connection.execute(_FOLDERS, {"owner": owner_id, "parent": parent}).scalars())


def file_not_found() -> NotFound:
    """The same words whether the file is missing, deleted or somebody else's."""
    return NotFound("There is no such file.")
