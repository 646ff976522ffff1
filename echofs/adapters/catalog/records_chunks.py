"""Chunks, their replicas and the outbox on DynamoDB: one item for each chunk, changed by compare-and-swap.

Every change reads items, says what they become (:data:`Change`, a pure function) and writes those that differ, on
condition that their revision is still the one read. Whoever loses starts again, so changes must bear repeating.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from echofs.adapters.catalog.chunks import NOT_ACKNOWLEDGED
from echofs.adapters.catalog.records_items import Chunk, chunk_key, chunk_of, owed_of
from echofs.adapters.catalog.records_tables import DUE
from echofs.adapters.dynamodb import ITEMS_AT_ONCE, ConditionFailed, DynamoDB
from echofs.adapters.dynamodb_values import packed
from echofs.core.errors import Unavailable
from echofs.core.models import ChunkRecord, ChunkState, Digest, OwedReplica, Timestamp

Change = Callable[[Digest, Chunk | None], Chunk | None]
"""What a chunk becomes, given what is known of it; None for a chunk that is to stay unknown."""

FRESH_SECONDS = 3600
"""A chunk touched this recently need not be touched again: collection leaves chunks alone for a day, far longer than a
commit takes."""


def recorded(records: Iterable[ChunkRecord], now: Timestamp) -> Change:
    """Chunks become live, replicas add up, and what is owed and present counts as present."""
    wanted: dict[Digest, list[ChunkRecord]] = {}
    for record in records:
        wanted.setdefault(record.digest, []).append(record)

    def change(digest: Digest, chunk: Chunk | None) -> Chunk:
        known = touched(chunk, now) if chunk else Chunk(digest, wanted[digest][-1].size, ChunkState.LIVE, now)
        replicas = known.replicas.union(*(record.replicas for record in wanted[digest]))
        owed = {worker: row for worker, row in known.owed.items() if worker not in replicas}
        for worker in {worker for record in wanted[digest] for worker in record.owed} - replicas - owed.keys():
            owed[worker] = OwedReplica(digest, worker, NOT_ACKNOWLEDGED, now)
        return replace(known, replicas=replicas, owed=owed)

    return change


def touched(chunk: Chunk, now: Timestamp) -> Chunk:
    """The chunk as live and used now. Raises :class:`Unavailable` if it is being deleted."""
    if chunk.state is ChunkState.DELETING:
        raise Unavailable("A chunk of this file is being deleted; send the file again.")
    if chunk.state is ChunkState.LIVE and now - chunk.touched_at < FRESH_SECONDS * 1_000_000:
        return chunk
    return replace(chunk, state=ChunkState.LIVE, touched_at=max(now, chunk.touched_at))


def settled(worker_id: str) -> Change:
    """What a worker owes of known chunks becomes replicas."""

    def change(_: Digest, chunk: Chunk | None) -> Chunk | None:
        if chunk is None:
            return None
        owed = {worker: row for worker, row in chunk.owed.items() if worker != worker_id}
        return replace(chunk, replicas=chunk.replicas | {worker_id}, owed=owed)

    return change


def lost(worker_id: str, reason: str, now: Timestamp) -> Change:
    """A worker's replicas of known chunks become owed ones."""

    def change(digest: Digest, chunk: Chunk | None) -> Chunk | None:
        if chunk is None:
            return None
        row = chunk.owed.get(worker_id) or OwedReplica(digest, worker_id, reason, now)
        return replace(chunk, replicas=chunk.replicas - {worker_id}).owing(row)

    return change


def excused(worker_id: str) -> Change:
    """A worker owes nothing of these chunks any more."""

    def change(_: Digest, chunk: Chunk | None) -> Chunk | None:
        if chunk is None:
            return None
        return replace(chunk, owed={worker: row for worker, row in chunk.owed.items() if worker != worker_id})

    return change


def postponed(rows: Iterable[OwedReplica], due_at: Timestamp) -> Change:
    """Those of the rows that are still owed have one attempt more and are due later."""
    workers: dict[Digest, set[str]] = {}
    for row in rows:
        workers.setdefault(row.digest, set()).add(row.worker_id)

    def change(digest: Digest, chunk: Chunk | None) -> Chunk | None:
        if chunk is None:
            return None
        tried = [chunk.owed[worker] for worker in workers[digest] & chunk.owed.keys()]
        later = {row.worker_id: replace(row, due_at=due_at, attempts=row.attempts + 1) for row in tried}
        return replace(chunk, owed={**chunk.owed, **later})

    return change


