"""``echofs admin workers``: what an operator decides about workers. The controller keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from echofs.core.models import Intent, Member
from echofs.settings import ProcessRole, load

if TYPE_CHECKING:
    from echofs.ports.cluster import ControllerClient

_COLUMNS = ("WORKER", "ZONE", "STATE", "WANTED", "FREE", "ADDRESS")
_GIB = 1 << 30


@click.group()
def workers() -> None:
    """List, empty and remove workers.

    The controller must run, and CLUSTER_SECRET or the data folder be at hand.
    """


@workers.command("list")
def list_workers() -> None:
    """Show every worker the controller has ever heard of."""
    rows = [_COLUMNS, *(_row(member) for member in _controller().members())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@workers.command()
@click.argument("worker_id")
def drain(worker_id: str) -> None:
    """Give the worker WORKER_ID no more chunks and have its chunks copied to others; it goes on serving them."""
    _controller().set_intent(worker_id, Intent.DRAINING)
    click.echo(f"{worker_id} takes no new chunks, and what it has is copied to other workers.")


@workers.command()
@click.argument("worker_id")
def undrain(worker_id: str) -> None:
    """Take the worker WORKER_ID back, be it draining or removed."""
    _controller().set_intent(worker_id, Intent.UP)
    click.echo(f"{worker_id} is an ordinary worker again.")


@workers.command()
@click.argument("worker_id")
@click.option("--yes", is_flag=True, help="Do not ask.")
def remove(worker_id: str, yes: bool) -> None:
    """Strike the worker WORKER_ID off: nobody asks it any more, and nothing is owed to it.

    It must be down, or have been drained. Chunks of which it has the last copy cannot be read any more.
    """
    controller = _controller()
    if not yes:
        click.confirm(f"Nobody will ask {worker_id} any more, also for what it alone has. Remove it?", abort=True)
    controller.set_intent(worker_id, Intent.GONE)
    click.echo(f"{worker_id} is removed. To take it back: echofs admin workers undrain {worker_id}")


def _controller() -> ControllerClient:
    settings = load(role=ProcessRole.JOBS)
    from echofs.bootstrap.basics import open_basics

    return open_basics(settings).controller


def _row(member: Member) -> tuple[str, ...]:
    free = "-" if member.free_bytes is None else f"{member.free_bytes / _GIB:.1f} GiB"
    wanted = {Intent.UP: "-", Intent.DRAINING: "drained", Intent.GONE: "removed"}[member.intent]
    return member.worker_id, member.zone, member.state.value, wanted, free, member.url
