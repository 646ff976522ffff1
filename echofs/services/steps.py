"""Many versions in one step, all or none: their manifests go to the workers first, then one step of the catalog makes
them heads. Such steps are strong and never provisional."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from echofs.core.errors import ClusterFull, TooFewReplicas
from echofs.core.models import ChunkRecord, Digest, File, Kind
from echofs.ports.catalog import Catalog, Commit, FolderChange
from echofs.ports.chunks import Frame
from echofs.services.drafting import Draft, Drafting
from echofs.services.heads import Heads
from echofs.services.pending import PendingChunk
from echofs.services.publishing import Wish
from echofs.services.replication import Replicator

SENT_TOGETHER = 32
"""Manifests given to the workers' lanes at a time."""
UNDER_WAY = 256
"""Manifests that may be on their way: each is about a kilobyte."""

Plan = tuple[File | None, Draft]
"""A head, if the file exists, and what is to follow it."""


@dataclass(frozen=True, slots=True)
class Made:
    """The files as a step left them, in the order of its plans; where their manifests lie, as far as they are anywhere;
    and whether reads through all masters see it at once."""

    files: Sequence[File]
    manifests: Mapping[Digest, ChunkRecord]
    told: bool


class Steps:
    """Thread-safe."""

    def __init__(self, catalog: Catalog, replicator: Replicator, heads: Heads, drafting: Drafting) -> None:
        self._catalog = catalog
        self._replicator = replicator
        self._heads = heads
        self._drafting = drafting

    def make(self, owner_id: str, plans: Sequence[Plan], wish: Wish, change: FolderChange | None = None) -> Made:
        """Commit what the plans say and what becomes of a folder, or change nothing.

        Raises what :meth:`Catalog.commit_together` raises, among it :class:`HeadMoved` when a head is no longer the one
        a plan was made from, and what replication raises: tombstones alone can do without workers.
        """
        drafted = [self._drafting.version(head, draft, owner_id, wish.user_name) for head, draft in plans]
        needed = any(draft.kind is not Kind.TOMBSTONE for _, draft in plans)
        records = self._store([frame for _, frame in drafted], needed=needed)
        stored = [(records[frame.digest],) if frame.digest in records else () for _, frame in drafted]
        commits = [
            Commit(owner_id, version, chunks, quota_bytes=wish.quota_bytes)
            for (version, _), chunks in zip(drafted, stored, strict=True)
        ]
        made = self._catalog.commit_together(commits, change)
        told = [self._heads.superseded(file) for file in made]
        return Made(made, records, all(told))

    def _store(self, frames: Sequence[Frame], *, needed: bool) -> Mapping[Digest, ChunkRecord]:
        """Bring all manifests to workers; where they lie. What is not ``needed`` is left out where it cannot be had."""
        records: dict[Digest, ChunkRecord] = {}
        for chunk in self._sent(frames):
            if needed:
                chunk.wait()
            else:
                with suppress(TooFewReplicas, ClusterFull):
                    chunk.wait()
            if needed or chunk.write.acknowledged:
                records[chunk.write.digest] = chunk.record()
        return records

    def _sent(self, frames: Sequence[Frame]) -> Iterator[PendingChunk]:
        """Every chunk in order, once so many are on their way behind it."""
        under_way: deque[PendingChunk] = deque()
        for at in range(0, len(frames), SENT_TOGETHER):
            under_way += self._replicator.submit_together(frames[at : at + SENT_TOGETHER])
            while len(under_way) > UNDER_WAY:
                yield under_way.popleft()
        yield from under_way
