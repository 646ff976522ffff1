"""Turning a stream of bytes into durable chunks in bounded memory."""

from __future__ import annotations

import copy
import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping

from echofs.core import chunking
from echofs.core.errors import BodyMismatch, TooLarge
from echofs.core.models import ChunkKind, ChunkRecord, Content, Digest
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import ChunkCodec, Frame
from echofs.services.pending import PendingChunk
from echofs.services.replication import Replicator

MAX_UNSAFE = 20
"""Chunks of one upload that may be on their way at once."""
RECORD_AHEAD = 1024
"""Chunks of a long upload are recorded in the catalog in groups of this size, so that memory stays bounded."""


class Tally:
    """What all chunks of a version have in common: the fewest replicas and zones of any, and the workers that hold
    each. ``zones`` answers with the zone of every worker known at the moment: some may join during a long upload."""

    def __init__(self, zones: Callable[[], Mapping[str, str]]) -> None:
        self._zones = zones
        self.replicas = 0
        self.zones = 0
        self.workers: frozenset[str] = frozenset()
        self.owed = 0
        self._chunks = 0

    def add(self, record: ChunkRecord) -> None:
        """Count one chunk."""
        held, known = frozenset(record.replicas), self._zones()
        zones = len({known[worker] for worker in held if worker in known})
        first = self._chunks == 0
        self.replicas = len(held) if first else min(self.replicas, len(held))
        self.zones = zones if first else min(self.zones, zones)
        self.workers = held if first else self.workers & held
        self.owed += len(record.owed)
        self._chunks += 1

    def including(self, records: Iterable[ChunkRecord]) -> Tally:
        """A copy that counts some more chunks."""
        wider = copy.copy(self)
        for record in records:
            wider.add(record)
        return wider


class Intake:
    """One upload's bytes. Not thread-safe: it belongs to the request that reads the body.

    Chunks are hashed, compressed and sent as they fill; nothing is visible to anyone before the version is committed,
    so giving up needs no cleaning: what was stored is unreferenced and will be collected.
    """

    def __init__(
        self,
        replicator: Replicator,
        codec: ChunkCodec,
        catalog: Catalog,
        tally: Tally,
        *,
        chunk_size: int,
        max_size: int,
    ) -> None:
        self._replicator = replicator
        self._codec = codec
        self._catalog = catalog
        self._tally = tally
        self._chunk_size = chunk_size
        self._max_size = max_size
        self._buffer = bytearray()
        self._size = 0
        self._first: bytes | None = None
        self._whole: hashlib._Hash | None = None
        self._digests: list[Digest] = []
        self._lists: list[Digest] = []
        self._held: Frame | None = None
        self._unsafe: deque[PendingChunk] = deque()
        self._safe: list[PendingChunk] = []

    def write(self, data: bytes) -> None:
        """Take the next bytes of the body, any number; a whole chunk at a time is taken without a copy.

        Raises :class:`TooLarge` beyond the size limit, and whatever replication raises.
        """
        self._size += len(data)
        if self._max_size and self._size > self._max_size:
            raise TooLarge(f"The file is larger than the {self._max_size} bytes allowed here.")
        if not self._buffer and len(data) == self._chunk_size:
            self._cut(data)
            return
        self._buffer += data
        while len(self._buffer) >= self._chunk_size:
            chunk = bytes(memoryview(self._buffer)[: self._chunk_size])
            del self._buffer[: self._chunk_size]
            self._cut(chunk)

    def finish(self, declared_size: int | None, declared_digest: Digest | None) -> Content:
        """All bytes have come: check them against what was declared and describe them.

        The last chunk waits for :meth:`submit_behind` to go with the manifest, so that a small file costs each worker
        one request. Raises :class:`BodyMismatch`.
        """
        if declared_size is not None and declared_size != self._size:
            raise BodyMismatch(f"The body has {self._size} bytes, {declared_size} were declared; nothing was stored.")
        if self._buffer:
            self._cut(bytes(self._buffer))
            self._buffer.clear()
        digest = self._whole_digest()
        if declared_digest is not None and declared_digest != digest:
            raise BodyMismatch("The body's SHA-256 is not the one declared; nothing was stored.")
        if not self._lists and len(self._digests) <= chunking.INLINE_CHUNKS:
            inline = chunking.pack_digests(self._digests)
        else:
            inline = b""
            self._store_list()
        return Content(self._size, digest, self._chunk_size, inline, chunking.pack_digests(self._lists))

    def submit_behind(self, frame: Frame) -> PendingChunk:
        """Send a frame right behind all chunks, in one batch with the last. Raises :class:`Unavailable`."""
        last, self._held = self._held, None
        if last is None:
            return self._replicator.submit(frame)
        chunk, behind = self._replicator.submit_together((last, frame))
        self._unsafe.append(chunk)
        return behind

    def records(self) -> list[ChunkRecord]:
        """Wait until every chunk is safe; where those lie that are not recorded in the catalog yet, each counted in
        the tally."""
        if self._held is not None:
            self._unsafe.append(self._replicator.submit(self._held))
            self._held = None
        self._await(0)
        return self._take_records()

    def _cut(self, chunk: bytes) -> None:
        frame = self._codec.encode(chunk)
        self._hash_whole(chunk)
        self._digests.append(frame.digest)
        self._send(frame)
        if len(self._digests) == chunking.DIGESTS_PER_LIST:
            self._store_list()

    def _hash_whole(self, chunk: bytes) -> None:
        """A file of one chunk has that chunk's digest: the second hash begins with the second chunk."""
        if self._first is None and self._whole is None:
            self._first = chunk
            return
        if self._whole is None:
            self._whole = hashlib.sha256(self._first or b"")
            self._first = None
        self._whole.update(chunk)

    def _whole_digest(self) -> Digest:
        if self._whole is not None:
            return self._whole.hexdigest()
        return self._digests[0] if self._digests else chunking.EMPTY_DIGEST

    def _store_list(self) -> None:
        """Keep a full list of digests as a chunk of its own."""
        if self._digests:
            frame = self._codec.encode(chunking.pack_digests(self._digests), kind=ChunkKind.LIST)
            self._lists.append(frame.digest)
            self._digests.clear()
            self._send(frame)

    def _send(self, frame: Frame) -> None:
        """Send the frame before this one, which may turn out to be the last."""
        before, self._held = self._held, frame
        if before is None:
            return
        self._unsafe.append(self._replicator.submit(before))
        self._await(MAX_UNSAFE)
        if len(self._safe) >= RECORD_AHEAD:
            self._catalog.record_chunks(self._take_records())

    def _await(self, allowed: int) -> None:
        while self._unsafe and (len(self._unsafe) > allowed or self._unsafe[0].resolved):
            chunk = self._unsafe.popleft()
            chunk.wait()
            self._safe.append(chunk)

    def _take_records(self) -> list[ChunkRecord]:
        records = [chunk.record() for chunk in self._safe]
        self._safe.clear()
        for record in records:
            self._tally.add(record)
        return records
