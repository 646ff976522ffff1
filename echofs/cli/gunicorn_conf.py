"""Gunicorn's settings for every role, from EchoFS's own.

Gunicorn imports this module once per start and takes the names it knows. The role comes from ECHOFS_ROLE, or from the
application named on the command line: ``gunicorn "wsgi:app_for('master')"``.
"""

from __future__ import annotations

import gc
import os
import re
import shutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from echofs.adapters.logs import configure_logging
from echofs.cli.data_folder import make_folder, not_writable
from echofs.cli.gunicorn_worker import SHARES
from echofs.cli.loading import loading
from echofs.cli.orphans import SUPERVISOR_PID, end_with_parent
from echofs.core.errors import CatalogUnavailable, EchoError, InvalidSetting
from echofs.settings import ProcessRole, Settings, load, role_from

CONTROLLER_THREADS = 8
GRACEFUL_SECONDS = 30
SUPERVISED_GRACEFUL_SECONDS = 5
"""Below the supervisor's own limits, so that requests are ended by gunicorn in good order and not by a kill."""
METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_APP_ARGUMENT = re.compile(r"""\w+:app_for\(['"](\w+)['"]\)""")


def role_of(arguments: Sequence[str]) -> str:
    """The role this gunicorn was started for. Raises :class:`InvalidSetting` when nothing says so."""
    for argument in arguments:
        if match := _APP_ARGUMENT.search(argument):
            return match[1]
    if role := role_from():
        return role
    raise InvalidSetting("ECHOFS_ROLE is not set: use master, worker or controller.", field="ECHOFS_ROLE")


def size_of(settings: Settings) -> tuple[int, int]:
    """How many processes and threads a role runs. A worker is one process: its store is opened once."""
    sizes = {
        ProcessRole.MASTER: (settings.master_processes, settings.master_threads),
        ProcessRole.WORKER: (1, settings.worker_threads),
        ProcessRole.CONTROLLER: (1, CONTROLLER_THREADS),
    }
    if settings.role not in sizes:
        raise InvalidSetting(
            f"gunicorn runs a master, worker or controller; {settings.role} is started with the echofs command.",
            field="ECHOFS_ROLE",
        )
    return sizes[settings.role]


def prepare_metrics(settings: Settings) -> None:
    """Give this role's processes an empty folder for their counters.

    It must be in the environment before prometheus_client is first imported. A folder already named there is kept as it
    is: it belongs to the operator, or to living processes of this very gunicorn when it reads its settings again.
    """
    if os.environ.get(METRICS_VARIABLE):
        return
    folder = make_folder(settings.data_dir) / "run" / f"{settings.process_name}-{settings.listen[1]}" / "metrics"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as error:
        raise not_writable(settings.data_dir, error) from error
    os.environ[METRICS_VARIABLE] = str(folder)


class OwnLines(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """Hands gunicorn's messages to our formatter, and writes no access log: EchoFS logs its requests itself."""

    def setup(self, cfg: Any) -> None:
        """Called at start and again whenever gunicorn reads its settings anew."""
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def on_starting(_: Any) -> None:
    """Load what the role's processes share, and refuse what none of them could work with."""
    with loading():
        import_module(f"echofs.bootstrap.{_settings.role}")
    _check_catalog()


def _check_catalog() -> None:
    """Refuse in one line a catalog that was not upgraded, before each process finds out for itself. The supervisor has
    upgraded it.

    A master that has served before goes on without the catalog; one that never did was probably given a wrong address.
    """
    if _settings.role is not ProcessRole.MASTER or os.environ.get(SUPERVISOR_PID):
        return
    from echofs.adapters.catalog import schema  # of use to masters only
    from echofs.bootstrap.basics import run_file
    from echofs.bootstrap.files_catalog import check_catalog

    try:
        engine = schema.open_engine(schema.database_app(_settings.database_url))
        schema.check_current(engine)
        check_catalog(_settings)
        engine.dispose()  # a connection must not be shared with the processes to come
    except CatalogUnavailable as error:
        if not run_file(_settings, "members.json").exists():
            print(error.message, file=sys.stderr)
            sys.exit(2)
    except EchoError as error:
        print(error.message, file=sys.stderr)
        sys.exit(2)


def post_worker_init(worker: Any) -> None:
    """Start the role's background loops, in the process that serves and not before it was forked."""
    gc.freeze()  # the application stays as well
    worker.app.wsgi().extensions["echofs"].start()


def worker_exit(_: Any, worker: Any) -> None:
    """Leave the cluster and stop the loops. A process that failed before it had an application has none."""
    application = worker.app.callable
    if application is not None:
        application.extensions["echofs"].stop()


def child_exit(_: Any, worker: Any) -> None:
    """Forget the live gauges of a process that ended, and its share of connections."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
    SHARES.leave(worker.age)


def when_ready(_: Any) -> None:
    """Under a supervisor, do not outlive it."""
    if supervisor := os.environ.get(SUPERVISOR_PID):
        end_with_parent(int(supervisor))


def _read() -> Settings:
    try:
        settings = load(role=role_of(sys.argv))
        size_of(settings)
        prepare_metrics(settings)
    except EchoError as error:
        print(error.message, file=sys.stderr)
        sys.exit(2)
    configure_logging(settings.log_level, settings.log_format, settings.process_name)
    return settings


def _bind(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


_settings = _read()
_supervised = bool(os.environ.get(SUPERVISOR_PID))

bind = _bind(*_settings.listen)
workers, threads = size_of(_settings)
worker_class = "echofs.cli.gunicorn_worker.StayingThreadWorker"
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Heartbeat files in memory: on a busy disk a heartbeat could wait until gunicorn takes its process for dead."""
proc_name = f"echofs-{_settings.process_name}"

timeout = 120
graceful_timeout = SUPERVISED_GRACEFUL_SECONDS if _supervised else GRACEFUL_SECONDS
keepalive = 75
"""Longer than nginx and our own pool keep an idle connection, so that it is always the client who closes it."""
backlog = 1024
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190
forwarded_allow_ips = ""
"""Which proxies to believe is one setting, TRUSTED_PROXIES, applied by the application."""
control_socket_disable = True
"""Every gunicorn of a user would listen on the same file."""

loglevel = "warning" if _supervised and _settings.log_level == "info" else _settings.log_level
"""The supervisor tells itself what starts and stops; five times gunicorn's account of it would hide the rest."""
logger_class = OwnLines
accesslog = None
