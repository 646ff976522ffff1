"""Chunks, their replicas and the outbox of replicas owed. Every function works inside the caller's transaction, in as
many statements for a thousand chunks as for one.

Rows are always written in the order of their keys, so that two masters on one PostgreSQL never wait for each other in a
circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, exists, func, literal, select, tuple_, update

from echofs.adapters.catalog.rows import execute_rows, given_rows, insert_into, insert_missing, insert_rows, slices
from echofs.adapters.catalog.tables import DELETING, LIVE, chunks, outbox, replicas
from echofs.core.models import ChunkRecord, Digest, OwedReplica, Timestamp

NOT_ACKNOWLEDGED = "not acknowledged when written"

_digests = bindparam("digests", expanding=True, type_=chunks.c.digest.type)
_worker = bindparam("worker", type_=replicas.c.worker_id.type)
_now = bindparam("now", type_=outbox.c.due_at.type)

_REVIVE = (
    update(chunks)
    .where(chunks.c.digest.in_(_digests), chunks.c.state != DELETING)
    .values(state=LIVE, touched_at=bindparam("now"))
)
_STATES = select(chunks.c.digest, chunks.c.state).where(chunks.c.digest.in_(_digests))
_REPLICAS = (
    select(chunks.c.digest, replicas.c.worker_id)
    .select_from(chunks.outerjoin(replicas, replicas.c.digest == chunks.c.digest))
    .where(chunks.c.digest.in_(_digests))
    .order_by(chunks.c.digest, replicas.c.worker_id)
)
_DROP_OWED = delete(outbox).where(outbox.c.worker_id == _worker, outbox.c.digest.in_(_digests))
_DROP_REPLICAS = delete(replicas).where(replicas.c.worker_id == _worker, replicas.c.digest.in_(_digests))
_DUE = (
    select(outbox.c.digest, outbox.c.worker_id, outbox.c.reason, outbox.c.due_at, outbox.c.attempts)
    .where(outbox.c.due_at <= _now)
    .order_by(outbox.c.due_at, outbox.c.digest, outbox.c.worker_id)
    .limit(bindparam("limit"))
)
_OWED_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_POSTPONE = (
    update(outbox)
    # The list of pairs alone would make SQLite scan the table; the list of digests lets it seek.
    .where(outbox.c.digest.in_(_digests), tuple_(outbox.c.digest, outbox.c.worker_id).in_(_OWED_KEYS))
    .values(due_at=bindparam("until"), attempts=outbox.c.attempts + 1)
)
_KEY = (outbox.c.digest, outbox.c.worker_id)
_LATER = select(*_KEY).where(outbox.c.worker_id == _worker, outbox.c.due_at > _now).limit(bindparam("limit"))
HASTEN = update(outbox).where(tuple_(*_KEY).in_(_LATER)).values(due_at=_now)
"""Makes what a worker owes due now, at most ``limit`` replicas of it."""
_DEPTH = select(func.count()).select_from(outbox)
_COUNTS = select(outbox.c.worker_id, outbox.c.reason, func.count()).group_by(outbox.c.worker_id, outbox.c.reason)


@cache
def _touch(dialect: str) -> Any:
    insert = insert_rows(chunks, dialect)
    return insert.on_conflict_do_update(
        index_elements=[chunks.c.digest],
        set_={"state": LIVE, "touched_at": insert.excluded.touched_at},
        where=chunks.c.state != DELETING,
    )


@cache
def _drop_present(dialect: str) -> Any:
    present = exists().where(replicas.c.digest == outbox.c.digest, replicas.c.worker_id == outbox.c.worker_id)
    if dialect == "sqlite":
        return delete(outbox).where(outbox.c.digest == bindparam("of", type_=outbox.c.digest.type), present)
    given = given_rows({"of": outbox.c.digest.type})
    return delete(outbox).where(outbox.c.digest.in_(select(given.c.of)), present)


@cache
def _settle(dialect: str) -> Any:
    known = select(chunks.c.digest, _worker).where(chunks.c.digest.in_(_digests)).order_by(chunks.c.digest)
    return insert_into(replicas, dialect).from_select(["digest", "worker_id"], known).on_conflict_do_nothing()


@cache
def _owe(dialect: str) -> Any:
    known = (
        select(chunks.c.digest, _worker, bindparam("reason", type_=outbox.c.reason.type), _now, literal(0), _now)
        .where(chunks.c.digest.in_(_digests))
        .order_by(chunks.c.digest)
    )
    columns = ["digest", "worker_id", "reason", "due_at", "attempts", "created_at"]
    return insert_into(outbox, dialect).from_select(columns, known).on_conflict_do_nothing()


def record(connection: Connection, records: Iterable[ChunkRecord], now: Timestamp) -> bool:
    """Record chunks as live, with their replicas and owed ones. False if any is being deleted, in which case the
    caller must undo its transaction."""
    sizes: dict[Digest, int] = {}
    present: set[tuple[Digest, str]] = set()
    owed: set[tuple[Digest, str]] = set()
    for chunk in records:
        sizes[chunk.digest] = chunk.size
        present.update((chunk.digest, worker) for worker in chunk.replicas)
        owed.update((chunk.digest, worker) for worker in chunk.owed)
    if not sizes:
        return True
    digests = sorted(sizes)
    rows = [{"digest": key, "size": sizes[key], "state": LIVE, "touched_at": now} for key in digests]
    dialect = connection.dialect.name
    if execute_rows(connection, _touch(dialect), rows) != len(rows):
        return False
    if present:
        held = [{"digest": key, "worker_id": worker} for key, worker in sorted(present)]
        execute_rows(connection, insert_missing(replicas, dialect), held)
    if owed - present:
        execute_rows(connection, insert_missing(outbox, dialect), _owed_rows(sorted(owed - present), now))
    execute_rows(connection, _drop_present(dialect), [{"of": digest} for digest in digests])
    return True


def _owed_rows(keys: Sequence[tuple[Digest, str]], now: Timestamp) -> list[dict[str, Any]]:
    common = {"reason": NOT_ACKNOWLEDGED, "due_at": now, "attempts": 0, "created_at": now}
    return [{"digest": digest, "worker_id": worker, **common} for digest, worker in keys]


def revive(connection: Connection, digests: Collection[Digest], now: Timestamp) -> bool:
    """Make sure that chunks recorded earlier are live. False if any is unknown or being deleted, in which case the
    caller must undo its transaction."""
    alive = sum(connection.execute(_REVIVE, {"digests": part, "now": now}).rowcount for part in slices(sorted(digests)))
    return alive == len(digests)


def states(connection: Connection, digests: Collection[Digest]) -> dict[Digest, str]:
    """The state of each chunk that is known."""
    found: dict[Digest, str] = {}
    for part in slices(sorted(digests)):
        found.update((digest, state) for digest, state in connection.execute(_STATES, {"digests": part}))
    return found


def workers_of(connection: Connection, digests: Sequence[Digest]) -> dict[Digest, tuple[str, ...]]:
    """The workers that hold each chunk, sorted; a known chunk that nobody holds has an empty entry."""
    found: dict[Digest, tuple[str, ...]] = {}
    for digest, worker in connection.execute(_REPLICAS, {"digests": digests}):
        found[digest] = (*found.get(digest, ()), worker) if worker is not None else ()
    return found


def settle(connection: Connection, worker_id: str, digests: Sequence[Digest]) -> None:
    """Turn what a worker owes of these chunks into replicas."""
    values = {"worker": worker_id, "digests": digests}
    connection.execute(_settle(connection.dialect.name), values)
    connection.execute(_DROP_OWED, values)


def owe(connection: Connection, worker_id: str, digests: Sequence[Digest], reason: str, now: Timestamp) -> None:
    """Turn a worker's replicas of these chunks into owed ones."""
    connection.execute(_DROP_REPLICAS, {"worker": worker_id, "digests": digests})
    values = {"worker": worker_id, "digests": digests, "reason": reason, "now": now}
    connection.execute(_owe(connection.dialect.name), values)


def excuse(connection: Connection, worker_id: str, digests: Sequence[Digest]) -> None:
    """Drop what a worker owes of these chunks."""
    connection.execute(_DROP_OWED, {"worker": worker_id, "digests": digests})


def due(connection: Connection, now: Timestamp, limit: int) -> list[OwedReplica]:
    """Owed replicas whose time has come, the longest due first."""
    return [OwedReplica(*row) for row in connection.execute(_DUE, {"now": now, "limit": limit})]


def postpone(connection: Connection, owed: Sequence[OwedReplica], due_at: Timestamp) -> None:
    """Count an attempt for each and make it due later."""
    keys = [(row.digest, row.worker_id) for row in owed]
    connection.execute(_POSTPONE, {"digests": sorted({row.digest for row in owed}), "keys": keys, "until": due_at})


def depth(connection: Connection) -> int:
    """How many replicas are owed."""
    return connection.execute(_DEPTH).scalar_one()


def owed_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """How many replicas are owed, by worker and reason."""
    return {(worker, reason): count for worker, reason, count in connection.execute(_COUNTS)}
