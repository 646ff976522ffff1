"""The machine's own clocks and ids."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from uuid6 import uuid7

from echofs.core.models import Timestamp
from echofs.ports.runtime import Clock, Ids

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Names the present start of this host: times of its monotonic clock compare only within one. ``""`` where the
    system does not tell."""
    with suppress(OSError):
        return _BOOT_ID.read_text().strip()
    return ""


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
