"""``echofs drill``: the ways to the controller, the masters and the workers that it needs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from echofs.adapters.http_pool import HttpPool
from echofs.adapters.steering_http import HttpSteering
from echofs.adapters.system import boot_id
from echofs.bootstrap import parts
from echofs.bootstrap.basics import CONNECT_SECONDS, Basics, open_basics
from echofs.core.errors import Forbidden, NotFound, Unavailable
from echofs.core.faults import WORKER, Fault, FaultKind
from echofs.core.models import Member
from echofs.services.drilling import Drilling, Harm, link_harm
from echofs.settings import Settings

_MASTER_SECONDS = 2.0

Prepared = tuple[Drilling, Harm]


def link_fault(
    settings: Settings, masters: Sequence[str], target: str, kind: FaultKind, lasting: float, delay: float = 0.0
) -> Prepared:
    """A fault on the way of all masters to ``target``. Raises :class:`NotFound` for a worker nobody knows."""
    basics = open_basics(settings)
    if target.startswith(WORKER):
        _known(basics, target.removeprefix(WORKER))
    steering = HttpSteering(basics.controller)
    fault = Fault(basics.ids.new(), target, kind, until=lasting, seconds=delay)
    return _drilling(settings, basics, masters), link_harm(steering, fault)


def paused_worker(settings: Settings, masters: Sequence[str], worker_id: str) -> Prepared:
    """A worker of this machine that stands still. Raises :class:`NotFound` and :class:`Unavailable`."""
    basics = open_basics(settings)
    pid = _process(settings, basics, worker_id, "pid")
    harm = Harm(f"pause {worker_id}", _sender(pid, signal.SIGSTOP), _sender(pid, signal.SIGCONT))
    return _drilling(settings, basics, masters), harm


def stopped_worker(settings: Settings, masters: Sequence[str], worker_id: str) -> Prepared:
    """A worker of this machine that ends. Raises :class:`NotFound` and :class:`Unavailable`."""
    basics = open_basics(settings)
    pid = _process(settings, basics, worker_id, "parent")
    harm = Harm(f"stop {worker_id}", _sender(pid, signal.SIGTERM), lambda: None)
    return _drilling(settings, basics, masters), harm


def _drilling(settings: Settings, basics: Basics, masters: Sequence[str]) -> Drilling:
    pool = HttpPool(connect_timeout=CONNECT_SECONDS, timeout=_MASTER_SECONDS)
    urls = tuple(masters) or (f"http://127.0.0.1:{settings.master_port}",)

    def health() -> list[Mapping[str, object]]:
        return [_health(pool, url) for url in urls]

    return Drilling(HttpSteering(basics.controller), health, basics.clock, time.sleep)


def _health(pool: HttpPool, url: str) -> Mapping[str, object]:
    with suppress(Unavailable, ValueError, KeyError):
        found = json.loads(pool.call(url, "GET", "/health").body)["data"]
        if isinstance(found, dict):
            return found
    return {}


def _known(basics: Basics, worker_id: str) -> Member:
    for member in basics.controller.members():
        if member.worker_id == worker_id:
            return member
    raise NotFound(f"The controller knows no worker {worker_id}; see echofs admin workers list.")


def _process(settings: Settings, basics: Basics, worker_id: str, which: str) -> int:
    """The number of a worker's process, which must be one of this machine in its present start."""
    said = parts.open_workers(settings, basics).health(_known(basics, worker_id))
    pid = said.get(which)
    if not isinstance(pid, int) or said.get("boot") != boot_id() or not _is_ours(pid):
        raise Unavailable(f"{worker_id} does not run here: drill it where it does, or cut worker:{worker_id}.")
    return pid


def _is_ours(pid: int) -> bool:
    """Whether that number belongs to a role here; in a container the same number is another process."""
    with suppress(OSError):
        return b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _sender(pid: int, number: signal.Signals) -> Callable[[], None]:
    def send() -> None:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise Forbidden(f"Process {pid} belongs to another user: run the drill as that user or as root.") from error

    return send
