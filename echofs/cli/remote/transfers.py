"""Many transfers at once: how they are run, shown, interrupted and counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice

import click

from echofs.cli.remote.progress import Bars, Moved, open_bars
from echofs.cli.remote.session import Run
from echofs.core.errors import EchoError

PARALLEL = 8
END_SECONDS = 2.0
"""How long transfers have to end after an interruption."""

jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(1, 64), default=PARALLEL, help=f"How many at once. [{PARALLEL}]"
)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a transfer: for programs, and for people."""

    value: object
    text: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """One thing to move. ``name`` is what people know it by; ``act`` moves it."""

    name: str
    size: int
    act: Callable[[Moved], Done]


class Stopped(Exception):
    """The command was interrupted: the transfer ends where it is."""


def run_transfers(run: Run, transfers: Iterable[Transfer], jobs: int, *, hint: str) -> None:
    """Move everything, ``jobs`` at a time. What fails is told and counted in ``run``, and the rest goes on, except when
    nobody is logged in or the master is away, which is raised. ``hint`` says how to go on after an interruption."""
    run.hint = hint
    stop = threading.Event()
    waiting = iter(transfers)
    running: dict[Future[Done], Transfer] = {}
    pool = ThreadPoolExecutor(jobs)
    with open_bars(wanted=not run.out.quiet and not run.out.json) as bars:
        try:
            while True:
                for transfer in islice(waiting, 2 * jobs - len(running)):
                    running[pool.submit(_move, transfer, bars, stop)] = transfer
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    _settle(run, running.pop(future), future)
        except BaseException:
            stop.set()
            # A master that does not answer must not keep anybody from leaving.
            pool.shutdown(wait=False, cancel_futures=True)
            run.stuck = bool(wait(running, END_SECONDS).not_done)
            raise
    pool.shutdown()


def _move(transfer: Transfer, bars: Bars, stop: threading.Event) -> Done:
    bar = bars.begin(transfer.name, transfer.size)

    def tell(count: int) -> None:
        if stop.is_set():
            raise Stopped
        bar.move(count)

    try:
        tell(0)
        return transfer.act(tell)
    finally:
        bar.end()


def _settle(run: Run, transfer: Transfer, future: Future[Done]) -> None:
    from echofs.client import NotLoggedIn, Refused, Unreachable

    try:
        done = future.result()
    except (NotLoggedIn, Unreachable):
        raise
    except EchoError as error:
        run.failed(transfer.name, error)
    except OSError as error:
        run.failed(transfer.name, Refused(f"{error.strerror or error}.", code="local_error"))
    else:
        run.out.tell(done.value, done.text)
