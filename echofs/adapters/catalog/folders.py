"""Folders: made with the files put in them or by themselves; moved, copied and ended with all folders below.

Whoever puts a file in a folder that exists makes none, and whoever ends it meanwhile finds no file yet. On PostgreSQL,
where both could go through, putting takes a lock that many share, and ending one that nobody shares; it belongs to the
folders' owner and ends with the transaction. Both are taken behind the locks on heads and before those on chunks, so
that nobody waits in a circle. On SQLite a writer is alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func, or_, select

from echofs.adapters.catalog import disputes
from echofs.adapters.catalog.rows import execute_rows, folder_rows, given_rows, insert_into, insert_missing
from echofs.adapters.catalog.tables import files, folders
from echofs.core.errors import HeadMoved, NameTaken, NotFound
from echofs.core.names import ancestors_of, moved_path
from echofs.ports.catalog import FolderChange


def below(table: Table) -> ColumnElement[bool]:
    """Whether a row's path lies below the folder of :func:`below_values`: one range of an index that has paths."""
    return (table.c.path > bindparam("below_from")) & (table.c.path < bindparam("below_to"))


def below_values(folder: str) -> dict[str, str]:
    """The ends of the range of all paths below a folder, none of which is a path: ``0`` comes right behind ``/``."""
    return {"below_from": f"{folder}/", "below_to": f"{folder}0"}


_OWN = folders.c.owner_id == bindparam("owner")
_TREE = _OWN & or_(folders.c.path == bindparam("path"), below(folders))
_FOUND = select(folders.c.path).where(_TREE).order_by(folders.c.path)
_END = delete(folders).where(_TREE)
_EXISTS = select(folders.c.path).where(_OWN, folders.c.path == bindparam("path"))
_LIVING = (files.c.owner_id == bindparam("owner")) & ~files.c.deleted
_LEFT = select(files.c.id).where(_LIVING, below(files)).limit(1)
_HELD = select(files.c.id).where(_LIVING, files.c.path.in_(bindparam("paths", expanding=True))).limit(1)
_KEY = func.hashtextextended
_ALONE = select(func.pg_advisory_xact_lock(_KEY(bindparam("owner"), 0)))


@cache
def _insert(dialect: str) -> Any:
    if dialect == "sqlite":
        return insert_missing(folders, dialect)
    given = given_rows({column.name: column.type for column in folders.c})
    # The lock is had before the row is compared with those that exist.
    locked = func.pg_advisory_xact_lock_shared(_KEY(given.c.owner_id, 0)).is_not(None)
    rows = select(*given.c).where(locked)
    return insert_into(folders, dialect).from_select(list(given.c.keys()), rows).on_conflict_do_nothing()


def put(connection: Connection, placed: Sequence[tuple[str, str]]) -> int:
    """Make the folders above these paths, each given with its owner, as far as there are none; how many were made."""
    rows = folder_rows(placed)
    return execute_rows(connection, _insert(connection.dialect.name), rows) if rows else 0


def make(connection: Connection, owner_id: str, path: str) -> bool:
    """Make a folder and those above it; whether it is new. Raises :class:`NameTaken`."""
    _check_free(connection, owner_id, path)
    made = put(connection, [(owner_id, f"{path}/")])
    return made > 0


def change(connection: Connection, wanted: FolderChange) -> None:
    """Move, copy or end a folder, once the files below it went where they are to be. Raises :class:`NotFound`,
    :class:`NameTaken`, :class:`HeadMoved` and :class:`InvalidName`; the caller then undoes its transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE, {"owner": wanted.owner_id})
    tree = {"owner": wanted.owner_id, "path": wanted.path, **below_values(wanted.path)}
    found = list(connection.execute(_FOUND, tree).scalars())
    if wanted.path not in found:
        raise folder_not_found()
    if wanted.to:
        _check_free(connection, wanted.owner_id, wanted.to)
        if connection.execute(_EXISTS, {"owner": wanted.owner_id, "path": wanted.to}).first():
            raise folder_taken()
        put(connection, [(wanted.owner_id, f"{moved_path(path, wanted.path, wanted.to)}/") for path in found])
        if not wanted.keep:
            disputes.move_floors(connection, wanted.owner_id, wanted.path, wanted.to)
    if not wanted.keep:
        if connection.execute(_LEFT, tree).first():
            raise left_behind()
        connection.execute(_END, tree)


def _check_free(connection: Connection, owner_id: str, path: str) -> None:
    if connection.execute(_HELD, {"owner": owner_id, "paths": [*ancestors_of(path), path]}).first():
        raise file_in_the_way()


def folder_not_found() -> NotFound:
    """The same words whether the folder is missing or somebody else's."""
    return NotFound("There is no such folder.")


def folder_taken() -> NameTaken:
    """Something would have to become one with a folder that exists."""
    return NameTaken("A folder has this path; nothing was changed. Choose another.", field="to")


def file_in_the_way() -> NameTaken:
    """A folder would have the path of a file."""
    return NameTaken("A file has this path, or that of a folder above; nothing was changed. Choose another.")


def left_behind() -> HeadMoved:
    """A file came into a folder while it was being ended."""
    return HeadMoved("The folder changed meanwhile; nothing was changed. Look at it again and retry.")
