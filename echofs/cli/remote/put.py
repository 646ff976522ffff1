"""``echofs put``: local files and folders go to the master."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from echofs.cli.remote.output import counted, note, size_text
from echofs.cli.remote.paths import REMOTE, MovedPath, joined, target_in
from echofs.cli.remote.progress import Moved
from echofs.cli.remote.session import Run, consistency_option, if_match_option, remote_command
from echofs.cli.remote.skipping import same_content
from echofs.cli.remote.transfers import Done, Transfer, jobs_option, run_transfers

if TYPE_CHECKING:
    from echofs.client import Receipt, Stored

STREAM = "-"
_HINT = "What is stored stays; the same command with --skip-same goes on with the rest."


@dataclass(frozen=True, slots=True)
class Writing:
    """How everything of one command is to be written."""

    consistency: str
    if_match: str
    create_only: bool
    skip_same: bool


@click.command()
@click.argument("sources", nargs=-1, required=True, type=MovedPath(upload=True), metavar="LOCAL... [REMOTE]")
@click.option("-r", "--recursive", is_flag=True, help="Folders too, with all in them.")
@jobs_option
@consistency_option
@if_match_option
@click.option("--new", "create_only", is_flag=True, help="Refuse to replace files that are there.")
@click.option("--skip-same", is_flag=True, help="Leave out files that are there with the same content.")
@remote_command
def put(run: Run, sources: tuple[str, ...], recursive: bool, jobs: int, **writing: object) -> None:
    """Upload local files to REMOTE, which is a folder if it exists as one or ends with a slash.

    With one LOCAL alone it goes to the root. LOCAL may be - for standard input; REMOTE is the file's path then.
    """
    *local, written = sources if len(sources) > 1 else (*sources, "")
    target = REMOTE.convert(written, None, None)
    how = Writing(**writing)  # type: ignore[arg-type]
    if how.if_match and (recursive or len(local) > 1):
        raise click.UsageError("--if-match goes with one file only.")
    if local == [STREAM]:
        _put_stream(run, target, how)
        return
    folder = target_in(run.client, target, len(local))
    transfers = _planned(run, [Path(each) for each in local], folder, target, recursive=recursive)
    run_transfers(run, (_transfer(run, path, to, how) for path, to in transfers), jobs, hint=_HINT)


def _planned(
    run: Run, local: list[Path], folder: str | None, target: str, *, recursive: bool
) -> Iterator[tuple[Path, str]]:
    """Every local file and its path at the master; folders without files in them as well."""
    from echofs.client import NotFound, Refused

    for path in local:
        to = target if folder is None else joined(folder, path.resolve().name)
        if not path.exists():
            run.failed(str(path), NotFound(f"There is no local file {path}.", field="LOCAL"), of=len(local))
        elif not path.is_dir():
            yield path, to
        elif recursive:
            yield from _tree(path, to)
        else:
            refusal = Refused(f"{path} is a folder: use -r to upload it with all in it.", field="LOCAL")
            run.failed(str(path), refusal, of=len(local))


def _tree(top: Path, to: str) -> Iterator[tuple[Path, str]]:
    for folder, folders, names in os.walk(top):
        folders.sort()
        here = Path(folder)
        inner = "/".join([part for part in (to, *here.relative_to(top).parts) if part])
        for name in [each for each in folders if (here / each).is_symlink()]:
            note(f"{here / name}: left out, it is a link to a folder.")
        if not folders and not names and inner:
            yield here, inner
        for name in sorted(names):
            path = here / name
            if path.is_file():
                yield path, joined(inner, name)
            else:
                note(f"{path}: left out, it is no ordinary file.")


def _transfer(run: Run, path: Path, to: str, how: Writing) -> Transfer:
    def act(moved: Moved) -> Done:
        if path.is_dir():
            run.client.mkdir(to)
            return Done({"path": to, "folder": True}, f"{to}/  folder")
        if how.skip_same and (there := same_content(run.client, path, to)):
            return Done({"path": to, "skipped": True, "file": there}, f"{to}  the same already")
        stored = run.client.put(
            to,
            path,
            consistency=how.consistency,
            if_match=how.if_match,
            create_only=how.create_only,
            progress=moved,
        )
        return _told(stored)

    size = 0 if path.is_dir() else path.stat().st_size
    return Transfer(str(path), size, act)


def _put_stream(run: Run, target: str, how: Writing) -> None:
    from echofs.client import Refused

    if not target or target.endswith("/"):
        raise Refused("Name the file that standard input becomes: echofs put - PATH", field="REMOTE")
    stored = run.client.put(
        target,
        sys.stdin.buffer,
        consistency=how.consistency,
        if_match=how.if_match,
        create_only=how.create_only,
    )
    done = _told(stored)
    run.out.tell(done.value, done.text)


def _told(stored: Stored) -> Done:
    file = stored.file
    text = f"{file.path}  {size_text(file.size)}  version {file.version}  {receipt_text(stored.receipt)}"
    return Done({"path": file.path, "file": file, "receipt": stored.receipt}, text)


def receipt_text(receipt: Receipt) -> str:
    """A write's receipt in few words."""
    copies = f"{receipt.replicas} of {receipt.replicas_wanted} copies in {counted(receipt.zones, 'zone')}"
    if receipt.provisional:
        return f"{copies}  PROVISIONAL: on the master's disk until the catalog answers"
    spooled = ", and on the master's disk" if receipt.spooled else ""
    return f"{copies}{spooled}  {receipt.mode_used}"
