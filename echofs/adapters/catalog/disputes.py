"""Conflicts and floors: what users are told of clashes, and what they demand of consistency."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, select, tuple_, update

from echofs.adapters.catalog import cursor
from echofs.adapters.catalog.rows import execute_rows, insert_into, insert_missing, storable
from echofs.adapters.catalog.tables import conflicts, floors
from echofs.core.errors import NotFound
from echofs.core.models import ConflictRecord, ConflictState, Floor, FloorScope, Level, Timestamp
from echofs.core.names import is_below, moved_path
from echofs.ports.disputes import ConflictPage

_NEWEST_FIRST = "conflicts"
CONFLICT_COLUMNS = tuple(conflicts.c)
FLOOR_COLUMNS = tuple(floors.c)
_OWN = conflicts.c.owner_id == bindparam("owner")
_ONE = select(*CONFLICT_COLUMNS).where(conflicts.c.id == bindparam("conflict"), _OWN)
_OPEN = conflicts.c.state == ConflictState.OPEN.value
_CLOSE = (
    update(conflicts)
    .where(conflicts.c.id == bindparam("conflict"), _OWN, _OPEN)
    .values(state=ConflictState.RESOLVED.value, entry="", kept=bindparam("now_kept"), resolved_at=bindparam("now"))
)
_FLOORS = select(*FLOOR_COLUMNS).where(floors.c.owner_id == bindparam("owner")).order_by(floors.c.scope, floors.c.key)
_DROP = delete(floors).where(
    floors.c.owner_id == bindparam("owner"), floors.c.scope == bindparam("of"), floors.c.key == bindparam("named")
)


def conflict_row(record: ConflictRecord) -> dict[str, Any]:
    """A row of ``conflicts``."""
    return {
        "id": record.id,
        "owner_id": record.owner_id,
        "file_id": record.file_id,
        "path": record.path,
        "rule": record.rule,
        "state": record.state.value,
        "entry": record.entry,
        "kept": json.dumps(record.kept),
        "created_at": record.created_at,
        "resolved_at": record.resolved_at,
    }


def conflict_of(row: Sequence[Any]) -> ConflictRecord:
    """The conflict in a row of :data:`CONFLICT_COLUMNS`."""
    conflict_id, owner_id, file_id, path, rule, state, entry, kept, created_at, resolved_at = row
    named = tuple((file, number) for file, number in json.loads(kept))
    return ConflictRecord(
        conflict_id, owner_id, file_id, path, rule, ConflictState(state), created_at, entry, named, resolved_at
    )


def floor_row(floor: Floor) -> dict[str, Any]:
    """A row of ``floors``."""
    return {
        "owner_id": floor.owner_id,
        "scope": floor.scope.value,
        "key": floor.key,
        "level": floor.level.value,
        "critical": floor.critical,
    }


def floor_of(row: Sequence[Any]) -> Floor:
    """The floor in a row of :data:`FLOOR_COLUMNS`."""
    owner_id, scope, key, level, critical = row
    return Floor(owner_id, FloorScope(scope), key, Level(level), critical)


def record(connection: Connection, records: Sequence[ConflictRecord]) -> None:
    """Record conflicts; those that are known stay as they are."""
    if records:
        insert = insert_missing(conflicts, connection.dialect.name)
        execute_rows(connection, insert, [conflict_row(each) for each in records])


def one(connection: Connection, owner_id: str, conflict_id: str) -> ConflictRecord:
    """Raises :class:`NotFound`."""
    values = {"owner": owner_id, "conflict": conflict_id}
    row = connection.execute(_ONE, values).first() if storable(owner_id, conflict_id) else None
    if row is None:
        raise NotFound("There is no such conflict.")
    return conflict_of(row)


def close(
    connection: Connection, owner_id: str, conflict_id: str, kept: Sequence[tuple[str, int]], now: Timestamp
) -> ConflictRecord:
    """Raises :class:`NotFound`."""
    one(connection, owner_id, conflict_id)
    values = {"owner": owner_id, "conflict": conflict_id, "now_kept": json.dumps(list(kept)), "now": now}
    connection.execute(_CLOSE, values)
    return one(connection, owner_id, conflict_id)


def page(connection: Connection, owner_id: str, state: ConflictState | None, after: str, limit: int) -> ConflictPage:
    """The newest first. Raises :class:`InvalidRequest` for a malformed cursor."""
    values: dict[str, Any] = {"owner": owner_id, "limit": limit + 1}
    if after:
        values["since"], values["conflict"] = cursor.decode(after, _NEWEST_FIRST)
    if state is not None:
        values["wanted"] = state.value
    rows = connection.execute(_page_statement(state is not None, bool(after)), values).all()
    found = [conflict_of(row) for row in rows]
    last = found[limit - 1] if len(found) > limit else None
    return ConflictPage(tuple(found[:limit]), cursor.encode((last.created_at, last.id), _NEWEST_FIRST) if last else "")


@cache
def _page_statement(in_state: bool, resumed: bool) -> Select[Any]:
    order = (conflicts.c.created_at, conflicts.c.id)
    statement = select(*CONFLICT_COLUMNS).where(_OWN).limit(bindparam("limit"))
    if in_state:
        statement = statement.where(conflicts.c.state == bindparam("wanted"))
    if resumed:
        statement = statement.where(tuple_(*order) < tuple_(bindparam("since"), bindparam("conflict")))
    return statement.order_by(*(column.desc() for column in order))


def floors_of(connection: Connection, owner_id: str) -> list[Floor]:
    """By scope and key."""
    return [floor_of(row) for row in connection.execute(_FLOORS, {"owner": owner_id})]


def move_floors(connection: Connection, owner_id: str, folder: str, to: str) -> None:
    """Have the floors of a folder, and of those below it, hold for ``to`` and below it, in the place of any there.
    Raises :class:`InvalidName` for a path that would be too long."""
    for floor in floors_of(connection, owner_id):
        if floor.scope is FloorScope.FOLDER and (floor.key == folder or is_below(floor.key, folder)):
            drop_floor(connection, owner_id, floor.scope, floor.key)
            set_floor(connection, replace(floor, key=moved_path(floor.key, folder, to)))


def set_floor(connection: Connection, floor: Floor) -> None:
    """In the place of the one before."""
    row = floor_row(floor)
    insert = insert_into(floors, connection.dialect.name).values(row)
    changed = {"level": row["level"], "critical": row["critical"]}
    connection.execute(insert.on_conflict_do_update(index_elements=list(floors.primary_key), set_=changed))


def drop_floor(connection: Connection, owner_id: str, scope: FloorScope, key: str) -> None:
    """Idempotent."""
    if storable(owner_id, key):
        connection.execute(_DROP, {"owner": owner_id, "of": scope.value, "named": key})
