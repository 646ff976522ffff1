"""Going through all chunks again and again: what the catalog records is compared with what should be and with what
workers have, so that copies return to their number without a command."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

from echofs.core.errors import StoreUnavailable
from echofs.core.jobs_report import JobsReport, SweepPass
from echofs.core.models import Digest, MemberState, Timestamp
from echofs.core.sweep import Remedy, Standing, remedy
from echofs.ports.catalog import Catalog, ChunkEntry
from echofs.ports.chunks import WorkerClient
from echofs.ports.runtime import Clock
from echofs.services.cluster import Call, MemberView

CHUNKS_PER_PAGE = 500
QUICK_PAGES = 20
"""Pages in one round while what is known of the cluster is new; later there is one page in a round."""
REST_SECONDS = 600.0
"""Between two passes while nothing changes."""
DRAINING_REST_SECONDS = 10.0
"""Between two passes while a worker is being emptied: its operator waits for it."""
HEAD_START = 3_600_000_000
"""By how much a chunk of which one replica is left goes before others, in microseconds."""
NOT_THERE = "not there"
TOO_FEW = "too few replicas"

_log = logging.getLogger(__name__)

Picture = tuple[frozenset[tuple[object, ...]], frozenset[str]]
"""What has to change for everything to be looked at anew."""
Wants = dict[tuple[str, bool], list[Digest]]
"""Chunks by the worker that should hold them, and whether that is urgent."""


class Absences:
    """Which workers were down for so long that others should stand in for them."""

    def __init__(self, members: MemberView, clock: Clock, patience: float) -> None:
        """``patience`` is in seconds, from when this process first learned that a worker is down."""
        self._members = members
        self._clock = clock
        self._patience = patience
        self._since: dict[str, float] = {}

    def lost(self) -> frozenset[str]:
        """By the controller's word only, as of when it last gave it: what this process cannot reach, others may."""
        now = self._clock.monotonic()
        if self._members.controller_heard:
            down = [one.worker_id for one in self._members.members() if one.state is MemberState.DOWN]
            self._since = {worker_id: self._since.get(worker_id, now) for worker_id in down}
        return frozenset(worker for worker, since in self._since.items() if now - since >= self._patience)


