"""``echofs drill``: break something of the own cluster for a while, and watch what it does."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn

import click

from echofs.core.errors import InvalidRequest
from echofs.core.faults import CATALOG, LONGEST_DELAY_SECONDS, LONGEST_SECONDS, WORKER, FaultKind
from echofs.core.membership import CONTROLLER
from echofs.settings import ProcessRole, Settings, load, made_here

if TYPE_CHECKING:
    from echofs.services.drilling import Drilling, Harm

LONGEST_PAUSE_SECONDS = 60.0
"""Gunicorn kills a worker that has not moved for two minutes."""


@click.group()
def drill() -> None:
    """Break something of this cluster for a while and watch what it does.

    The fault ends by itself, and within a second on Ctrl-C (a cut from the controller at its own time). Masters play
    it: no rights on the network are needed. The controller must run, and CLUSTER_SECRET or the data folder be at hand.
    """


def _options(most: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """What every drill takes."""

    def add(command: Callable[..., None]) -> Callable[..., None]:
        options = (
            click.option("--for", "seconds", type=click.FloatRange(1.0, most), default=20.0, help="Seconds. [20]"),
            click.option("--master", "masters", multiple=True, metavar="URL", help="Watch this master; repeatable."),
            click.option("--yes", is_flag=True, help="Also in a cluster whose secrets were given: in production."),
        )
        for option in reversed(options):
            command = option(command)
        return command

    return add


@drill.command()
@click.argument("target")
@_options(LONGEST_SECONDS)
def cut(target: str, seconds: float, masters: tuple[str, ...], yes: bool) -> None:
    """Let calls of all masters to TARGET go unanswered: catalog, controller, or worker:ID."""
    settings = _allowed(yes)
    from echofs.bootstrap.drilling import link_fault

    drilling, harm = link_fault(settings, masters, _checked(target), FaultKind.CUT, seconds)
    _run(drilling, harm, seconds)


@drill.command()
@click.argument("target")
@click.option("--by", "delay", required=True, type=click.FloatRange(0.001, LONGEST_DELAY_SECONDS), help="Seconds.")
@_options(LONGEST_SECONDS)
def delay(target: str, delay: float, seconds: float, masters: tuple[str, ...], yes: bool) -> None:
    """Let each call of a master to TARGET take longer: catalog, or worker:ID."""
    if target == CONTROLLER:
        raise InvalidRequest("The controller can be cut, not delayed: masters do not wait for it.", field="target")
    settings = _allowed(yes)
    from echofs.bootstrap.drilling import link_fault

    drilling, harm = link_fault(settings, masters, _checked(target), FaultKind.DELAY, seconds, delay)
    _run(drilling, harm, seconds)


@drill.command()
@click.argument("target")
@_options(LONGEST_PAUSE_SECONDS)
def pause(target: str, seconds: float, masters: tuple[str, ...], yes: bool) -> None:
    """Let the process of TARGET (worker:ID, on this machine) stand still."""
    settings = _allowed(yes)
    from echofs.bootstrap.drilling import paused_worker

    drilling, harm = paused_worker(settings, masters, _worker(target))
    _run(drilling, harm, seconds)


@drill.command()
@click.argument("target")
@_options(LONGEST_SECONDS)
def stop(target: str, seconds: float, masters: tuple[str, ...], yes: bool) -> None:
    """End the process of TARGET (worker:ID, on this machine), and watch for so long. `echofs serve` starts it again by
    itself; what systemd or you started is yours to start."""
    settings = _allowed(yes)
    from echofs.bootstrap.drilling import stopped_worker

    drilling, harm = stopped_worker(settings, masters, _worker(target))
    _run(drilling, harm, seconds)


def _allowed(yes: bool) -> Settings:
    settings = load(role=ProcessRole.JOBS)
    if not yes and not made_here(settings.cluster_secret, settings.data_dir):
        raise InvalidRequest(
            "This cluster's CLUSTER_SECRET was given, so it may be in production: add --yes to drill it.", field="--yes"
        )
    return settings


def _checked(target: str) -> str:
    if target not in (CATALOG, CONTROLLER):
        _worker(target)
    return target


def _worker(target: str) -> str:
    if not target.startswith(WORKER) or target == WORKER:
        raise InvalidRequest(f"{target} is no target: use catalog, controller, or worker:ID.", field="target")
    return target.removeprefix(WORKER)


def _run(drilling: Drilling, harm: Harm, seconds: float) -> None:
    # What was paused stays so if this process ends unheard, as by a terminal that is closed.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    for line in drilling.run(harm, seconds):
        click.echo(line)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
