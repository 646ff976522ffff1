"""``echofs catalog``: making a catalog again, and moving one."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from echofs.cli.data_folder import make_folder
from echofs.core.errors import InvalidRequest
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


@catalog.command("export")
@click.argument("file")
def export_command(file: str) -> None:
    """Write the whole catalog and all accounts to FILE, or to standard output if it is -.

    Stop masters and jobs first. FILE must not exist and is made with mode 0600: it holds every password's hash, and
    whoever has it knows all names and who owns them. The bytes of files stay on the workers.
    """
    settings = load(role=ProcessRole.COMMAND)
    from echofs.bootstrap.catalog import run_export

    if file == "-":
        count = run_export(settings, sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with _new_file(Path(file)) as target:
            count = run_export(settings, target)
    click.echo(f"Exported {count} lines.", err=True)


@catalog.command("import")
@click.argument("file")
def import_command(file: str) -> None:
    """Fill the empty catalog that the settings name with an exported one, from FILE or from standard input if it is -.

    The whole file is checked before anything is changed. Accounts that are there already must be the same. It can be
    repeated after an interruption.
    """
    settings = load(role=ProcessRole.COMMAND)
    make_folder(settings.data_dir)
    from echofs.bootstrap.catalog import run_import

    with _source(file, settings.data_dir) as source:
        count = run_import(settings, source)
    click.echo(f"Imported {count} lines.")


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """A file only its owner can read, under its name only once it is complete and durable."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    if path.exists():
        raise InvalidRequest(f"{path} exists already: choose another name, or remove it first.")
    try:
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as target:
                yield target
                target.flush()
                os.fsync(target.fileno())
            unfinished.rename(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}.") from error


@contextmanager
def _source(file: str, folder: Path) -> Iterator[BinaryIO]:
    """The file to read, twice if need be: what comes from a pipe is kept in the data folder meanwhile."""
    try:
        if file != "-":
            with open(file, "rb") as source:
                yield source
            return
        with tempfile.TemporaryFile(dir=folder) as kept:
            shutil.copyfileobj(sys.stdin.buffer, kept)
            kept.seek(0)
            yield kept
    except OSError as error:
        raise InvalidRequest(f"{file} cannot be read: {error.strerror}.") from error
