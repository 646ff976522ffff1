"""Uploads that can be resumed: what is known of each until it is finished. They live in SQL in every deployment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace

from echofs.core.entries import OnConflict
from echofs.core.models import Digest, Dot, Timestamp
from echofs.core.received import Received
from echofs.core.usage import Allowance, Held


@dataclass(frozen=True, slots=True)
class Terms:
    """What the client said when it began: the level it asked for, in its own words; what the file is; the SHA-256 that
    the whole must have, ``""`` if it named none. ``tags`` are repeated to whoever asks, exactly as they came."""

    ask: str = ""
    on_conflict: OnConflict = OnConflict.KEEP_BOTH
    content_type: str = ""
    digest: Digest = ""
    tags: str = ""


UNWRITTEN = -1


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """One upload. ``ticket`` is the SHA-256 of the secret that opens it. ``revision`` grows with each change;
    :data:`UNWRITTEN` is that of an upload which no ledger has yet. ``answer`` is what its end was answered with, ``""``
    before."""

    id: str
    owner_id: str
    ticket: Digest
    path: str
    length: int
    received: Received
    terms: Terms
    created_at: Timestamp
    expires_at: Timestamp
    revision: int = 0
    answer: str = field(default="", repr=False)

    @property
    def complete(self) -> bool:
        """Whether all bytes are there."""
        return self.received.size == self.length

    @property
    def is_written(self) -> bool:
        """Whether a ledger has it."""
        return self.revision != UNWRITTEN

    @property
    def dot(self) -> Dot:
        """The name of the version that it will be: however often its end is tried, there is one."""
        return Dot(self.id, 1)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload as its owner sees it in a list."""

    id: str
    path: str
    offset: int
    length: int
    expires_at: Timestamp


class UploadLedger(ABC):
    """Safe to call from several threads and processes. Methods raise :class:`CatalogUnavailable` when the database does
    not answer."""

    @abstractmethod
    def add(self, record: UploadRecord, allowance: Allowance | None = None) -> None:
        """Write down a new upload, durably. Raises :class:`QuotaExceeded`, and nothing is changed, where it is
        unfinished and the ``allowance`` has no room for it beside its owner's others: in the same step, so that of many
        begun at once only those stay for which there is room."""

    @abstractmethod
    def held(self, owner_id: str, now: Timestamp, *, apart_from: str = "") -> Held:
        """What the uploads of a user hold that are neither finished nor expired, all but one."""

    @abstractmethod
    def find(self, upload_id: str) -> UploadRecord:
        """Linearizable. Raises :class:`NotFound`."""

    @abstractmethod
    def swap(self, record: UploadRecord) -> bool:
        """Put the record in the place of the one with the revision before it, durably; False, and nothing is changed,
        where there is no such one any more. Id, owner, ticket, path, length, terms and times of creation stay."""

    def advance(self, record: UploadRecord, allowance: Allowance | None = None) -> UploadRecord | None:
        """Write down the next revision of an upload, the first one of a new upload as :meth:`add` does: what stands
        there then; None, and nothing is changed, where another was faster."""
        following = replace(record, revision=record.revision + 1)
        if not record.is_written:
            self.add(following, allowance)
            return following
        return following if self.swap(following) else None

    @abstractmethod
    def drop(self, upload_id: str) -> None:
        """Forget an upload. Idempotent."""

    @abstractmethod
    def unfinished(self, owner_id: str, now: Timestamp, after: str = "", limit: int = 100) -> list[Unfinished]:
        """A user's uploads that are neither finished nor expired, the newest first, those begun before the one called
        ``after``."""

    @abstractmethod
    def forget_expired(self, now: Timestamp) -> int:
        """Drop what expired before; how many."""
