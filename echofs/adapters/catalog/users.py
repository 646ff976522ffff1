"""The UserDirectory port on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from sqlalchemy import BindParameter, Connection, Engine, bindparam, case, delete, func, or_, select, update

from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.rows import execute_rows, insert_missing, storable
from echofs.adapters.catalog.tables import revoked_tokens, users
from echofs.core.errors import NameTaken, NotFound
from echofs.core.models import Role, Timestamp, User
from echofs.core.names import fold
from echofs.ports.accounts import UserDirectory

_COLUMNS = (
    users.c.id,
    users.c.name,
    users.c.email,
    users.c.role,
    users.c.password_hash,
    users.c.token_epoch,
    users.c.disabled,
    users.c.created_at,
)
_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_BY_ID = select(*_COLUMNS).where(users.c.id == bindparam("user"))
# A name may look like an address. ``add`` keeps the two apart, so at most one user answers to either.
_BY_LOGIN = select(*_COLUMNS).where(or_(users.c.name_key == bindparam("key"), users.c.email_key == bindparam("key")))
_TAKEN = select(users.c.name_key, users.c.email_key).where(
    or_(users.c.name_key.in_(_KEYS), users.c.email_key.in_(_KEYS))
)
_NEXT_EPOCH = users.c.token_epoch + 1
_SET_PASSWORD = (
    update(users)
    .where(users.c.id == bindparam("user"))
    .values(password_hash=bindparam("hash"), token_epoch=_NEXT_EPOCH)
    .returning(users.c.token_epoch)
)
_SET_EMAIL = (
    update(users)
    .where(users.c.id == bindparam("user"))
    .values(email=bindparam("new_email"), email_key=bindparam("new_key"))
    .returning(users.c.token_epoch)
)
_TAKEN_BY_OTHERS = select(users.c.name_key, users.c.email_key).where(
    users.c.id != bindparam("user"), or_(users.c.name_key == bindparam("key"), users.c.email_key == bindparam("key"))
)
_PAGE = select(*_COLUMNS).where(users.c.id > bindparam("after")).order_by(users.c.id).limit(bindparam("limit"))
_REVOCATIONS = (
    select(revoked_tokens.c.token_id, revoked_tokens.c.expires_at)
    .where(revoked_tokens.c.token_id > bindparam("after"))
    .order_by(revoked_tokens.c.token_id)
    .limit(bindparam("limit"))
)
_LOCK = (
    update(users)
    .where(users.c.id == bindparam("user"))
    .values(disabled=True, token_epoch=case((users.c.disabled, users.c.token_epoch), else_=_NEXT_EPOCH))
    .returning(users.c.token_epoch)
)
_UNLOCK = update(users).where(users.c.id == bindparam("user")).values(disabled=False).returning(users.c.token_epoch)
_SET_ROLE = (
    update(users)
    .where(users.c.id == bindparam("user"))
    .values(role=bindparam("new_role"), token_epoch=_NEXT_EPOCH)
    .returning(users.c.token_epoch)
)
_REVOKED = select(func.count()).where(revoked_tokens.c.token_id.in_(bindparam("tokens", expanding=True)))
_EXPIRED = (
    select(revoked_tokens.c.token_id).where(revoked_tokens.c.expires_at < bindparam("before")).limit(bindparam("limit"))
)
_FORGET = delete(revoked_tokens).where(revoked_tokens.c.token_id.in_(_EXPIRED))


class SqlUsers(UserDirectory):
    """Users and revoked tokens in SQL. ``engine`` is one from :func:`echofs.adapters.catalog.schema.open_engine`."""

    def __init__(self, engine: Engine) -> None:
        self._connections = Connections(engine)

    def add(self, user: User) -> None:
        row = {
            "id": user.id,
            "name": user.name,
            "name_key": fold(user.name),
            "email": user.email,
            "email_key": fold(user.email),
            "password_hash": user.password_hash,
            "role": user.role.value,
            "token_epoch": user.token_epoch,
            "disabled": user.disabled,
            "created_at": user.created_at,
        }
        # Somebody may take one of them between the check and the insertion; looking again says which.
        self._connections.write(partial(_insert, row=row))

    def by_id(self, user_id: str) -> User:
        return self._only(_BY_ID, {"user": user_id})

    def by_login(self, login: str) -> User:
        return self._only(_BY_LOGIN, {"key": fold(login)})

    def _only(self, statement: Any, values: dict[str, str]) -> User:
        if not storable(*values.values()):
            raise _not_found()
        with self._connections.reading() as connection:
            row = connection.execute(statement, values).first()
        if row is None:
            raise _not_found()
        return _user(row)

    def set_password(self, user_id: str, password_hash: str) -> int:
        return self._change(_SET_PASSWORD, {"user": user_id, "hash": password_hash})

    def set_email(self, user_id: str, email: str) -> None:
        key = fold(email)
        with self._connections.writing() as connection:
            if connection.execute(_TAKEN_BY_OTHERS, {"user": user_id, "key": key}).first() is not None:
                raise _email_taken()
            changed = connection.execute(_SET_EMAIL, {"user": user_id, "new_email": email, "new_key": key}).first()
        if changed is None:
            raise _not_found()

    def page(self, after: str, limit: int) -> list[User]:
        with self._connections.reading() as connection:
            return [_user(row) for row in connection.execute(_PAGE, {"after": after, "limit": limit})]

    def revocations(self, after: str, limit: int) -> list[tuple[str, Timestamp]]:
        with self._connections.reading() as connection:
            rows = connection.execute(_REVOCATIONS, {"after": after, "limit": limit})
            return [(token_id, expires_at) for token_id, expires_at in rows]

    def set_disabled(self, user_id: str, disabled: bool) -> None:
        self._change(_LOCK if disabled else _UNLOCK, {"user": user_id})

    def set_role(self, user_id: str, role: Role) -> None:
        self._change(_SET_ROLE, {"user": user_id, "new_role": role.value})

    def _change(self, statement: Any, values: dict[str, str]) -> int:
        epoch: int | None = self._connections.write(
            lambda writer: writer.execute(statement, values).scalar_one_or_none()
        )
        if epoch is None:
            raise _not_found()
        return epoch

    def revoke(self, token_ids: Collection[str], expires_at: Timestamp) -> int:
        rows = [{"token_id": token, "expires_at": expires_at} for token in sorted(set(token_ids))]
        if not rows:
            return 0
        return self._connections.write(
            lambda writer: execute_rows(writer, insert_missing(revoked_tokens, writer.dialect.name), rows)
        )

    def revoked(self, token_ids: Collection[str]) -> bool:
        with self._connections.reading() as connection:
            return connection.execute(_REVOKED, {"tokens": list(token_ids)}).scalar_one() > 0

    def forget_revoked(self, before: Timestamp) -> int:
        return self._connections.sweep(_FORGET, {"before": before})


def _insert(connection: Connection, row: dict[str, Any]) -> None:
    _refuse_taken(connection, row["name_key"], row["email_key"])
    connection.execute(users.insert(), row)


def _refuse_taken(connection: Connection, name_key: str, email_key: str) -> None:
    """A name is compared with addresses too: nobody may register another's address as a name and be found first."""
    taken = {key for row in connection.execute(_TAKEN, {"keys": [name_key, email_key]}) for key in row}
    if name_key in taken:
        raise NameTaken("That user name is taken; choose another.", field="username")
    if email_key in taken:
        raise _email_taken()


def _user(row: Any) -> User:
    user_id, name, email, role, password_hash, token_epoch, disabled, created_at = row
    return User(
        id=user_id,
        name=name,
        email=email,
        role=Role(role),
        password_hash=password_hash,
        token_epoch=token_epoch,
        disabled=disabled,
        created_at=created_at,
    )


def _email_taken() -> NameTaken:
    return NameTaken("That e-mail address is registered already; log in instead.", field="email")


def _not_found() -> NotFound:
    return NotFound("There is no such user.")
