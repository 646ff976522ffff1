"""A database that stands still: its processes are stopped, though the system still takes connections for them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg2


@contextmanager
def frozen(database: str) -> Iterator[None]:
    """Nobody at the database moves, though the system still takes connections and bytes for it."""
    with closing(psycopg2.connect(database)) as connection:
        backend = str(connection.info.backend_pid)
        leader = int(subprocess.run(["ps", "-o", "ppid=", "-p", backend], capture_output=True, check=True).stdout)
        os.kill(leader, signal.SIGSTOP)
        listing = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        everybody = [
            leader,
            *(int(pid) for pid, parent in map(str.split, listing.splitlines()) if int(parent) == leader),
        ]
        for pid in everybody:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in everybody:
                os.kill(pid, signal.SIGCONT)
