"""What administrators do through the REST interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote

from echofs.client.admin_values import AuditEvent, Replication, UserAccount, Worker
from echofs.client.api import Api
from echofs.client.errors import NotFound


class Keep(Enum):
    """Stands where None would be a value."""

    KEEP = "keep"


Quota = int | Keep | None
"""Bytes, None for none, or what there is already."""


class Admin:
    """The administrator's part. All of it raises :class:`ClientError`, :class:`NotAllowed` for other users."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def users(self, search: str = "") -> Iterator[UserAccount]:
        """All users by name whose name or e-mail address contains ``search``, fetched page by page."""
        for row in self._api.pages("/admin/users", "users", {"search": search}):
            yield UserAccount.parsed(row)

    def user(self, login: str) -> UserAccount:
        """The user of that name or e-mail address. Raises :class:`NotFound`."""
        wanted = login.casefold()
        for user in self.users(login):
            if wanted in (user.username.casefold(), user.email.casefold()):
                return user
        raise NotFound(f"There is no user {login}.", field="username")

    def add_user(
        self, username: str, email: str, password: str, *, role: str = "user", quota_bytes: Quota = Keep.KEEP
    ) -> UserAccount:
        """Make an account, with the quota of everybody unless one is given. Raises :class:`NameTaken`."""
        body = {"username": username, "email": email, "password": password, "role": role, **_quota(quota_bytes)}
        answer = self._api.send("POST", "/admin/users", body, repeatable=False)
        return UserAccount.parsed(answer.data["user"])

    def change_user(
        self, user_id: str, *, role: str | None = None, disabled: bool | None = None, quota_bytes: Quota = Keep.KEEP
    ) -> UserAccount:
        """Change what is given, all at once. Raises :class:`Conflict` for the last administrator and for oneself."""
        given = {name: value for name, value in {"role": role, "disabled": disabled}.items() if value is not None}
        answer = self._api.send("PATCH", _user(user_id), {**given, **_quota(quota_bytes)})
        return UserAccount.parsed(answer.data["user"])

    def set_password(self, user_id: str, password: str) -> UserAccount:
        """Give a user another password; all of the user's sessions end."""
        answer = self._api.send("POST", f"{_user(user_id)}/password", {"password": password})
        return UserAccount.parsed(answer.data["user"])

    def workers(self) -> list[Worker]:
        """Every worker ever heard of, by id."""
        return [Worker.parsed(row) for row in self._api.get("/admin/workers").data["workers"]]

    def order_worker(self, worker_id: str, intent: str) -> None:
        """Have a worker emptied (``draining``), removed (``gone``) or taken back (``up``)."""
        self._api.send("POST", f"/admin/workers/{quote(worker_id, safe='')}", {"intent": intent})

    def replication(self) -> Replication:
        """How far the replicas are from complete, and what needs an administrator."""
        return Replication.parsed(self._api.get("/admin/replication").data)

    def decisions(self) -> Iterator[Mapping[str, Any]]:
        """Past decisions about levels and orders, the newest first, as the controller keeps them; ``at`` is in
        microseconds since 1970."""
        return self._api.pages("/admin/consistency/history", "decisions")

    def audit(self, *, actor: str = "", action: str = "") -> Iterator[AuditEvent]:
        """The audit log, the newest first. ``actor`` is a user's id or name, ``action`` one action, or the part before
        its dot."""
        for row in self._api.pages("/admin/audit", "events", {"actor": actor, "action": action}):
            yield AuditEvent.parsed(row)


def _quota(quota_bytes: Quota) -> dict[str, int | None]:
    return {} if isinstance(quota_bytes, Keep) else {"quota_bytes": quota_bytes}


def _user(user_id: str) -> str:
    return f"/admin/users/{quote(user_id, safe='')}"
