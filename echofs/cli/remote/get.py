"""``echofs get`` and ``echofs cat``: files come from the master."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from echofs.cli.remote.output import size_text
from echofs.cli.remote.paths import REMOTE, Found, MovedPath, all_named
from echofs.cli.remote.progress import Moved
from echofs.cli.remote.put import STREAM
from echofs.cli.remote.session import Run, consistency_option, remote_command
from echofs.cli.remote.skipping import is_same
from echofs.cli.remote.transfers import Done, Transfer, jobs_option, run_transfers
from echofs.core.errors import InvalidName
from echofs.core.names import check_path

if TYPE_CHECKING:
    from echofs.client import FileInfo

_HINT = "What is complete stays; the same command with --skip-same goes on with the rest."
version_option = click.option("--version", type=click.IntRange(1), help="An older version, by its number.")


@dataclass(frozen=True, slots=True)
class Reading:
    """How everything of one command is to be read."""

    consistency: str
    version: int | None
    skip_same: bool


@click.command()
@click.argument("sources", nargs=-1, required=True, type=MovedPath(upload=False), metavar="REMOTE... [LOCAL]")
@click.option("-r", "--recursive", is_flag=True, help="Folders too, with all in them.")
@jobs_option
@consistency_option
@version_option
@click.option("--skip-same", is_flag=True, help="Leave out files that are here with the same content.")
@remote_command
def get(run: Run, sources: tuple[str, ...], recursive: bool, jobs: int, **reading: object) -> None:
    """Download files to LOCAL, which is a folder if it exists as one or ends with a slash.

    With one REMOTE alone it goes to the present folder. LOCAL may be - for standard output. REMOTE may be a pattern in
    quotes, such as 'photos/2026-*/*.jpg'. A file appears under its name only when it is whole and verified.
    """
    *remote, local = sources if len(sources) > 1 else (*sources, ".")
    how = Reading(**reading)  # type: ignore[arg-type]
    found = list(all_named(run, tuple(REMOTE.convert(each, None, None) for each in remote)))
    if how.version and (len(found) != 1 or found[0].file is None):
        raise click.UsageError("--version goes with one file only.")
    if local == STREAM:
        for each in found:
            _pour(run, _file(each), how)
        return
    transfers = _planned(run, found, local, recursive=recursive)
    run_transfers(run, (_transfer(run, file, to, how) for file, to in transfers), jobs, hint=_HINT)


@click.command()
@click.argument("paths", nargs=-1, required=True, type=REMOTE)
@consistency_option
@version_option
@remote_command
def cat(run: Run, paths: tuple[str, ...], consistency: str, version: int | None) -> None:
    """Write files to standard output, one after the other."""
    found = list(all_named(run, paths))
    if version and len(found) != 1:
        raise click.UsageError("--version goes with one file only.")
    for each in found:
        _pour(run, _file(each), Reading(consistency, version, skip_same=False))


def _file(found: Found) -> FileInfo:
    from echofs.client import Refused

    if found.file is None:
        raise Refused(f"{found.path or '/'} is a folder: only files can be written to standard output.")
    return found.file


def _pour(run: Run, file: FileInfo, how: Reading) -> None:
    out: BinaryIO = sys.stdout.buffer
    with run.client.open(file, version=how.version, consistency=how.consistency) as download:
        for piece in download:
            out.write(piece)
    out.flush()


def _planned(run: Run, found: list[Found], local: str, *, recursive: bool) -> Iterator[tuple[FileInfo, Path]]:
    """Every file and where it goes; folders are made on the way."""
    from echofs.client import Refused

    top = Path(local)
    into = top.is_dir() or local.endswith("/")
    if len(found) > 1 and not into:
        raise Refused(f"{local} is no folder: write {local}/ to have it made.", field="LOCAL")
    for each in found:
        to = _inside(top, each.name) if into and each.name else top
        if each.file is not None:
            yield each.file, to
        elif recursive:
            yield from _tree(run, each.path, to)
        else:
            refusal = Refused(f"{each.path or '/'} is a folder: use -r to download it with all in it.", field="REMOTE")
            run.failed(each.path or "/", refusal, of=len(found))


def _tree(run: Run, folder: str, top: Path) -> Iterator[tuple[FileInfo, Path]]:
    from echofs.client import Refused

    _make(top)
    for empty in _folders(run, folder):
        try:
            _make(_inside(top, empty.removeprefix(f"{folder}/" if folder else "")))
        except (InvalidName, Refused) as error:
            run.failed(empty, error)
    for file in run.client.list(below=folder):
        try:
            yield file, _inside(top, file.path.removeprefix(f"{folder}/" if folder else ""))
        except InvalidName as error:
            run.failed(file.path, error)


def _make(folder: Path) -> None:
    """Make a local folder and those above it. Raises :class:`Refused`."""
    from echofs.client import Refused

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"The folder {folder} cannot be made: {error.strerror}.", field="LOCAL") from None


def _folders(run: Run, parent: str) -> Iterator[str]:
    for folder in run.client.folders.list(parent):
        yield folder.path
        yield from _folders(run, folder.path)


def _inside(top: Path, relative: str) -> Path:
    """A place below ``top``, whatever the master says: names are checked here too, and links lead nowhere else.

    Raises :class:`InvalidName`.
    """
    target = top.joinpath(*check_path(relative).split("/"))
    if not target.parent.resolve().is_relative_to(top.resolve()):
        raise InvalidName(f"{target.parent} is a link that leads out of {top}: nothing is written through it.")
    return target


def _transfer(run: Run, file: FileInfo, to: Path, how: Reading) -> Transfer:
    def act(moved: Moved) -> Done:
        if how.skip_same and is_same(to, file):
            return Done({"path": file.path, "local": str(to), "skipped": True}, f"{to}  the same already")
        _make(to.parent)
        run.client.download(file, to, version=how.version, consistency=how.consistency, progress=moved)
        value = {"path": file.path, "local": str(to), "size": file.size, "digest": file.digest}
        return Done(value, f"{to}  {size_text(file.size)}  verified")

    return Transfer(file.path, file.size, act)
