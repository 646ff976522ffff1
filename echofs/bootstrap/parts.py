"""What masters and jobs are made of: the catalog and all that needs it."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass

from flask import Flask

from echofs.adapters.catalog import schema
from echofs.adapters.catalog.dav_locks import SqlDavLocks
from echofs.adapters.catalog.engine import keep_connections
from echofs.adapters.catalog.gate import CatalogGate
from echofs.adapters.catalog.uploads import SqlUploads
from echofs.adapters.catalog.users import SqlUsers
from echofs.adapters.faults import Faults, FaultyWorkers
from echofs.adapters.frames import Lz4Codec
from echofs.adapters.http_pool import HttpPool
from echofs.adapters.local_journal import LocalJournal
from echofs.adapters.member_file import MemberFile
from echofs.adapters.system import boot_id
from echofs.adapters.workers_http import HttpWorkers
from echofs.bootstrap.accounts import AccountService, make_accounts
from echofs.bootstrap.basics import CONNECT_SECONDS, Basics, open_codec, run_file
from echofs.bootstrap.files_catalog import check_catalog, files_catalog
from echofs.bootstrap.host import Host
from echofs.core.errors import CatalogUnavailable
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import WorkerClient
from echofs.ports.journal import Journal
from echofs.ports.runtime import Clock, Meters
from echofs.services.advice import Adviser
from echofs.services.batching import Batcher
from echofs.services.cluster import MemberView
from echofs.services.drafting import Drafting
from echofs.services.files import Files
from echofs.services.folders import Folders
from echofs.services.heads import Heads
from echofs.services.latencies import Latencies
from echofs.services.levels import Levels
from echofs.services.memory import MemoryBudget
from echofs.services.parents import Parents
from echofs.services.publishing import Publisher
from echofs.services.quotas import Quotas
from echofs.services.reading import ChunkReader
from echofs.services.recovery import Recovery
from echofs.services.replacing import Replacing
from echofs.services.replays import Replays
from echofs.services.replication import Replicator
from echofs.services.restoring import MARK
from echofs.services.setbacks import Setbacks
from echofs.services.shipping import Shipping
from echofs.services.steps import Steps
from echofs.services.streaming import FileReader
from echofs.services.uploads import Uploads
from echofs.settings import Settings

_APPENDS_TOGETHER = 64

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DataPlane:
    """The catalog and the way to the workers: masters and jobs have them."""

    catalog: Catalog
    gate: CatalogGate
    users: SqlUsers
    ledger: SqlUploads
    dav_locks: SqlDavLocks
    codec: Lz4Codec
    workers: WorkerClient
    members: MemberView
    reader: ChunkReader
    accounts: AccountService


@dataclass(frozen=True, slots=True)
class FileService:
    """What a master does with files."""

    replicator: Replicator
    reader: FileReader
    uploads: Uploads
    files: Files
    recovery: Recovery
    quotas: Quotas
    folders: Folders
    replacing: Replacing
    latencies: Latencies


def open_data_plane(
    app: Flask,
    settings: Settings,
    basics: Basics,
    meters: Meters,
    *,
    spool: Journal | None = None,
    alone: bool = False,
    faults: Faults | None = None,
) -> DataPlane:
    """Attach the catalog to ``app`` and open it. Reads find also what is in ``spool``.

    Raises :class:`InvalidSetting` when its tables are missing or of another revision, and :class:`CatalogUnavailable`
    when it does not answer, unless the process can begin ``alone``.
    """
    catalog, users, gate = open_catalog(app, settings, basics.clock, alone=alone)
    _report_unfinished(catalog, basics.clock)
    engine = schema.open_engine(app)
    codec = open_codec(settings)
    workers = open_workers(settings, basics, faults)
    members = MemberView(basics.controller, MemberFile(run_file(settings, "members.json")), basics.clock)
    wanted = settings.replication_factor
    reader = ChunkReader(workers, members, catalog, codec, basics.clock, meters, wanted=wanted, spool=spool)
    accounts = make_accounts(settings, engine, basics.clock, basics.ids)
    ledger, locks = SqlUploads(engine), SqlDavLocks(engine)
    return DataPlane(catalog, gate, users, ledger, locks, codec, workers, members, reader, accounts)


def _report_unfinished(catalog: Catalog, clock: Clock) -> None:
    with suppress(CatalogUnavailable):
        if catalog.lease_holder(MARK, clock.now()):
            _log.error("the catalog was not filled to its end: repeat the rebuild or import")


def open_catalog(
    app: Flask, settings: Settings, clock: Clock, *, alone: bool = False
) -> tuple[Catalog, SqlUsers, CatalogGate]:
    """The catalog and the users, and the gate before both, attached to ``app``. Raises like :func:`open_data_plane`."""
    schema.attach(app, settings.database_url)
    engine = schema.open_engine(app)
    keep_connections(engine)
    try:
        schema.check_current(engine)
        check_catalog(settings)
    except CatalogUnavailable as error:
        if not alone:
            raise
        _log.warning("beginning without the catalog", extra={"why": error.message})
    catalog, gate = files_catalog(settings, engine, clock)
    return catalog, SqlUsers(engine), gate


def open_journal(settings: Settings, basics: Basics) -> LocalJournal:
    """The journal of this host's masters. Raises :class:`InvalidSetting`."""
    return LocalJournal(
        settings.data_dir / "journal",
        limit=settings.spool_size,
        clock=basics.clock,
        boot=boot_id(),
        share=lambda handle: Batcher(handle, _APPENDS_TOGETHER).call,
    )


