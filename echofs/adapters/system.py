"""The machine's own clocks and ids."""

from __future__ import annotations

import time

from uuid6 import uuid7

from echofs.core.models import Timestamp
from echofs.ports.runtime import Clock, Ids


class SystemClock(Clock):
    """The operating system's clocks."""

    def now(self) -> Timestamp:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


class Uuid7Ids(Ids):
    """UUIDs of version 7. Those a process makes one after the other only grow."""

    def new(self) -> str:
        return uuid7().hex
