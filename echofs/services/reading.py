"""Reading chunks back: verified, and from another replica where one fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from echofs.core import placement
from echofs.core.errors import CatalogUnavailable, ChunkUnavailable, CorruptFrame, StoreUnavailable, Unavailable
from echofs.core.models import Digest, Member
from echofs.core.reading import assign
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import ChunkCodec, Frame, WorkerClient
from echofs.ports.journal import Journal
from echofs.ports.runtime import Clock, Meters
from echofs.services.cluster import Call, MemberView

T = TypeVar("T")
Take = Callable[[bytes | memoryview, Digest], T]
"""What makes of a frame what the caller wants; raises :class:`CorruptFrame`."""

_log = logging.getLogger(__name__)


class ChunkReader:
    """Fetches chunks by digest. Any verified replica is a correct read, so workers are guessed by placement and the
    catalog is asked only when the guess fails. Thread-safe."""

    def __init__(
        self,
        workers: WorkerClient,
        members: MemberView,
        catalog: Catalog,
        codec: ChunkCodec,
        clock: Clock,
        meters: Meters,
        *,
        wanted: int,
        spool: Journal | None = None,
    ) -> None:
        """``spool`` holds what this host accepted and too few workers have."""
        self._spool = spool
        self._workers = workers
        self._members = members
        self._catalog = catalog
        self._codec = codec
        self._clock = clock
        self._meters = meters
        self._wanted = wanted

    def read(self, digests: Sequence[Digest], turn: int = 0, *, check_digest: bool = False) -> dict[Digest, bytes]:
        """The plain bytes of all the chunks.

        A replica that fails its check or is missing though recorded is reported, so that it is made anew. ``turn``
        spreads load; ``check_digest`` computes each SHA-256. Raises :class:`ChunkUnavailable` when a chunk has no good
        reachable replica.
        """

        def decode(frame: bytes | memoryview, digest: Digest) -> bytes:
            return self._codec.decode(frame, digest, check_digest=check_digest)

        return self._gather(digests, turn, decode)

    def frame(self, digest: Digest) -> Frame:
        """A chunk as it is stored, of the same kind, its SHA-256 computed. Reports and raises like :meth:`read`."""

        def verify(frame: bytes | memoryview, digest: Digest) -> Frame:
            self._codec.decode(frame, digest, check_digest=True)
            return self._codec.split(frame)[0]

        return self._gather([digest], 0, verify)[digest]

    def _gather(self, digests: Sequence[Digest], turn: int, take: Take[T]) -> dict[Digest, T]:
        members = {member.worker_id: member for member in self._members.members()}
        avoided = self._members.avoided(Call.FETCH)
        untried = {digest: _candidates(members, digest, avoided) for digest in dict.fromkeys(digests)}
        taken = self._from_spool(list(untried), take)
        while len(taken) < len(untried):
            missing = {digest: workers for digest, workers in untried.items() if digest not in taken}
            for worker_id, share in assign(missing, self._wanted, turn).items():
                found = self._read_from(members[worker_id], share, take)
                taken.update(found)
                for digest in share:
                    untried[digest].remove(worker_id)
                if len(found) < len(share):
                    self._meters.add("read_fallbacks", len(share) - len(found), worker=worker_id)
            lost = [digest for digest in missing if digest not in taken and not untried[digest]]
            if lost:
                raise ChunkUnavailable("No worker that is up has a good copy of a part of this file.", digest=lost[0])
        return taken

    def _from_spool(self, digests: Sequence[Digest], take: Take[T]) -> dict[Digest, T]:
        """Looked at first: it is this host's own disk, and while workers are away nobody else has the chunk."""
        taken: dict[Digest, T] = {}
        try:
            frames = self._spool.frames(digests) if self._spool else {}
        except Unavailable:
            return taken
        for digest, frame in frames.items():
            try:
                taken[digest] = take(b"".join(frame.parts), digest)
            except CorruptFrame as error:
                _log.error("corrupt frame in the spool", extra={"digest": digest, "why": error.message})
        return taken

    def _read_from(self, member: Member, share: list[Digest], take: Take[T]) -> dict[Digest, T]:
        try:
            with self._members.asking(member.worker_id, Call.FETCH):
                frames = self._workers.fetch(member, share)
        except StoreUnavailable as error:
            _log.warning("worker does not answer", extra={"worker": member.worker_id, "why": error.message})
            return {}
        taken: dict[Digest, T] = {}
        for digest, frame in frames.items():
            try:
                taken[digest] = take(frame, digest)
            except CorruptFrame as error:
                _log.error(
                    "corrupt replica", extra={"worker": member.worker_id, "digest": digest, "why": error.message}
                )
                self._meters.add("corrupt_replicas", worker=member.worker_id)
        absent = [digest for digest in share if digest not in taken]
        if absent:
            self._report(member.worker_id, absent, set(frames))
        return taken

    def _report(self, worker_id: str, absent: list[Digest], corrupt: set[Digest]) -> None:
        """Owe what is rotten, and what is missing although the catalog says it is there; a wrong guess is no fault."""
        now = self._clock.now()
        try:
            recorded = self._catalog.replicas(absent)
            rotten = [digest for digest in absent if digest in corrupt]
            missing = [d for d in absent if d not in corrupt and worker_id in recorded.get(d, ())]
            if rotten:
                self._catalog.owe(worker_id, rotten, "corrupt", now)
            if missing:
                self._catalog.owe(worker_id, missing, "missing", now)
        except CatalogUnavailable:
            # The read can still succeed, and scrubbing will find the replica again.
            _log.warning("a bad replica could not be reported", extra={"worker": worker_id})


def _candidates(members: dict[str, Member], digest: Digest, avoided: frozenset[str]) -> list[str]:
    """Every worker, those that placement prefers first, those that hardly answer last."""
    ranked = [member.worker_id for member in placement.order(members.values(), digest)]
    ranked += [worker_id for worker_id in members if worker_id not in ranked]
    return sorted(ranked, key=lambda worker_id: worker_id in avoided)
