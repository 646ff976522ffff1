"""Replicas that were acknowledged after their version had been committed."""

from __future__ import annotations

from echofs.ports.catalog import Catalog
from echofs.services.replication import Replicator


def settle_late(replicator: Replicator, catalog: Catalog) -> None:
    """Record them and drop them from the outbox. The action of a loop.

    Raises :class:`CatalogUnavailable`; what is then forgotten stays in the outbox, whose jobs will find it done.
    """
    for worker_id, digests in replicator.take_late().items():
        catalog.settle(worker_id, digests)
