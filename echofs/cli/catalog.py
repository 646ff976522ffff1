"""``echofs catalog``: making a catalog again, and moving one."""

from __future__ import annotations

import sys

import click

from echofs.cli.data_folder import make_folder
from echofs.settings import ProcessRole, load

INCOMPLETE = 1
"""Exit code of a rebuild that went through but could not bring everything back."""


@click.group()
def catalog() -> None:
    """Rebuild a lost catalog from the workers, or move one to another database."""


@catalog.command()
@click.option("--worker", "workers", multiple=True, metavar="URL", help="A worker's address; repeat it for each.")
@click.option("--allow-missing", is_flag=True, help="Go on without workers that do not answer.")
def rebuild(workers: tuple[str, ...], allow_missing: bool) -> None:
    """Make the catalog again from what the workers hold.

    The catalog that the settings name must be empty; its tables are made if they are missing. The workers, all those
    the controller knows unless some are named, must run, and nobody should write meanwhile. It can be repeated after an
    interruption.

    Files come back with their owners, names and versions; deleted files stay deleted. Passwords, e-mail addresses and
    roles are not on the workers: owners without an account get a locked one, for `echofs admin reset-password`. A write
    that was answered with an error may have come through after all: nothing on the workers tells it from one whose
    answer was lost.

    The exit code is 0 when everything came back, 1 when something is missing, 2 when it could not be done.
    """
    settings = load(role=ProcessRole.JOBS)
    make_folder(settings.data_dir)
    from echofs.bootstrap.catalog import run_rebuild

    summary = run_rebuild(settings, workers, click.echo, allow_missing=allow_missing)
    for line in summary.lines():
        click.echo(line)
    sys.exit(0 if summary.whole else INCOMPLETE)
