"""The background jobs as one process."""

from __future__ import annotations

import threading
from functools import partial

from flask import Flask

from echofs.adapters.meters import PrometheusMeters
from echofs.bootstrap import parts
from echofs.bootstrap.basics import open_basics
from echofs.core.retention import Rule
from echofs.services.housekeeping import Housekeeping
from echofs.services.leases import Lease
from echofs.services.loops import Loop, Loops
from echofs.services.overseeing import JOBS_LEASE
from echofs.services.repair import Repair
from echofs.services.retention import Retention
from echofs.services.sweep import Sweep
from echofs.settings import Settings

REFRESH_SECONDS = 1.0
REPAIR_SECONDS = 1.0
SWEEP_SECONDS = 1.0
TIDY_SECONDS = 600.0
REPORT_SECONDS = 5.0
RETENTION_SECONDS = 3600.0


def run_jobs(settings: Settings, stop: threading.Event) -> None:
    """Repair, sweep, tidy up and end what need not be kept, until ``stop`` is set. Several may run: those without the
    lease wait.

    Raises :class:`InvalidSetting` or :class:`CatalogUnavailable` when it cannot start.
    """
    basics = open_basics(settings)
    meters = PrometheusMeters()
    plane = parts.open_data_plane(Flask("echofs"), settings, basics, meters)
    plane.members.on_return = lambda worker_id: plane.catalog.hasten(worker_id, basics.clock.now())
    repair = Repair(plane.catalog, plane.workers, plane.members, plane.reader, basics.clock, meters)
    sweep = Sweep(
        plane.catalog,
        plane.workers,
        plane.members,
        basics.clock,
        wanted=settings.replication_factor,
        replace_after=settings.replace_after,
    )
    housekeeping = Housekeeping(
        plane.catalog,
        plane.users,
        plane.ledger,
        plane.accounts.audit,
        basics.clock,
        audit_days=settings.audit_days,
    )
    retention = Retention(
        plane.catalog,
        basics.clock,
        Rule(settings.versions_kept, settings.versions_days),
        trash_days=settings.trash_days,
    )
    holder = basics.ids.new()
    lease = Lease(plane.catalog, JOBS_LEASE, holder, basics.clock)
    loops = Loops(
        Loop("members", REFRESH_SECONDS, plane.members.refresh),
        Loop("repair", REPAIR_SECONDS, partial(lease.run, repair.run_once)),
        Loop("sweep", SWEEP_SECONDS, partial(lease.run, sweep.run_once)),
        Loop("report", REPORT_SECONDS, partial(lease.run, lambda: basics.controller.tell_jobs(sweep.report(holder)))),
        Loop("tidy", TIDY_SECONDS, partial(lease.run, housekeeping.run_once)),
        Loop("retention", RETENTION_SECONDS, partial(lease.run, retention.run_once)),
    )
    loops.start()
    stop.wait()
    loops.stop()
    plane.reader.stop()
    lease.release()
