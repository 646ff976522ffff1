"""``echofs admin consistency``: how the level is chosen, and what an operator orders about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from echofs.cli.console import operator_name
from echofs.cli.remote.administration import history
from echofs.core.advice import OpClass
from echofs.core.models import Level
from echofs.core.orders import file_id, parse_override
from echofs.settings import ProcessRole, load

if TYPE_CHECKING:
    from echofs.ports.steering import Steering

_AUTHOR = click.option("--author", default=operator_name, help="Who says so; your login name unless given.")


@click.group()
def consistency() -> None:
    """See and steer how the consistency level is chosen.

    The controller must run, and CLUSTER_SECRET or the data folder be at hand.
    """


@consistency.command()
@click.option("--file", "object_id", default="", help="Of one file, by its id.")
def status(object_id: str) -> None:
    """Show the level of each class of requests and why, and the orders that hold."""
    steering = _steering()
    mode: Any = steering.mode(file_id(object_id) if object_id else "")
    click.echo(f"policy {mode['policy']}, epoch {mode['epoch']}{', critical' if mode['critical'] else ''}")
    for op_class, told in mode["classes"].items():
        held = f"; {told['held']}" if told["held"] else ""
        click.echo(f"{op_class:<12} {told['level']:<10} {told['decision']}: {told['reason']}{held}")
    overrides: Any = steering.overrides()["overrides"]
    for order in overrides:
        about = order["object_id"] or order["op_class"] or "all"
        click.echo(f"override {order['id']}: {order['level']} for {about} by {order['author']}: {order['reason']}")


@consistency.command()
@click.argument("level", type=click.Choice([level.value for level in Level]))
@click.option("--seconds", type=float, required=True, help="How long it holds, at most 7 days.")
@click.option("--reason", required=True, help="Why; it stands in the account of decisions.")
@click.option("--class", "op_class", type=click.Choice([op_class.value for op_class in OpClass]), help="For one class.")
@click.option("--file", "object_id", help="For one file, by its id.")
@_AUTHOR
def override(level: str, seconds: float, reason: str, op_class: str | None, object_id: str | None, author: str) -> None:
    """Order LEVEL, whatever the policy would do, for a while."""
    fields = {
        "level": level,
        "seconds": seconds,
        "reason": reason,
        "op_class": op_class,
        "object_id": object_id,
        "author": author,
    }
    order = _steering().override(parse_override(fields))
    click.echo(f"Ordered: {order['id']}")


@consistency.command()
@click.argument("override_id")
@_AUTHOR
def clear(override_id: str, author: str) -> None:
    """End the order OVERRIDE_ID early."""
    _steering().clear_override(override_id, author)
    click.echo("Cleared.")


@consistency.command()
@click.argument("object_id", required=False)
@click.option("--remove", is_flag=True, help="Take the mark away.")
@_AUTHOR
def critical(object_id: str | None, remove: bool, author: str) -> None:
    """Mark the file OBJECT_ID (its id) as critical: it is never served below strong. Without one, list all."""
    steering = _steering()
    if object_id is None:
        listed: Any = steering.critical_keys()["critical_keys"]
        for key in listed:
            click.echo(key)
        return
    steering.set_critical(file_id(object_id), author, critical=not remove)
    click.echo("No longer critical." if remove else "Critical.")


@consistency.command()
@click.argument("decision_id")
def explain(decision_id: str) -> None:
    """Show why the decision DECISION_ID (as receipts name it) was made, as JSON."""
    click.echo(json.dumps(_steering().explain(decision_id), indent=2, sort_keys=True))


consistency.add_command(history)


def _steering() -> Steering:
    settings = load(role=ProcessRole.JOBS)
    from echofs.adapters.steering_http import HttpSteering
    from echofs.bootstrap.basics import open_basics

    return HttpSteering(open_basics(settings).controller)
