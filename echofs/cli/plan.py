"""Which processes make a cluster on one machine, and what each is told. Pure: nothing here starts or opens anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from echofs.cli.application import FACTORY
from echofs.cli.launch import command, environment
from echofs.cli.orphans import SUPERVISOR_PID
from echofs.cli.ports import Listener
from echofs.core.errors import InvalidSetting
from echofs.settings import ProcessRole, Settings

MIN_WORKERS = 2
MAX_WORKERS = 64
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
_NOT_INHERITED = ("PROMETHEUS_MULTIPROC_DIR",)
"""Set for the supervisor it would mix the counters of all roles."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process of the cluster. ``stop_phase`` orders the end: lower phases are stopped first."""

    name: str
    role: ProcessRole
    arguments: list[str]
    environment: dict[str, str] = field(repr=False)
    stop_phase: int
    listener: Listener | None = None

    @property
    def url(self) -> str:
        """Where the process answers. Raises AttributeError for one that does not listen."""
        assert self.listener is not None
        return url_of(self.listener.host, self.listener.port)


def url_of(host: str, port: int) -> str:
    """The address at which a process on this machine reaches a listener."""
    reachable = _WILDCARDS.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def copies(settings: Settings, workers: int) -> int:
    """Replicas of each chunk: as many as asked for, but never more than there are workers to hold them."""
    return min(settings.replication_factor, workers)


def plan(
    settings: Settings,
    workers: int,
    environ: Mapping[str, str],
    *,
    supervisor: int,
    factory: str = FACTORY,
    own: Callable[[int], Mapping[str, str]] = lambda _: {},
) -> list[Part]:
    """The parts in the order in which they start: controller, workers, master, jobs.

    ``supervisor`` is the process id they watch; ``own`` gives what is said for one worker alone. Raises
    :class:`InvalidSetting` for an impossible number of workers.
    """
    if not MIN_WORKERS <= workers <= MAX_WORKERS:
        raise InvalidSetting(
            f"--workers {workers} is not allowed: a strong write needs two workers, so choose {MIN_WORKERS} to"
            f" {MAX_WORKERS}.",
            field="--workers",
        )
    shared = {name: value for name, value in environ.items() if name not in _NOT_INHERITED} | {
        SUPERVISOR_PID: str(supervisor),
        "ECHOFS_DATA_DIR": str(settings.data_dir),
        "ECHOFS_CONTROLLER_URL": url_of(settings.controller_host, settings.controller_port),
        "CONTROLLER_HOST": settings.controller_host,
        "CONTROLLER_PORT": str(settings.controller_port),
        "MASTER_HOST": settings.master_host,
        "MASTER_PORT": str(settings.master_port),
        "REPLICATION_FACTOR": str(copies(settings, workers)),
    }
    listening = [
        _controller(settings),
        *(_worker(settings, index, own(index)) for index in range(1, workers + 1)),
        _master(settings),
    ]
    parts = [
        Part(
            name=listener.owner,
            role=role,
            arguments=command(role, factory),
            environment=environment(role, shared, overrides),
            stop_phase={ProcessRole.MASTER: 0, ProcessRole.WORKER: 1, ProcessRole.CONTROLLER: 2}[role],
            listener=listener,
        )
        for role, listener, overrides in listening
    ]
    jobs = ProcessRole.JOBS
    return [*parts, Part(jobs.value, jobs, command(jobs), environment(jobs, shared, {}), stop_phase=0)]


_Role = tuple[ProcessRole, Listener, dict[str, str]]


def _controller(settings: Settings) -> _Role:
    listener = Listener(
        "controller", settings.controller_host, settings.controller_port, "CONTROLLER_PORT", "CONTROLLER_PORT"
    )
    return ProcessRole.CONTROLLER, listener, {}


def _master(settings: Settings) -> _Role:
    listener = Listener("master", settings.master_host, settings.master_port, "MASTER_PORT", "--port or MASTER_PORT")
    return ProcessRole.MASTER, listener, {}


def _worker(settings: Settings, index: int, own: Mapping[str, str]) -> _Role:
    name, port = f"worker{index}", settings.worker_port + index - 1
    listener = Listener(
        name, settings.worker_host, port, "WORKER_PORT", "WORKER_PORT, which is the first worker's port"
    )
    overrides = {
        "WORKER_ID": name,
        "WORKER_HOST": settings.worker_host,
        "WORKER_PORT": str(port),
        "WORKER_URL": url_of(settings.worker_host, port),
        "WORKER_ZONE": f"zone{index}",
        "CHUNK_STORE": _store(settings.chunk_store, name),
        **own,
    }
    return ProcessRole.WORKER, listener, overrides


def _store(common: str, name: str) -> str:
    """A store of the worker's own below the common place; memory is each process's own already."""
    if common == "s3:":
        return f"s3:///{name}"
    return common if common.endswith(":") else f"{common.rstrip('/')}/{name}"
