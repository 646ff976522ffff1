"""What administrators do about users. Each act is written to the audit log first, or not done."""

from __future__ import annotations

from echofs.core.audit import Action, Actor
from echofs.core.errors import Conflict, InvalidRequest
from echofs.core.models import Role, User
from echofs.ports.accounts import Keep, Quota, UserChange, UserDirectory, UserPage
from echofs.ports.app_passwords import AppPasswords
from echofs.services.accounts import Accounts
from echofs.services.auditing import Auditing

MOST_QUOTA_BYTES = 1 << 60
"""Still a number that every JSON reader can hold twice."""


class Administration:
    """Every method may raise :class:`CatalogUnavailable`."""

    def __init__(
        self, users: UserDirectory, accounts: Accounts, app_passwords: AppPasswords, auditing: Auditing
    ) -> None:
        self._users = users
        self._accounts = accounts
        self._app_passwords = app_passwords
        self._auditing = auditing

    def search(self, text: str, after: str, limit: int) -> UserPage:
        """One page of users by name whose name or e-mail address contains ``text``; ``after`` is the cursor of the page
        before."""
        return self._users.search(text, after, limit)

    def create(
        self, admin: Actor, name: str, email: str, password: str, *, role: Role = Role.USER, quota: Quota = Keep.KEEP
    ) -> User:
        """Add a user. Raises like :meth:`Accounts.register`, and :class:`InvalidRequest` for an impossible quota."""
        _check_quota(quota)
        detail = _told(UserChange(role=role, quota_bytes=quota))
        with self._auditing.act(admin, Action.USER_CREATED, subject=name, detail=detail):
            return self._accounts.create(name, email, password, role, quota_bytes=quota)

    def change(self, admin: Actor, user_id: str, change: UserChange) -> User:
        """Change a user's role or quota, or disable the account, all at once; the user afterwards. Idempotent.

        Another role ends the user's sessions, disabling also the app passwords. Raises :class:`NotFound`,
        :class:`InvalidRequest` for no change or an impossible quota, and :class:`Conflict` for administrators who would
        demote or disable themselves or the last one there is.
        """
        if change == UserChange():
            raise InvalidRequest("Nothing is to be changed: send role, disabled or quota_bytes.")
        _check_quota(change.quota_bytes)
        user = self._users.by_id(user_id)
        with self._auditing.act(admin, Action.USER_CHANGED, subject=user.name, detail=_told(change)):
            if change.retires and user.id == admin.id:
                raise Conflict("Nobody demotes or disables themselves: ask another administrator.")
            changed = self._users.amend(user.id, change)
            if changed.disabled:
                self._app_passwords.remove_all(user.id)
        return changed

    def set_password(self, admin: Actor, user_id: str, password: str) -> User:
        """Give a user another password and end all sessions; the user afterwards. Raises :class:`NotFound`, and
        :class:`InvalidRequest` for a password that is too weak."""
        user = self._users.by_id(user_id)
        with self._auditing.act(admin, Action.USER_PASSWORD, subject=user.name):
            self._accounts.set_password(user.id, password)
        return self._users.by_id(user.id)


def _check_quota(quota: Quota) -> None:
    if isinstance(quota, int) and not 0 <= quota <= MOST_QUOTA_BYTES:
        raise InvalidRequest(f"A quota is 0 to {MOST_QUOTA_BYTES} bytes, or null for none.", field="quota_bytes")


def _told(change: UserChange) -> str:
    """What the audit log says of a change."""
    parts = []
    if change.role is not None:
        parts.append(f"role {change.role}")
    if change.disabled is not None:
        parts.append("disabled" if change.disabled else "enabled")
    if change.quota_bytes is None:
        parts.append("no quota")
    elif not isinstance(change.quota_bytes, Keep):
        parts.append(f"quota {change.quota_bytes} bytes")
    return ", ".join(parts)
