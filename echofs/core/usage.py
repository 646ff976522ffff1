"""How much a user has stored, and how much more they may."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core.errors import QuotaExceeded
from echofs.core.models import Kind, Version


@dataclass(frozen=True, slots=True)
class Usage:
    """Living files, their bytes, and the bytes of what is in the trash; or by how much these change. Old versions of
    living files do not count."""

    files: int = 0
    bytes: int = 0
    trash_bytes: int = 0

    @property
    def total(self) -> int:
        """What counts against a quota."""
        return self.bytes + self.trash_bytes

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.files + other.files, self.bytes + other.bytes, self.trash_bytes + other.trash_bytes)


def change(version: Version, replaced: int | None, trashed: int = 0) -> Usage:
    """What a version changes. ``replaced`` is the size of the living head that it follows, None where there is none;
    ``trashed`` what its file takes in the trash."""
    size = version.content.size
    if version.kind is Kind.TOMBSTONE:
        return Usage() if replaced is None else Usage(-1, -replaced, replaced)
    if replaced is None:
        return Usage(1, size, -trashed)
    return Usage(0, size - replaced)


def refusal(used: Usage, growth: int, quota: int | None) -> QuotaExceeded | None:
    """Why ``growth`` more bytes are too many for somebody who has used so much, or None. What does not grow is never
    refused, however much is used already."""
    if quota is None or growth <= 0 or used.total + growth <= quota:
        return None
    left = max(0, quota - used.total)
    return QuotaExceeded(
        f"This takes {growth:,} bytes, and {left:,} of your quota of {quota:,} are left; nothing was stored. Delete "
        "files and empty the trash, or ask the operator for more."
    )