def hastened(worker_id: str, now: Timestamp) -> Change:
    """What a worker owes of these chunks is due now, unless it was before."""

    def change(_: Digest, chunk: Chunk | None) -> Chunk | None:
        row = chunk.owed.get(worker_id) if chunk else None
        if chunk is None or row is None or row.due_at <= now:
            return chunk
        return chunk.owing(replace(row, due_at=now))

    return change


class ChunkItems:
    """The chunks table. Safe to share between threads."""

    def __init__(self, dynamodb: DynamoDB, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def find(self, digests: Collection[Digest]) -> dict[Digest, Chunk]:
        """Those of the chunks that are known."""
        keys = [chunk_key(digest) for digest in sorted(set(digests))]
        return {item["pk"]: chunk_of(item) for item in self._dynamodb.get_many(self._table, keys)}

    def change(self, digests: Sequence[Digest], change: Change) -> None:
        """Apply a change to at most ``ITEMS_AT_ONCE`` chunks, to all of them or to none."""
        patience = self._dynamodb.patience()
        while operations := self.operations(digests, change, self.find(digests)):
            try:
                return self._dynamodb.write_all(operations)
            except ConditionFailed as rival:
                patience.wait(rival)

    def operations(
        self, digests: Iterable[Digest], change: Change, present: Mapping[Digest, Chunk]
    ) -> list[dict[str, Any]]:
        """The writes that turn the chunks from what they are into what they are to become."""
        pairs = [(present.get(digest), change(digest, present.get(digest))) for digest in sorted(set(digests))]
        return [self._swap(after) for before, after in pairs if after is not None and after != before]

    def _swap(self, after: Chunk) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": self._table, "Item": packed(after.item())}
        if after.revision:
            put["ConditionExpression"] = "#revision = :revision"
            put["ExpressionAttributeNames"] = {"#revision": "revision"}
            put["ExpressionAttributeValues"] = packed({":revision": after.revision})
        else:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        return {"Put": put}

    def due(self, part: int, now: Timestamp, limit: int) -> list[OwedReplica]:
        """Of one partition of the index, the rows whose time has come, the longest due first."""
        # The first chunks by their earliest row hold the first rows: each has at least one as early as itself.
        entries = islice(self._owing(part, "#part = :part AND #due_at <= :now", {":now": now}, at_once=limit), limit)
        rows = [row for entry in entries for row in owed_of(entry) if row.due_at <= now]
        return heapq.nsmallest(limit, rows, key=place_of)

    def owed_by(self, part: int, worker_id: str) -> Iterator[list[Digest]]:
        """Of one partition of the index, the chunks of which a worker owes its replica, in groups."""
        entries = self._owing(part, "#part = :part", {})
        digests = (entry["pk"] for entry in entries if worker_id in entry.get("owed", {}))
        while group := list(islice(digests, ITEMS_AT_ONCE)):
            yield group

    def depth(self, part: int) -> int:
        """How many replicas are owed in one partition of the index."""
        return sum(entry["owes"] for entry in self._owing(part, "#part = :part", {}, only="owes"))

    def owed_counts(self, part: int) -> Counter[tuple[str, str]]:
        """How many replicas are owed in one partition of the index, by worker and reason."""
        entries = self._owing(part, "#part = :part", {}, only="owed")
        return Counter((worker, row[0]) for entry in entries for worker, row in entry.get("owed", {}).items())

    def _owing(self, part: int, condition: str, values: Mapping[str, int], **options: Any) -> Iterator[dict[str, Any]]:
        names = {"#part": "part"} | ({"#due_at": "due_at"} if values else {})
        bound: dict[str, str | int] = {":part": str(part), **values}
        return self._dynamodb.query(self._table, condition, bound, names=names, index=DUE, consistent=False, **options)


def place_of(row: OwedReplica) -> tuple[Timestamp, Digest, str]:
    """The order in which rows are due."""
    return row.due_at, row.digest, row.worker_id
