"""``echofs stat``, ``receipt`` and ``status``: how a file and the cluster are."""

from __future__ import annotations

import click

from echofs.cli.remote.output import counted, size_text, table
from echofs.cli.remote.paths import REMOTE, all_named
from echofs.cli.remote.session import Exit, Run, consistency_option, remote_command


@click.command()
@click.argument("paths", nargs=-1, required=True, type=REMOTE)
@consistency_option
@remote_command
def stat(run: Run, paths: tuple[str, ...], consistency: str) -> None:
    """Show all that is known of files and folders."""
    for found in all_named(run, paths):
        if found.file is None:
            run.out.show_lines({"path": found.path, "folder": True}, [f"path: {found.path or '/'}", "kind: folder"])
            continue
        file = run.client.stat(found.path, consistency=consistency) if consistency else found.file
        rows = [
            ("path", file.path),
            ("id", file.id),
            ("size", f"{size_text(file.size)} ({file.size:,} bytes)"),
            ("type", file.content_type),
            ("version", str(file.version)),
            ("etag", file.etag),
            ("sha-256", file.digest),
            ("created", file.created_at.isoformat()),
            ("updated", file.updated_at.isoformat()),
        ]
        run.out.show_lines(file, [f"{name}: {value}" for name, value in rows])


@click.command()
@click.argument("path", type=REMOTE)
@remote_command
def receipt(run: Run, path: str) -> None:
    """Count the copies of the file PATH on the workers, as they are now. Exit code 1 when some are missing."""
    count = run.client.receipt(path)
    held = ", ".join(f"{each.worker_id} {each.chunks}" for each in count.workers)
    lines = [
        f"version {count.version}: {counted(count.chunks, 'chunk')}, each with at least "
        f"{count.replicas} of {count.replicas_wanted} copies in {counted(count.zones, 'zone')}",
        f"chunks held: {held or 'none'}",
    ]
    if count.unreachable:
        lines.append(f"no answer from {', '.join(count.unreachable)}: they may hold more")
    lines.append("complete" if count.complete else "NOT complete: what is missing is copied by itself, look again soon")
    run.out.show_lines(count, lines)
    if not count.complete:
        click.get_current_context().exit(Exit.SOME_FAILED)


@click.command()
@remote_command
def status(run: Run) -> None:
    """Show how the master and its workers are. Exit code 1 unless all is well."""
    health = run.client.health()
    workers = run.client.workers() if health.status != "unavailable" else []
    rows = [("WORKER", "ZONE", "STATE", "REACHABLE", "FREE")]
    rows += [
        (
            each.worker_id,
            each.zone,
            each.state,
            "yes" if each.reachable else "NO",
            "-" if each.free_bytes is None else size_text(each.free_bytes),
        )
        for each in workers
    ]
    lines = [f"{run.client.url}: {health.status}, release {health.version}", *health.reasons]
    run.out.show_lines({"url": run.client.url, "health": health, "workers": workers}, lines + table(rows))
    if health.status != "ok":
        click.get_current_context().exit(Exit.SOME_FAILED)
