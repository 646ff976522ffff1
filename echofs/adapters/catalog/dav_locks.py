"""The DavLocks port on SQLite and PostgreSQL."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from echofs.adapters.catalog.account_tables import dav_locks
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.rows import insert_into, storable
from echofs.core.errors import Conflict
from echofs.core.models import Timestamp
from echofs.ports.dav_locks import DavLock, DavLocks

_THERE = dav_locks.c.expires_at > bindparam("now")
_LOCKS = select(dav_locks).where(_THERE).order_by(dav_locks.c.root, dav_locks.c.token)
_GET = _LOCKS.where(dav_locks.c.token == bindparam("token"))
_AT = _LOCKS.where(dav_locks.c.root == bindparam("root"))
# A range of the index: what begins with "root/" sorts between "root/" and "root0", the character after the slash.
_BELOW = _LOCKS.where(dav_locks.c.root >= bindparam("first"), dav_locks.c.root < bindparam("last"))
_EXPIRED = delete(dav_locks).where(dav_locks.c.expires_at <= bindparam("now"))
_RENEW = (
    update(dav_locks)
    .where(dav_locks.c.token == bindparam("lock"))
    .values(record=bindparam("record"), expires_at=bindparam("expires_at"))
)
_DROP = delete(dav_locks).where(dav_locks.c.token == bindparam("lock"))


class SqlDavLocks(DavLocks):
    """``engine`` is one from :func:`echofs.adapters.catalog.schema.open_engine`."""

    def __init__(self, engine: Engine) -> None:
        self._connections = Connections(engine)

    def add(self, lock: DavLock, now: Timestamp) -> None:
        if not self._connections.write(partial(_insert, lock=lock, now=now)):
            raise Conflict("Somebody else has locked this already.")

    def get(self, token: str, now: Timestamp) -> DavLock | None:
        found = self._found(_GET, token=token, now=now) if storable(token) else []
        return found[0] if found else None

    def at(self, root: str, now: Timestamp) -> list[DavLock]:
        return self._found(_AT, root=root, now=now)

    def below(self, root: str, now: Timestamp) -> list[DavLock]:
        return self._found(_BELOW, first=f"{root}/", last=f"{root}0", now=now)

    def renew(self, lock: DavLock) -> None:
        values = {"lock": lock.token, "record": lock.record, "expires_at": lock.expires_at}
        self._connections.write(lambda writer: writer.execute(_RENEW, values))

    def drop(self, token: str) -> bool:
        return (
            storable(token)
            and self._connections.write(lambda writer: writer.execute(_DROP, {"lock": token}).rowcount) == 1
        )

    def _found(self, statement: Any, **values: object) -> list[DavLock]:
        with self._connections.reading() as connection:
            return [_lock(row) for row in connection.execute(statement, values)]


def _insert(connection: Connection, lock: DavLock, now: Timestamp) -> bool:
    """Whether it was added."""
    connection.execute(_EXPIRED, {"now": now})
    row = {
        "token": lock.token,
        "root": lock.root,
        "claim": lock.root if lock.exclusive else lock.token,
        "record": lock.record,
        "expires_at": lock.expires_at,
    }
    statement = insert_into(dav_locks, connection.dialect.name).values(row).on_conflict_do_nothing()
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount == 1


def _lock(row: Any) -> DavLock:
    return DavLock(row.token, row.root, row.claim == row.root, row.record, row.expires_at)
