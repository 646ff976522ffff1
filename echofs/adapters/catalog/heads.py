"""The compare-and-swap: ``UPDATE files SET head = … WHERE id = … AND head = parent``, for many files at once."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, update

from echofs.adapters.catalog.races import LostRace
from echofs.adapters.catalog.rows import execute_rows, given_rows, head_values, insert_missing
from echofs.adapters.catalog.tables import files
from echofs.ports.catalog import Commit

_CHANGING = ("head", "path", "folder", "name_key", "deleted", "size", "updated_at")


@cache
def _move_heads(dialect: str, revives: bool) -> Any:
    """The compare-and-swap, for rows of :func:`head_values` with the ``file`` and the ``parent``; only those that
    revive may move away from a tombstone."""
    living = () if revives else (~files.c.deleted,)
    if dialect == "sqlite":
        here = files.c.id == bindparam("file"), files.c.head == bindparam("parent"), *living
        return update(files).where(*here).values({name: bindparam(name) for name in _CHANGING})
    types = {"file": files.c.id.type, "parent": files.c.head.type, **{name: files.c[name].type for name in _CHANGING}}
    given = given_rows(types)
    here = files.c.id == given.c.file, files.c.head == given.c.parent, *living
    return update(files).where(*here).values({name: given.c[name] for name in _CHANGING})


def move_heads(connection: Connection, commits: list[Commit]) -> None:
    """Make each version its file's head. Raises :class:`LostRace` where one is not the parent any more, or a path is
    taken."""
    dialect = connection.dialect.name
    new = [_file_row(commit) for commit in commits if commit.version.parent == 0]
    if new:
        new.sort(key=lambda row: (row["owner_id"], row["path"]))
        expect(execute_rows(connection, insert_missing(files, dialect), new) == len(new))
    for reviving in (False, True):
        moved = [_moved_row(commit) for commit in commits if commit.version.parent and commit.revives is reviving]
        if moved:
            moved.sort(key=lambda row: row["file"])
            expect(execute_rows(connection, _move_heads(dialect, reviving), moved) == len(moved))


def _moved_row(commit: Commit) -> dict[str, Any]:
    return {**head_values(commit.version), "file": commit.version.file_id, "parent": commit.version.parent}


def _file_row(commit: Commit) -> dict[str, Any]:
    version = commit.version
    return {
        "id": version.file_id,
        "owner_id": commit.owner_id,
        "created_at": version.created_at,
        **head_values(version),
    }


def expect(held: bool) -> None:
    """Raise :class:`LostRace` unless what was counted on was there."""
    if not held:
        raise LostRace("The catalog changed under this request; try again.")
