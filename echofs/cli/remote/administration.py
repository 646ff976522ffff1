"""``echofs admin users``, ``replication`` and ``audit``: what administrators do from anywhere, by their login."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from echofs.cli.console import asked_password
from echofs.cli.remote.output import size_text, table, time_text
from echofs.cli.remote.session import Run, remote_command
from echofs.core.models import Role
from echofs.settings import parsing

if TYPE_CHECKING:
    from echofs.client.admin import Quota
    from echofs.client.admin_values import AuditEvent, Replication, UserAccount

NEW_PASSWORD = "ECHOFS_NEW_PASSWORD"
_NONE = "none"
_MOST = 1 << 60
_USERS = ("USER", "E-MAIL", "ROLE", "STATE", "FILES", "STORED", "QUOTA", "LAST LOGIN")


class _Size(click.ParamType[object]):
    """A number of bytes, or ``none``."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value is None or not isinstance(value, str) or value == _NONE:
            return value
        try:
            return parsing.size(0, _MOST)(value)
        except ValueError as error:
            self.fail(f"Use {error}, or {_NONE}.", param, ctx)


_quota_option = click.option("--quota", type=_Size(), help="How much may be stored, such as 10GB, or none.")
_role_option = click.option("--role", type=click.Choice([role.value for role in Role]), help="What the user may do.")


@click.group()
def users() -> None:
    """List, add and change users, by the login of an administrator (echofs login)."""


@users.command("list")
@click.argument("search", default="")
@remote_command
def list_users(run: Run, search: str) -> None:
    """Show all users, or those with SEARCH in their name or e-mail address."""
    found = list(run.client.admin.users(search))
    if run.out.json:
        for user in found:
            run.out.show(user, "")
        return
    for line in table([_USERS, *map(_row, found)]):
        run.out.show(None, line)


@users.command()
@click.argument("username")
@click.argument("email")
@_role_option
@_quota_option
@remote_command
def add(run: Run, username: str, email: str, role: str | None, quota: int | str | None) -> None:
    """Make an account. The password is asked for, or taken from ECHOFS_NEW_PASSWORD."""
    user = run.client.admin.add_user(
        username, email, _new_password(), role=role or Role.USER.value, quota_bytes=_quota(quota)
    )
    run.out.tell(user, f"Added {user.username}.")


@users.command("set")
@click.argument("login")
@_role_option
@_quota_option
@click.option("--disable/--enable", default=None, help="Lock or unlock the account.")
@remote_command
def set_user(run: Run, login: str, role: str | None, quota: int | str | None, disable: bool | None) -> None:
    """Change the user LOGIN (name or e-mail address).

    Another role ends all sessions of the user; --disable ends the app passwords too.
    """
    admin = run.client.admin
    user = admin.change_user(admin.user(login).id, role=role, disabled=disable, quota_bytes=_quota(quota))
    run.out.tell(user, f"Changed {user.username}.")


@users.command()
@click.argument("login")
@remote_command
def password(run: Run, login: str) -> None:
    """Give the user LOGIN another password; all sessions end. It is asked for, or taken from ECHOFS_NEW_PASSWORD."""
    admin = run.client.admin
    user = admin.set_password(admin.user(login).id, _new_password())
    run.out.tell(user, f"{user.username} has a new password; all sessions have ended.")


@click.command()
@remote_command
def replication(run: Run) -> None:
    """Show what is owed, how the sweep goes, and what is amiss."""
    found = run.client.admin.replication()
    run.out.show_lines(found, _lines(found))


@click.command()
@click.option("--actor", default="", help="Only what this user did, by name or id.")
@click.option("--action", default="", help="Only this action, such as account.login, or a kind, such as user.")
@click.option("-n", "--count", type=click.IntRange(1), default=50, help="How many, the newest first. [50]")
@remote_command
def audit(run: Run, actor: str, action: str, count: int) -> None:
    """Show who logged in, and what administrators did."""
    for event in islice(run.client.admin.audit(actor=actor, action=action), count):
        run.out.show(event, _event(event))


@click.command()
@click.option("-n", "--count", type=click.IntRange(1), default=20, help="How many, the newest first. [20]")
@remote_command
def history(run: Run, count: int) -> None:
    """Show past decisions and orders about levels, by the login of an administrator."""
    for entry in islice(run.client.admin.decisions(), count):
        run.out.show(entry, _decision(entry))


def _row(user: UserAccount) -> tuple[str, ...]:
    quota = "-" if user.quota_bytes is None else size_text(user.quota_bytes)
    seen = "-" if user.last_login_at is None else time_text(user.last_login_at)
    stored = size_text(user.usage.bytes + user.usage.trash_bytes)
    state = "disabled" if user.disabled else "-"
    return user.username, user.email, user.role, state, str(user.usage.files), stored, quota, seen


def _lines(found: Replication) -> list[str]:
    known = found.replicas_owed is not None
    lines = [f"replicas owed: {found.replicas_owed if known else 'not known'}"]
    lines += [f"  {count:>8}  {worker}" for worker, count in (found.owed_by_worker or {}).items()]
    lines += [f"  {count:>8}  {reason}" for reason, count in (found.owed_by_reason or {}).items()]
    last = (found.sweep or {}).get("last")
    if last:
        few = f"{last['few']:,} with fewer than two replicas"
        lines.append(f"last sweep: {last['chunks']:,} chunks, {last['owed']:,} replicas found owed, {few}")
    lines += [f"{alarm.severity}: {alarm.text}" for alarm in found.alarms] or ["nothing is amiss"]
    return lines


def _event(event: AuditEvent) -> str:
    what = " ".join(filter(None, (event.action, event.subject)))
    outcome = f"{event.outcome} ({event.detail})" if event.detail else event.outcome
    return f"{time_text(event.at)}  {event.actor.name or '-'}  {event.address or '-'}  {what}: {outcome}"


def _decision(entry: Any) -> str:
    about = entry.get("op_class") or entry.get("object_id") or "all"
    author = f" by {entry['author']}" if entry.get("author") else ""
    reason = f": {entry['reason']}" if entry.get("reason") else ""
    at = time_text(datetime.fromtimestamp(entry["at"] / 1_000_000, UTC))
    return f"{at}  {entry.get('kind', '')} {entry.get('id', '')}  {about} {entry.get('level', '')}{author}{reason}"


def _quota(given: int | str | None) -> Quota:
    from echofs.client.admin import Keep

    if given is None:
        return Keep.KEEP
    return given if isinstance(given, int) else None


def _new_password() -> str:
    return asked_password("New password", NEW_PASSWORD, twice=True)
