"""Entries of journals whose hosts do not return: their copies on workers are brought to the catalog by other masters.

Whoever else brings the same entry, its own host included, finds the dot committed: doing it twice is harmless.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress

from echofs.core.entries import JournalEntry, decode, placed
from echofs.core.errors import CatalogUnavailable, CorruptFrame, StoreUnavailable
from echofs.core.models import ChunkKind, Digest, Dot, Member
from echofs.ports.chunks import ChunkCodec, WorkerClient
from echofs.ports.runtime import Clock, Meters
from echofs.services.cluster import Call, MemberView
from echofs.services.holders import Holders

PATIENCE_SECONDS = 60.0
"""How long a copy is left to its own host, from when it was first seen."""
PARENT_PATIENCE_SECONDS = 600.0
"""How long one waits for the version it follows, which may be on its way."""
FETCHED_TOGETHER = 64

Committed = Callable[[str, Collection[Dot]], Collection[Dot]]
"""Which of an owner's dots the catalog has. Raises :class:`CatalogUnavailable`."""
Reintegrate = Callable[[Sequence[JournalEntry]], Collection[Dot]]
"""Brings entries to the catalog, in order: the dots of those that are committed or resolved now. Idempotent by dot.
Raises :class:`CatalogUnavailable`."""

_log = logging.getLogger(__name__)


class _Copy:
    """An entry found on workers."""

    def __init__(self, entry: JournalEntry, seen: float) -> None:
        self.entry = entry
        self.seen = seen
        self.told = False


