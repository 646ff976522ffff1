"""What the masters of one host share besides the journal: a copy of the catalog's heads, and what they remember of
users for a time without the catalog."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

from echofs.adapters.host_file import HostFile
from echofs.adapters.local_follower import LocalFollower
from echofs.adapters.local_rights import LocalFloors, LocalRights, open_memory
from echofs.adapters.system import boot_id
from echofs.adapters.token_seal import SharedSecretSeal
from echofs.bootstrap.basics import Basics
from echofs.core.models import Level
from echofs.ports.catalog import Catalog
from echofs.ports.gate import Gate
from echofs.ports.journal import Journal
from echofs.ports.runtime import Meters
from echofs.services.floors import Floors
from echofs.services.following import FOLLOW_SECONDS, Following
from echofs.services.heads import Heads
from echofs.services.listings import Listings
from echofs.services.local_heads import LocalHeads
from echofs.services.loops import Loop
from echofs.services.reads import Reads
from echofs.services.sessions import Sessions
from echofs.settings import Settings
from echofs.web.reading import Reading


@dataclass(frozen=True, slots=True)
class Host:
    """What is kept under ``ECHOFS_DATA_DIR/follower``, and the services on it."""

    follower: LocalFollower
    memory: HostFile
    rights: LocalRights
    floors: Floors
    following: Following

    def loop(self) -> Loop:
        """Keep the copy up to date."""
        return Loop("follower", FOLLOW_SECONDS, self.following.run_once)

    def copy_age(self) -> float:
        """Seconds since the copy was up to date, NaN if it never was."""
        age = self.follower.age()
        return math.nan if age is None else age

    def steps_on_stop(self) -> tuple[Callable[[], object], ...]:
        """Close the files."""
        return self.follower.close, self.memory.close


def open_host(
    settings: Settings, basics: Basics, catalog: Catalog, gate: Gate, critical: Callable[[], Collection[str]]
) -> Host:
    """``critical`` gives the ids of files that operators call critical. Nothing is asked yet. What cannot be kept is
    forgotten: this never fails for the disk's sake."""
    folder, boot, seconds = settings.data_dir / "follower", boot_id(), settings.offline_rights_seconds
    clock, capacity = basics.clock, settings.follower_files
    follower = LocalFollower(folder / "heads", capacity=capacity, clock=clock, boot=boot)
    memory = open_memory(folder / "rights", boot)
    floors = Floors(
        catalog,
        LocalFloors(memory, clock),
        follower,
        clock,
        system=Level(settings.consistency_floor),
        offline_seconds=seconds,
        critical=critical,
    )
    following = Following(catalog, follower, gate, clock, capacity=capacity)
    return Host(follower, memory, LocalRights(memory, clock, seconds=seconds), floors, following)


def open_reading(
    settings: Settings, host: Host, catalog: Catalog, gate: Gate, journal: Journal, heads: Heads, meters: Meters
) -> Reading:
    """What the routes that read are made of."""
    local = LocalHeads(journal, host.follower)
    return Reading(
        Reads(catalog, heads, local, host.floors, gate, meters),
        Listings(catalog, local, host.floors),
        Sessions(SharedSecretSeal(settings.cluster_secret)),
    )
