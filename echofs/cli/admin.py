"""``echofs admin``: what only the operator of the machine may do."""

from __future__ import annotations

import os

import click

from echofs.settings import ProcessRole, load

PASSWORD_VARIABLE = "ECHOFS_ADMIN_PASSWORD"
"""Not an option: arguments stand in the process list and in the shell's history."""


@click.group()
def admin() -> None:
    """Manage administrators."""


@admin.command()
@click.option("--username", required=True, help="Name to log in with.")
@click.option("--email", required=True, help="E-mail address.")
def create(username: str, email: str) -> None:
    """Create an administrator.

    The password is asked for, or taken from ECHOFS_ADMIN_PASSWORD.
    """
    settings = load(role=ProcessRole.COMMAND)
    from echofs.bootstrap.parts import open_accounts

    accounts = open_accounts(settings)
    password = os.environ.get(PASSWORD_VARIABLE) or click.prompt("Password", hide_input=True, confirmation_prompt=True)
    user = accounts.create_admin(username, email, password)
    click.echo(f"Created the administrator {user.name}.")
