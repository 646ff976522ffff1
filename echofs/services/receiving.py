"""The bytes of one request of a resumable upload, on their way to the workers."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from echofs.core.chunking import pack_digests, unpack_digests
from echofs.core.models import ChunkKind, ChunkRecord, Digest
from echofs.core.received import Received
from echofs.ports.chunks import ChunkCodec, Frame
from echofs.services.pending import PendingChunk
from echofs.services.reading import ChunkReader
from echofs.services.replication import Replicator
from echofs.services.shipping import MAX_UNSAFE
from echofs.services.whole_hashes import Hashed


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an upload has come; ``hashed`` is the hash of all that, None where this process did not see all of it."""

    received: Received
    hashed: Hashed | None


class Receiving:
    """Cuts a stream into chunks and sends them. Not thread-safe: it belongs to the request that reads the body.

    Every chunk must be as safe as a strong write demands before it counts: :attr:`safe` is what whoever resumes, on
    whatever master, may rely on.
    """

    def __init__(
        self, replicator: Replicator, chunks: ChunkReader, codec: ChunkCodec, received: Received, hashed: Hashed | None
    ) -> None:
        """Goes on behind what was ``received``, of which the last piece is read back: raises
        :class:`ChunkUnavailable`."""
        self.safe = Progress(received, hashed)
        self._replicator = replicator
        self._chunks = chunks
        self._codec = codec
        self._sent = self.safe
        self._window: deque[tuple[PendingChunk, Progress]] = deque()
        self._records: list[ChunkRecord] = []
        self._folded: list[Digest] | None = None
        self._buffer = bytearray(chunks.read([received.piece])[received.piece] if received.piece else b"")
        self._hashed_already = len(self._buffer)

    @property
    def size(self) -> int:
        """All bytes of the file that have come, in this request and before."""
        return self._sent.received.whole_size + len(self._buffer)

    def write(self, data: bytes) -> None:
        """Take the next bytes of the body, any number. Raises what replication raises."""
        chunk_size = self.safe.received.chunk_size
        if not self._buffer and len(data) == chunk_size:
            self._cut(data)
            return
        self._buffer += data
        while len(self._buffer) >= chunk_size:
            chunk = bytes(memoryview(self._buffer)[:chunk_size])
            del self._buffer[:chunk_size]
            self._cut(chunk)

    def end(self) -> None:
        """No more bytes will come in this request: store those that fill no chunk, and wait until all is safe. Raises
        what replication raises."""
        received = self._sent.received
        if len(self._buffer) > received.piece_size:
            frame = self._codec.encode(bytes(self._buffer))
            self._send(frame, received.with_piece(frame.digest, len(self._buffer)), self._hash(self._buffer))
        self._settle(0)

    @property
    def unrecorded(self) -> Sequence[ChunkRecord]:
        """Where the safe chunks lie of which the catalog was not told yet."""
        return self._records

    def recorded(self) -> None:
        """The catalog knows of them now."""
        self._records.clear()

    def _cut(self, chunk: bytes) -> None:
        if self._sent.received.is_full:
            self._fold()
        frame = self._codec.encode(chunk)
        self._send(frame, self._sent.received.with_chunk(frame.digest), self._hash(chunk))

    def _fold(self) -> None:
        """Put all digests since the last full list in a list chunk; those of an earlier request are read back."""
        received = self._sent.received
        if self._folded is None:
            self._folded = folded_digests(self._chunks, received)
        self._folded += unpack_digests(received.inline)
        frame = self._codec.encode(pack_digests(self._folded), kind=ChunkKind.LIST)
        received = received.with_fold(frame.digest)
        if not received.folded:
            self._folded = []
        self._send(frame, received, self._sent.hashed)

    def _hash(self, data: bytes | bytearray) -> Hashed | None:
        """The hash with these bytes, of which the first ones may be in it already."""
        before, self._hashed_already = self._hashed_already, 0
        if self._sent.hashed is None:
            return None
        state = self._sent.hashed.state.copy()
        state.update(memoryview(data)[before:])
        return Hashed(self._sent.hashed.size + len(data) - before, state)

    def _send(self, frame: Frame, received: Received, hashed: Hashed | None) -> None:
        self._sent = Progress(received, hashed)
        self._window.append((self._replicator.submit(frame), self._sent))
        self._settle(MAX_UNSAFE)

    def _settle(self, allowed: int) -> None:
        """Wait until at most so many chunks are not safe yet."""
        while self._window and (len(self._window) > allowed or self._window[0][0].resolved):
            chunk, progress = self._window.popleft()
            chunk.wait()
            self._records.append(chunk.record())
            self.safe = progress


def folded_digests(chunks: ChunkReader, received: Received) -> list[Digest]:
    """The digests in the list chunk that is not full, if there is one. Raises :class:`ChunkUnavailable`."""
    return unpack_digests(chunks.read([received.folded])[received.folded]) if received.folded else []
