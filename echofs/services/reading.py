"""Reading chunks back: verified, and from another replica where one fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Generic, TypeVar

from echofs.core import placement
from echofs.core.errors import CatalogUnavailable, ChunkUnavailable, CorruptFrame, Unavailable
from echofs.core.models import Digest, Member
from echofs.core.reading import assign
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import ChunkCodec, Frame, WorkerClient
from echofs.ports.journal import Journal
from echofs.ports.runtime import Clock, Meters
from echofs.services.cluster import Call, MemberView
from echofs.services.racing import Answer, Races, Wait, until_one_is_over

T = TypeVar("T")
Take = Callable[[bytes | memoryview, Digest], T]
"""What makes of a frame what the caller wants; raises :class:`CorruptFrame`."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Search(Generic[T]):
    """Chunks looked for: on which workers each may still be found, the likeliest first, and what was made of those
    found. ``wanted`` workers should have each; whoever is in ``avoided`` hardly answers."""

    take: Take[T]
    untried: dict[Digest, list[str]]
    likely: dict[Digest, frozenset[str]]
    taken: dict[Digest, T]
    avoided: frozenset[str]
    wanted: int
    turn: int

    def missing(self) -> list[Digest]:
        return [digest for digest in self.untried if digest not in self.taken]

    def shares(self, digests: Sequence[Digest], without: str = "") -> dict[str, list[Digest]]:
        """Whom to ask for which of the chunks, leaving one worker out."""
        return assign({digest: self._best_left(digest, without) for digest in digests}, self.wanted, self.turn)

    def _best_left(self, digest: Digest, without: str) -> list[str]:
        left = [worker_id for worker_id in self.untried[digest] if worker_id != without]
        fit = [worker_id for worker_id in left if worker_id not in self.avoided]
        return [worker_id for worker_id in fit if worker_id in self.likely[digest]] or fit or left


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
        wait: Wait = until_one_is_over,
    ) -> None:
        """``spool`` holds what this host accepted and too few workers have."""
        self._spool = spool
        self._races = Races(workers, members, clock, meters, wait=wait)
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

    def stop(self) -> None:
        """End the threads. Idempotent; reading goes on without them."""
        self._races.stop()

    def frames(self, digests: Sequence[Digest], turn: int = 0, *, last: str = "") -> dict[Digest, Frame]:
        """Chunks as they are stored, of the same kind, their SHA-256 computed. One worker is asked ``last``, as it is
        believed to have none of them. Reports and raises like :meth:`read`."""

        def verify(frame: bytes | memoryview, digest: Digest) -> Frame:
            self._codec.decode(frame, digest, check_digest=True)
            return self._codec.split(frame)[0]

        return self._gather(digests, turn, verify, last)

    def _gather(self, digests: Sequence[Digest], turn: int, take: Take[T], last: str = "") -> dict[Digest, T]:
        members = {member.worker_id: member for member in self._members.members()}
        orders = {digest: _order(members, digest) for digest in dict.fromkeys(digests)}
        search = _Search(
            take,
            untried={digest: order + [one for one in members if one not in order] for digest, order in orders.items()},
            likely={digest: frozenset(order[: self._wanted]) for digest, order in orders.items()},
            taken=self._from_spool(list(orders), take),
            avoided=self._members.avoided(Call.FETCH) | {last},
            wanted=self._wanted,
            turn=turn,
        )
        while missing := search.missing():
            for worker_id, share in search.shares(missing).items():
                self._read_share(members[worker_id], share, search)
            lost = [digest for digest in search.missing() if not search.untried[digest]]
            if lost:
                raise ChunkUnavailable("No worker that is up has a good copy of a part of this file.", digest=lost[0])
        return search.taken

    def _read_share(self, member: Member, share: list[Digest], search: _Search[T]) -> None:
        """Take what the worker brings, or others in its stead, and strike off whoever answered."""

        def elsewhere() -> dict[str, list[Digest]]:
            return search.shares(share, without=member.worker_id)

        with closing(self._races.run(member, share, elsewhere)) as answers:
            for answer in answers:
                missing = [digest for digest in answer.share if digest not in search.taken]
                search.taken.update(self._taken(answer, missing, search.take))
                for digest in answer.share:
                    search.untried[digest].remove(answer.worker_id)
                if all(digest in search.taken for digest in share):
                    return

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

    def _taken(self, answer: Answer, missing: list[Digest], take: Take[T]) -> dict[Digest, T]:
        """What is good of what a worker brought and is still missing."""
        worker_id, frames = answer.worker_id, answer.frames or {}
        taken: dict[Digest, T] = {}
        for digest in frames.keys() & set(missing):
            try:
                taken[digest] = take(frames[digest], digest)
            except CorruptFrame as error:
                _log.error("corrupt replica", extra={"worker": worker_id, "digest": digest, "why": error.message})
                self._meters.add("corrupt_replicas", worker=worker_id)
        absent = [digest for digest in missing if digest not in taken]
        if absent:
            self._meters.add("read_fallbacks", len(absent), worker=worker_id)
            if answer.frames is not None:
                self._report(worker_id, absent, set(frames))
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


def _order(members: Mapping[str, Member], digest: Digest) -> list[str]:
    return [member.worker_id for member in placement.order(members.values(), digest)]
