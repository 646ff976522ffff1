"""``echofs serve --role all``: a whole cluster on one machine, watched until it is told to stop."""

from __future__ import annotations

import fcntl
import http.client
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from echofs.adapters.logs import configure_logging
from echofs.cli.data_folder import make_folder, not_writable
from echofs.cli.plan import Part, copies, plan, url_of
from echofs.cli.ports import check_ports
from echofs.cli.processes import Child
from echofs.core.errors import InvalidSetting, Unavailable
from echofs.settings import ProcessRole, Settings, load, own_of_worker

LOCK_FILE = "supervisor.lock"
START_SECONDS = 60.0
"""Far longer than a start takes: a slow disk or a first start without compiled Python files must not fail."""
POLL_SECONDS = 0.05
STOP_SECONDS = (6.0, 8.0, 9.0)
"""When, after the order to stop, each phase must be over (masters and jobs; workers; controller): masters need workers
to finish their requests, workers the controller to sign off. What is left then is killed, within ten seconds in all."""
_STARTED_AT_ONCE = (ProcessRole.CONTROLLER, ProcessRole.WORKER)

log = logging.getLogger("echofs.supervisor")


def supervise(workers: int, overrides: Mapping[str, str]) -> None:
    """Run the cluster until SIGINT, SIGTERM or SIGHUP. Raises :class:`InvalidSetting` or
    :class:`Unavailable` if it cannot start."""
    environ = {**os.environ, **overrides}
    settings = load(environ, role=ProcessRole.ALL)
    configure_logging(settings.log_level, settings.log_format, "supervisor")
    own = partial(own_of_worker, environ=environ)
    parts = plan(settings, workers, environ, supervisor=os.getpid(), own=own)
    with only_supervisor(settings.data_dir):
        check_ports([part.listener for part in parts if part.listener])
        migration = [sys.executable, "-m", "echofs", "db", "upgrade"]
        Supervisor(parts, migration).run(welcome(settings, workers))


@contextmanager
def only_supervisor(data_dir: Path) -> Iterator[None]:
    """Hold the data folder. The lock goes with the process, however that ends. Raises :class:`InvalidSetting`."""
    try:
        lock = open(make_folder(data_dir) / LOCK_FILE, "a+")  # noqa: SIM115  (closed by the with below)
    except OSError as error:
        raise not_writable(data_dir, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise InvalidSetting(
                f"Another EchoFS (process {lock.read().strip() or 'unknown'}) is running on {data_dir}: stop it, or"
                " choose another folder with --data-dir.",
                field="ECHOFS_DATA_DIR",
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def welcome(settings: Settings, workers: int) -> str:
    """What is printed once everything is healthy."""
    url = url_of(settings.master_host, settings.master_port)
    return (
        f"\nEchoFS is ready at {url} with {workers} workers; every chunk is kept {copies(settings, workers)} times.\n"
        f"Everything is stored in {settings.data_dir}. Ctrl-C stops it.\n\n"
        "Register a first user with\n"
        f"  curl {url}/api/v1/auth/register -H 'Content-Type: application/json' \\\n"
        """    -d '{"username": "ada", "email": "ada@example.org", "password": "correct horse 42"}'\n"""
    )


class Stopped(Exception):
    """A signal asked for the end while something was being waited for."""


class Supervisor:
    """Starts the parts, waits until all are healthy, keeps them alive, and leaves none behind.

    ``migration`` is the command that brings the catalog's tables up to date before the parts that use it start.
    """

    def __init__(self, parts: Sequence[Part], migration: Sequence[str]) -> None:
        self._children = [Child(part) for part in parts]
        self._migration = list(migration)
        self._signals: list[int] = []

    def run(self, greeting: str) -> None:
        """Start everything, print ``greeting``, and return after a signal, with nothing left running.

        Raises :class:`Unavailable` if a part cannot be started; then too nothing is left running.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._remember)
        try:
            self._start()
            print(greeting, flush=True)
            while True:
                self._pause()
                for child in self._children:
                    child.tend()
        except Stopped:
            log.info("stopping")
        finally:
            self._stop()

    def _remember(self, number: int, _: FrameType | None) -> None:
        self._signals.append(number)

    def _pause(self) -> None:
        time.sleep(POLL_SECONDS)
        if self._signals:
            raise Stopped

    def _start(self) -> None:
        at_once = [child for child in self._children if child.part.role in _STARTED_AT_ONCE]
        for child in at_once:
            child.start()
        self._migrate()
        for child in self._children:
            if child not in at_once:
                child.start()
        deadline = time.monotonic() + START_SECONDS
        waiting = list(self._children)
        while waiting := [child for child in waiting if not self._is_up(child)]:
            if time.monotonic() > deadline:
                raise Unavailable(f"{waiting[0].part.name} did not become healthy within {START_SECONDS:.0f} s.")
            self._pause()

    def _is_up(self, child: Child) -> bool:
        """Whether a part is healthy. One that ended by itself will not do better a second time."""
        code = child.exit_code
        if code is not None and code > 0:
            raise Unavailable(f"{child.part.name} could not start; the lines above say why.")
        child.tend()
        return child.alive and (child.part.listener is None or healthy(child.part.url))

    def _migrate(self) -> None:
        """In a process of its own, so that this one, which lives as long as the cluster, never loads the catalog."""
        environment = self._children[0].part.environment
        migration = subprocess.Popen(self._migration, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            while (code := migration.poll()) is None:
                self._pause()
        finally:
            if migration.poll() is None:
                migration.kill()
                migration.wait()
        if code:
            raise Unavailable("The catalog could not be brought up to date; the lines above say why.")

    def _stop(self) -> None:
        """End everything: in order and gently, then by force. A second signal goes straight to force."""
        begun, asked = time.monotonic(), len(self._signals)
        for phase, limit in enumerate(STOP_SECONDS):
            leaving = [child for child in self._children if child.part.stop_phase == phase]
            for child in leaving:
                child.ask_to_stop()
            while any(child.alive for child in leaving) and time.monotonic() < begun + limit:
                if len(self._signals) > asked:
                    break
                time.sleep(POLL_SECONDS)
        for child in self._children:
            if child.alive:
                log.warning("%s did not stop in time; killing it", child.part.name)
            child.kill()
        while any(child.alive for child in self._children):
            time.sleep(POLL_SECONDS)


def healthy(url: str) -> bool:
    """Whether ``/health`` answers 200."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=1)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
