"""Replicas that were acknowledged after their version had been written down."""

from __future__ import annotations

from echofs.ports.catalog import Catalog
from echofs.ports.gate import Gate
from echofs.ports.journal import Journal
from echofs.services.replication import Replicator


def settle_late(replicator: Replicator, catalog: Catalog, journal: Journal, gate: Gate) -> None:
    """Record them and drop them from the outbox. The action of a loop.

    Only once the catalog knows the chunks of all versions that were accepted without it: earlier it would not know what
    it is told. Raises :class:`CatalogUnavailable`; what is then forgotten stays in the outbox, whose jobs will find it
    done.
    """
    if not gate.reachable or journal.depth():
        return
    for worker_id, digests in replicator.take_late().items():
        catalog.settle(worker_id, digests)
