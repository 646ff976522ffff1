"""Roles started by hand as on several hosts: each has a folder of its own and knows only what its host would know."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.cluster.client import PASSWORD, User
from tests.cluster.cluster import START_SECONDS, eventually, free_ports

REPOSITORY = Path(__file__).parents[2]
NGINX = shutil.which("nginx", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
STOP_SECONDS = 10.0
_SYSTEM = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "VIRTUAL_ENV", "PYTHONPATH")

ECHOFS = (sys.executable, "-m", "echofs")
MASTER = (*ECHOFS, "serve", "--role", "master")
GUNICORN_MASTER = (
    *(sys.executable, "-m", "gunicorn", "--pythonpath", str(REPOSITORY)),
    *("-c", str(REPOSITORY / "config" / "gunicorn.conf.py"), "wsgi:app_for('master')"),
)


class Host:
    """One process (and what it starts) on a host of its own. Stopping it is always safe to repeat.

    ``port`` is where it answers on loopback; None for a process that answers nowhere. Nothing of the tests' own
    environment reaches it but what the system needs.
    """

    def __init__(
        self, folder: Path, command: Sequence[str], environ: Mapping[str, str], port: int | None = None
    ) -> None:
        self.folder = folder
        self.output = folder / "output.log"
        self.port = port
        self._command = list(command)
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start without waiting for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        system = {name: os.environ[name] for name in _SYSTEM if name in os.environ}
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self.folder,
                env={**system, "ECHOFS_DATA_DIR": str(self.folder / "data"), **self._environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self._process

    def run(self) -> int:
        """Start, wait for the end and return the exit code."""
        try:
            return self.spawn().wait(START_SECONDS)
        finally:
            self.kill()

    def wait_until_healthy(self) -> None:
        """Wait until ``/health`` answers 200."""
        eventually(self._is_healthy, f"{self.url} is healthy", START_SECONDS)

    def log(self) -> str:
        """Everything it has printed, in all its lives."""
        return self.output.read_text(encoding="utf-8", errors="replace") if self.output.exists() else ""

    def kill(self) -> None:
        """End it and all it started at once, as a power cut does."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # also when the leader is gone: what it started may live on
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        """End it as an operator does; by force if that does not help."""
        self.ask_to_stop()
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()

    def ask_to_stop(self) -> None:
        """Send SIGTERM and do not wait."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def _is_healthy(self) -> bool:
        process = self._process
        assert process is not None
        assert process.poll() is None, f"it ended while starting:\n{self.log()[-5000:]}"
        try:
            return User(self.url, timeout=2).call("GET", "/health").status == 200
        except OSError:
            return False


class Hosts:
    """A controller, workers in a zone each, two masters and the jobs, sharing two secrets and one catalog.

    The first master is started with the ``echofs`` command, the second with gunicorn and the configuration in
    ``config/``, ready to stand behind one proxy. Both have ``masters_too`` among their settings, the jobs have
    ``jobs_too``. The catalog is in SQLite unless ``database_url`` names another.
    """

    def __init__(
        self,
        folder: Path,
        masters_too: Mapping[str, str] | None = None,
        *,
        jobs_too: Mapping[str, str] | None = None,
        database_url: str = "",
        workers: int = 3,
    ) -> None:
        first = free_ports(3 + workers)
        self._folder = folder
        self._database = {"DATABASE_URL": database_url or f"sqlite:///{folder / 'catalog.db'}"}
        self._members = {
            "CLUSTER_SECRET": secrets.token_hex(32),
            "ECHOFS_CONTROLLER_URL": f"http://127.0.0.1:{first}",
        }
        self._users = {"JWT_SECRET": secrets.token_hex(32), "LOGIN_RATE": "off", "MASTER_HOST": "127.0.0.1"}
        self._users |= masters_too or {}
        self.controller = self._controller(first)
        self.workers = [self._worker(index, first + index) for index in range(1, workers + 1)]
        self.masters = [
            self.master("master1", first + workers + 1),
            self.master("master2", first + workers + 2, GUNICORN_MASTER, {"TRUSTED_PROXIES": "1"}),
        ]
        self.jobs = Host(folder / "jobs", (*ECHOFS, "jobs"), {**self._members, **self._database, **(jobs_too or {})})

    def master(
        self, name: str, port: int, command: Sequence[str] = MASTER, more: Mapping[str, str] | None = None
    ) -> Host:
        """A master of this cluster, not yet started; ``more`` wins over its other settings."""
        known = {**self._members, **self._users, **self._database, "MASTER_PORT": str(port)}
        return Host(self._folder / name, command, {**known, **(more or {})}, port)

    def start(self) -> Hosts:
        """Bring the catalog up to date, start everything and wait until all of it is healthy."""
        self.controller.spawn()
        for worker in self.workers:
            worker.spawn()
        migration = Host(self._folder / "operator", (*ECHOFS, "db", "upgrade"), self._database)
        assert migration.run() == 0, migration.log()
        for late in (*self.masters, self.jobs):
            late.spawn()
        for host in (self.controller, *self.workers, *self.masters):
            host.wait_until_healthy()
        self.wait_until_well()
        return self

    def administrator(self, name: str) -> User:
        """A new administrator, made as the operator of a host does, logged in at the first master."""
        command = (*ECHOFS, "admin", "create", "--username", name, "--email", f"{name}@example.org")
        made = Host(self._folder / "operator", command, {**self._database, "ECHOFS_ADMIN_PASSWORD": PASSWORD})
        assert made.run() == 0, made.log()
        return User.logged_in(self.masters[0].url, name)

    def wait_until_well(self, seconds: float = 30.0) -> None:
        """Wait until every master says that nothing is amiss."""
        eventually(
            lambda: all(health(master.url)["status"] == "ok" for master in self.masters),
            "every master is well",
            seconds,
        )

    def stop(self) -> None:
        """End every process."""
        everybody = (*self.masters, self.jobs, *self.workers, self.controller)
        for host in (*self.masters, self.jobs):
            host.ask_to_stop()
        for host in everybody:
            host.stop()

    def _controller(self, port: int) -> Host:
        known = {"CLUSTER_SECRET": self._members["CLUSTER_SECRET"], "CONTROLLER_PORT": str(port)}
        return Host(self._folder / "controller", (*ECHOFS, "serve", "--role", "controller"), known, port)

    def _worker(self, index: int, port: int) -> Host:
        name = f"worker{index}"
        known = {"WORKER_ID": name, "WORKER_PORT": str(port), "WORKER_ZONE": f"rack{index}", **self._members}
        return Host(self._folder / name, (*ECHOFS, "serve", "--role", "worker"), known, port)


def health(url: str) -> dict[str, object]:
    """What a process says of itself, whether it is well or not."""
    found: dict[str, object] = User(url, timeout=5).call("GET", "/health").json["data"]
    return found


def nginx_before(master: Host, folder: Path, *, buffered: bool) -> Host:
    """nginx with the configuration in ``config/``, not yet started; ``buffered`` makes it keep uploads until they are
    complete, as it does where that line of the configuration is missing."""
    assert NGINX
    port = free_ports(1)
    text = (REPOSITORY / "config" / "nginx.conf").read_text(encoding="utf-8")
    changes = {
        "server 127.0.0.1:8080;": f"server 127.0.0.1:{master.port};",
        "listen 8000;": f"listen 127.0.0.1:{port};",
    }
    if buffered:
        changes["proxy_request_buffering off;"] = "proxy_request_buffering on;"
    for old, new in changes.items():
        assert text.count(old) == 1, f"config/nginx.conf says {old!r} {text.count(old)} times"
        text = text.replace(old, new)
    folder.mkdir(parents=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(text, encoding="utf-8")
    # Started by root, nginx would serve as a user who may not enter the tests' folder.
    user = ("-g", "user root;") if os.geteuid() == 0 else ()
    return Host(folder, (NGINX, "-p", str(folder), "-c", str(configuration), "-e", "stderr", *user), {}, port)
