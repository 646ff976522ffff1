"""The ``echofs`` command. Each subcommand is loaded when it is run, and loads what it needs then: copying a file must
not wait for what serves files, nor ``--version`` for anything."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn

import click

from echofs import __version__
from echofs.core.errors import EchoError

EXIT_CODE = 2
INTERRUPTED = 130
PROGRAM, COMPLETING = "echofs", "_ECHOFS_COMPLETE"
"""The command's name, and the variable by which shells ask it for completions."""
_REMOTE = "echofs.cli.remote"
_PLACES = {
    "serve": "echofs.cli.serve",
    "jobs": "echofs.cli.jobs",
    "db": "echofs.cli.db",
    "catalog": "echofs.cli.catalog",
    "admin": "echofs.cli.admin",
    "verify": "echofs.cli.verify",
    "drill": "echofs.cli.drill",
    "simulate": "echofs.cli.simulate",
    **dict.fromkeys(("login", "logout", "usage", "whoami"), f"{_REMOTE}.account"),
    **dict.fromkeys(("cat", "get"), f"{_REMOTE}.get"),
    **dict.fromkeys(("cp", "mkdir", "mv", "rm"), f"{_REMOTE}.changes"),
    **dict.fromkeys(("find", "ls", "tree"), f"{_REMOTE}.listing"),
    **dict.fromkeys(("receipt", "stat", "status"), f"{_REMOTE}.about"),
    **dict.fromkeys(("restore", "trash", "versions"), f"{_REMOTE}.history"),
    "put": f"{_REMOTE}.put",
    "uploads": f"{_REMOTE}.uploads",
    "completion": f"{_REMOTE}.completion",
}
"""The module of each subcommand, which there has the name of the subcommand."""


class Subcommands(click.Group):
    """All subcommands, none of them loaded before it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(_PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _PLACES:
            return None
        command: click.Command = getattr(import_module(_PLACES[cmd_name]), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)


@click.group(cls=Subcommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM, message="%(prog)s %(version)s")
def echofs() -> None:
    """EchoFS: a self-hosted distributed file store.

    Files at a master, wherever it runs: echofs login, then put, get, ls and so on. The other commands run EchoFS
    itself; their settings come from the environment and from a .env file, and .env.example lists them all.
    """


def main() -> NoReturn:
    """Run the command line; an expected failure is one line on standard error and exit code 2."""
    if COMPLETING in os.environ:
        # Shells are answered in a way of our own, which click has to know of.
        import_module(_PLACES["completion"])
    try:
        echofs(prog_name=PROGRAM)
    except EchoError as error:
        print(error.message, file=sys.stderr)
        sys.exit(EXIT_CODE)
    raise AssertionError("click always exits")
