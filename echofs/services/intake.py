"""Turning a stream of bytes into durable chunks in bounded memory."""

from __future__ import annotations

import hashlib

from echofs.core import chunking
from echofs.core.errors import BodyMismatch, TooLarge
from echofs.core.models import ChunkKind, Content, Digest
from echofs.ports.chunks import ChunkCodec, Frame
from echofs.services.shipping import Sent, Shipment


class Intake:
    """One upload's bytes. Not thread-safe: it belongs to the request that reads the body.

    Chunks are hashed, compressed and sent as they fill; nothing is visible to anyone before the version is committed,
    so giving up needs no cleaning: what was stored is unreferenced and will be collected.
    """

    def __init__(self, shipment: Shipment, codec: ChunkCodec, *, chunk_size: int, max_size: int) -> None:
        self._shipment = shipment
        self._codec = codec
        self._chunk_size = chunk_size
        self._max_size = max_size
        self._buffer = bytearray()
        self._size = 0
        self._first: bytes | None = None
        self._whole: hashlib._Hash | None = None
        self._digests: list[Digest] = []
        self._lists: list[Digest] = []
        self._held: Frame | None = None

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

    def send_behind(self, frame: Frame) -> Sent:
        """Send a frame right behind all chunks, in one batch with the last. Raises :class:`Unavailable`."""
        last, self._held = self._held, None
        return self._shipment.send_last(frame, behind=last)

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
        if before is not None:
            self._shipment.send(before)
