"""What brings provisional versions to the catalog, and what users see of conflicts."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.bootstrap.basics import Basics
from echofs.bootstrap.parts import DataPlane
from echofs.ports.journal import Journal
from echofs.ports.runtime import Meters
from echofs.services.conflicts import Conflicts
from echofs.services.heads import Heads
from echofs.services.merging import Merger
from echofs.services.reintegration import Reintegration
from echofs.services.replication import Replicator
from echofs.services.resolving import Resolver
from echofs.services.shipping import Shipping
from echofs.services.streaming import FileReader
from echofs.settings import Settings

REPLAY_SECONDS = 0.25
"""How often a master looks whether provisional versions can be brought to the catalog."""


@dataclass(frozen=True, slots=True)
class ConflictService:
    """What a master does with provisional versions. ``adopting`` is another one for another thread."""

    reintegration: Reintegration
    adopting: Reintegration
    conflicts: Conflicts


def open_conflict_service(
    settings: Settings,
    basics: Basics,
    plane: DataPlane,
    journal: Journal,
    heads: Heads,
    replicator: Replicator,
    reader: FileReader,
    meters: Meters,
) -> ConflictService:
    """The services behind the conflict routes and the replay of the journal."""
    resolver = Resolver(
        plane.catalog,
        heads,
        plane.members,
        Shipping(replicator, journal, plane.catalog, basics.clock, plane.members.zones),
        Merger(reader, plane.codec, chunk_size=settings.chunk_size),
        plane.reader,
        plane.codec,
        basics.clock,
        basics.ids,
        meters,
        wanted=settings.replication_factor,
    )
    reintegration, adopting = (
        Reintegration(journal, plane.catalog, plane.gate, plane.users, heads, resolver, meters) for _ in range(2)
    )
    return ConflictService(reintegration, adopting, Conflicts(plane.catalog, resolver, basics.clock))
