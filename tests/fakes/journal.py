"""A journal in memory."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from echofs.core.entries import Delivered, JournalEntry, placed
from echofs.core.errors import HeadMoved, IdempotencyKeyReused, SpoolFull, Unavailable
from echofs.core.models import Digest, Dot, IdempotencyRecord
from echofs.ports.chunks import Frame
from echofs.ports.journal import EntryCopy, Journal, Task
from echofs.ports.runtime import Clock


class MemoryJournal(Journal):
    """Set ``down`` to have the disk fail, ``room`` to limit the bytes of the spool, ``led`` to have another process
    lead."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self.room: int | None = None
        self.led = False
        self._leading: set[Task] = set()
        self._copies: set[EntryCopy] = set()
        self._clock = clock
        self._lock = threading.Lock()
        self._places = itertools.count(1)
        self._entries: dict[Dot, tuple[int, float, JournalEntry]] = {}
        self._frames: dict[Digest, Frame] = {}

    def append(self, entry: JournalEntry, frames: Sequence[Frame] = ()) -> None:
        version = entry.version
        newest, there = self.head(entry.owner_id, version.file_id), self.at(entry.owner_id, version.path)
        used = entry.idempotency is not None and self.answered(entry.owner_id, entry.idempotency.key) is not None
        with self._answering():
            if version.dot not in self._entries:
                if used:
                    raise IdempotencyKeyReused("This Idempotency-Key was used already.")
                if newest is not None and newest.version.dot != entry.parent_dot:
                    raise HeadMoved("Another writer was faster.")
                if there is not None and there.version.file_id != version.file_id and not entry.deletes:
                    raise HeadMoved("Another writer was faster.")
                self._take(frames)
                self._entries[version.dot] = next(self._places), self._clock.monotonic(), entry

    def spool(self, frames: Sequence[Frame]) -> None:
        with self._answering():
            self._take(frames)

    def frames(self, digests: Collection[Digest]) -> dict[Digest, Frame]:
        with self._answering():
            return {digest: self._frames[digest] for digest in digests if digest in self._frames}

    def head(self, owner_id: str, file_id: str) -> JournalEntry | None:
        return next((entry for entry in self.heads(owner_id) if entry.version.file_id == file_id), None)

    def at(self, owner_id: str, path: str) -> JournalEntry | None:
        living = [entry for entry in self.heads(owner_id) if not entry.deletes and entry.version.path == path]
        return living[-1] if living else None

    def of_file(self, owner_id: str, file_id: str) -> list[JournalEntry]:
        entries = [entry for _, entry in self.pending(limit=1_000_000)]
        return [entry for entry in entries if (entry.owner_id, entry.version.file_id) == (owner_id, file_id)]

    def heads(self, owner_id: str) -> list[JournalEntry]:
        newest: dict[str, JournalEntry] = {}
        for _, entry in self.pending(limit=1_000_000):
            if entry.owner_id == owner_id:
                newest.pop(entry.version.file_id, None)
                newest[entry.version.file_id] = entry
        return list(newest.values())

    def pending(self, after: int = 0, limit: int = 1000) -> list[tuple[int, JournalEntry]]:
        with self._answering():
            placed = sorted((place, entry) for place, _, entry in self._entries.values() if place > after)
        return placed[:limit]

    def answered(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        records = [entry.idempotency for _, entry in self.pending(limit=1_000_000) if entry.owner_id == owner_id]
        return next((record for record in records if record is not None and record.key == key), None)

    def settle(self, dots: Collection[Dot]) -> None:
        with self._answering():
            for dot in dots:
                self._entries.pop(dot, None)

    def spooled(self, after: Digest = "", limit: int = 256) -> list[Digest]:
        with self._answering():
            return sorted(digest for digest in self._frames if digest > after)[:limit]

    def drop(self, delivered: Collection[Delivered]) -> None:
        by_digest = {one.digest: one for one in delivered}
        with self._answering():
            for digest in by_digest:
                self._frames.pop(digest, None)
            for dot, (place, since, entry) in self._entries.items():
                self._entries[dot] = place, since, placed(entry, by_digest)

    def uncopied(self, limit: int = 64) -> list[tuple[int, JournalEntry]]:
        copied = {copy.place for copy in self._copies}
        return [(place, entry) for place, entry in self.pending(limit=1_000_000) if place not in copied][:limit]

    def note_copies(self, copies: Collection[EntryCopy]) -> None:
        with self._answering():
            self._copies |= set(copies)

    def stale_copies(self, worker_id: str, limit: int = 256) -> list[EntryCopy]:
        with self._answering():
            places = {place for place, _, _ in self._entries.values()}
            stale = [copy for copy in self._copies if copy.worker_id == worker_id and copy.place not in places]
        return sorted(stale, key=lambda copy: copy.place)[:limit]

    def forget_copies(self, copies: Collection[EntryCopy]) -> None:
        with self._answering():
            self._copies -= set(copies)

    def depth(self) -> int:
        with self._answering():
            return len(self._entries)

    def oldest_age(self) -> float:
        with self._answering():
            since = [appended for _, appended, _ in self._entries.values()]
        return self._clock.monotonic() - min(since) if since else 0.0

    def spooled_bytes(self) -> int:
        with self._answering():
            return self._size()

    @contextmanager
    def lead(self, task: Task = Task.REPLAY) -> Iterator[bool]:
        with self._lock:
            free = not self.led and task not in self._leading
            if free:
                self._leading.add(task)
        try:
            yield free
        finally:
            if free:
                self._leading.discard(task)

    def _size(self) -> int:
        return sum(len(frame) for frame in self._frames.values())

    def _take(self, frames: Sequence[Frame]) -> None:
        new = {frame.digest: frame for frame in frames if frame.digest not in self._frames}
        size = self._size() + sum(len(frame) for frame in new.values())
        if self.room is not None and size > self.room:
            raise SpoolFull("This master's spool is full; nothing was stored.")
        self._frames.update(new)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        with self._lock:
            if self.down:
                raise Unavailable("This master's journal cannot be written.")
            yield
