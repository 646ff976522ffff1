"""The UploadLedger port on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, bindparam, cast, delete, func, literal_column, select, update

from echofs.adapters.catalog.account_tables import uploads
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.rows import storable
from echofs.core.entries import OnConflict
from echofs.core.errors import NotFound
from echofs.core.models import Timestamp
from echofs.core.received import Received
from echofs.core.usage import Allowance, Held
from echofs.ports.resumable import Terms, Unfinished, UploadLedger, UploadRecord

_CHANGING = ("received", "lists", "folded", "inline", "piece", "revision", "answer", "expires_at")
_FIND = select(uploads).where(uploads.c.id == bindparam("upload"))
_SWAP = (
    update(uploads)
    .where(uploads.c.id == bindparam("upload"), uploads.c.revision == bindparam("before"))
    .values({name: bindparam(name) for name in _CHANGING})
)
_DROP = delete(uploads).where(uploads.c.id == bindparam("upload"))
_WAITING = (
    uploads.c.owner_id == bindparam("owner"),
    uploads.c.answer == literal_column("''"),  # a parameter would keep both engines from the index
    uploads.c.expires_at > bindparam("now"),
)
_UNFINISHED = (
    select(uploads.c.id, uploads.c.path, uploads.c.received, uploads.c.length, uploads.c.expires_at)
    .where(*_WAITING)
    .order_by(uploads.c.id.desc())
    .limit(bindparam("limit"))
)
_UNFINISHED_AFTER = _UNFINISHED.where(uploads.c.id < bindparam("after"))
# PostgreSQL sums up wide numbers as a decimal, which is no int.
_HELD = select(func.count(), cast(func.coalesce(func.sum(uploads.c.length), 0), BigInteger)).where(
    *_WAITING, uploads.c.id != bindparam("apart_from")
)
# Whoever begins an upload waits for the owner's others that are just begun, and then sees them. The second key tells
# this lock from the one on the owner's folders. On SQLite a writer is alone.
_ALONE = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("owner"), 1)))
_EXPIRED = select(uploads.c.id).where(uploads.c.expires_at <= bindparam("now")).limit(bindparam("limit"))
_FORGET = delete(uploads).where(uploads.c.id.in_(_EXPIRED))


class SqlUploads(UploadLedger):
    """``engine`` is one from :func:`echofs.adapters.catalog.schema.open_engine`."""

    def __init__(self, engine: Engine) -> None:
        self._connections = Connections(engine)

    def add(self, record: UploadRecord, allowance: Allowance | None = None) -> None:
        row = {
            "id": record.id,
            "owner_id": record.owner_id,
            "ticket": record.ticket,
            "path": record.path,
            "length": record.length,
            "chunk_size": record.received.chunk_size,
            "terms": json.dumps(asdict(record.terms)),
            "created_at": record.created_at,
            **_changing(record),
        }

        def work(writer: Connection) -> None:
            if allowance and not record.answer:
                _check_room(writer, record, allowance)
            writer.execute(uploads.insert(), row)

        self._connections.write(work)

    def held(self, owner_id: str, now: Timestamp, *, apart_from: str = "") -> Held:
        with self._connections.reading() as connection:
            return _held(connection, owner_id, now, apart_from)

    def find(self, upload_id: str) -> UploadRecord:
        if not storable(upload_id):
            raise _not_found()
        with self._connections.reading() as connection:
            row = connection.execute(_FIND, {"upload": upload_id}).mappings().first()
        if row is None:
            raise _not_found()
        return _record(row)

    def swap(self, record: UploadRecord) -> bool:
        values = {**_changing(record), "upload": record.id, "before": record.revision - 1}
        return self._connections.write(lambda writer: writer.execute(_SWAP, values).rowcount) == 1

    def drop(self, upload_id: str) -> None:
        self._connections.write(lambda writer: writer.execute(_DROP, {"upload": upload_id}))

    def unfinished(self, owner_id: str, now: Timestamp, after: str = "", limit: int = 100) -> list[Unfinished]:
        if not storable(after):
            return []
        values = {"owner": owner_id, "now": now, "limit": limit}
        statement = _UNFINISHED_AFTER if after else _UNFINISHED
        with self._connections.reading() as connection:
            found = connection.execute(statement, {**values, "after": after} if after else values)
            return [Unfinished(*row) for row in found]

    def forget_expired(self, now: Timestamp) -> int:
        return self._connections.sweep(_FORGET, {"now": now})


def _check_room(writer: Connection, record: UploadRecord, allowance: Allowance) -> None:
    if writer.dialect.name == "postgresql":
        writer.execute(_ALONE, {"owner": record.owner_id})
    others = _held(writer, record.owner_id, allowance.at, record.id)
    if refused := allowance.refusal(others, record.length):
        raise refused


def _held(connection: Connection, owner_id: str, now: Timestamp, apart_from: str) -> Held:
    values = {"owner": owner_id, "now": now, "apart_from": apart_from}
    return Held(*connection.execute(_HELD, values).one())


def _changing(record: UploadRecord) -> dict[str, Any]:
    """What :meth:`SqlUploads.swap` writes."""
    received = record.received
    return {
        "received": received.size,
        "lists": received.lists,
        "folded": received.folded,
        "inline": received.inline,
        "piece": received.piece,
        "revision": record.revision,
        "answer": record.answer,
        "expires_at": record.expires_at,
    }


def _record(row: Any) -> UploadRecord:
    terms = json.loads(row["terms"])
    return UploadRecord(
        id=row["id"],
        owner_id=row["owner_id"],
        ticket=row["ticket"],
        path=row["path"],
        length=row["length"],
        received=Received(row["chunk_size"], row["received"], row["lists"], row["folded"], row["inline"], row["piece"]),
        terms=Terms(**{**terms, "on_conflict": OnConflict(terms["on_conflict"])}),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revision=row["revision"],
        answer=row["answer"],
    )


def _not_found() -> NotFound:
    return NotFound("There is no such upload.")
