"""What ``echofs catalog`` is made of."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence
from typing import BinaryIO

from flask import Flask

from echofs.adapters.catalog import schema
from echofs.adapters.http_pool import HttpPool
from echofs.adapters.meters import PrometheusMeters
from echofs.adapters.system import SystemClock, Uuid7Ids
from echofs.bootstrap import parts
from echofs.bootstrap.basics import CONNECT_SECONDS, Basics, open_basics, open_codec
from echofs.bootstrap.files_catalog import create_catalog
from echofs.core.advice import Advice, Report
from echofs.core.errors import InvalidRequest, StoreUnavailable, Unavailable
from echofs.core.jobs_report import JobsReport
from echofs.core.models import ChunkRecord, Intent, Member
from echofs.ports.chunks import Frame
from echofs.ports.cluster import ControllerClient, MemberList
from echofs.services.cluster import MemberView
from echofs.services.memory import MemoryBudget
from echofs.services.moving import Import, export
from echofs.services.rebuild import Owners, Rebuild, Summary
from echofs.services.replication import Replicator
from echofs.settings import Settings

HEALTH_SECONDS = 5.0


def run_rebuild(settings: Settings, urls: Sequence[str], say: Callable[[str], None], *, allow_missing: bool) -> Summary:
    """Make the catalog that ``settings`` name from the workers at ``urls``, or those the controller knows.

    Makes the tables first if need be. Raises like :meth:`Rebuild.run`, and :class:`InvalidSetting`.
    """
    basics = open_basics(settings)
    _make_tables(settings)
    catalog, users, _ = parts.open_catalog(Flask("echofs"), settings, basics.clock)
    members = [_named(url) for url in urls] or _known(basics)
    view = MemberView(_Fixed(members), _Unsaved(), basics.clock)
    view.refresh()
    workers = parts.open_workers(settings, basics)
    replicator = Replicator(
        workers,
        view,
        MemoryBudget(settings.upload_memory),
        basics.clock,
        PrometheusMeters(),
        wanted=settings.replication_factor,
    )

    def store(frame: Frame) -> ChunkRecord:
        pending = replicator.submit(frame)
        pending.wait()
        return pending.record()

    rebuild = Rebuild(
        catalog,
        workers,
        open_codec(settings),
        store,
        Owners(users, basics.clock).add_placeholder,
        basics.clock,
        basics.ids,
        wanted=settings.replication_factor,
        say=say,
        allow_missing=allow_missing,
    )
    try:
        return rebuild.run(members)
    finally:
        replicator.stop()


def run_export(settings: Settings, target: BinaryIO) -> int:
    """Write the catalog and the users that ``settings`` name. Raises like :func:`export`."""
    clock = SystemClock()
    catalog, users, _ = parts.open_catalog(Flask("echofs"), settings, clock)
    return export(catalog, users, clock, target)


def run_import(settings: Settings, source: BinaryIO) -> int:
    """Fill the catalog and the users that ``settings`` name, making the tables first if need be. Raises like
    :meth:`Import.run`."""
    _make_tables(settings)
    clock = SystemClock()
    catalog, users, _ = parts.open_catalog(Flask("echofs"), settings, clock)
    return Import(catalog, users, clock, Uuid7Ids()).run(source)


def _make_tables(settings: Settings) -> None:
    schema.upgrade(schema.database_app(settings.database_url))
    create_catalog(settings)


def _known(basics: Basics) -> list[Member]:
    try:
        return [member for member in basics.controller.members() if member.intent is not Intent.GONE]
    except Unavailable as error:
        raise Unavailable(
            "The controller does not answer: start it, set ECHOFS_CONTROLLER_URL, or name all workers with --worker."
        ) from error


def _named(url: str) -> Member:
    """The worker at an address, by its own word. Its zone is not asked for: each counts as one of its own."""
    pool = HttpPool(connect_timeout=CONNECT_SECONDS, timeout=HEALTH_SECONDS)
    try:
        answer = pool.call(url, "GET", "/health")
        details = answer.data().get("details")
    except (StoreUnavailable, ValueError, http.client.HTTPException) as error:
        raise Unavailable(f"There is no worker that answers at {url}.") from error
    worker_id = details.get("worker_id") if isinstance(details, dict) else None
    if not isinstance(worker_id, str):
        raise InvalidRequest(f"What answers at {url} is no worker.", field="--worker")
    return Member(worker_id, url.rstrip("/"), zone=worker_id)


class _Fixed(ControllerClient):
    """The workers of one command, whatever happens while it runs."""

    def __init__(self, members: list[Member]) -> None:
        self._members = members

    def heartbeat(self, member: Member) -> None:
        raise Unavailable("A command takes no heartbeats.")

    def leave(self, worker_id: str) -> None:
        raise Unavailable("A command takes no leave.")

    def members(self) -> list[Member]:
        return self._members

    def report(self, report: Report) -> Advice:
        raise Unavailable("A command takes no reports.")

    def set_intent(self, worker_id: str, intent: Intent) -> None:
        raise Unavailable("A command decides about no worker.")

    def tell_jobs(self, report: JobsReport) -> None:
        raise Unavailable("A command runs no jobs.")

    def jobs(self) -> tuple[JobsReport, float] | None:
        return None


class _Unsaved(MemberList):
    """Nothing of one command is kept for the next."""

    def load(self) -> list[Member]:
        return []

    def save(self, members: list[Member]) -> None:
        """Keep nothing."""
