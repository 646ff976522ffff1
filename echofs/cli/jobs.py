"""``echofs jobs``: the process that repairs and tidies up in the background."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

import click

from echofs.adapters.logs import configure_logging
from echofs.cli.loading import loading
from echofs.cli.orphans import SUPERVISOR_PID, orphaned
from echofs.settings import ProcessRole, load

POLL_SECONDS = 0.2


@click.command()
def jobs() -> None:
    """Run the background jobs: restoring missing replicas, and tidying up."""
    settings = load(role=ProcessRole.JOBS)
    configure_logging(settings.log_level, settings.log_format, settings.process_name)
    with loading():
        from echofs.bootstrap.jobs import run_jobs

    run_jobs(settings, stop_on_signal())


def stop_on_signal() -> threading.Event:
    """An event that is set on SIGTERM or SIGINT, or when the supervisor is gone."""
    stop = threading.Event()
    signals: list[int] = []

    def remember(number: int, _: FrameType | None) -> None:
        # Not stop.set(): a handler runs on top of the main thread, which may be holding the event's lock just then.
        signals.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, remember)
    supervisor = int(os.environ.get(SUPERVISOR_PID, "0"))

    def watch() -> None:
        while not signals and not (supervisor and orphaned(supervisor)):
            time.sleep(POLL_SECONDS)
        stop.set()

    threading.Thread(target=watch, name="stop-watch", daemon=True).start()
    return stop