class Sweep:
    """Run by one jobs process at a time, under a lease; running twice at once does work twice but no harm. A pass goes
    on where a failed round ended, and a new process begins anew."""

    def __init__(
        self,
        catalog: Catalog,
        workers: WorkerClient,
        members: MemberView,
        clock: Clock,
        *,
        wanted: int,
        replace_after: float,
    ) -> None:
        """``wanted`` is the number of replicas, ``replace_after`` how many seconds a worker may be down before others
        stand in for it."""
        self._catalog = catalog
        self._workers = workers
        self._members = members
        self._clock = clock
        self._wanted = wanted
        self._absences = Absences(members, clock, replace_after)
        self._picture: Picture | None = None
        self._quick = True
        self._cursor = ""
        # A process that has just started may not have heard of every worker yet.
        self._not_before = clock.monotonic() + replace_after
        self._rest_until = float("-inf")
        self._relied_on: Counter[str] = Counter()
        self._told: dict[str, int] = {}
        self._found = SweepPass()
        self._last: SweepPass | None = None
        self._ended_at: Timestamp | None = None

    def report(self, holder: str) -> JobsReport:
        """How the present pass and the one before it went, as the process ``holder`` tells."""
        resting = self._picture is None or self._clock.monotonic() < self._rest_until
        return JobsReport(holder, None if resting else self._found, self._last, self._ended_at)

    def run_once(self) -> int:
        """Look at some chunks, at all of them soon after the cluster changed; how many replicas were found to be owed.
        Raises :class:`CatalogUnavailable`. Safe to interrupt anywhere."""
        standing = self._standing()
        if self._clock.monotonic() < self._not_before:
            return 0
        picture = _picture_of(standing)
        if picture != self._picture:
            self._picture, self._quick = picture, True
            self._begin()
        elif self._clock.monotonic() < self._rest_until:
            return 0
        found = 0
        for _ in range(QUICK_PAGES if self._quick else 1):
            page = self._catalog.chunk_page(self._cursor, CHUNKS_PER_PAGE)
            found += self._look_at(page.chunks, standing)
            self._cursor = page.next
            if not page.next:
                self._rest(standing)
                break
        return found

    def _standing(self) -> Standing:
        return Standing(
            tuple(self._members.members()), self._absences.lost(), self._members.unavailable(), self._wanted
        )

    def _begin(self) -> None:
        self._cursor, self._rest_until = "", float("-inf")
        self._relied_on.clear()
        self._found = SweepPass()

    def _rest(self, standing: Standing) -> None:
        """A pass has come to its end."""
        self._last, self._ended_at = self._found, self._clock.now()
        left = {worker_id: self._relied_on[worker_id] for worker_id in sorted(standing.emptying)}
        for worker_id, chunks in left.items():
            if chunks != self._told.get(worker_id):
                what = "everything on this worker is elsewhere too" if not chunks else "this worker is still needed"
                _log.info(what, extra={"worker": worker_id, "chunks": chunks})
        self._told = left
        emptied = not any(left.values())
        self._quick = not emptied
        self._begin()
        self._rest_until = self._clock.monotonic() + (REST_SECONDS if emptied else DRAINING_REST_SECONDS)

    def _look_at(self, chunks: Collection[ChunkEntry], standing: Standing) -> int:
        missing = self._missing(chunks, standing)
        now = self._clock.now()
        for worker_id, digests in missing.items():
            self._catalog.owe(worker_id, digests, NOT_THERE, now)
        remedies = {chunk.digest: _remedy_for(chunk, missing, standing) for chunk in chunks}
        for each in remedies.values():
            self._relied_on.update(each.relies_on)
        found = sum(map(len, missing.values())) + self._owe(remedies, now)
        self._found += SweepPass(len(chunks), found, sum(each.urgent for each in remedies.values()))
        # Only after others owe it: between the two, too much is owed rather than too little.
        self._excuse(remedies)
        if found:
            _log.info("replicas are missing", extra={"replicas": found})
        return found

    def _owe(self, remedies: Mapping[Digest, Remedy], now: Timestamp) -> int:
        wants: Wants = defaultdict(list)
        for digest, each in remedies.items():
            for worker_id in each.owing:
                wants[worker_id, each.urgent].append(digest)
        for (worker_id, urgent), digests in wants.items():
            self._catalog.owe(worker_id, digests, TOO_FEW, now - HEAD_START if urgent else now)
        return sum(map(len, wants.values()))

    def _excuse(self, remedies: Mapping[Digest, Remedy]) -> None:
        excused: dict[str, list[Digest]] = defaultdict(list)
        for digest, each in remedies.items():
            for worker_id in each.excused:
                excused[worker_id].append(digest)
        for worker_id, digests in excused.items():
            self._catalog.excuse(worker_id, digests)

    def _missing(self, chunks: Collection[ChunkEntry], standing: Standing) -> dict[str, set[Digest]]:
        """By worker, what is recorded on it and not there. A worker that does not answer is believed."""
        recorded: dict[str, set[Digest]] = defaultdict(set)
        for chunk in chunks:
            for worker_id in chunk.replicas:
                recorded[worker_id].add(chunk.digest)
        missing: dict[str, set[Digest]] = {}
        for member in standing.members:
            wanted = recorded[member.worker_id]
            if not wanted or member.worker_id in standing.unavailable | standing.lost:
                continue
            try:
                with self._members.asking(member.worker_id, Call.LOOK):
                    absent = wanted - self._workers.present(member, sorted(wanted))
            except StoreUnavailable:
                continue
            if absent:
                missing[member.worker_id] = absent
        return missing


def _remedy_for(chunk: ChunkEntry, missing: Mapping[str, Collection[Digest]], standing: Standing) -> Remedy:
    absent = {worker_id for worker_id, digests in missing.items() if chunk.digest in digests}
    return remedy(
        chunk.digest,
        [worker_id for worker_id in chunk.replicas if worker_id not in absent],
        [*(row.worker_id for row in chunk.owed), *absent],
        standing,
    )


def _picture_of(standing: Standing) -> Picture:
    members = frozenset((one.worker_id, one.store_id, one.intent, one.weight, one.zone) for one in standing.members)
    return members, standing.lost
