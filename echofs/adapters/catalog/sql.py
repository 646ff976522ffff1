"""The Catalog port on SQLite and PostgreSQL. This file holds the transactions; the statements live in its siblings."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection, Engine, select

from echofs.adapters.catalog import (
    answering,
    changes,
    chunks,
    commits,
    disputes,
    folders,
    leasing,
    ledger,
    listing,
    transfer,
    trashing,
)
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.races import LostRace, again
from echofs.adapters.catalog.rows import slices
from echofs.core.errors import Conflict, EchoError, Unavailable
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
from echofs.core.usage import Usage
from echofs.ports.catalog import Catalog, Changes, ChunkPage, Commit, DumpPage, Entry, FolderChange
from echofs.ports.disputes import ConflictPage
from echofs.ports.listing import ListedPage, ListQuery, Page
from echofs.ports.runtime import Clock
from echofs.ports.trash import HistoryPage, Trashed, TrashPage

_PING = select(1)


class SqlCatalog(Catalog):
    """A catalog in the tables of :mod:`echofs.adapters.catalog.tables`, which must exist already.

    ``engine`` is one from :func:`echofs.adapters.catalog.schema.open_engine`. The clock says only when a chunk was last
    touched and from when on a replica is owed.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._connections = Connections(engine)
        self._clock = clock

    def commit(self, batch: Sequence[Commit]) -> list[File | EchoError]:
        # Not looked at before it is this writer's turn: who joins a batch meanwhile is taken along.
        try:
            return again(lambda attempt: self._commit(batch, careful=attempt > 0))
        except LostRace as error:
            # The rival that keeps winning concerns one of them; the others need not lose with it.
            return [error] if len(batch) == 1 else [answer for one in batch for answer in self.commit([one])]

    def _commit(self, batch: Sequence[Commit], *, careful: bool) -> list[File | EchoError]:
        with self._connections.writing() as connection:
            return commits.make(connection, batch, self._clock.now(), careful=careful)

    def commit_together(self, batch: Sequence[Commit], change: FolderChange | None = None) -> list[File]:
        return again(lambda attempt: self._commit_together(batch, change, careful=attempt > 0))

    def _commit_together(self, batch: Sequence[Commit], change: FolderChange | None, *, careful: bool) -> list[File]:
        with self._connections.writing() as connection:
            return commits.make_together(connection, batch, change, self._clock.now(), careful=careful)

    def make_folder(self, owner_id: str, path: str) -> bool:
        return self._connections.write(partial(folders.make, owner_id=owner_id, path=path))

    def by_dot(self, owner_id: str, dots: Collection[Dot]) -> Mapping[Dot, File]:
        found: dict[Dot, File] = {}
        for part in slices(dots):
            with self._connections.reading() as connection:
                found.update(commits.by_dot(connection, part))
        return {dot: file for dot, file in found.items() if file.owner_id == owner_id}

    def file(self, owner_id: str, file_id: str) -> File:
        with self._connections.reading() as connection:
            return listing.one(connection, owner_id, file_id)

    def head(self, owner_id: str, file_id: str) -> File:
        with self._connections.reading() as connection:
            return listing.head(connection, owner_id, file_id)

    def file_at(self, owner_id: str, path: str) -> File:
        with self._connections.reading() as connection:
            return listing.one_at(connection, owner_id, path)

    def files(self, query: ListQuery) -> Page:
        with self._connections.reading() as connection:
            return listing.page(connection, query)

    def listed(self, query: ListQuery) -> ListedPage:
        with self._connections.reading() as connection:
            return listing.listed(connection, query)

    def folders(self, owner_id: str, parent: str) -> list[str]:
        with self._connections.reading() as connection:
            return listing.subfolders(connection, owner_id, parent)

    def versions(self, owner_id: str, file_id: str) -> list[Version]:
        with self._connections.reading() as connection:
            return listing.history(connection, owner_id, file_id)

    @property
    def follows(self) -> bool:
        return True

    def changes(self, after: int, limit: int) -> Changes:
        with self._connections.reading() as connection:
            return changes.after(connection, after, limit)

    def last_change(self, back: int = 0) -> int:
        with self._connections.reading() as connection:
            return changes.last(connection, back)

    def record_conflict(self, record: ConflictRecord) -> None:
        self._connections.write(partial(disputes.record, records=[record]))

    def conflicts(
        self, owner_id: str, state: ConflictState | None = None, after: str = "", limit: int = 100
    ) -> ConflictPage:
        with self._connections.reading() as connection:
            return disputes.page(connection, owner_id, state, after, limit)

    def conflict(self, owner_id: str, conflict_id: str) -> ConflictRecord:
        with self._connections.reading() as connection:
            return disputes.one(connection, owner_id, conflict_id)

    def close_conflict(
        self, owner_id: str, conflict_id: str, kept: Sequence[tuple[str, int]], now: Timestamp
    ) -> ConflictRecord:
        close = partial(disputes.close, owner_id=owner_id, conflict_id=conflict_id, kept=kept, now=now)
        return self._connections.write(close)

    def floors(self, owner_id: str) -> list[Floor]:
        with self._connections.reading() as connection:
            return disputes.floors_of(connection, owner_id)

    def set_floor(self, floor: Floor) -> None:
        self._connections.write(partial(disputes.set_floor, floor=floor))

    def drop_floor(self, owner_id: str, scope: FloorScope, key: str) -> None:
        self._connections.write(partial(disputes.drop_floor, owner_id=owner_id, scope=scope, key=key))

    def trash(self, owner_id: str, after: str = "", limit: int = 100) -> TrashPage:
        with self._connections.reading() as connection:
            return trashing.page(connection, owner_id, after, limit)

    def trashed(self, owner_id: str, file_id: str) -> Trashed:
        with self._connections.reading() as connection:
            return trashing.one(connection, owner_id, file_id)

    def purge(self, owner_id: str, seen: Collection[Trashed]) -> int:
        named = sorted({(each.file_id, each.number) for each in seen})
        return sum(
            self._connections.write(partial(trashing.purge, owner_id=owner_id, seen=dict(part)))
            for part in slices(named, trashing.PURGED_TOGETHER)
        )

    def expired(self, before: Timestamp, limit: int) -> list[Trashed]:
        with self._connections.reading() as connection:
            return trashing.expired(connection, before, limit)

    def usage(self, owner_id: str) -> Usage:
        with self._connections.reading() as connection:
            return ledger.usage_of(connection, owner_id)

    def usages(self, owner_ids: Collection[str]) -> Mapping[str, Usage]:
        with self._connections.reading() as connection:
            return ledger.usages_of(connection, owner_ids)

    def histories(self, after: str = "", limit: int = 200) -> HistoryPage:
        with self._connections.reading() as connection:
            return trashing.histories(connection, after, limit)

    def drop_versions(self, file_id: str, numbers: Collection[int]) -> int:
        return sum(
            self._connections.write(partial(trashing.drop, file_id=file_id, numbers=part))
            for part in slices(sorted(set(numbers)))
        )

    def recount(self) -> None:
        with self._connections.writing() as connection, transfer.patient(connection):
            trashing.recount(connection)

    def idempotency(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        with self._connections.reading() as connection:
            return answering.answered(connection, owner_id, key)

    def forget_idempotency(self, before: Timestamp) -> int:
        return self._connections.sweep(answering.FORGET, {"before": before})

    def record_chunks(self, records: Sequence[ChunkRecord]) -> None:
        self._connections.write(partial(self._record, records))

    def _record(self, records: Sequence[ChunkRecord], connection: Connection) -> None:
        if not chunks.record(connection, records, self._clock.now()):
            raise Unavailable("A chunk of this file is being deleted; send the file again.")

    def replicas(self, digests: Collection[Digest]) -> Mapping[Digest, tuple[str, ...]]:
        found: dict[Digest, tuple[str, ...]] = {}
        for part in slices(digests):
            with self._connections.reading() as connection:
                found.update(chunks.workers_of(connection, part))
        return found

    def settle(self, worker_id: str, digests: Iterable[Digest]) -> None:
        for part in slices(sorted(set(digests))):
            self._connections.write(partial(chunks.settle, worker_id=worker_id, digests=part))

    def owe(self, worker_id: str, digests: Iterable[Digest], reason: str, now: Timestamp) -> None:
        for part in slices(sorted(set(digests))):
            self._connections.write(partial(chunks.owe, worker_id=worker_id, digests=part, reason=reason, now=now))

    def excuse(self, worker_id: str, digests: Iterable[Digest]) -> None:
        for part in slices(sorted(set(digests))):
            self._connections.write(partial(chunks.excuse, worker_id=worker_id, digests=part))

    def chunk_page(self, after: str = "", limit: int = 200) -> ChunkPage:
        with self._connections.reading() as connection:
            return transfer.chunk_page(connection, after, limit)

    def due(self, now: Timestamp, limit: int) -> list[OwedReplica]:
        with self._connections.reading() as connection:
            return chunks.due(connection, now, limit)

    def postpone(self, owed: Sequence[OwedReplica], due_at: Timestamp) -> None:
        for part in slices(owed):
            self._connections.write(partial(chunks.postpone, owed=part, due_at=due_at))

    def hasten(self, worker_id: str, now: Timestamp) -> None:
        self._connections.sweep(chunks.HASTEN, {"worker": worker_id, "now": now})

    def outbox_depth(self) -> int:
        with self._connections.reading() as connection:
            return chunks.depth(connection)

    def owed_counts(self) -> Mapping[tuple[str, str], int]:
        with self._connections.reading() as connection:
            return chunks.owed_counts(connection)

    def acquire_lease(self, name: str, holder: str, now: Timestamp, until: Timestamp) -> bool:
        return self._connections.write(partial(leasing.acquire, name=name, holder=holder, now=now, until=until))

    def release_lease(self, name: str, holder: str) -> None:
        with self._connections.writing() as connection:
            leasing.release(connection, name, holder)

    def lease_holder(self, name: str, now: Timestamp) -> str:
        with self._connections.reading() as connection:
            return leasing.holder_of(connection, name, now)

    def dump(self, after: str = "", limit: int = 200) -> DumpPage:
        with self._connections.reading() as connection:
            return transfer.page(connection, after, limit)

    def restore(self, entries: Sequence[Entry]) -> None:
        try:
            with self._connections.writing() as connection:
                transfer.put(connection, entries)
        except LostRace as error:
            raise Conflict("Two entries contradict each other, or what the catalog holds; nothing was put.") from error

    def empty(self) -> bool:
        with self._connections.reading() as connection:
            return transfer.empty(connection)

    def clear(self) -> None:
        with self._connections.writing() as connection:
            transfer.clear(connection)

    def ping(self) -> None:
        with self._connections.reading() as connection:
            connection.execute(_PING)
