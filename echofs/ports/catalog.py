"""The catalog: the truth about files, versions, chunks and the replicas owed. Its only mutable state is each file's
head."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from echofs.core.errors import EchoError
from echofs.core.models import (
    ChunkRecord,
    ChunkState,
    ConflictRecord,
    Digest,
    Dot,
    File,
    Floor,
    IdempotencyRecord,
    OwedReplica,
    Timestamp,
    Version,
)
from echofs.ports.disputes import Disputes
from echofs.ports.listing import FileReads
from echofs.ports.trash import Trash


@dataclass(frozen=True, slots=True)
class Commit:
    """One version to be made a file's head, with everything that must become true at the same moment.

    ``version.parent`` must be the file's present head (0: the file does not exist and its path is free). ``chunks`` are
    recorded with it, manifest included. Only a version that ``revives`` may follow a tombstone; the path must be free.
    ``conflict`` is recorded with it, unless one of that id is known already. With a ``quota_bytes`` it is refused if
    it lets the owner's :class:`~echofs.core.usage.Usage` grow beyond that.
    """

    owner_id: str
    version: Version
    chunks: tuple[ChunkRecord, ...] = ()
    idempotency: IdempotencyRecord | None = None
    revives: bool = False
    conflict: ConflictRecord | None = None
    quota_bytes: int | None = None


MOST_TOGETHER = 10_000
"""Versions that one step of :meth:`Catalog.commit_together` may have; a catalog may allow fewer."""


@dataclass(frozen=True, slots=True)
class FolderChange:
    """What becomes of a folder and of the folders below it. It moves ``to`` another path, and the floors set for it and
    below it go along; with ``keep`` it stays and is made there as well, without floors; without a path to go to it
    ends, and its floors stay with the path."""

    owner_id: str
    path: str
    to: str = ""
    keep: bool = False


@dataclass(frozen=True, slots=True)
class PastVersion:
    """A version that is its file's head no longer, and whose it is."""

    owner_id: str
    version: Version


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A folder, empty or not."""

    owner_id: str
    path: str


@dataclass(frozen=True, slots=True)
class ChunkEntry:
    """All that a catalog knows of one chunk; ``replicas`` are sorted, ``owed`` is in the order of worker ids."""

    digest: Digest
    size: int
    state: ChunkState
    touched_at: Timestamp
    replicas: tuple[str, ...]
    owed: tuple[OwedReplica, ...]


@dataclass(frozen=True, slots=True)
class Changes:
    """A part of the change sequence: versions that became heads. ``upto`` is the place to go on after, ``more`` says
    whether there is more already.

    ``newest`` is the last place that was taken when the question arrived, whether or not what stands there is shown
    yet: a reader whose ``upto`` has come so far knows everything that was committed before it asked.
    """

    files: tuple[File, ...]
    upto: int
    newest: int
    more: bool = False


Entry = File | PastVersion | FolderEntry | ChunkEntry | IdempotencyRecord | ConflictRecord | Floor
"""What a catalog consists of. A :class:`File` brings its head, and a living one all folders above it."""


@dataclass(frozen=True, slots=True)
class DumpPage:
    """A part of a catalog's entries, possibly none; ``next`` is the cursor of the following page, ``""`` at the end."""

    entries: tuple[Entry, ...]
    next: str = ""


@dataclass(frozen=True, slots=True)
class ChunkPage:
    """A part of all chunks, possibly none; ``next`` is the cursor of the following page, ``""`` at the end."""

    chunks: tuple[ChunkEntry, ...]
    next: str = ""


