"""What was answered to clients' Idempotency-Keys."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, select, tuple_

from echofs.adapters.catalog.rows import storable
from echofs.adapters.catalog.tables import idempotency
from echofs.core.models import IdempotencyRecord

_ANSWERED = select(
    idempotency.c.owner_id,
    idempotency.c.key,
    idempotency.c.fingerprint,
    idempotency.c.answer,
    idempotency.c.created_at,
).where(idempotency.c.owner_id == bindparam("owner"), idempotency.c.key == bindparam("key_"))
_OLD = (
    select(idempotency.c.owner_id, idempotency.c.key)
    .where(idempotency.c.created_at < bindparam("before"))
    .limit(bindparam("limit"))
)
FORGET = delete(idempotency).where(tuple_(idempotency.c.owner_id, idempotency.c.key).in_(_OLD))
"""Drops at most ``limit`` answers made ``before``."""


def answered(connection: Connection, owner_id: str, key: str) -> IdempotencyRecord | None:
    """What was answered to this key, if anything."""
    if not storable(owner_id, key):
        return None
    row = connection.execute(_ANSWERED, {"owner": owner_id, "key_": key}).first()
    return IdempotencyRecord(*row) if row else None
