"""One request's part of a resumable upload: its bytes on the workers, and how far that has come in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from echofs.core.errors import EchoError, TooLarge, UploadMoved
from echofs.core.models import ChunkRecord, Timestamp
from echofs.core.usage import Allowance
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import ChunkCodec
from echofs.ports.resumable import UploadLedger, UploadRecord
from echofs.ports.runtime import Clock, Meters
from echofs.services.reading import ChunkReader
from echofs.services.receiving import Receiving
from echofs.services.replication import Replicator
from echofs.services.whole_hashes import Hashed, WholeHashes

ADVANCE_SECONDS = 0.5
"""The ledger is brought up to date so often: what may have to come again took no longer to come."""
_SECOND = 1_000_000


class Receptions:
    """Begins receptions. Thread-safe."""

    def __init__(
        self,
        ledger: UploadLedger,
        catalog: Catalog,
        replicator: Replicator,
        chunks: ChunkReader,
        codec: ChunkCodec,
        hashes: WholeHashes,
        clock: Clock,
        meters: Meters,
        *,
        expires_seconds: float,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._replicator = replicator
        self._chunks = chunks
        self._codec = codec
        self._hashes = hashes
        self._clock = clock
        self._meters = meters
        self._life = int(expires_seconds * _SECOND)

    def begin(self, record: UploadRecord, allow: Callable[[], Allowance]) -> Reception:
        """Take an upload over, unless it is so new that nobody else knows it: then ``allow`` is asked for its owner's
        allowance when it is first written down. Raises :class:`UploadMoved` when another request was faster, and what
        reading back the last piece raises."""
        record = self._write_down(record) if record.is_written else record
        return Reception(self, record, self._receiving(record), self._clock, allow)

    def expiry(self) -> Timestamp:
        """Until when an upload that is begun or gone on with now waits."""
        return self._clock.now() + self._life

    def advance(self, record: UploadRecord, receiving: Receiving, allow: Callable[[], Allowance]) -> UploadRecord:
        """Write down what is safe by now. Raises :class:`UploadMoved` when another request has taken over, and
        :class:`QuotaExceeded` for a new upload beyond its owner's allowance."""
        if receiving.unrecorded:
            # First, so that whatever the ledger names is known to those who collect what nobody refers to.
            self._catalog.record_chunks(receiving.unrecorded)
            receiving.recorded()
        received = receiving.safe.received
        if received == record.received and record.is_written:
            return record
        allowance = None if record.is_written else allow()
        moved = self._write_down(replace(record, received=received), allowance)
        self._meters.add("bytes_received", received.size - record.received.size)
        self.remember(moved, receiving)
        return moved

    def remember(self, record: UploadRecord, receiving: Receiving) -> None:
        """Keep the hash of what is safe, if this process saw all of it, for the end or the next request."""
        if receiving.safe.hashed is not None:
            self._hashes.keep(record.id, receiving.safe.hashed)

    def _write_down(self, record: UploadRecord, allowance: Allowance | None = None) -> UploadRecord:
        moved = self._ledger.advance(replace(record, expires_at=self.expiry()), allowance)
        if moved is None:
            raise UploadMoved("Another request goes on with this upload; ask for its offset.", field="Upload-Offset")
        return moved

    def _receiving(self, record: UploadRecord) -> Receiving:
        received = record.received
        hashed: Hashed | None = self._hashes.known(record.id)
        if record.length <= received.chunk_size or (hashed and hashed.size != received.size):
            # One chunk is its own hash; and bytes that came elsewhere are read back at the end.
            hashed = None
        return Receiving(self._replicator, self._chunks, self._codec, received, hashed)


class Reception:
    """Not thread-safe: it belongs to the request that reads the body. ``record`` is the upload as far as it is written
    down; or all of a new upload that came so quickly that it need not be, whose ``chunks`` the catalog is to be told of
    with the file."""

    def __init__(
        self,
        receptions: Receptions,
        record: UploadRecord,
        receiving: Receiving,
        clock: Clock,
        allow: Callable[[], Allowance],
    ) -> None:
        self.record = record
        self.chunks: tuple[ChunkRecord, ...] = ()
        self._receptions = receptions
        self._receiving = receiving
        self._clock = clock
        self._allow = allow
        self._advanced_at = clock.monotonic()

    def take(self, pieces: Iterable[bytes], *, advancing: bool) -> None:
        """All pieces of the body; ``advancing`` writes down now and then how far it has come. Raises :class:`TooLarge`,
        :class:`UploadMoved`, :class:`QuotaExceeded` for a new upload, and what ``pieces`` and replication raise."""
        for piece in pieces:
            if self._receiving.size + len(piece) > self.record.length:
                raise too_long(self.record)
            self._receiving.write(piece)
            if advancing and self._is_due():
                self._advance()

    def end(self) -> None:
        """The body has come to its end: make all of it count. Raises like :meth:`take`."""
        self._receiving.end()
        if self._receiving.safe.received.size == self.record.length and not self.record.is_written:
            self.record = replace(self.record, received=self._receiving.safe.received)
            self.chunks = tuple(self._receiving.unrecorded)
            self._receptions.remember(self.record, self._receiving)
        else:
            self._advance()

    def save(self, *, broken_off: bool) -> None:
        """Something went wrong: keep what is safe; of a body that only broke off that is everything. Never raises."""
        with suppress(EchoError):
            if broken_off:
                self._receiving.end()
            self._advance()

    def _is_due(self) -> bool:
        gained = self._receiving.safe.received != self.record.received
        return gained and self._clock.monotonic() - self._advanced_at >= ADVANCE_SECONDS

    def _advance(self) -> None:
        self.record = self._receptions.advance(self.record, self._receiving, self._allow)
        self._advanced_at = self._clock.monotonic()


def too_long(record: UploadRecord) -> TooLarge:
    """The refusal of more bytes than an upload was begun for."""
    return TooLarge(f"The upload was begun for {record.length} bytes, and more came.", field="Upload-Length")