def open_workers(settings: Settings, basics: Basics, faults: Faults | None = None) -> WorkerClient:
    """The way to the workers, with the ``faults`` of a drill in it."""
    pool = HttpPool(connect_timeout=CONNECT_SECONDS, timeout=settings.worker_timeout)
    workers = HttpWorkers(pool, basics.signer, timeout=settings.worker_timeout)
    return workers if faults is None else FaultyWorkers(workers, faults, timeout=settings.worker_timeout)


def open_file_service(
    settings: Settings,
    basics: Basics,
    plane: DataPlane,
    journal: Journal,
    host: Host,
    heads: Heads,
    meters: Meters,
    adviser: Adviser,
) -> FileService:
    """The services behind a master's file routes."""
    wanted = settings.replication_factor
    budget = MemoryBudget(settings.upload_memory)
    replicator = Replicator(plane.workers, plane.members, budget, basics.clock, meters, wanted=wanted)
    reader = FileReader(plane.reader, MemoryBudget(settings.upload_memory))
    latencies = Latencies(basics.clock)
    levels = Levels(plane.gate, plane.members, host.floors, latencies, Setbacks(basics.clock), adviser)
    parents = Parents(plane.catalog, journal, host.follower)
    shipping = Shipping(replicator, journal, plane.catalog, basics.clock, plane.members.zones)
    quotas = Quotas(plane.catalog, basics.clock)
    publisher = Publisher(
        plane.catalog,
        journal,
        parents,
        heads,
        quotas,
        plane.codec,
        latencies,
        basics.clock,
        basics.ids,
        meters,
        wanted=wanted,
    )
    uploads = Uploads(
        Replays(plane.catalog, journal),
        levels,
        parents,
        publisher,
        shipping,
        quotas,
        plane.codec,
        meters,
        chunk_size=settings.chunk_size,
        max_size=settings.max_upload_size,
    )
    files = Files(plane.catalog, levels, publisher, shipping, reader, plane.workers, plane.members, wanted=wanted)
    recovery = Recovery(plane.catalog, levels, publisher, shipping, trash_days=settings.trash_days)
    steps = Steps(plane.catalog, replicator, heads, Drafting(plane.codec, basics.clock, basics.ids))
    folders = Folders(plane.catalog, journal, levels, steps)
    zones = plane.members.zones
    replacing = Replacing(files, parents, levels, steps, basics.clock, zones, wanted=wanted)
    return FileService(replicator, reader, uploads, files, recovery, quotas, folders, replacing, latencies)
