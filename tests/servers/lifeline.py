"""A server that cannot outlive its tests.

It runs below a process of its own, the keeper, which holds one end of a pipe. However the tests end, also by SIGKILL,
the pipe closes, and the keeper stops the server and removes its folder.
"""

from __future__ import annotations

import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
STOP_SECONDS = 10.0
POLL_SECONDS = 0.02
ATTEMPTS = 5
REPOSITORY = Path(__file__).parents[2]

Server = Callable[[Path], AbstractContextManager[str]]
"""Runs a server in an empty folder while the context lasts, and says where it answers."""


@contextmanager
def started(module: str, *arguments: str) -> Iterator[str]:
    """The address of the server that ``module`` keeps when run as a program, for as long as the context lasts."""
    keeper = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C ends the tests first
    )
    try:
        assert keeper.stdout is not None
        address = keeper.stdout.readline().strip()
        assert address, f"{module} did not start: see what it printed above"
        yield address
    finally:
        _end(keeper)


def _end(keeper: subprocess.Popen[str]) -> None:
    """Close the pipe; insist where somebody who copied this process still holds the other end of it."""
    for pipe in (keeper.stdin, keeper.stdout):
        assert pipe is not None
        pipe.close()
    for insist in (keeper.terminate, keeper.kill):
        try:
            keeper.wait(3 * STOP_SECONDS)
            return
        except subprocess.TimeoutExpired:
            insist()
    keeper.wait()


def keep(server: Server) -> None:
    """Run a server until the tests that asked for it end. The whole of such a program."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    folder = Path(tempfile.mkdtemp(prefix="echofs-server-"))
    try:
        with server(folder) as address:
            print(address, flush=True)
            sys.stdin.read()
    finally:
        shutil.rmtree(folder)


@contextmanager
def on_free_port(
    command: Callable[[int], Sequence[str | Path]],
    answers: Callable[[int], bool],
    folder: Path,
    user: str | None = None,
    port: int | None = None,
) -> Iterator[int]:
    """Run ``command(port)`` on a free port, or on ``port``, until the context ends, and stop it with SIGINT then. Its
    output goes to ``output.log`` in ``folder``; ``user`` is who runs it, by default whoever runs the tests."""
    log = folder / "output.log"
    for _ in range(ATTEMPTS):
        chosen = port or free_port()
        with log.open("ab") as output:
            process = subprocess.Popen(
                [str(part) for part in command(chosen)],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **as_user(user),
            )
        try:
            if _answers_in_time(process, chosen, answers):
                yield chosen
                return
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    raise RuntimeError(f"the server does not start:\n{log.read_text(errors='replace')}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def as_user(user: str | None) -> dict[str, Any]:
    """Arguments of ``Popen`` that start a process as another user."""
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _answers_in_time(process: subprocess.Popen[bytes], port: int, answers: Callable[[int], bool]) -> bool:
    """False if the process ends instead, as it does when its port was taken meanwhile."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None:
        if answers(port):
            return process.poll() is None
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return False
