"""The UserDirectory port on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Engine,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from echofs.adapters.catalog.account_tables import revoked_tokens, users
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.rows import ESCAPE, execute_rows, insert_missing, literally, storable
from echofs.core.errors import Conflict, NameTaken, NotFound
from echofs.core.models import Role, Timestamp, User
from echofs.core.names import fold
from echofs.ports.accounts import Keep, UserChange, UserDirectory, UserPage

_COLUMNS = (
    users.c.id,
    users.c.name,
    users.c.email,
    users.c.role,
    users.c.password_hash,
    users.c.token_epoch,
    users.c.disabled,
    users.c.created_at,
    users.c.quota_bytes,
    users.c.last_login_at,
)
_KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
_BY_ID = select(*_COLUMNS).where(users.c.id == bindparam("user"))
# A name may look like an address. ``add`` keeps the two apart, so at most one user answers to either.
_BY_LOGIN = select(*_COLUMNS).where(or_(users.c.name_key == bindparam("key"), users.c.email_key == bindparam("key")))
_TAKEN = select(users.c.name_key, users.c.email_key).where(
    or_(users.c.name_key.in_(_KEYS), users.c.email_key.in_(_KEYS))
)
_NEXT_EPOCH = users.c.token_epoch + 1
_BIG = BigInteger()
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
_FOUND = (
    select(*_COLUMNS)
    .where(
        users.c.name_key > bindparam("after"),
        or_(
            users.c.name_key.like(bindparam("pattern"), escape=ESCAPE),
            users.c.email_key.like(bindparam("pattern"), escape=ESCAPE),
        ),
    )
    .order_by(users.c.name_key)
    .limit(bindparam("limit"))
)
# Of two who retire the last two administrators at once, the second waits here and then finds only one.
_ADMINISTRATORS = (
    select(users.c.id).where(users.c.role == Role.ADMIN.value, ~users.c.disabled).order_by(users.c.id).with_for_update()
)
_NOTE_LOGIN = (
    update(users)
    .where(
        users.c.id == bindparam("user"), func.coalesce(users.c.last_login_at, literal(0)) < bindparam("at", type_=_BIG)
    )
    .values(last_login_at=bindparam("at", type_=_BIG))
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
            "quota_bytes": user.quota_bytes,
            "last_login_at": user.last_login_at,
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
        values = {"user": user_id, "hash": password_hash}
        epoch: int | None = self._connections.write(
            lambda writer: writer.execute(_SET_PASSWORD, values).scalar_one_or_none()
        )
        if epoch is None:
            raise _not_found()
        return epoch

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

    def search(self, text: str, after: str, limit: int) -> UserPage:
        if not storable(text, after):
            return UserPage(())
        values = {"pattern": f"%{literally(fold(text))}%", "after": after, "limit": limit + 1}
        with self._connections.reading() as connection:
            found = [_user(row) for row in connection.execute(_FOUND, values)]
        shown = tuple(found[:limit])
        return UserPage(shown, fold(shown[-1].name) if len(found) > limit else "")

    def amend(self, user_id: str, change: UserChange) -> User:
        if not storable(user_id):
            raise _not_found()
        return self._connections.write(partial(_amend, user_id=user_id, change=change))

    def note_login(self, user_id: str, at: Timestamp) -> None:
        self._connections.write(lambda writer: writer.execute(_NOTE_LOGIN, {"user": user_id, "at": at}))

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


def _amend(connection: Connection, user_id: str, change: UserChange) -> User:
    if change.retires and connection.execute(_ADMINISTRATORS).scalars().all() == [user_id]:
        raise Conflict("This is the last administrator who can log in: make another one first.")
    row = connection.execute(_amendment(user_id, change)).first()
    if row is None:
        raise _not_found()
    return _user(row)


def _amendment(user_id: str, change: UserChange) -> ReturningUpdate[Any]:
    values: dict[str, Any] = {"id": users.c.id}
    ending = []
    if change.role is not None:
        values["role"] = change.role.value
        ending.append(users.c.role != change.role.value)
    if change.disabled is not None:
        values["disabled"] = change.disabled
        if change.disabled:
            ending.append(~users.c.disabled)
    if change.quota_bytes is not Keep.KEEP:
        values["quota_bytes"] = change.quota_bytes
    if ending:
        values["token_epoch"] = case((or_(*ending), _NEXT_EPOCH), else_=users.c.token_epoch)
    return update(users).where(users.c.id == user_id).values(values).returning(*_COLUMNS)


def _user(row: Any) -> User:
    user_id, name, email, role, password_hash, token_epoch, disabled, created_at, quota_bytes, last_login_at = row
    return User(
        id=user_id,
        name=name,
        email=email,
        role=Role(role),
        password_hash=password_hash,
        token_epoch=token_epoch,
        disabled=disabled,
        created_at=created_at,
        quota_bytes=quota_bytes,
        last_login_at=last_login_at,
    )


def _email_taken() -> NameTaken:
    return NameTaken("That e-mail address is registered already; log in instead.", field="email")


def _not_found() -> NotFound:
    return NotFound("There is no such user.")
