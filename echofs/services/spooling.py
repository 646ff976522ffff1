"""Emptying the spool: what this host accepted alone goes to workers, until a quorum of them holds it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from echofs.core.consistency import quorum_met
from echofs.core.entries import Delivered
from echofs.core.errors import CatalogUnavailable, CorruptFrame, EchoError
from echofs.core.models import Digest
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import ChunkCodec, Frame, WorkerClient
from echofs.ports.journal import Journal, Task
from echofs.ports.runtime import Meters
from echofs.services.cluster import MemberView
from echofs.services.holders import Holders
from echofs.services.replication import Replicator

ASKED_TOGETHER = 256
SENT_CHUNKS = 64
SENT_BYTES = 4 << 20

_log = logging.getLogger(__name__)


class Spooling:
    """The action of a loop in every master process; one of the host does it at a time. Not thread-safe."""

    def __init__(
        self,
        journal: Journal,
        replicator: Replicator,
        workers: WorkerClient,
        members: MemberView,
        catalog: Catalog,
        codec: ChunkCodec,
        meters: Meters,
    ) -> None:
        self._journal = journal
        self._replicator = replicator
        self._members = members
        self._holders = Holders(workers, members, wanted=replicator.wanted)
        self._catalog = catalog
        self._codec = codec
        self._meters = meters
        self._rotten: set[Digest] = set()

    def run_once(self) -> int:
        """Deliver what can be delivered; how many chunks need the spool no longer.

        Ends at the first that cannot be: the next round begins anew. Raises :class:`Unavailable` when the journal or
        replication fails. Safe to interrupt anywhere.
        """
        with self._journal.lead(Task.DELIVER) as leads:
            if not leads:
                return 0
            return sum(self._deliver(page) for page in self._pages())

    def _pages(self) -> Iterator[list[Digest]]:
        after: Digest = ""
        while self._quorum_possible() and (page := self._journal.spooled(after, ASKED_TOGETHER)):
            yield page
            after = page[-1]

    def _quorum_possible(self) -> bool:
        """Else each chunk would wait in vain for the time limit of replication."""
        zones = self._members.zones()
        return quorum_met(self._members.takers(), zones)

    def _deliver(self, page: Sequence[Digest]) -> int:
        """Workers are asked first: most of what is spooled reached them a moment after it was acknowledged."""
        holders, zones = self._holders.of(page), self._members.zones()
        safe = [digest for digest in page if quorum_met(holders[digest], zones)]
        if safe:
            self._drop([self._holders.delivered(digest, holders[digest]) for digest in safe])
        done = len(safe)
        missing = [digest for digest in page if digest not in set(safe) and digest not in self._rotten]
        for frames in self._groups(missing):
            done += self._send(frames, holders)
        return done

    def _groups(self, digests: Iterable[Digest]) -> Iterator[list[Frame]]:
        group: list[Frame] = []
        size = 0
        for digest in digests:
            frame = self._journal.frames([digest]).get(digest)
            if frame is None or not self._sound(frame):
                continue
            if group and (len(group) == SENT_CHUNKS or size + len(frame) > SENT_BYTES):
                yield group
                group, size = [], 0
            group.append(frame)
            size += len(frame)
        if group:
            yield group

    def _sound(self, frame: Frame) -> bool:
        """A worker would refuse a rotten frame, and all that came with it. It stays for its operator to see."""
        try:
            self._codec.decode(b"".join(frame.parts), frame.digest, check_digest=True)
        except CorruptFrame as error:
            self._rotten.add(frame.digest)
            _log.error("corrupt frame in the spool", extra={"digest": frame.digest, "why": error.message})
            return False
        return True

    def _send(self, frames: Sequence[Frame], holders: Mapping[Digest, set[str]]) -> int:
        safe: list[Delivered] = []
        failure: EchoError | None = None
        for chunk in self._replicator.submit_together(frames):
            try:
                chunk.wait()
            except EchoError as error:
                failure = error
                continue
            record = chunk.record()
            safe.append(self._holders.delivered(record.digest, {*record.replicas, *holders[record.digest]}))
        if safe:
            self._drop(safe)
        if failure is not None:
            raise failure
        return len(safe)

    def _drop(self, delivered: Sequence[Delivered]) -> None:
        """The catalog is told where the chunks of committed versions lie; those of others say so themselves. What it
        does not hear now is found and settled by repair."""
        self._journal.drop(delivered)
        self._meters.add("spool_deliveries", len(delivered))
        by_worker: dict[str, list[Digest]] = {}
        for one in delivered:
            for worker_id in one.replicas:
                by_worker.setdefault(worker_id, []).append(one.digest)
        with suppress(CatalogUnavailable):
            for worker_id, digests in by_worker.items():
                self._catalog.settle(worker_id, digests)
