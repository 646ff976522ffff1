"""Ending with the supervisor, however it ends.

A killed supervisor cannot stop its children, so they watch it: the parent's process id changes the moment it is gone.
Unlike Linux's parent-death signal this works on every Unix and does not depend on which thread made the child.
"""

from __future__ import annotations

import os
import signal
import threading
import time

SUPERVISOR_PID = "ECHOFS_SUPERVISOR_PID"
POLL_SECONDS = 0.5


def orphaned(supervisor: int) -> bool:
    """Whether the process that started this one is gone."""
    return os.getppid() != supervisor


def end_with_parent(supervisor: int) -> threading.Thread:
    """Send this process SIGTERM as soon as its parent is no longer ``supervisor``; starts the watching thread."""
    watch = threading.Thread(target=_watch, args=(supervisor,), name="orphan-watch", daemon=True)
    watch.start()
    return watch


def _watch(supervisor: int) -> None:
    while not orphaned(supervisor):
        time.sleep(POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
