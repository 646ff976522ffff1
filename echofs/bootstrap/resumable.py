"""What takes uploads that can be resumed."""

from __future__ import annotations

from echofs.bootstrap.basics import Basics
from echofs.bootstrap.parts import DataPlane, FileService
from echofs.ports.runtime import Meters
from echofs.services.finishing import Finishing
from echofs.services.reception import Receptions
from echofs.services.resumable import Resumable
from echofs.services.whole_hashes import WholeHashes
from echofs.settings import Settings

_HOUR_SECONDS = 3600


def open_resumable(
    settings: Settings, basics: Basics, plane: DataPlane, service: FileService, meters: Meters
) -> Resumable:
    """Nothing is asked yet."""
    hashes = WholeHashes()
    receptions = Receptions(
        plane.ledger,
        plane.catalog,
        service.replicator,
        plane.reader,
        plane.codec,
        hashes,
        basics.clock,
        meters,
        expires_seconds=settings.upload_expires_hours * _HOUR_SECONDS,
    )
    finishing = Finishing(
        plane.ledger,
        plane.catalog,
        service.uploads,
        service.replicator,
        plane.reader,
        service.reader,
        plane.codec,
        hashes,
        basics.clock,
    )
    return Resumable(
        plane.ledger,
        plane.users,
        receptions,
        finishing,
        service.quotas,
        basics.clock,
        basics.ids,
        chunk_size=settings.chunk_size,
        max_size=settings.max_upload_size,
    )
