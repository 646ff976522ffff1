"""One supervised process: started, noticed when it dies, started again after a pause, ended with all it started."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from echofs.cli.plan import Part
from echofs.cli.ports import why_not

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
SETTLED_SECONDS = 30.0
"""A process that lived this long is taken for healthy: its next death starts with the first pause again."""
ORPHAN_SECONDS = 3.0
"""How long what a dead process left behind may finish its requests before it is killed: it still holds the port."""

log = logging.getLogger("echofs.supervisor")


class Process(Protocol):
    """What the supervisor needs of :class:`subprocess.Popen`."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def send_signal(self, sig: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """What a child does to the operating system, so that tests can do without one."""

    launch: Callable[[Part], Process]
    signal_group: Callable[[int, int], None]
    why_not: Callable[[str, int], str | None]
    monotonic: Callable[[], float]


def launch(part: Part) -> Process:
    """Start a part as the leader of a process group of its own: a Ctrl-C in the terminal reaches the supervisor only,
    which then stops the parts in order."""
    return subprocess.Popen(part.arguments, env=part.environment, stdin=subprocess.DEVNULL, start_new_session=True)


def signal_group(leader: int, number: int) -> None:
    """Signal a process and everything it started; no error if all of it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


REAL = Machine(launch, signal_group, why_not, time.monotonic)


def next_pause(previous: float, alive: float) -> float:
    """Seconds to wait before starting a process again that lived for ``alive`` seconds: doubling from ``FIRST_PAUSE``
    to ``LONGEST_PAUSE`` (exponential back-off), and from the beginning after a settled life."""
    if previous == 0 or alive >= SETTLED_SECONDS:
        return FIRST_PAUSE
    return min(previous * 2, LONGEST_PAUSE)


class Child:
    """The process of one part, through all its lives."""

    def __init__(self, part: Part, machine: Machine = REAL) -> None:
        self.part = part
        self._machine = machine
        self._process: Process | None = None
        self._born = 0.0
        self._died = 0.0
        self._pause = 0.0

    @property
    def alive(self) -> bool:
        """Whether the process runs now."""
        return self.exit_code is None and self._process is not None

    @property
    def exit_code(self) -> int | None:
        """How the last life ended: an exit code, or minus the number of the signal that ended it; None while it
        runs."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Begin a life. Raises OSError when the system refuses a new process."""
        self._process = self._machine.launch(self.part)
        log.info("started %s as process %d", self.part.name, self._process.pid)
        self._born, self._died = self._machine.monotonic(), 0.0

    def tend(self) -> None:
        """Notice a death, and start again once the pause is over and the port is free. To be called often."""
        if self._process is None or self._process.poll() is None:
            return
        now = self._machine.monotonic()
        if not self._died:
            self._mourn(now)
        if now < self._died + self._pause:
            return
        if self._port_is_held():
            if now >= self._died + max(self._pause, ORPHAN_SECONDS):
                self.kill()
            return
        self.start()

    def ask_to_stop(self) -> None:
        """Send the process SIGTERM; it ends what it started itself. Idempotent."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and all it started at once. Idempotent."""
        self._signal_all(signal.SIGKILL)

    def _signal_all(self, number: int) -> None:
        if self._process is not None:
            self._machine.signal_group(self._process.pid, number)

    def _mourn(self, now: float) -> None:
        self._died = now
        self._pause = next_pause(self._pause, now - self._born)
        log.warning(
            "%s %s; starting it again in %.1f s", self.part.name, how_it_ended(self.exit_code or 0), self._pause
        )
        self._signal_all(signal.SIGTERM)

    def _port_is_held(self) -> bool:
        at = self.part.listener
        return at is not None and self._machine.why_not(at.host, at.port) is not None


def how_it_ended(code: int) -> str:
    """An exit code in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
