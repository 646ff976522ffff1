"""The AppPasswords port on SQLite and PostgreSQL."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, literal, select, update

from echofs.adapters.catalog.account_tables import app_passwords
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.rows import storable
from echofs.core.errors import Conflict, NotFound
from echofs.core.models import Digest, Timestamp
from echofs.ports.app_passwords import AppPassword, AppPasswords

_OWN = app_passwords.c.user_id == bindparam("user")
_LISTED = select(*app_passwords.c).where(_OWN).order_by(app_passwords.c.created_at, app_passwords.c.id)
_FIND = select(*app_passwords.c).where(
    _OWN, app_passwords.c.digest == bindparam("secret", type_=app_passwords.c.digest.type)
)
_COUNT = select(func.count()).select_from(app_passwords).where(_OWN)
_at = bindparam("at", type_=app_passwords.c.created_at.type)
_NOTE_USE = (
    update(app_passwords)
    .where(app_passwords.c.id == bindparam("password"), func.coalesce(app_passwords.c.last_used_at, literal(0)) < _at)
    .values(last_used_at=_at)
)
_REMOVE = delete(app_passwords).where(app_passwords.c.id == bindparam("password"), _OWN).returning(*app_passwords.c)
_REMOVE_ALL = delete(app_passwords).where(_OWN)


class SqlAppPasswords(AppPasswords):
    """``engine`` is one from :func:`echofs.adapters.catalog.schema.open_engine`."""

    def __init__(self, engine: Engine) -> None:
        self._connections = Connections(engine)

    def add(self, password: AppPassword, most: int) -> None:
        self._connections.write(partial(_insert, password=password, most=most))

    def listed(self, user_id: str) -> list[AppPassword]:
        with self._connections.reading() as connection:
            return [_password(row) for row in connection.execute(_LISTED, {"user": user_id})]

    def find(self, user_id: str, digest: Digest) -> AppPassword | None:
        with self._connections.reading() as connection:
            row = connection.execute(_FIND, {"user": user_id, "secret": digest}).first()
        return None if row is None else _password(row)

    def note_use(self, password_id: str, at: Timestamp) -> None:
        self._connections.write(lambda writer: writer.execute(_NOTE_USE, {"password": password_id, "at": at}))

    def remove(self, user_id: str, password_id: str) -> AppPassword:
        if not storable(password_id):
            raise _not_found()
        values = {"user": user_id, "password": password_id}
        row = self._connections.write(lambda writer: writer.execute(_REMOVE, values).first())
        if row is None:
            raise _not_found()
        return _password(row)

    def remove_all(self, user_id: str) -> int:
        return self._connections.write(lambda writer: writer.execute(_REMOVE_ALL, {"user": user_id}).rowcount)


def _insert(connection: Connection, password: AppPassword, most: int) -> None:
    if connection.execute(_COUNT, {"user": password.user_id}).scalar_one() >= most:
        raise Conflict(f"There are {most} app passwords already: delete those no longer used.")
    row = {
        "id": password.id,
        "user_id": password.user_id,
        "name": password.name,
        "digest": password.digest,
        "created_at": password.created_at,
        "last_used_at": password.last_used_at,
    }
    connection.execute(app_passwords.insert(), row)


def _password(row: Any) -> AppPassword:
    return AppPassword(*row)


def _not_found() -> NotFound:
    return NotFound("There is no such app password.")
