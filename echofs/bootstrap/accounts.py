"""What is made of the users' database: accounts, app passwords, administration and the audit log."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from echofs.adapters.catalog import schema
from echofs.adapters.catalog.app_passwords import SqlAppPasswords
from echofs.adapters.catalog.audit import SqlAudit
from echofs.adapters.catalog.users import SqlUsers
from echofs.adapters.passwords import PasslibHasher
from echofs.adapters.system import SystemClock, Uuid7Ids
from echofs.ports.audit import AuditLog
from echofs.ports.runtime import Clock, Ids
from echofs.services.accounts import Accounts
from echofs.services.administration import Administration
from echofs.services.app_passwords import AppAccess
from echofs.services.auditing import Auditing
from echofs.settings import Settings

_DAY_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class AccountService:
    """All that is done with users."""

    accounts: Accounts
    app_access: AppAccess
    administration: Administration
    auditing: Auditing
    audit: AuditLog


def open_accounts(settings: Settings) -> AccountService:
    """Accounts alone, for ``echofs admin``. Raises like :func:`~echofs.bootstrap.parts.open_data_plane`."""
    engine = schema.open_engine(schema.database_app(settings.database_url))
    schema.check_current(engine)
    return make_accounts(settings, engine, SystemClock(), Uuid7Ids())


def make_accounts(settings: Settings, engine: Engine, clock: Clock, ids: Ids) -> AccountService:
    """The services on a database that is open."""
    users, passwords, audit = SqlUsers(engine), SqlAppPasswords(engine), SqlAudit(engine)
    auditing = Auditing(audit, clock, ids)
    accounts = Accounts(
        users,
        PasslibHasher(),
        auditing,
        clock,
        ids,
        session_seconds=int(settings.jwt_refresh_days * _DAY_SECONDS),
        quota_bytes=settings.default_quota or None,
    )
    return AccountService(
        accounts,
        AppAccess(users, passwords, auditing, clock, ids),
        Administration(users, accounts, passwords, auditing),
        auditing,
        audit,
    )
