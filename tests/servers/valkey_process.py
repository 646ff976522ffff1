"""A Valkey server that a test may pause, kill and start again."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress

import redis

from tests.servers import lifeline
from tests.servers.lifeline import free_port

MODULE = "tests.servers.valkey"


class ValkeyProcess:
    """Answers at the same address in all its lives; each begins empty."""

    def __init__(self) -> None:
        self.port = free_port()
        self._life = ExitStack()
        self._pid = 0

    @property
    def addr(self) -> str:
        return f"127.0.0.1:{self.port}"

    def client(self) -> redis.Redis:
        """A connection of the test's own."""
        return redis.Redis("127.0.0.1", self.port, socket_timeout=10)

    def start(self) -> ValkeyProcess:
        """Begin a life and wait until it answers."""
        self._life.enter_context(lifeline.started(MODULE, str(self.port)))
        with self.client() as client:
            self._pid = int(client.info("server")["process_id"])  # type: ignore[index]
        return self

    @property
    def alive(self) -> bool:
        """Whether it was started and not killed since."""
        return self._pid != 0

    def kill(self) -> None:
        """End it as a power cut does. Idempotent."""
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
        self._pid = 0
        self._life.close()

    def pause(self) -> None:
        """Make it hang, with its connections open."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self._pid, signal.SIGCONT)
