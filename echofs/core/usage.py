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
        """Why an upload of so many bytes may not be begun or gone on with beside the ``others``, or None."""
        if others.uploads >= MOST_UNFINISHED:
            return QuotaExceeded(
                f"You have {others.uploads:,} unfinished uploads, and may have {MOST_UNFINISHED:,}: finish or end some "
                "of them first."
            )
        return refusal(self.used, length - self.replaced, self.quota, others)


def refusal(used: Usage, growth: int, quota: int | None, held: Held = Held()) -> QuotaExceeded | None:
    """Why ``growth`` more bytes are too many for somebody who has used so much, while unfinished uploads hold some, or
    None. What does not grow is never refused, however much is used already."""
    if quota is None or growth <= 0 or used.total + held.bytes + growth <= quota:
        return None
    left = max(0, quota - used.total - held.bytes)
    told = f"This takes {growth:,} bytes, and {left:,} of your quota of {quota:,} are left"
    if not held.uploads:
        advice = "Delete files and empty the trash, or ask the operator for more."
        return QuotaExceeded(f"{told}; nothing was stored. {advice}")
    return QuotaExceeded(
        f"{told}: files take {used.total:,}, {held.uploads:,} unfinished uploads hold {held.bytes:,}. Finish or end "
        "uploads, delete files and empty the trash, or ask the operator for more."
    )
