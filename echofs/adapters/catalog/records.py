"""The Catalog port on DynamoDB. This file says which calls are made; what they read and write is in its
siblings: :mod:`records_tables` describes the items, :mod:`records_commits` moves heads, :mod:`records_chunks` keeps
chunks and the outbox, :mod:`records_listing` reads files.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import partial
from typing import Any, TypeVar

from echofs.adapters.catalog import records_chunks
from echofs.adapters.catalog.gate import CatalogGate
from echofs.adapters.catalog.records_chunks import Change, ChunkItems
from echofs.adapters.catalog.records_commits import Commits
from echofs.adapters.catalog.records_disputes import Disputes
from echofs.adapters.catalog.records_folders import FolderItems
from echofs.adapters.catalog.records_items import Chunk, lease_key
from echofs.adapters.catalog.records_listing import Listing
from echofs.adapters.catalog.records_sessions import SessionItems
from echofs.adapters.catalog.records_tables import PARTS, TableNames
from echofs.adapters.catalog.records_transfer import Transfer
from echofs.adapters.catalog.records_trash import RecordsTrash
from echofs.adapters.dynamodb import ITEMS_AT_ONCE, DynamoDB
from echofs.core.errors import CatalogUnavailable, EchoError
from echofs.core.models import (
    ChunkRecord,
    ConflictRecord,
    ConflictState,
    Digest,
    Dot,
    File,
    Floor,
    FloorScope,
    IdempotencyRecord,
    OwedReplica,
    Timestamp,
    Version,
)
from echofs.ports.catalog import Catalog, Changes, ChunkPage, Commit, DumpPage, Entry, FolderChange
from echofs.ports.disputes import ConflictPage
from echofs.ports.listing import ListQuery, Page
from echofs.ports.runtime import Clock
from echofs.ports.trash import HistoryPage

T = TypeVar("T")
R = TypeVar("R")

SIDE_BY_SIDE = 8
"""Calls that one catalog makes at a time on behalf of one of its own."""


class RecordsCatalog(RecordsTrash, Catalog):
    """A catalog in tables that :func:`~echofs.adapters.catalog.records_tables.create_tables` made.

    ``client`` is one from :func:`echofs.adapters.dynamodb.open_client`, made in this process. The clock says only
    when a chunk was last touched and from when on a replica is owed. All calls pass ``gate``.
    """

    def __init__(self, client: Any, names: TableNames, clock: Clock, gate: CatalogGate | None = None) -> None:
        passing = gate.passing if gate else nullcontext
        super().__init__(DynamoDB(client, CatalogUnavailable, passing=passing), names)
        self._clock = clock
        self._threads = ThreadPoolExecutor(SIDE_BY_SIDE, "dynamodb")  # starts none before there is work
        self._chunks = ChunkItems(self._dynamodb, names.chunks)
        self._commits = Commits(self._dynamodb, names, self._chunks, clock, self._side_by_side)
        self._listing = Listing(self._dynamodb, names)
        self._sessions = SessionItems(self._dynamodb, names.sessions)
        self._disputes = Disputes(self._dynamodb, names.files)
        parts = self._listing, self._commits, self._disputes
        self._folders = FolderItems(self._dynamodb, names, *parts, self._side_by_side)
        self._transfer = Transfer(self._dynamodb, names, self._listing.created_at, self.past)

    def _side_by_side(self, function: Callable[[T], R], values: Sequence[T]) -> list[R]:
        """Not for use inside such a function: all threads would wait for each other."""
        if len(values) < 2:
            return [function(value) for value in values]
        return list(self._threads.map(function, values))

    def commit(self, commits: Sequence[Commit]) -> list[File | EchoError]:
        return self._commits.make(commits)

    def commit_together(self, commits: Sequence[Commit], change: FolderChange | None = None) -> list[File]:
        return self._folders.commit_together(commits, change)

    def make_folder(self, owner_id: str, path: str) -> bool:
        return self._folders.make(owner_id, path)

    def by_dot(self, owner_id: str, dots: Collection[Dot]) -> Mapping[Dot, File]:
        return self._listing.by_dot(owner_id, dots)

    def file(self, owner_id: str, file_id: str) -> File:
        return self._listing.one(owner_id, file_id)

    def head(self, owner_id: str, file_id: str) -> File:
        return self._listing.head(owner_id, file_id)

    def file_at(self, owner_id: str, path: str) -> File:
        return self._listing.one_at(owner_id, path)

    def files(self, query: ListQuery) -> Page:
        return self._listing.page(query)

    def folders(self, owner_id: str, parent: str) -> list[str]:
        return self._listing.subfolders(owner_id, parent)

    def versions(self, owner_id: str, file_id: str) -> list[Version]:
        return self._listing.history(owner_id, file_id)

    @property
    def follows(self) -> bool:
        return False  # Nothing on DynamoDB has one order but a single item, which all writers would wait for.

    def changes(self, after: int, limit: int) -> Changes:
        raise NotImplementedError("DynamoDB keeps no order of all changes")

    def last_change(self, back: int = 0) -> int:
        raise NotImplementedError("DynamoDB keeps no order of all changes")

    def record_conflict(self, record: ConflictRecord) -> None:
        self._disputes.record(record)

    def conflicts(
        self, owner_id: str, state: ConflictState | None = None, after: str = "", limit: int = 100
    ) -> ConflictPage:
        return self._disputes.page(owner_id, state, after, limit)

    def conflict(self, owner_id: str, conflict_id: str) -> ConflictRecord:
        return self._disputes.one(owner_id, conflict_id)

    def close_conflict(
        self, owner_id: str, conflict_id: str, kept: Sequence[tuple[str, int]], now: Timestamp
    ) -> ConflictRecord:
        return self._disputes.close(owner_id, conflict_id, kept, now)

    def floors(self, owner_id: str) -> list[Floor]:
        return self._disputes.floors(owner_id)

    def set_floor(self, floor: Floor) -> None:
        self._disputes.set_floor(floor)

    def drop_floor(self, owner_id: str, scope: FloorScope, key: str) -> None:
        self._disputes.drop_floor(owner_id, scope, key)

    def idempotency(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        return self._sessions.answer(owner_id, key)

    def forget_idempotency(self, before: Timestamp) -> int:
        return sum(self._side_by_side(partial(self._sessions.forget, before), range(PARTS)))

    def record_chunks(self, records: Sequence[ChunkRecord]) -> None:
        digests = {record.digest for record in records}
        now = self._clock.now()
        if len(digests) > ITEMS_AT_ONCE:
            # Looked at before the first group is written: a chunk being deleted in the last one refuses all.
            for chunk in self._found(digests).values():
                records_chunks.touched(chunk, now)
        self._change(digests, records_chunks.recorded(records, now))

    def replicas(self, digests: Collection[Digest]) -> Mapping[Digest, tuple[str, ...]]:
        return {digest: tuple(sorted(chunk.replicas)) for digest, chunk in self._found(digests).items()}

    def settle(self, worker_id: str, digests: Iterable[Digest]) -> None:
        self._change(digests, records_chunks.settled(worker_id))

    def owe(self, worker_id: str, digests: Iterable[Digest], reason: str, now: Timestamp) -> None:
        self._change(digests, records_chunks.lost(worker_id, reason, now))

    def excuse(self, worker_id: str, digests: Iterable[Digest]) -> None:
        self._change(digests, records_chunks.excused(worker_id))

    def chunk_page(self, after: str = "", limit: int = 200) -> ChunkPage:
        return self._transfer.chunk_page(after, limit)

    def due(self, now: Timestamp, limit: int) -> list[OwedReplica]:
        parts = self._side_by_side(partial(self._chunks.due, now=now, limit=limit), range(PARTS))
        rows = heapq.merge(*parts, key=records_chunks.place_of)
        return [row for row, _ in zip(rows, range(limit), strict=False)]

    def postpone(self, owed: Sequence[OwedReplica], due_at: Timestamp) -> None:
        self._change((row.digest for row in owed), records_chunks.postponed(owed, due_at))

    def hasten(self, worker_id: str, now: Timestamp) -> None:
        change = records_chunks.hastened(worker_id, now)

        def hasten(part: int) -> None:
            for digests in self._chunks.owed_by(part, worker_id):
                self._chunks.change(digests, change)

        self._side_by_side(hasten, range(PARTS))

    def outbox_depth(self) -> int:
        return sum(self._side_by_side(self._chunks.depth, range(PARTS)))

    def owed_counts(self) -> Mapping[tuple[str, str], int]:
        total: Counter[tuple[str, str]] = Counter()
        for counts in self._side_by_side(self._chunks.owed_counts, range(PARTS)):
            total.update(counts)
        return total

    def acquire_lease(self, name: str, holder: str, now: Timestamp, until: Timestamp) -> bool:
        return self._sessions.acquire(name, holder, now, until)

    def release_lease(self, name: str, holder: str) -> None:
        self._sessions.release(name, holder)

    def lease_holder(self, name: str, now: Timestamp) -> str:
        return self._sessions.holder(name, now)

    def histories(self, after: str = "", limit: int = 200) -> HistoryPage:
        return self._transfer.histories(after, limit)

    def recount(self) -> None:
        self._transfer.recount()

    def dump(self, after: str = "", limit: int = 200) -> DumpPage:
        return self._transfer.dump(after, limit)

    def restore(self, entries: Sequence[Entry]) -> None:
        self._transfer.restore(entries)

    def empty(self) -> bool:
        return self._transfer.empty()

    def clear(self) -> None:
        self._transfer.clear()

    def ping(self) -> None:
        for table, key in (
            (self._names.files, {"pk": "ping", "sk": "ping"}),
            (self._names.chunks, {"pk": "ping"}),
            (self._names.sessions, {"pk": "ping"}),
        ):
            self._dynamodb.get(table, key)

    def _found(self, digests: Collection[Digest]) -> dict[Digest, Chunk]:
        found: dict[Digest, Chunk] = {}
        for some in self._side_by_side(self._chunks.find, _groups(digests)):
            found.update(some)
        return found

    def _change(self, digests: Iterable[Digest], change: Change) -> None:
        self._side_by_side(partial(self._chunks.change, change=change), _groups(digests))


def _groups(digests: Iterable[Digest]) -> list[list[Digest]]:
    """The digests in groups of one call each."""
    ordered = sorted(set(digests))
    return [ordered[at : at + ITEMS_AT_ONCE] for at in range(0, len(ordered), ITEMS_AT_ONCE)]


class RecordsProbe:
    """The trivial question of :class:`~echofs.adapters.catalog.gate.CatalogGate`, asked once; ``client`` says how long
    it waits for the answer."""

    def __init__(self, client: Any, names: TableNames) -> None:
        self._dynamodb = DynamoDB(client, CatalogUnavailable, deadline_seconds=0)
        self._names = names

    def __call__(self, _seconds: float) -> None:
        """Raises :class:`CatalogUnavailable`."""
        self._dynamodb.get(self._names.sessions, lease_key("probe"))
