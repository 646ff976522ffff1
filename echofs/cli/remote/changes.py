"""``echofs mv``, ``cp``, ``rm`` and ``mkdir``: changes of names, without moving a byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from echofs.cli.remote.output import counted
from echofs.cli.remote.paths import REMOTE, Found, all_named, joined, target_in
from echofs.cli.remote.put import receipt_text
from echofs.cli.remote.session import Run, consistency_option, if_match_option, remote_command
from echofs.core.errors import EchoError

if TYPE_CHECKING:
    from echofs.client import FileInfo, Stored

recursive_option = click.option("-r", "--recursive", is_flag=True, help="Folders too, with all in them.")
force_option = click.option(
    "-f", "--force", is_flag=True, help="Replace files that are there; their bytes stay as old versions."
)


@click.command()
@click.argument("sources", nargs=-1, required=True, type=REMOTE)
@click.argument("target", type=REMOTE)
@force_option
@consistency_option
@if_match_option
@remote_command
def mv(run: Run, sources: tuple[str, ...], target: str, force: bool, consistency: str, if_match: str) -> None:
    """Move or rename files and folders at the master. A folder moves in one step, or not at all.

    TARGET is a folder if it exists as one or ends with a slash.
    """

    def move(file: FileInfo, to: str) -> Stored:
        with _naming_force(to):
            return run.client.move(file, to, overwrite=force, if_match=if_match, consistency=consistency)

    found = list(all_named(run, sources))
    if if_match and (len(found) != 1 or found[0].file is None):
        raise click.UsageError("--if-match goes with one file only.")
    _each(run, found, target, "moved", move, run.client.folders.move)


@click.command()
@click.argument("sources", nargs=-1, required=True, type=REMOTE)
@click.argument("target", type=REMOTE)
@recursive_option
@force_option
@consistency_option
@remote_command
def cp(run: Run, sources: tuple[str, ...], target: str, recursive: bool, force: bool, consistency: str) -> None:
    """Copy files and folders at the master. A folder is copied in one step, or not at all.

    TARGET is a folder if it exists as one or ends with a slash. Local files are uploaded by put.
    """
    from echofs.client import NotFound

    def copy(file: FileInfo, to: str) -> Stored:
        with _naming_force(to):
            return run.client.copy(file, to, overwrite=force, consistency=consistency)

    try:
        found = list(all_named(run, sources))
    except NotFound as error:
        if Path(sources[0]).exists():
            raise NotFound(f"{error.message} To upload a local file: echofs put {sources[0]} {target}") from None
        raise
    _each(run, _allowed(run, found, "copy", recursive=recursive), target, "copied", copy, run.client.folders.copy)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=REMOTE)
@recursive_option
@consistency_option
@if_match_option
@remote_command
def rm(run: Run, paths: tuple[str, ...], recursive: bool, consistency: str, if_match: str) -> None:
    """Put files and folders into the trash; `echofs restore` brings files back."""
    found = _allowed(run, list(all_named(run, paths)), "delete", recursive=recursive)
    if if_match and (len(found) != 1 or found[0].file is None):
        raise click.UsageError("--if-match goes with one file only.")
    for each in found:
        try:
            if each.file is None:
                files = run.client.folders.delete(each.path)
                run.out.tell({"path": each.path, "deleted": files}, f"{each.path}/  {counted(files, 'file')} deleted")
            else:
                receipt = run.client.delete(each.file, if_match=if_match, consistency=consistency)
                run.out.tell({"path": each.path, "receipt": receipt}, f"{each.path}  deleted")
        except EchoError as error:
            run.failed(each.path, error, of=len(found))


@click.command()
@click.argument("paths", nargs=-1, required=True, type=REMOTE)
@remote_command
def mkdir(run: Run, paths: tuple[str, ...]) -> None:
    """Make folders, and those above them. One that is there already stays as it is."""
    for path in paths:
        try:
            made = run.client.mkdir(path.removesuffix("/"))
            run.out.tell({"path": path, "created": made}, f"{path}  {'made' if made else 'is there already'}")
        except EchoError as error:
            run.failed(path, error, of=len(paths))


@contextmanager
def _naming_force(to: str) -> Iterator[None]:
    """Has the refusal to replace a file say how that is done."""
    from echofs.client import NameTaken

    try:
        yield
    except NameTaken:
        raise NameTaken(f"{to} is there already; nothing was changed. To replace it: --force.", field="path") from None


def _each(
    run: Run,
    found: list[Found],
    target: str,
    done: str,
    file_action: Callable[[FileInfo, str], Stored],
    folder_action: Callable[[str, str], int],
) -> None:
    """Do something with each file or folder and the path it is to have."""
    folder = target_in(run.client, target, len(found))
    for each in found:
        to = target if folder is None else joined(folder, each.name)
        try:
            if each.file is None:
                files = folder_action(each.path, to)
                run.out.tell({"path": each.path, "to": to, done: files}, f"{to}/  {counted(files, 'file')} {done}")
            else:
                stored = file_action(each.file, to)
                value = {"path": each.path, "to": to, "file": stored.file, "receipt": stored.receipt}
                run.out.tell(value, f"{to}  {done}  {receipt_text(stored.receipt)}")
        except EchoError as error:
            run.failed(each.path, error, of=len(found))


def _allowed(run: Run, found: list[Found], verb: str, *, recursive: bool) -> list[Found]:
    """Those that may be touched: folders only with -r, and never the root."""
    from echofs.client import Refused

    allowed = []
    for each in found:
        if each.file is not None or (recursive and each.path):
            allowed.append(each)
            continue
        reason = f"use -r to {verb} it with all in it." if each.path else f"{verb} what is in it."
        run.failed(each.path or "/", Refused(f"{each.path or '/'} is a folder: {reason}"), of=len(found))
    return allowed
