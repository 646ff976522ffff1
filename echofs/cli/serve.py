"""``echofs serve``: one role in the foreground, or all of them under the supervisor."""

from __future__ import annotations

import os
from pathlib import Path

import click

from echofs.cli.launch import become
from echofs.settings import ProcessRole, load, role_from

_PREFIX = {ProcessRole.WORKER: "WORKER", ProcessRole.CONTROLLER: "CONTROLLER"}
_ROLES = [role.value for role in (ProcessRole.MASTER, ProcessRole.WORKER, ProcessRole.CONTROLLER, ProcessRole.ALL)]
DEFAULT_WORKERS = 3


@click.command()
@click.option("--role", type=click.Choice(_ROLES), help="What to run; ECHOFS_ROLE or all by default.")
@click.option("--workers", type=int, help=f"How many workers --role all starts; {DEFAULT_WORKERS} by default.")
@click.option("--port", type=int, help="Port of the role; with --role all, of the master.")
@click.option("--host", help="Address to listen on.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder for everything kept on this host.")
def serve(role: str | None, workers: int | None, port: int | None, host: str | None, data_dir: Path | None) -> None:
    """Run a master, a worker, a controller, or a whole cluster on this machine.

    Options win over the environment.
    """
    chosen = ProcessRole(role or _role_from_environment())
    overrides = _overrides(chosen, port, host, data_dir)
    if chosen is ProcessRole.ALL:
        from echofs.cli.supervisor import supervise

        supervise(DEFAULT_WORKERS if workers is None else workers, overrides)
        return
    if workers is not None:
        raise click.UsageError("--workers goes with --role all only; MASTER_PROCESSES sets a master's processes.")
    load({**os.environ, **overrides}, role=chosen)  # a wrong setting is told here, before gunicorn starts
    become(chosen, overrides)


def _role_from_environment() -> str:
    role = role_from() or ProcessRole.ALL
    if role not in _ROLES:
        raise click.UsageError(f"ECHOFS_ROLE={role} cannot be served: use one of {', '.join(_ROLES)}.")
    return role


def _overrides(role: ProcessRole, port: int | None, host: str | None, data_dir: Path | None) -> dict[str, str]:
    prefix = _PREFIX.get(role, "MASTER")
    given = {f"{prefix}_PORT": port, f"{prefix}_HOST": host, "ECHOFS_DATA_DIR": data_dir}
    return {name: str(value) for name, value in given.items() if value is not None}
