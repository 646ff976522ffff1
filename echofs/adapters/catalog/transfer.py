"""Reading a whole catalog page by page, and filling an empty one with what was read."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, delete, exists, select, tuple_

from echofs.adapters.catalog import postgresql
from echofs.adapters.catalog.disputes import (
    CONFLICT_COLUMNS,
    FLOOR_COLUMNS,
    conflict_of,
    conflict_row,
    floor_of,
    floor_row,
)
from echofs.adapters.catalog.rows import (
    FILE_COLUMNS,
    VERSION_COLUMNS,
    execute_rows,
    file_of,
    folder_rows,
    head_values,
    insert_rows,
    key_row,
    version_of,
    version_row,
)
from echofs.adapters.catalog.tables import (
    LIVE,
    chunks,
    conflicts,
    files,
    floors,
    folders,
    idempotency,
    outbox,
    replicas,
    trash,
    usage,
    versions,
)
from echofs.core.chunking import is_digest
from echofs.core.errors import InvalidRequest
from echofs.core.models import ChunkState, ConflictRecord, Digest, File, Floor, IdempotencyRecord, OwedReplica
from echofs.ports.catalog import ChunkEntry, ChunkPage, DumpPage, Entry, FolderEntry, PastVersion

FILES, VERSIONS, FOLDERS, CHUNKS, KEYS = "files", "versions", "folders", "chunks", "keys"
CONFLICTS, FLOORS = "conflicts", "floors"
_SECTIONS = (FILES, VERSIONS, FOLDERS, CHUNKS, KEYS, CONFLICTS, FLOORS)
_IN_ORDER_OF_DEPENDENCE = (
    files,
    versions,
    folders,
    chunks,
    replicas,
    outbox,
    idempotency,
    conflicts,
    floors,
    trash,
    usage,
)

_HEADS = select(*FILE_COLUMNS).join_from(
    files, versions, (versions.c.file_id == files.c.id) & (versions.c.number == files.c.head)
)
_PAST = (
    select(files.c.owner_id, *VERSION_COLUMNS)
    .join_from(versions, files, versions.c.file_id == files.c.id)
    .where(versions.c.number != files.c.head)
)
_CHUNKS = select(chunks.c.digest, chunks.c.size, chunks.c.state, chunks.c.touched_at)
_LIVE_CHUNKS = _CHUNKS.where(chunks.c.state == LIVE)
_ANSWERS = select(
    idempotency.c.owner_id,
    idempotency.c.key,
    idempotency.c.fingerprint,
    idempotency.c.answer,
    idempotency.c.created_at,
)
_digests = bindparam("digests", expanding=True, type_=chunks.c.digest.type)
_REPLICAS = (
    select(replicas.c.digest, replicas.c.worker_id)
    .where(replicas.c.digest.in_(_digests))
    .order_by(replicas.c.digest, replicas.c.worker_id)
)
_OWED = (
    select(outbox.c.digest, outbox.c.worker_id, outbox.c.reason, outbox.c.due_at, outbox.c.attempts)
    .where(outbox.c.digest.in_(_digests))
    .order_by(outbox.c.digest, outbox.c.worker_id)
)
_EMPTY = select(
    *(exists(select(table.c[0])) for table in (files, folders, chunks, idempotency, conflicts, floors)),
)


def page(connection: Connection, after: str, limit: int) -> DumpPage:
    """One page of the catalog, of one section; the cursor names the section and the key before. Raises
    :class:`InvalidRequest` for a malformed cursor."""
    section, key = _decode(after)
    entries, last = _READERS[section](connection, key, limit)
    if len(entries) == limit:
        return DumpPage(tuple(entries), json.dumps([section, *last]))
    following = _SECTIONS.index(section) + 1
    return DumpPage(tuple(entries), json.dumps([_SECTIONS[following]]) if following < len(_SECTIONS) else "")


def _decode(after: str) -> tuple[str, list[Any]]:
    if not after:
        return FILES, []
    try:
        section, *key = json.loads(after)
    except (ValueError, TypeError):
        section, key = "", []
    if section not in _SECTIONS:
        raise InvalidRequest("That cursor belongs to no dump; start again without it.", field="after")
    return section, key


def _after(
    connection: Connection, statement: Select[Any], order: Sequence[Any], key: list[Any], limit: int
) -> list[Any]:
    if key:
        statement = statement.where(tuple_(*order) > tuple_(*key) if len(order) > 1 else order[0] > key[0])
    return list(connection.execute(statement.order_by(*order).limit(limit)))


def _files(connection: Connection, key: list[Any], limit: int) -> tuple[list[Entry], list[Any]]:
    rows = _after(connection, _HEADS, [files.c.id], key, limit)
    return [file_of(row) for row in rows], [row.id for row in rows[-1:]]


def _versions(connection: Connection, key: list[Any], limit: int) -> tuple[list[Entry], list[Any]]:
    rows = _after(connection, _PAST, [versions.c.file_id, versions.c.number], key, limit)
    last = [value for row in rows[-1:] for value in (row.file_id, row.number)]
    return [PastVersion(row[0], version_of(row[1:])) for row in rows], last


def _folders(connection: Connection, key: list[Any], limit: int) -> tuple[list[Entry], list[Any]]:
    named = select(folders.c.owner_id, folders.c.path)
    rows = _after(connection, named, [folders.c.owner_id, folders.c.path], key, limit)
    return [FolderEntry(*row) for row in rows], [value for row in rows[-1:] for value in row]


def chunk_page(connection: Connection, after: str, limit: int) -> ChunkPage:
    """One page of the live chunks in the order of their digests. Raises :class:`InvalidRequest` for a malformed
    cursor."""
    if after and not is_digest(after):
        raise InvalidRequest("That cursor belongs to no list of chunks; start again without it.", field="after")
    found = _chunk_entries(connection, _LIVE_CHUNKS, [after] if after else [], limit)
    return ChunkPage(tuple(found), found[-1].digest if len(found) == limit else "")


def _chunks(connection: Connection, key: list[Any], limit: int) -> tuple[list[Entry], list[Any]]:
    found = _chunk_entries(connection, _CHUNKS, key, limit)
    return [*found], [entry.digest for entry in found[-1:]]


def _chunk_entries(connection: Connection, statement: Select[Any], key: list[Any], limit: int) -> list[ChunkEntry]:
    rows = _after(connection, statement, [chunks.c.digest], key, limit)
    digests = [row.digest for row in rows]
    # What is owed comes first: a replica that is settled meanwhile is then seen twice rather than not at all.
    owed: dict[Digest, list[OwedReplica]] = defaultdict(list)
    for row in connection.execute(_OWED, {"digests": digests}):
        owed[row.digest].append(OwedReplica(*row))
    held: dict[Digest, list[str]] = defaultdict(list)
    for digest, worker in connection.execute(_REPLICAS, {"digests": digests}):
        held[digest].append(worker)
    return [
        ChunkEntry(digest, size, ChunkState(state), touched_at, tuple(held[digest]), tuple(owed[digest]))
        for digest, size, state, touched_at in rows
    ]


def _answers(connection: Connection, key: list[Any], limit: int) -> tuple[list[Entry], list[Any]]:
    rows = _after(connection, _ANSWERS, [idempotency.c.owner_id, idempotency.c.key], key, limit)
    last = [value for row in rows[-1:] for value in (row.owner_id, row.key)]
    return [IdempotencyRecord(*row) for row in rows], last


def _conflicts(connection: Connection, key: list[Any], limit: int) -> tuple[list[Entry], list[Any]]:
    rows = _after(connection, select(*CONFLICT_COLUMNS), [conflicts.c.id], key, limit)
    return [conflict_of(row) for row in rows], [row.id for row in rows[-1:]]


def _floors(connection: Connection, key: list[Any], limit: int) -> tuple[list[Entry], list[Any]]:
    rows = _after(connection, select(*FLOOR_COLUMNS), [floors.c.owner_id, floors.c.scope, floors.c.key], key, limit)
    last = [value for row in rows[-1:] for value in (row.owner_id, row.scope, row.key)]
    return [floor_of(row) for row in rows], last


_READERS = {
    FILES: _files,
    VERSIONS: _versions,
    FOLDERS: _folders,
    CHUNKS: _chunks,
    KEYS: _answers,
    CONFLICTS: _conflicts,
    FLOORS: _floors,
}


def put(connection: Connection, entries: Sequence[Entry]) -> None:
    """Insert the rows of all entries; those that exist by their primary key stay as they are."""
    heads = [entry for entry in entries if isinstance(entry, File)]
    past = [entry for entry in entries if isinstance(entry, PastVersion)]
    known = [entry for entry in entries if isinstance(entry, ChunkEntry)]
    _insert(connection, files, [_file_row(file) for file in heads])
    made = [file.head for file in heads] + [entry.version for entry in past]
    _insert(connection, versions, [version_row(version) for version in made])
    placed = [(file.owner_id, file.path) for file in heads if not file.deleted]
    placed += [(entry.owner_id, f"{entry.path}/") for entry in entries if isinstance(entry, FolderEntry)]
    _insert(connection, folders, folder_rows(placed))
    _insert(connection, chunks, [_chunk_row(entry) for entry in known])
    held = [{"digest": entry.digest, "worker_id": worker} for entry in known for worker in entry.replicas]
    _insert(connection, replicas, held)
    _insert(connection, outbox, [_owed_row(owed) for entry in known for owed in entry.owed])
    answers = [key_row(entry) for entry in entries if isinstance(entry, IdempotencyRecord)]
    _insert(connection, idempotency, answers)
    _insert(connection, conflicts, [conflict_row(entry) for entry in entries if isinstance(entry, ConflictRecord)])
    _insert(connection, floors, [floor_row(entry) for entry in entries if isinstance(entry, Floor)])


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        execute_rows(connection, _keeping(table, connection.dialect.name), rows)


@cache
def _keeping(table: Table, dialect: str) -> Any:
    # Any other key in use twice is an error: doing nothing then would lose a row in silence.
    return insert_rows(table, dialect).on_conflict_do_nothing(index_elements=list(table.primary_key.columns))


def _file_row(file: File) -> dict[str, Any]:
    return {"id": file.id, "owner_id": file.owner_id, "created_at": file.created_at, **head_values(file.head)}


def _chunk_row(entry: ChunkEntry) -> dict[str, Any]:
    return {"digest": entry.digest, "size": entry.size, "state": entry.state.value, "touched_at": entry.touched_at}


def _owed_row(owed: OwedReplica) -> dict[str, Any]:
    return {
        "digest": owed.digest,
        "worker_id": owed.worker_id,
        "reason": owed.reason,
        "due_at": owed.due_at,
        "attempts": owed.attempts,
        "created_at": owed.due_at,
    }


def empty(connection: Connection) -> bool:
    """Whether no table that a dump reads has a row."""
    return not any(connection.execute(_EMPTY).one())


def clear(connection: Connection) -> None:
    """Delete all that a dump reads, and what follows from it."""
    with patient(connection):
        for table in reversed(_IN_ORDER_OF_DEPENDENCE):
            connection.execute(delete(table))


def patient(connection: Connection) -> AbstractContextManager[None]:
    """What is done inside may take longer than a request waits, as it reads or writes whole tables."""
    return postgresql.unlimited(connection) if connection.dialect.name == "postgresql" else nullcontext()
