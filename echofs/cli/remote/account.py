"""``echofs login``, ``logout``, ``whoami`` and ``usage``: who one is, and what one has."""

from __future__ import annotations

import os

import click

from echofs.cli.console import asked_name, asked_password
from echofs.cli.remote.output import counted, note, size_text
from echofs.cli.remote.session import PASSWORD, URL, USERNAME, Run, remote_command

_DEFAULT_URL = "http://127.0.0.1:8080"
_FILE = click.Path(exists=True, dir_okay=False)
_LOCAL = ("http://127.0.0.1", "http://localhost", "http://[::1]", "https://")


@click.command()
@click.argument("url", envvar=URL, default=_DEFAULT_URL)
@click.option("-u", "--username", envvar=USERNAME, default="", help="Name or e-mail address; asked for otherwise.")
@click.option("--ca-file", type=_FILE, help="Certificates to trust, in PEM.")
@remote_command
def login(run: Run, url: str, username: str, ca_file: str | None) -> None:
    """Log in at URL and remember that for the next commands.

    The password is asked for, or taken from ECHOFS_PASSWORD. It is not kept; tokens are, for you alone. --profile keeps
    several logins apart.
    """
    from echofs.client.profiles import DEFAULT, Profiles
    from echofs.client.signing_in import sign_in

    if not url.startswith(_LOCAL):
        note("Without https everybody on the way can read the password and the files.")
    name = username or asked_name("User name", "-u")
    password = asked_password("Password", PASSWORD)
    ca_path = os.path.abspath(ca_file) if ca_file else ""
    user = sign_in(Profiles(), run.profile or DEFAULT, url, name, password, ca_file=ca_path, waiting=run.waiting)
    run.out.tell({"url": url, "user": user}, f"Logged in at {url} as {user.username}.")


@click.command()
@remote_command
def logout(run: Run) -> None:
    """End the session, here and at the master."""
    run.client.logout()
    run.out.tell({"logged_out": True}, "Logged out.")


@click.command()
@remote_command
def whoami(run: Run) -> None:
    """Show who is logged in, and where."""
    user = run.client.profile()
    run.out.show({"url": run.client.url, "user": user}, f"{user.username} ({user.role}) at {run.client.url}")


@click.command()
@remote_command
def usage(run: Run) -> None:
    """Show how much your files take, and your quota."""
    used = run.client.usage()
    taken = used.bytes + used.trash_bytes
    lines = [f"{counted(used.files, 'file')}, {size_text(used.bytes)}; {size_text(used.trash_bytes)} in the trash"]
    if used.quota_bytes is None:
        lines.append("no quota")
    else:
        share = 100 * taken / used.quota_bytes if used.quota_bytes else 100
        lines.append(f"{share:.0f} % of {size_text(used.quota_bytes)}")
    run.out.show_lines(used, lines)