class Catalog(FileReads, Disputes, Trash):
    """All methods are safe to call from several threads and processes, and raise :class:`CatalogUnavailable` when it
    does not answer."""

    @abstractmethod
    def commit(self, commits: Sequence[Commit]) -> list[File | EchoError]:
        """Make each version the head of its file, durably, and answer for each in order; independent of each other.

        A commit and its chunks, owed replicas and idempotency record become visible together or not at all. Refusals
        are returned, not raised: :class:`HeadMoved` (the parent is not the head), :class:`NameTaken` (another living
        file has the path), :class:`IdempotencyKeyReused` (the key is recorded already), :class:`QuotaExceeded`.
        Idempotent by dot: a version that is committed already is answered with its file again. Each file's numbers
        have no gaps and no doubles. A tombstone puts its file into the trash; a version that revives it takes it out.
        """

    @abstractmethod
    def commit_together(self, commits: Sequence[Commit], change: FolderChange | None = None) -> list[File]:
        """Make all these versions heads in one step, with what becomes of a folder, or change nothing at all.

        Each commit must hold by itself, as for :meth:`commit`, and no two may concern the same file or path. Raises
        what that would answer; with a ``change`` also :class:`NotFound` (there is no such folder), :class:`NameTaken`
        (something has the path it goes to), :class:`HeadMoved` (a living file would be left in a folder that ends) and
        :class:`InvalidName` (a folder's new path is too long). :class:`InvalidRequest` says that these are more than
        fit in one step of this catalog. Versions are known again by their dots; a ``change`` is not repeatable.
        """

    @abstractmethod
    def make_folder(self, owner_id: str, path: str) -> bool:
        """Make a folder and all above it; whether it is new. Idempotent. Raises :class:`NameTaken` when a living file
        has the path of one of them."""

    @abstractmethod
    def by_dot(self, owner_id: str, dots: Collection[Dot]) -> Mapping[Dot, File]:
        """Which of the versions so named are committed: their files, each with that version as its head, whether it is
        the present one or not. Linearizable."""

    @property
    @abstractmethod
    def follows(self) -> bool:
        """Whether :meth:`changes` and :meth:`last_change` are offered; they raise NotImplementedError if not."""

    @abstractmethod
    def changes(self, after: int, limit: int) -> Changes:
        """Heads as they were committed, after a place in the change sequence.

        Whoever goes on from ``upto`` each time misses none and sees none twice, also while others commit. About
        ``limit`` are returned if there are as many; those of one transaction come together. Writers that wait for each
        other may be shown in another order than they committed in: of one file the highest number is the newest. Places
        fit in 64 bits; take the first from :meth:`last_change`.
        """

    @abstractmethod
    def last_change(self, back: int = 0) -> int:
        """The present place, or the one that about ``back`` changes follow, to begin with the latest of them."""

    @abstractmethod
    def idempotency(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        """What was answered to this key, if anything."""

    @abstractmethod
    def forget_idempotency(self, before: Timestamp) -> int:
        """Drop records made before; how many."""

    @abstractmethod
    def record_chunks(self, chunks: Sequence[ChunkRecord]) -> None:
        """Record chunks ahead of the commit that will refer to them, with their replicas and owed ones. Idempotent:
        replicas add up, and a replica that is owed and present counts as present."""

    @abstractmethod
    def replicas(self, digests: Collection[Digest]) -> Mapping[Digest, tuple[str, ...]]:
        """The workers recorded for each chunk; unknown chunks have no entry."""

    @abstractmethod
    def settle(self, worker_id: str, digests: Iterable[Digest]) -> None:
        """``worker_id`` now holds these chunks: record the replicas and drop what it owed of them. Idempotent."""

    @abstractmethod
    def owe(self, worker_id: str, digests: Iterable[Digest], reason: str, now: Timestamp) -> None:
        """``worker_id`` does not hold a good copy of these chunks: drop the replicas and owe them. Idempotent; unknown
        chunks are ignored."""

    @abstractmethod
    def excuse(self, worker_id: str, digests: Iterable[Digest]) -> None:
        """``worker_id`` owes nothing of these chunks any more, as others hold or owe them in its place. Replicas stay.
        Idempotent."""

    @abstractmethod
    def chunk_page(self, after: str = "", limit: int = 200) -> ChunkPage:
        """One page of the chunks that are live, with at most ``limit`` of them, in an order that is the engine's own;
        ``after`` is the cursor of the page before. Over all pages every chunk comes once that is there all the while.
        Raises :class:`InvalidRequest` for a malformed cursor."""

    @abstractmethod
    def due(self, now: Timestamp, limit: int) -> list[OwedReplica]:
        """Owed replicas whose time has come, the longest due first."""

    @abstractmethod
    def postpone(self, owed: Sequence[OwedReplica], due_at: Timestamp) -> None:
        """Count an attempt for each and make it due later. Idempotent only per call."""

    @abstractmethod
    def hasten(self, worker_id: str, now: Timestamp) -> None:
        """Make everything ``worker_id`` owes due now, because it came back."""

    @abstractmethod
    def outbox_depth(self) -> int:
        """How many replicas are owed."""

    @abstractmethod
    def owed_counts(self) -> Mapping[tuple[str, str], int]:
        """How many replicas are owed, by worker and reason. Takes as long as the outbox is deep."""

    @abstractmethod
    def acquire_lease(self, name: str, holder: str, now: Timestamp, until: Timestamp) -> bool:
        """Take or extend a lease that is free, expired or one's own. A lease saves double work; no safety depends on
        it."""

    @abstractmethod
    def release_lease(self, name: str, holder: str) -> None:
        """Give a lease back. Idempotent."""

    @abstractmethod
    def lease_holder(self, name: str, now: Timestamp) -> str:
        """Who holds a lease that has not expired; ``""`` for nobody."""

    @abstractmethod
    def dump(self, after: str = "", limit: int = 200) -> DumpPage:
        """One page of everything but leases, deleted files included; ``after`` is the cursor of the page before.

        Over all pages every entry comes exactly once, in an order that is the engine's own, as long as nobody writes
        meanwhile. A page has at most ``limit`` entries.
        """

    @abstractmethod
    def restore(self, entries: Sequence[Entry]) -> None:
        """Put entries as they are, without a commit's checks, to fill a catalog nobody else writes to.

        A :class:`PastVersion` comes in the same call as its :class:`File` or in a later one. Numbers may have gaps.
        Trash and usage follow with :meth:`recount`, when all are there. Idempotent: putting the same entries again
        changes nothing. When it raises, some may have been put.
        """

    @abstractmethod
    def empty(self) -> bool:
        """Whether there is nothing to dump."""

    @abstractmethod
    def clear(self) -> None:
        """Forget everything but leases. Only for a catalog whose restoring did not come to its end. Idempotent."""

    @abstractmethod
    def ping(self) -> None:
        """Raise :class:`CatalogUnavailable` unless the catalog answers now."""
