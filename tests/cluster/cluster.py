"""``echofs serve --role all`` as a user runs it: on free ports, in a folder of its own, its output in a file."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.cluster.client import User

START_SECONDS = 90.0
POLL_SECONDS = 0.05
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "PYTHONPATH")
_STARTED = re.compile(r"started (\S+) as process (\d+)")
_FIRST_PORT, _LAST_PORT = 20000, 32000
"""Below the ports systems choose for outgoing connections, which could take one between the check and its use."""


def eventually(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait until a condition holds, or fail the test."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(POLL_SECONDS)


def free_ports(count: int) -> int:
    """The first of ``count`` ports in a row that nobody listens on. Random, because tests run side by side."""
    while True:
        first = random.randrange(_FIRST_PORT, _LAST_PORT)
        if not any(is_listening(port) for port in range(first, first + count)):
            return first


def is_listening(port: int) -> bool:
    """Whether anybody listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def is_running(pid: int) -> bool:
    """Whether a process exists and is no zombie."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.strip().startswith("Z")


def group_of(leader: int) -> list[int]:
    """The living processes of a process group."""
    listing = subprocess.run(["ps", "-axo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in listing.splitlines()]
    return [int(pid) for pid, group, state in rows if int(group) == leader and not state.startswith("Z")]


class Cluster:
    """A cluster on this machine. Start it, use it, hurt it, stop it; stopping is always safe to repeat.

    ``environ`` holds more settings; the master listens on ``port``, the controller on the next, workers follow.
    """

    def __init__(self, folder: Path, *, workers: int = 3, environ: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.output = folder / "output.log"
        self.workers = workers
        self.port = free_ports(2 + workers)
        self.environ = dict(environ or {})
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the master answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def controller_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    def worker_url(self, index: int) -> str:
        """Where worker ``index`` answers, counted from 1."""
        return f"http://127.0.0.1:{self.port + 1 + index}"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the whole cluster; nothing set for another EchoFS gets in."""
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        ports = {"CONTROLLER_PORT": str(self.port + 1), "WORKER_PORT": str(self.port + 2)}
        return {**kept, **ports, "LOGIN_RATE": "off", **self.environ}

    def spawn(self, *more: str) -> subprocess.Popen[bytes]:
        """Start the command without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "echofs", "serve", "--role", "all", "--workers", str(self.workers)]
        command += ["--port", str(self.port), "--data-dir", str(self.data_dir), *more]
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self.process

    def start(self) -> Cluster:
        """Start and wait until the supervisor says that everything is healthy."""
        before = len(self.log())
        process = self.spawn()

        def ready() -> bool:
            assert process.poll() is None, f"the cluster ended while starting:\n{self.log()[-5000:]}"
            return "EchoFS is ready" in self.log()[before:]

        eventually(ready, "the cluster is ready", START_SECONDS)
        return self

    def log(self) -> str:
        """Everything the cluster has printed."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""

    def pid(self, name: str) -> int:
        """Process id of ``master``, ``controller``, ``jobs`` or ``worker1``…: the leader of its process group."""
        found = [int(pid) for part, pid in _STARTED.findall(self.log()) if part == name]
        return found[-1]

    def pids(self) -> list[int]:
        """All living processes of all parts ever started."""
        return [pid for _, leader in _STARTED.findall(self.log()) for pid in group_of(int(leader))]

    def signal(self, name: str, number: int = signal.SIGKILL) -> None:
        """Send a part and all its processes a signal."""
        os.killpg(self.pid(name), number)

    def kill_worker(self, index: int) -> None:
        """Kill worker ``index`` as a power cut would; the supervisor starts it again."""
        self.signal(f"worker{index}", signal.SIGKILL)

    def is_healthy(self, url: str) -> bool:
        """Whether ``/health`` at this address answers 200."""
        try:
            return User(url, timeout=2).call("GET", "/health").status == 200
        except OSError:
            return False

    def stop(self) -> int | None:
        """End the cluster as Ctrl-C does and return its exit code. Kills what is left if that fails."""
        process = self.process
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)
        return process.returncode

    def register(self, name: str) -> User:
        """A new user, logged in at the master."""
        return User.registered(self.url, name)
