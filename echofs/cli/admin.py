"""``echofs admin``: what only the operator of the machine may do, and what administrators do from anywhere."""

from __future__ import annotations

import click

from echofs.cli.consistency import consistency
from echofs.cli.console import asked_password, operator_name
from echofs.cli.remote.administration import audit, replication, users
from echofs.cli.workers import workers
from echofs.core.audit import Action, Actor
from echofs.core.models import Role
from echofs.ports.request_context import client_address
from echofs.settings import ProcessRole, load

PASSWORD_VARIABLE = "ECHOFS_ADMIN_PASSWORD"
CONSOLE = "console"
"""Stands in the audit log where a client's address would."""


@click.group()
def admin() -> None:
    """Manage users, workers and consistency.

    users, replication, audit and consistency history use your login (echofs login); all others need the settings of
    this machine.
    """


for command in (workers, consistency, users, replication, audit):
    admin.add_command(command)


@admin.command()
@click.option("--username", required=True, help="Name to log in with.")
@click.option("--email", required=True, help="E-mail address.")
def create(username: str, email: str) -> None:
    """Create an administrator.

    The password is asked for, or taken from ECHOFS_ADMIN_PASSWORD.
    """
    settings = load(role=ProcessRole.COMMAND)
    from echofs.bootstrap.accounts import open_accounts

    service = open_accounts(settings)
    password = _password()
    user = service.administration.create(_operator(), username, email, password, role=Role.ADMIN, quota=None)
    click.echo(f"Created the administrator {user.name}.")


@admin.command("reset-password")
@click.argument("login")
@click.option("--email", default="", help="Change the e-mail address too.")
@click.option("--role", type=click.Choice([role.value for role in Role]), help="Change the role too.")
def reset_password(login: str, email: str, role: str | None) -> None:
    """Give the user LOGIN (name or e-mail address) a new password, end all sessions and unlock the account.

    Accounts that `echofs catalog rebuild` made again are locked until then. The password is asked for, or taken from
    ECHOFS_ADMIN_PASSWORD.
    """
    settings = load(role=ProcessRole.COMMAND)
    from echofs.bootstrap.accounts import open_accounts

    service = open_accounts(settings)
    password = _password()
    detail = ", ".join(filter(None, ("enabled", email, role)))
    with service.auditing.act(_operator(), Action.USER_PASSWORD, subject=login, detail=detail):
        user = service.accounts.reset_password(login, password, email=email, role=Role(role) if role else None)
    click.echo(f"{user.name} has a new password; all sessions have ended.")


def _operator() -> Actor:
    """Whoever works on this machine, as the audit log names them."""
    client_address.set(CONSOLE)
    return Actor("", operator_name())


def _password() -> str:
    return asked_password("Password", PASSWORD_VARIABLE, twice=True)
