"""What every catalog does alike. Its tests inherit :class:`CatalogContract` and say how to open an empty one."""

from __future__ import annotations

from tests.contracts.catalog_chunk_contract import ChunkContract
from tests.contracts.catalog_commit_contract import CommitContract
from tests.contracts.catalog_dispute_contract import DisputeContract
from tests.contracts.catalog_folder_contract import FolderContract
from tests.contracts.catalog_listing_contract import ListingContract
from tests.contracts.catalog_repeat_contract import RepeatContract
from tests.contracts.catalog_transfer_contract import TransferContract
from tests.contracts.catalog_trash_contract import TrashContract


class CatalogContract(
    CommitContract,
    RepeatContract,
    ListingContract,
    FolderContract,
    ChunkContract,
    TransferContract,
    DisputeContract,
    TrashContract,
):
    """Provide a ``catalog`` fixture with nothing in it, whose clock stands at ``clock.START``."""
