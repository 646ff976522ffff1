"""Where a master keeps what it accepted alone: the journal of provisional versions, and the spool of their bytes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum

from echofs.core.entries import Delivered, JournalEntry
from echofs.core.models import Digest, Dot, IdempotencyRecord
from echofs.ports.chunks import Frame


class Task(StrEnum):
    """What one process of a host does for all."""

    REPLAY = "replay"
    """Bringing entries to the catalog."""
    DELIVER = "deliver"
    """Bringing spooled frames to workers."""
    COPY = "copy"
    """Keeping copies of entries on workers."""


@dataclass(frozen=True, slots=True)
class EntryCopy:
    """A copy of the entry at ``place`` that a worker holds as the chunk ``digest``."""

    place: int
    digest: Digest
    worker_id: str


class Journal(ABC):
    """One for all master processes of a host: what one of them appends all others see at once.

    Methods are safe to call from several threads and processes. They raise :class:`Unavailable` when the disk fails,
    after which nothing was promised. An entry that rotted on the disk is told in the log, stays, and is given to no
    one.
    """

    @abstractmethod
    def append(self, entry: JournalEntry, frames: Sequence[Frame] = ()) -> None:
        """Make an entry and the frames that no quorum of workers holds yet durable, together. Idempotent by dot.

        Writers on one host do not pass each other by: raises :class:`HeadMoved` when the file has entries and the
        newest is not the one that this follows, or when an entry of another living file has its path. A request
        that came twice is not done twice: raises :class:`IdempotencyKeyReused` when another entry has its key. Raises
        :class:`SpoolFull`.
        """

    @abstractmethod
    def spool(self, frames: Sequence[Frame]) -> None:
        """Make frames durable, together. Idempotent by digest. Raises :class:`SpoolFull`."""

    @abstractmethod
    def frames(self, digests: Collection[Digest]) -> dict[Digest, Frame]:
        """Those of the chunks that lie in the spool."""

    @abstractmethod
    def head(self, owner_id: str, file_id: str) -> JournalEntry | None:
        """The newest entry of a file, if it has any."""

    @abstractmethod
    def at(self, owner_id: str, path: str) -> JournalEntry | None:
        """The entry that is its file's newest and puts a living file at this path, if there is one."""

    @abstractmethod
    def of_file(self, owner_id: str, file_id: str) -> list[JournalEntry]:
        """All entries of a file, in the order of appending."""

    @abstractmethod
    def heads(self, owner_id: str) -> list[JournalEntry]:
        """The newest entry of each file of an owner that has any, in the order of appending."""

    @abstractmethod
    def pending(self, after: int = 0, limit: int = 1000) -> list[tuple[int, JournalEntry]]:
        """Entries in the order of appending, each with its place, all greater than ``after``."""

    @abstractmethod
    def answered(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        """What an entry answered to this Idempotency-Key, if any did."""

    @abstractmethod
    def settle(self, dots: Collection[Dot]) -> None:
        """Forget entries whose version the catalog has, under whatever number or name. Idempotent. Their frames stay
        until they are dropped."""

    @abstractmethod
    def spooled(self, after: Digest = "", limit: int = 256) -> list[Digest]:
        """Digests of what lies in the spool, in order, all greater than ``after``."""

    @abstractmethod
    def drop(self, delivered: Collection[Delivered]) -> None:
        """Forget frames of chunks that a quorum of workers holds now, and have the entries that bring them say where
        they lie. Idempotent."""

    @abstractmethod
    def uncopied(self, limit: int = 64) -> list[tuple[int, JournalEntry]]:
        """Entries of which no copy was noted, in the order of appending, each with its place."""

    @abstractmethod
    def note_copies(self, copies: Collection[EntryCopy]) -> None:
        """Remember where copies of entries lie, settled ones included. Idempotent."""

    @abstractmethod
    def stale_copies(self, worker_id: str, limit: int = 256) -> list[EntryCopy]:
        """A worker's copies of entries that were settled."""

    @abstractmethod
    def forget_copies(self, copies: Collection[EntryCopy]) -> None:
        """These were removed. Idempotent."""

    @abstractmethod
    def depth(self) -> int:
        """How many entries there are."""

    @abstractmethod
    def oldest_age(self) -> float:
        """Seconds since the oldest entry was appended, by the monotonic clock; 0 without any. An entry from before the
        host was started counts from its start."""

    @abstractmethod
    def spooled_bytes(self) -> int:
        """What the frames in the spool take."""

    @abstractmethod
    def lead(self, task: Task = Task.REPLAY) -> AbstractContextManager[bool]:
        """Whether this process may do a task now; at most one of the host may, until it leaves the context or dies.
        Never waits."""
