"""The end of a resumable upload: all bytes are on the workers, and only a manifest and a commit make a file of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from echofs.core import chunking
from echofs.core.chunking import pack_digests, unpack_digests
from echofs.core.errors import CatalogUnavailable, ChecksumMismatch, Unavailable
from echofs.core.models import ChunkKind, ChunkRecord, Content, Digest, File, Kind
from echofs.core.received import Received
from echofs.core.session_tokens import Line
from echofs.core.upload_answers import decode, encode
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import ChunkCodec
from echofs.ports.resumable import UploadLedger, UploadRecord
from echofs.ports.runtime import Clock
from echofs.services.drafting import Draft
from echofs.services.publishing import Published, Wish
from echofs.services.reading import ChunkReader
from echofs.services.receiving import folded_digests
from echofs.services.replication import Replicator
from echofs.services.shipping import Shipment
from echofs.services.streaming import FileReader
from echofs.services.uploads import Target, Uploads
from echofs.services.whole_hashes import Hashed, WholeHashes

CATCH_UP_SECONDS = 20.0
"""What one request spends on reading bytes back. Proxies wait longer, and the next request goes on from there."""
ANSWER_HOURS = 24
"""How long it is remembered what an upload became, for clients that lost the answer."""
_HOUR = 3_600_000_000
_COUNTED_TOGETHER = 1000


class Finishing:
    """Thread-safe. However often and wherever an end is tried, one version comes of it: its dot is the upload's."""

    def __init__(
        self,
        ledger: UploadLedger,
        catalog: Catalog,
        uploads: Uploads,
        replicator: Replicator,
        chunks: ChunkReader,
        reader: FileReader,
        codec: ChunkCodec,
        hashes: WholeHashes,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._catalog = catalog
        self._uploads = uploads
        self._replicator = replicator
        self._chunks = chunks
        self._reader = reader
        self._codec = codec
        self._hashes = hashes
        self._clock = clock

    def finish(self, record: UploadRecord, wish: Wish, chunks: Sequence[ChunkRecord] = ()) -> Published:
        """Make a file of a complete upload, or repeat what was answered when that was done. The catalog is told of
        ``chunks`` in the same step.

        Raises :class:`ChecksumMismatch` when the file is not the one declared, which ends the upload;
        :class:`Unavailable` when it has to be tried again, and what :meth:`Publisher.publish` raises.
        """
        if record.answer:
            return _replayed(record)
        content = self._content(record)
        if record.terms.digest and record.terms.digest != content.digest:
            self.drop(record)
            raise ChecksumMismatch(
                "The SHA-256 of the file that arrived is not the one declared; it was dropped. Send it anew.",
                field="digest",
            )
        published = self._publish(record, content, replace(wish, dot=record.dot), chunks)
        # The file is there: if this cannot be written down now, whoever asks again finds the version by its dot.
        with suppress(CatalogUnavailable):
            self._ledger.advance(self._answered(record, published))
        self._hashes.forget(record.id)
        return published

    def drop(self, record: UploadRecord) -> None:
        """Forget an upload, as far as it came. Idempotent."""
        self._ledger.drop(record.id)
        self._hashes.forget(record.id)

    def _answered(self, record: UploadRecord, published: Published) -> UploadRecord:
        """What is left of an upload that became a file. Of its chunks the file knows."""
        return replace(
            record,
            received=Received(record.received.chunk_size, record.received.size),
            answer=encode(published.file, published.receipt),
            expires_at=min(record.expires_at, self._clock.now() + ANSWER_HOURS * _HOUR),
        )

    def _content(self, record: UploadRecord) -> Content:
        received = record.received
        lists = self._store_lists(received) if received.needs_lists else b""
        content = received.content(chunking.EMPTY_DIGEST, lists)
        if record.length <= received.chunk_size:
            return replace(content, digest=(received.ending() or [chunking.EMPTY_DIGEST])[0])
        hashed = self._hashes.known(record.id)
        if hashed.size == record.length:
            return replace(content, digest=hashed.state.hexdigest())
        made = self._catalog.by_dot(record.owner_id, [record.dot])
        if record.dot in made:
            return made[record.dot].head.content
        return replace(content, digest=self._catch_up(record, content, hashed))

    def _store_lists(self, received: Received) -> bytes:
        """Keep the digests that are in no full list in lists too; the names of all lists."""
        rest = iter([*folded_digests(self._chunks, received), *received.ending()])
        names = received.lists
        while digests := list(islice(rest, chunking.DIGESTS_PER_LIST)):
            frame = self._codec.encode(pack_digests(digests), kind=ChunkKind.LIST)
            sent = self._replicator.submit(frame)
            sent.wait()
            self._catalog.record_chunks([sent.record()])
            names += bytes.fromhex(frame.digest)
        return names

    def _catch_up(self, record: UploadRecord, content: Content, hashed: Hashed) -> Digest:
        """Hash what other processes saw arrive. Raises :class:`Unavailable` when that takes longer than one request
        should: what was done of it is not done again here."""
        size, state = hashed.size, hashed.state.copy()
        until = self._clock.monotonic() + CATCH_UP_SECONDS
        pieces = self._reader.stream(content, size, content.size - 1)
        try:
            for piece in pieces:
                state.update(piece)
                size += len(piece)
                if self._clock.monotonic() >= until and size < content.size:
                    raise Unavailable(
                        f"All bytes are here, and the file is being checked: {size} of {content.size} bytes so far. "
                        "Ask again.",
                        retry_after=1,
                    )
        finally:
            if close := getattr(pieces, "close", None):
                close()
            self._hashes.keep(record.id, Hashed(size, state))
        return state.hexdigest()

    def _publish(self, record: UploadRecord, content: Content, wish: Wish, chunks: Sequence[ChunkRecord]) -> Published:
        target = Target(record.owner_id, path=record.path)
        course = self._uploads.course(target, wish, content.size)
        shipment = self._uploads.shipping.open(course)
        shipment.bring(chunks)
        self._count(content, shipment, {chunk.digest: chunk.replicas for chunk in chunks})

        def check(head: File | None) -> None:
            self._uploads.check(target, wish, course, head, content.size)

        def draft(head: File | None) -> Draft:
            kept_type = head.head.content_type if head else ""
            return Draft(Kind.CONTENT, record.path, content, record.terms.content_type or kept_type)

        published = self._uploads.publisher.publish(target.place, draft, wish, shipment, check=check)
        # Another request may have been faster with the same version, under another number.
        return replace(published, receipt=replace(published.receipt, version=published.file.head.number))

    def _count(self, content: Content, shipment: Shipment, known: Mapping[Digest, tuple[str, ...]]) -> None:
        """Put in the receipt what the workers hold of bytes that came in earlier requests, as the catalog has it."""
        digests = iter(self._all_chunks(content))
        wanted = self._replicator.wanted
        while part := list(islice(digests, _COUNTED_TOGETHER)):
            earlier = set(part) - known.keys()
            replicas = {**(self._catalog.replicas(earlier) if earlier else {}), **known}
            for digest in part:
                held = replicas.get(digest, ())
                shipment.tally.count(held, max(wanted - len(held), 0))

    def _all_chunks(self, content: Content) -> Iterator[Digest]:
        yield from unpack_digests(content.lists)
        yield from self._reader.digests(content)


def _replayed(record: UploadRecord) -> Published:
    file, receipt = decode(record.answer, record.owner_id)
    line = Line(0 if receipt.provisional else file.head.number, frozenset({file.head.dot}))
    return Published(file, receipt, line, replayed=True)
