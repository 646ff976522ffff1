"""What a master is made of, before any route or thread: everything its routes and its background work share."""

from __future__ import annotations

import math
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Flask

from echofs import __version__
from echofs.adapters.local_journal import LocalJournal
from echofs.adapters.meters import PrometheusMeters
from echofs.bootstrap import parts
from echofs.bootstrap.basics import Basics
from echofs.bootstrap.host import Host, open_host, open_reading
from echofs.bootstrap.parts import DataPlane, FileService
from echofs.bootstrap.reintegration import ConflictService, open_conflict_service
from echofs.core.models import Level
from echofs.ports.runtime import Meters
from echofs.services.advice import Adviser
from echofs.services.heads import Heads
from echofs.services.health import MasterHealth
from echofs.services.reporting import Reporting
from echofs.settings import Settings
from echofs.web.reading import Reading

if TYPE_CHECKING:
    from echofs.bootstrap.sharing import Sharing


@dataclass(frozen=True, slots=True)
class MasterParts:
    """Nothing here asks anybody or starts a thread before it is used."""

    settings: Settings
    basics: Basics
    meters: PrometheusMeters
    journal: LocalJournal
    adviser: Adviser
    plane: DataPlane
    sharing: Sharing | None
    host: Host
    service: FileService
    reading: Reading
    conflicts: ConflictService
    health: MasterHealth

    def gauges(self) -> Mapping[str, Callable[[], float]]:
        """What ``/metrics`` asks for when it is read."""
        return {
            "outbox_depth": self.health.outbox_depth,
            "journal_depth": self.journal.depth,
            "journal_age_seconds": self.journal.oldest_age,
            "spool_bytes": self.journal.spooled_bytes,
            "advice_age_seconds": lambda: math.nan if self.adviser.age is None else self.adviser.age,
            "follower_age_seconds": self.host.copy_age,
        }

    def reporting(self) -> Reporting:
        """What tells the controller how this process fares, and takes its advice."""
        return Reporting(
            f"{socket.gethostname()}:{os.getpid()}",
            self.basics.controller,
            self.adviser,
            self.plane.gate,
            self.plane.members.links.reports,
            self.journal,
            self.service.latencies,
            self.health.outbox_depth,
            self.basics.clock,
        )


def open_parts(settings: Settings, basics: Basics, app: Flask) -> MasterParts:
    """Open the journal, the catalog (attached to ``app``) and what stands on them. Raises like
    :func:`~echofs.bootstrap.parts.open_data_plane`, but not for a catalog that is away."""
    meters = PrometheusMeters()
    journal = parts.open_journal(settings, basics)
    adviser = Adviser(basics.clock)
    plane = parts.open_data_plane(app, settings, basics, meters, spool=journal, alone=True, faults=adviser.faults)
    sharing = _open_sharing(settings, basics, meters)
    heads = Heads(plane.catalog, sharing.heads if sharing else None, meters)
    host = open_host(settings, basics, plane.catalog, plane.gate, adviser.critical)
    service = parts.open_file_service(settings, basics, plane, journal, host, heads, meters, adviser)
    return MasterParts(
        settings=settings,
        basics=basics,
        meters=meters,
        journal=journal,
        adviser=adviser,
        plane=plane,
        sharing=sharing,
        host=host,
        service=service,
        reading=open_reading(settings, host, plane.catalog, plane.gate, journal, heads, meters),
        conflicts=open_conflict_service(
            settings, basics, plane, journal, heads, service.replicator, service.reader, meters
        ),
        health=MasterHealth(
            plane.catalog,
            plane.members,
            basics.clock,
            __version__,
            (lambda: sharing.link.here) if sharing else None,
            journal,
            Level(settings.consistency_floor),
        ),
    )


def _open_sharing(settings: Settings, basics: Basics, meters: Meters) -> Sharing | None:
    if settings.redis_addr is None:
        return None
    # Its library alone takes a sixth of a second to load.
    from echofs.bootstrap.sharing import open_sharing

    return open_sharing(settings.redis_addr, basics, meters)
