"""A whole cluster as on six hosts, with a link that can fail between any two that talk."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench.errors import BenchError
from bench.evaluate.faults import HEALTHY, Fault
from bench.evaluate.proxies import Proxies
from tests.cluster.client import User
from tests.cluster.cluster import free_ports
from tests.cluster.hosts import ECHOFS, Host, health
from tests.servers.postgresql import create_database

MASTERS = ("master1", "master2")
WORKERS = ("worker1", "worker2", "worker3")
_WELL_SECONDS = 60.0
_POLL_SECONDS = 0.1


class EvaluatedCluster:
    """A controller, three workers in three zones, two masters with data folders of their own, and the jobs.

    Links are named ``catalog:NAME`` and ``controller:NAME`` after whoever connects, and after the worker they lead to.
    """

    def __init__(self, folder: Path, server: str, proxies: Proxies, *, policy: str, seed: int) -> None:
        first = free_ports(6)
        database = urlsplit(create_database(server))
        self._ports = dict(zip(("controller", *WORKERS, *MASTERS), range(first, first + 6), strict=True))
        upstreams = {
            f"catalog:{name}": (str(database.hostname), int(database.port or 0)) for name in (*MASTERS, "jobs")
        }
        upstreams |= {worker: ("127.0.0.1", self._ports[worker]) for worker in WORKERS}
        connecting = (*WORKERS, *MASTERS, "jobs")
        upstreams |= {f"controller:{name}": ("127.0.0.1", self._ports["controller"]) for name in connecting}
        self._proxies = proxies
        self._links = proxies.open(upstreams, seed)
        self._database = database
        self._common = {"CLUSTER_SECRET": secrets.token_hex(32), "LOG_LEVEL": "warning"}
        self._users = {"JWT_SECRET": secrets.token_hex(32), "LOGIN_RATE": "off", "MASTER_HOST": "127.0.0.1"}
        self._folder = folder
        self.hosts = {"controller": self._controller(policy)}
        self.hosts |= {worker: self._worker(worker) for worker in WORKERS}
        self.hosts |= {master: self._master(master) for master in MASTERS}
        self.hosts["jobs"] = self._host("jobs", (*ECHOFS, "jobs"), self._reaching("jobs"))

    @property
    def links(self) -> tuple[str, ...]:
        """The names of all links."""
        return tuple(self._links)

    @property
    def ports(self) -> dict[str, int]:
        """Where each master answers."""
        return {name: self._ports[name] for name in MASTERS}

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._ports[name]}"

    async def start(self) -> None:
        """Make the catalog and start everything; return when all of it is well."""
        for name in ("controller", *WORKERS):
            self.hosts[name].spawn()
        operator = self._host("operator", (*ECHOFS, "db", "upgrade"), {"DATABASE_URL": self._catalog_url(None)})
        if await asyncio.to_thread(operator.run):
            raise BenchError(f"the catalog could not be made:\n{operator.log()[-3000:]}")
        for name in (*MASTERS, "jobs"):
            self.hosts[name].spawn()
        if amiss := await self.until_well():
            raise BenchError(f"the cluster has not become well; see {self._folder}: {amiss}")

    async def until_well(self) -> str:
        """Return when every master says that nothing is amiss; what is still amiss after a minute."""

        def well() -> bool:
            return all(health(self.url(name))["status"] == "ok" for name in MASTERS)

        if await _until(well, _WELL_SECONDS):
            return ""
        return "; ".join(f"{name}: {health(self.url(name))['reasons']}" for name in MASTERS)

    async def until_answering(self, name: str) -> None:
        """Return when a process answers, well or not."""
        if not await _until(lambda: bool(health(self.url(name))["status"]), _WELL_SECONDS):
            raise BenchError(f"{name} does not answer; see {self._folder}")

    async def fault(self, links: tuple[str, ...], fault: Fault) -> None:
        """Let a fault begin on some links."""
        await asyncio.to_thread(self._proxies.set, links, fault)

    async def heal(self) -> None:
        """Let every link be well."""
        await self.fault(self.links, HEALTHY)

    def user(self, name: str) -> User:
        """A new user, logged in."""
        return User.registered(self.url("master1"), name)

    def stop(self) -> None:
        """End every process."""
        for name in (*MASTERS, "jobs"):
            self.hosts[name].ask_to_stop()
        for host in reversed(list(self.hosts.values())):
            host.stop()

    def _host(self, name: str, command: tuple[str, ...], environ: Mapping[str, str]) -> Host:
        return Host(self._folder / name, command, {**self._common, **environ}, self._ports.get(name))

    def _reaching(self, name: str) -> dict[str, str]:
        """How a process reaches controller and catalog: each by a link of its own."""
        return {"DATABASE_URL": self._catalog_url(name), "ECHOFS_CONTROLLER_URL": self._controller_url(name)}

    def _controller_url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._links[f'controller:{name}']}"

    def _catalog_url(self, name: str | None) -> str:
        """The catalog through the link of ``name``, or straight."""
        port = self._database.port if name is None else self._links[f"catalog:{name}"]
        user = self._database.netloc.rpartition("@")[0]
        place = self._database._replace(scheme="postgres", netloc=f"{user}@127.0.0.1:{port}", query="sslmode=disable")
        return urlunsplit(place)

    def _controller(self, policy: str) -> Host:
        known = {"CONTROLLER_PORT": str(self._ports["controller"]), "CONSISTENCY_POLICY": policy}
        return self._host("controller", (*ECHOFS, "serve", "--role", "controller"), known)

    def _worker(self, name: str) -> Host:
        known = {
            "WORKER_ID": name,
            "WORKER_PORT": str(self._ports[name]),
            "WORKER_ZONE": f"zone-{name}",
            "WORKER_URL": f"http://127.0.0.1:{self._links[name]}",
            "ECHOFS_CONTROLLER_URL": self._controller_url(name),
        }
        return self._host(name, (*ECHOFS, "serve", "--role", "worker"), known)

    def _master(self, name: str) -> Host:
        known = {**self._users, **self._reaching(name), "MASTER_PORT": str(self._ports[name])}
        return self._host(name, (*ECHOFS, "serve", "--role", "master"), known)


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await asyncio.to_thread(_holds, condition):
        if loop.time() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except (OSError, KeyError, ValueError):
        return False