class Adoption:
    """Run by one master process at a time, under a lease; running twice at once does work twice but no harm. What was
    seen when is forgotten with the process, which only means waiting again. Not thread-safe."""

    def __init__(
        self,
        committed: Committed,
        workers: WorkerClient,
        members: MemberView,
        codec: ChunkCodec,
        reintegrate: Reintegrate,
        clock: Clock,
        meters: Meters,
        *,
        wanted: int,
    ) -> None:
        self._committed = committed
        self._workers = workers
        self._members = members
        self._codec = codec
        self._reintegrate = reintegrate
        self._clock = clock
        self._meters = meters
        self._holders = Holders(workers, members, wanted=wanted)
        self._copies: dict[Digest, _Copy] = {}
        self._unreadable: set[tuple[str, Digest]] = set()

    def run_once(self) -> int:
        """Remove the copies of what is committed, adopt what waited long enough; how many entries were settled.

        Raises :class:`CatalogUnavailable`. Safe to interrupt anywhere.
        """
        places = self._look()
        self._copies = {digest: copy for digest, copy in self._copies.items() if digest in places}
        copies = {copy.entry.version.dot: copy for copy in self._copies.values()}
        committed = self._known(copies.values())
        due = self._due(copies, committed)
        settled = set(self._reintegrate(due)) if due else set()
        if settled:
            self._meters.add("adopted_entries", len(settled))
            _log.info("entries of a journal adopted", extra={"entries": len(settled)})
        self._remove(places, committed | settled)
        return len(settled)

    def wait_anew(self) -> None:
        """The catalog was away: while it is, nobody's patience runs out, and when it returns hosts bring their own."""
        for copy in self._copies.values():
            copy.seen = self._clock.monotonic()

    def _look(self) -> dict[Digest, list[Member]]:
        """Which workers hold a copy of which entry; those not seen before are read."""
        places: dict[Digest, list[Member]] = {}
        unavailable = self._members.unavailable()
        for member in self._members.members():
            if member.worker_id in unavailable:
                continue
            with suppress(StoreUnavailable):
                for page in self._listed(member):
                    for digest in page:
                        places.setdefault(digest, []).append(member)
                    unread = [digest for digest in page if digest not in self._copies]
                    self._read(member, [one for one in unread if (member.worker_id, one) not in self._unreadable])
        return places

    def _listed(self, member: Member) -> Iterable[list[Digest]]:
        page: list[Digest] = []
        while True:
            with self._members.asking(member.worker_id, Call.LOOK):
                page = self._workers.listed(member, ChunkKind.ENTRY, page[-1] if page else "")
            if not page:
                return
            yield page

    def _read(self, member: Member, digests: Sequence[Digest]) -> None:
        for at in range(0, len(digests), FETCHED_TOGETHER):
            with self._members.asking(member.worker_id, Call.FETCH):
                frames = self._workers.fetch(member, digests[at : at + FETCHED_TOGETHER])
            for digest, frame in frames.items():
                try:
                    entry = decode(self._codec.decode(frame, digest, check_digest=True))
                except (CorruptFrame, ValueError) as error:
                    self._tell_unreadable(member, digest, str(error))
                else:
                    self._copies[digest] = _Copy(entry, self._clock.monotonic())

    def _tell_unreadable(self, member: Member, digest: Digest, why: str) -> None:
        self._unreadable.add((member.worker_id, digest))
        where = {"worker": member.worker_id, "digest": digest, "why": why}
        _log.error("a copy of a journal's entry cannot be read", extra=where)

    def _known(self, copies: Collection[_Copy]) -> set[Dot]:
        """Which of the entries, and of the versions they follow, the catalog has."""
        dots: dict[str, set[Dot]] = {}
        for copy in copies:
            wanted = dots.setdefault(copy.entry.owner_id, set())
            wanted.add(copy.entry.version.dot)
            if copy.entry.parent_dot is not None:
                wanted.add(copy.entry.parent_dot)
        try:
            return {dot for owner_id, wanted in dots.items() for dot in self._committed(owner_id, wanted)}
        except CatalogUnavailable:
            self.wait_anew()
            raise

    def _due(self, copies: Mapping[Dot, _Copy], committed: set[Dot]) -> list[JournalEntry]:
        """Those that waited long enough and lie on workers whole, each behind the one it follows."""
        now = self._clock.monotonic()
        due: dict[Dot, JournalEntry] = {}
        # Every stamp is later than those of all that its writer knew of.
        for copy in sorted(copies.values(), key=lambda copy: copy.entry.version.created_at):
            dot, parent = copy.entry.version.dot, copy.entry.parent_dot
            known = parent is None or parent in committed or parent in due
            patience = PATIENCE_SECONDS if known else PARENT_PATIENCE_SECONDS
            if dot not in committed and now - copy.seen >= patience and (entry := self._located(copy)):
                due[dot] = entry
        return list(due.values())

    def _located(self, copy: _Copy) -> JournalEntry | None:
        """The entry with the workers that hold its chunks now. None if some lie nowhere: the version would be a file
        that cannot be read, and its host, in whose spool they are, may return."""
        entry = copy.entry
        holders = self._holders.of([chunk.digest for chunk in entry.chunks])
        if holders.get(entry.version.manifest) and all(holders.values()):
            return placed(entry, {digest: self._holders.delivered(digest, held) for digest, held in holders.items()})
        if not copy.told:
            copy.told = True
            _log.warning(
                "an entry of a journal waits: no worker that answers holds some of its bytes",
                extra={"file": entry.version.file_id, "origin": entry.version.dot.origin},
            )
        return None

    def _remove(self, places: Mapping[Digest, Sequence[Member]], settled: set[Dot]) -> None:
        gone: dict[str, tuple[Member, list[Digest]]] = {}
        for digest, copy in self._copies.items():
            if copy.entry.version.dot in settled:
                for member in places[digest]:
                    gone.setdefault(member.worker_id, (member, []))[1].append(digest)
        for member, digests in gone.values():
            with suppress(StoreUnavailable):
                for at in range(0, len(digests), FETCHED_TOGETHER):
                    with self._members.asking(member.worker_id, Call.LOOK):
                        self._workers.remove(member, ChunkKind.ENTRY, digests[at : at + FETCHED_TOGETHER])
