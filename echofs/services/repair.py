"""Working the outbox off: every owed replica is copied from a good one until the worker that owes it has it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence

from echofs.core.errors import ChunkUnavailable
from echofs.core.models import Digest, Intent, Member, OwedReplica
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import Frame, StoreReply, WorkerClient
from echofs.ports.runtime import Clock, Meters
from echofs.services.cluster import Call, MemberView
from echofs.services.lanes import BATCH_BYTES
from echofs.services.reading import ChunkReader

ROWS_PER_ROUND = 512
COPIED_TOGETHER = 4
FIRST_DELAY_SECONDS = 1
LONGEST_DELAY_SECONDS = 60
STORE_SECONDS = 15.0

_log = logging.getLogger(__name__)


class Repair:
    """Run by one jobs process at a time, under a lease; running twice at once does work twice but no harm."""

    def __init__(
        self,
        catalog: Catalog,
        workers: WorkerClient,
        members: MemberView,
        reader: ChunkReader,
        clock: Clock,
        meters: Meters,
    ) -> None:
        self._catalog = catalog
        self._workers = workers
        self._members = members
        self._reader = reader
        self._clock = clock
        self._meters = meters
        self._turn = 0
        """Spreads reading over the workers that have a chunk."""

    def run_once(self) -> int:
        """Try what is due; how many replicas were made. Raises :class:`CatalogUnavailable`. Safe to interrupt
        anywhere."""
        made = 0
        by_worker: dict[str, list[OwedReplica]] = {}
        for owed in self._catalog.due(self._clock.now(), ROWS_PER_ROUND):
            by_worker.setdefault(owed.worker_id, []).append(owed)
        members = {member.worker_id: member for member in self._members.members()}
        for worker_id, rows in by_worker.items():
            for at in range(0, len(rows), COPIED_TOGETHER):
                member = members.get(worker_id)
                if member is None or not _may_receive(member) or worker_id in self._members.unavailable():
                    # Also when it went away during this round: a time-out for every chunk would hold up the others.
                    self._postpone(rows[at:])
                    break
                made += self._restore(member, rows[at : at + COPIED_TOGETHER])
        return made

    def _restore(self, member: Member, rows: Sequence[OwedReplica]) -> int:
        """Copy some chunks to the worker that owes them; those that fail are tried again later."""
        frames = self._good(member, [row.digest for row in rows])
        stored: set[Digest] = set()
        for batch in _batches(frames):
            stored |= self._store(member, batch)
        self._postpone([row for row in rows if row.digest not in stored])
        if stored:
            self._catalog.settle(member.worker_id, stored)
            self._meters.add("repairs", len(stored), result="restored")
            _log.info("replicas restored", extra={"worker": member.worker_id, "chunks": len(stored)})
        return len(stored)

    def _good(self, member: Member, digests: Sequence[Digest]) -> list[Frame]:
        """Those of the chunks that another worker has. Their SHA-256 is computed: a repair must never spread what only
        looks right."""
        self._turn += 1
        try:
            return list(self._reader.frames(digests, self._turn, last=member.worker_id).values())
        except ChunkUnavailable as error:
            if len(digests) > 1:
                return [frame for digest in digests for frame in self._good(member, [digest])]
            why = {"worker": member.worker_id, "digest": digests[0], "why": error.message}
            _log.warning("replica not restored", extra=why)
            return []

    def _store(self, member: Member, frames: Sequence[Frame]) -> set[Digest]:
        exchange = self._workers.exchange()
        try:
            begun = self._clock.monotonic()
            exchange.send(member, frames)
            reply: StoreReply | None = None
            while reply is None and exchange.pending and self._clock.monotonic() < begun + STORE_SECONDS:
                reply = next(iter(exchange.wait(1.0)), None)
            answered = reply is not None and not reply.unreachable
            self._members.observe(member.worker_id, self._clock.monotonic() - begun, answered, Call.STORE)
            return set(reply.stored) if reply else set()
        finally:
            exchange.close()

    def _postpone(self, rows: Sequence[OwedReplica]) -> None:
        """Later and later, up to a minute; a worker that comes back is tried at once (``Catalog.hasten``)."""
        if not rows:
            return
        self._meters.add("repairs", len(rows), result="postponed")
        attempts = max(row.attempts for row in rows)
        delay = min(FIRST_DELAY_SECONDS << min(attempts, 16), LONGEST_DELAY_SECONDS)
        self._catalog.postpone(rows, self._clock.now() + delay * 1_000_000)


def _batches(frames: Iterable[Frame]) -> Iterator[list[Frame]]:
    """As much at a time as a worker accepts."""
    batch: list[Frame] = []
    for frame in frames:
        if batch and sum(map(len, batch)) + len(frame) > BATCH_BYTES:
            yield batch
            batch = []
        batch.append(frame)
    if batch:
        yield batch


def _may_receive(member: Member) -> bool:
    """What a worker owes that is being emptied is for others to hold."""
    return member.intent is Intent.UP
