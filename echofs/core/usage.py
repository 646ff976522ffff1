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


MOST_UNFINISHED = 1000
"""Unfinished uploads of one user. Whoever needs more at once has lost sight of them, and each is a row that waits."""


@dataclass(frozen=True, slots=True)
class Held:
    """What unfinished uploads hold of a quota until they become files, end or expire: their number, and the bytes that
    they were begun for, come or not."""

    uploads: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a user may have under way in uploads that are unfinished at a time, in microseconds: with what is ``used``
    no more than ``quota``, None for any. ``replaced`` is the size of the file that the upload in question takes the
    place of."""

    at: int
    quota: int | None = None
    used: Usage = Usage()
    replaced: int = 0

    def refusal(self, others: Held, length: int) -> QuotaExceeded | None:
        """Why an upload of so many bytes may not be begun or gone on with beside the ``others``, or None.

        One that does not grow what is stored is not refused by itself, but beside others it needs room like any: many
        that would replace one file are all on the disks before they do.
        """
        if others.uploads >= MOST_UNFINISHED:
            return QuotaExceeded(
                f"You have {others.uploads:,} unfinished uploads, and may have {MOST_UNFINISHED:,}: finish or end some "
                "of them first."
            )
        if not others.bytes:
            return refusal(self.used, length - self.replaced, self.quota)
        if self.quota is None or not length:
            return None
        left = self.quota - self.used.total - others.bytes
        if length - self.replaced <= left:
            return None
        return QuotaExceeded(
            f"This takes {length:,} bytes, and {max(left, 0):,} of your quota of {self.quota:,} are left: files take "
            f"{self.used.total:,}, {others.uploads:,} unfinished uploads hold {others.bytes:,}. Finish or end uploads, "
            "delete files and empty the trash, or ask the operator for more."
        )


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
