"""A whole EchoFS cluster as a person would start it, on free ports and in a folder of its own."""

import contextlib
import json
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.dialects import EchoFSDialect, read_answer
from bench.errors import BenchError
from bench.processes import cpu_seconds, family, free_ports, listening_ports, running, wait_until_answering
from bench.wire import Address, Connection, Reply

WORKERS = 3
SOURCE = Path(__file__).resolve().parent.parent
"""Where EchoFS's own code is: programs that are started elsewhere find it there."""

_START_SECONDS = 60.0
# Whatever else is set belongs to another cluster: its database or bucket must not be measured, let alone filled.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Cluster:
    """A running cluster and one user of it. `ports` names the role that listens on each port; all processes write
    their lines to `log`."""

    address: Address
    dialect: EchoFSDialect
    pid: int
    ports: Mapping[int, str]
    log: Path
    name: str = "EchoFS"

    def processes(self) -> dict[str, list[int]]:
        """The living processes by role: master, worker, controller, and other for the supervisor and the jobs."""
        roles: dict[str, list[int]] = {}
        for pid in family(self.pid):
            held = {self.ports[port] for port in listening_ports(pid) if port in self.ports}
            roles.setdefault(held.pop() if len(held) == 1 else "other", []).append(pid)
        return roles

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds used so far, by role."""
        return {role: sum(map(cpu_seconds, pids)) for role, pids in self.processes().items()}


@contextlib.contextmanager
def started_cluster(root: Path, settings: Mapping[str, str]) -> Iterator[Cluster]:
    """Runs master, controller, jobs and three workers with their data below `root`, and logs a new user in.

    `settings` are further environment variables of EchoFS. Raises `BenchError` with the end of the log if the cluster
    does not become healthy.
    """
    root.mkdir(parents=True)
    first = free_ports(2 + WORKERS)
    ports = {first: "master", first + 1: "controller"} | {first + 2 + index: "worker" for index in range(WORKERS)}
    command = [sys.executable, "-m", "echofs", "serve", "--role", "all", "--workers", str(WORKERS)]
    command += ["--port", str(first), "--data-dir", str(root / "data")]
    log = root / "output.log"
    # A folder of its own also keeps a .env file of the current one out of the measurement.
    with running(command, log=log, cwd=root, env=_environment(first, settings)) as process:
        wait_until_answering(process, first, "/health", log, seconds=_START_SECONDS)
        address = ("127.0.0.1", first)
        yield Cluster(address, EchoFSDialect(_registered(address)), process.pid, _confirmed(ports, process), log)


def _environment(first_port: int, settings: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    own = {
        "PYTHONPATH": str(SOURCE),
        "CONTROLLER_PORT": str(first_port + 1),
        "WORKER_PORT": str(first_port + 2),
        "LOGIN_RATE": "off",
        "LOG_LEVEL": "warning",
    }
    return kept | own | dict(settings)


def _confirmed(ports: Mapping[int, str], process: subprocess.Popen[bytes]) -> Mapping[int, str]:
    """Refuses to measure a cluster that is not whole: three replicas on two workers would be another race."""
    listening = Counter(ports[port] for pid in family(process.pid) for port in listening_ports(pid) if port in ports)
    missing = sorted(set(ports.values()) - set(listening))
    if missing and Path("/proc/net/tcp").exists():
        raise BenchError(f"the cluster answers, but no process of it listens as {', '.join(missing)}")
    return ports


def _registered(address: Address) -> str:
    name, password = f"bench{secrets.token_hex(4)}", secrets.token_urlsafe(18)
    connection = Connection(address)
    try:
        register = {"username": name, "email": f"{name}@example.com", "password": password}
        read_answer(_post(connection, "auth/register", register), 201, "the registration of a user")
    except OSError as error:
        raise BenchError(f"could not register at EchoFS: {error!r}") from error
    finally:
        connection.close()
    return token_of(address, name, password)


def token_of(address: Address, name: str, password: str) -> str:
    """Logs a user in: an access token. Raises `BenchError`."""
    connection = Connection(address)
    try:
        login = {"username": name, "password": password}
        answer = read_answer(_post(connection, "auth/login", login), 200, "the login of a user")
        return str(answer["data"]["access_token"])
    except (OSError, KeyError, TypeError) as error:
        raise BenchError(f"could not log in at EchoFS: {error!r}") from error
    finally:
        connection.close()


def _post(connection: Connection, route: str, fields: Mapping[str, str]) -> Reply:
    body = json.dumps(fields).encode()
    head = (
        f"POST /api/v1/{route} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return connection.ask(head.encode("ascii"), [memoryview(body)])
