"""What brings entries that lost hosts left on workers to the catalog."""

from __future__ import annotations

from collections.abc import Callable

from echofs.bootstrap.basics import Basics
from echofs.bootstrap.parts import DataPlane
from echofs.core.errors import CatalogUnavailable
from echofs.ports.runtime import Meters
from echofs.services.adoption import Adoption, Reintegrate
from echofs.services.leases import Lease
from echofs.settings import Settings

ADOPT_SECONDS = 10.0
"""How often a master looks for copies of entries."""


def open_adoption(
    settings: Settings, basics: Basics, plane: DataPlane, reintegrate: Reintegrate, meters: Meters
) -> Callable[[], None]:
    """The action of a loop, which one master process of the cluster does at a time."""
    adoption = Adoption(
        plane.catalog.by_dot,
        plane.workers,
        plane.members,
        plane.codec,
        reintegrate,
        basics.clock,
        meters,
        wanted=settings.replication_factor,
    )
    lease = Lease(plane.catalog, "adoption", basics.ids.new(), basics.clock)

    def adopt() -> None:
        try:
            lease.run(adoption.run_once)
        except CatalogUnavailable:
            adoption.wait_anew()
            raise

    return adopt
