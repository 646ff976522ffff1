"""Copies of a journal's entries on workers, for the case that their host does not return."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import replace

from echofs.core import placement
from echofs.core.entries import JournalEntry, encode
from echofs.core.errors import StoreUnavailable
from echofs.core.models import ChunkKind, ChunkRecord, Member
from echofs.ports.chunks import ChunkCodec, Frame, WorkerClient
from echofs.ports.journal import EntryCopy, Journal, Task
from echofs.ports.runtime import Clock
from echofs.services.cluster import Call, MemberView

WAIT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class EntryCopies:
    """The action of a loop in every master process; one of the host does it at a time. Not thread-safe.

    Nobody waits for these copies and no receipt counts them. They are removed when their entry is settled, or by
    :class:`~echofs.services.adoption.Adoption` if the host is gone by then.
    """

    def __init__(
        self,
        journal: Journal,
        workers: WorkerClient,
        members: MemberView,
        codec: ChunkCodec,
        clock: Clock,
        *,
        wanted: int,
        largest: int,
    ) -> None:
        """``wanted`` is the number of copies, ``largest`` the most bytes of an entry that a chunk can carry."""
        self._journal = journal
        self._workers = workers
        self._members = members
        self._codec = codec
        self._clock = clock
        self._wanted = wanted
        self._largest = largest

    def run_once(self) -> int:
        """Remove the copies of settled entries and copy the others; how many got a copy. Ends when some got none: the
        next round goes on there. Raises :class:`Unavailable` when the journal fails. Safe to interrupt anywhere."""
        with self._journal.lead(Task.COPY) as leads:
            if not leads:
                return 0
            self._remove_stale()
            copied = 0
            while page := self._journal.uncopied():
                made = self._copy(page)
                copied += made
                if made < len(page):
                    break
            return copied

    def _copy(self, page: Sequence[tuple[int, JournalEntry]]) -> int:
        frames = {place: self._frame(entry) for place, entry in page}
        available = self._available()
        places: dict[str, list[int]] = {}
        for place, frame in frames.items():
            for member in placement.order(available.values(), frame.digest)[: self._wanted]:
                places.setdefault(member.worker_id, []).append(place)
        made: list[EntryCopy] = []
        with closing(self._workers.exchange()) as exchange:
            for worker_id, share in places.items():
                exchange.send(available[worker_id], [frames[place] for place in share])
            begun = self._clock.monotonic()
            while exchange.pending and self._clock.monotonic() < begun + WAIT_SECONDS:
                for reply in exchange.wait(1.0):
                    seconds = self._clock.monotonic() - begun
                    self._members.observe(reply.worker_id, seconds, not reply.unreachable, Call.STORE)
                    share = places[reply.worker_id]
                    stored = [place for place in share if frames[place].digest in set(reply.stored)]
                    made += [EntryCopy(place, frames[place].digest, reply.worker_id) for place in stored]
        self._journal.note_copies(made)
        return len({copy.place for copy in made})

    def _frame(self, entry: JournalEntry) -> Frame:
        """The same bytes however often it is made: where chunks lie changes, and whoever adopts it looks for itself.

        An entry with so many chunks that one of its own cannot carry it goes without naming them: it can be read by
        hand, but not adopted.
        """
        chunks = tuple(ChunkRecord(chunk.digest, chunk.size, ()) for chunk in entry.chunks)
        raw = encode(replace(entry, chunks=chunks))
        if len(raw) > self._largest:
            raw = encode(replace(entry, chunks=()))
        return self._codec.encode(raw, kind=ChunkKind.ENTRY)

    def _remove_stale(self) -> None:
        for worker_id, member in self._available().items():
            copies = self._journal.stale_copies(worker_id)
            if not copies:
                continue
            with suppress(StoreUnavailable), self._members.asking(worker_id, Call.LOOK):
                self._workers.remove(member, ChunkKind.ENTRY, [copy.digest for copy in copies])
                self._journal.forget_copies(copies)

    def _available(self) -> Mapping[str, Member]:
        unavailable = self._members.unavailable()
        return {one.worker_id: one for one in self._members.members() if one.worker_id not in unavailable}
