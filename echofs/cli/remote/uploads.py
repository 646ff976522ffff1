"""``echofs uploads``: what was begun to be uploaded and is not there yet."""

from __future__ import annotations

import click

from echofs.cli.remote.output import size_text, time_text
from echofs.cli.remote.session import Run, remote_command
from echofs.core.errors import EchoError


@click.group(invoke_without_command=True)
@click.pass_context
def uploads(context: click.Context) -> None:
    """List uploads that are not finished, or end them. They count against the quota; put goes on with its own."""
    if context.invoked_subcommand is None:
        context.invoke(list_uploads, profile="", json=False, quiet=False)


@uploads.command("list")
@remote_command
def list_uploads(run: Run) -> None:
    """Show unfinished uploads, the newest first, how far they have come and when they expire."""
    for upload in run.client.unfinished.list():
        come = f"{size_text(upload.offset)} of {size_text(upload.length)}"
        run.out.show(upload, f"{come:>22}  until {time_text(upload.expires_at)}  {upload.id}  {upload.path}")


@uploads.command()
@click.argument("ids", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of them.")
@remote_command
def end(run: Run, ids: tuple[str, ...], every: bool) -> None:
    """End unfinished uploads by id: nobody can go on with them, and the room they held is free."""
    if bool(ids) is every:
        raise click.UsageError("Name the uploads to end by their ids, or write --all.")
    wanted = [upload.id for upload in run.client.unfinished.list()] if every else list(ids)
    for upload_id in wanted:
        try:
            run.client.unfinished.end(upload_id)
            run.out.tell({"id": upload_id, "ended": True}, f"{upload_id}  ended")
        except EchoError as error:
            run.failed(upload_id, error, of=len(wanted))
