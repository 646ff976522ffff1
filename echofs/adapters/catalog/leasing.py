"""Leases: who may do a piece of work that is better not done twice."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, or_, select

from echofs.adapters.catalog.rows import insert_into
from echofs.adapters.catalog.tables import leases
from echofs.core.models import Timestamp

_RELEASE = delete(leases).where(leases.c.name == bindparam("lease"), leases.c.holder == bindparam("by"))
_HOLDER = select(leases.c.holder).where(leases.c.name == bindparam("lease"), leases.c.expires_at > bindparam("now"))


def acquire(connection: Connection, name: str, holder: str, now: Timestamp, until: Timestamp) -> bool:
    """Take or extend a lease that is free, expired or one's own; whether it was."""
    insert = insert_into(leases, connection.dialect.name).values(name=name, holder=holder, expires_at=until)
    taken = insert.on_conflict_do_update(
        index_elements=[leases.c.name],
        set_={"holder": holder, "expires_at": until},
        where=or_(leases.c.holder == holder, leases.c.expires_at <= now),
    ).returning(leases.c.name)
    return connection.execute(taken).first() is not None


def release(connection: Connection, name: str, holder: str) -> None:
    """Give a lease back. Idempotent."""
    connection.execute(_RELEASE, {"lease": name, "by": holder})


def holder_of(connection: Connection, name: str, now: Timestamp) -> str:
    """Who holds a lease that has not expired; ``""`` for nobody."""
    return connection.execute(_HOLDER, {"lease": name, "now": now}).scalar_one_or_none() or ""
