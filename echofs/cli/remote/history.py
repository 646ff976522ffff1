"""``echofs versions``, ``restore`` and ``trash``: what was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from echofs.cli.remote.get import version_option
from echofs.cli.remote.output import counted, size_text, table, time_text
from echofs.cli.remote.paths import REMOTE
from echofs.cli.remote.put import receipt_text
from echofs.cli.remote.session import Run, consistency_option, remote_command

if TYPE_CHECKING:
    from echofs.client import Client, Stored, TrashedFile


@click.command()
@click.argument("path", type=REMOTE)
@remote_command
def versions(run: Run, path: str) -> None:
    """Show the history of the file PATH, the newest first."""
    history = run.client.versions(path)
    rows = [
        (f"v{each.version}", time_text(each.updated_at), size_text(each.size), each.kind, each.path) for each in history
    ]
    for each, line in zip(history, table(rows), strict=True):
        run.out.show(each, line)


@click.command()
@click.argument("path", type=REMOTE)
@click.option("--to", type=REMOTE, default="", metavar="REMOTE", help="Restore a deleted file to another path.")
@click.option("--rename", is_flag=True, help="If something is at its path now, restore it beside that.")
@version_option
@consistency_option
@remote_command
def restore(run: Run, path: str, to: str, rename: bool, version: int | None, consistency: str) -> None:
    """Bring back the deleted file PATH (or id), or with --version an older version of a file that is there."""
    if version is not None:
        if to or rename:
            raise click.UsageError("--to and --rename are for deleted files.")
        _tell(run, run.client.restore_version(path, version, consistency=consistency))
        return
    trashed = _in_trash(run.client, path)
    _tell(run, run.client.trash.restore(trashed.id, path=to, rename=rename))


@click.group(invoke_without_command=True)
@click.pass_context
def trash(context: click.Context) -> None:
    """List deleted files, or delete them for ever."""
    if context.invoked_subcommand is None:
        context.invoke(list_trash, profile="", json=False, quiet=False)


@trash.command("list")
@remote_command
def list_trash(run: Run) -> None:
    """Show deleted files, the newest first, and when they end."""
    for file in run.client.trash.list():
        until = f"until {time_text(file.expires_at)}" if file.expires_at else "kept"
        line = f"{size_text(file.size):>10}  deleted {time_text(file.deleted_at)}  {until}  {file.id}  {file.path}"
        run.out.show(file, line)


@trash.command()
@click.argument("paths", nargs=-1, required=True, type=REMOTE)
@remote_command
def purge(run: Run, paths: tuple[str, ...]) -> None:
    """Delete files in the trash for ever, by path (the newest of that path) or id."""
    for path in paths:
        file = _in_trash(run.client, path)
        run.client.trash.purge(file.id)
        run.out.tell({"path": file.path, "id": file.id, "purged": True}, f"{file.path}  deleted for ever")


@trash.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@remote_command
def empty(run: Run, yes: bool) -> None:
    """Delete all files in the trash for ever."""
    if not yes:
        click.confirm("All deleted files end for ever. Empty the trash?", abort=True, err=True)
    count = run.client.trash.empty()
    run.out.tell({"purged": count}, f"{counted(count, 'file')} deleted for ever")


def _in_trash(client: Client, path: str) -> TrashedFile:
    """The newest deleted file of a path, or that with an id. Raises :class:`NotFound`."""
    from echofs.client import NotFound

    for file in client.trash.list():
        if path in (file.path, file.id):
            return file
    raise NotFound(f"There is no {path} in the trash.")


def _tell(run: Run, stored: Stored) -> None:
    file = stored.file
    text = f"{file.path}  {size_text(file.size)}  version {file.version}  {receipt_text(stored.receipt)}"
    run.out.tell({"path": file.path, "file": file, "receipt": stored.receipt}, text)
