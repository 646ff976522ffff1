"""The ``echofs`` command. Each subcommand loads what it needs when it runs, so that ``--help`` and ``--version`` are
quick."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import NoReturn

import click

from echofs.cli.admin import admin
from echofs.cli.catalog import catalog
from echofs.cli.db import db
from echofs.cli.drill import drill
from echofs.cli.jobs import jobs
from echofs.cli.remote import commands
from echofs.cli.serve import serve
from echofs.cli.simulate import simulate
from echofs.cli.verify import verify
from echofs.core.errors import EchoError

EXIT_CODE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("echofs"), prog_name="echofs", message="%(prog)s %(version)s")
def echofs() -> None:
    """EchoFS: a self-hosted distributed file store.

    Settings come from the environment and from a .env file; .env.example lists them all.
    """


echofs.add_command(serve)
echofs.add_command(jobs)
echofs.add_command(db)
echofs.add_command(catalog)
echofs.add_command(admin)
echofs.add_command(verify)
echofs.add_command(drill)
echofs.add_command(simulate)
for command in commands.ALL:
    echofs.add_command(command)


def main() -> NoReturn:
    """Run the command line; an expected failure is one line on standard error and exit code 2."""
    try:
        echofs(prog_name="echofs")
    except EchoError as error:
        print(error.message, file=sys.stderr)
        sys.exit(EXIT_CODE)
    raise AssertionError("click always exits")
