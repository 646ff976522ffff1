"""Giving back the space of deleted and replaced values: what is alive in a mostly dead segment is copied to another."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from functools import partial

from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_entries import BLOCK, Entry, scan
from echofs.adapters.stores.disk_index import Index
from echofs.adapters.stores.disk_segments import Segments, read_at
from echofs.adapters.stores.key_locks import KeyLocks

COPIED_TOGETHER = 8 << 20
"""Bytes held in memory at a time, and made durable with one flush."""

_log = logging.getLogger(__name__)


class Compactor:
    """Thread-safe. Its own thread does the work; it starts when there is some, never before a fork."""

    def __init__(self, segments: Segments, index: Index, calls: DiskCalls, keys: KeyLocks) -> None:
        self._segments = segments
        self._index = index
        self._calls = calls
        self._keys = keys
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def nudge(self) -> None:
        """See whether there is something to do, and have a thread do it. Raises sqlite3.Error."""
        if not self._wasteful():
            return
        with self._starting:
            if self._stopping or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="compaction", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Leave the rest for later; when it returns nothing is being copied. Idempotent."""
        with self._starting:
            self._stopping = True
            thread = self._thread
        if thread is not None:
            thread.join()

    def run(self) -> None:
        """Empty and remove every segment of which more is dead than alive and that gets no more entries.

        A crash at any point leaves each value in the one place or the other. Raises OSError and sqlite3.Error.
        """
        for segment in self._wasteful():
            self._empty(segment)

    def _run(self) -> None:
        try:
            self.run()
        except (OSError, ValueError, sqlite3.Error):
            # Space is given back later, and nobody waits for it.
            _log.exception("a segment of the disk could not be compacted")

    def _wasteful(self) -> list[int]:
        wasteful = self._index.wasteful()
        return [segment for segment in wasteful if segment not in self._segments.growing()] if wasteful else []

    def _empty(self, segment: int) -> None:
        for group in self._living(segment):
            if self._stopping:
                return
            self._copy(segment, group)
        # Not so when something in it could not be read: a damaged entry is kept for whoever can make sense of it.
        if self._index.empty(segment):
            # In this order, since a segment that the index does not know is read anew, with all that was deleted.
            self._segments.remove(segment)
            self._index.forget(segment)

    def _living(self, segment: int) -> Iterator[list[tuple[Entry, bytes]]]:
        with self._segments.reading(segment) as fd:
            read = partial(read_at, self._calls, fd)
            seed = self._segments.header(segment).seed
            end = self._index.scanned()[segment]
            group: list[tuple[Entry, bytes]] = []
            for entry in scan(read, BLOCK, end, seed):
                place = self._index.place(entry.key)
                if place is None or (place.segment, place.at) != (segment, entry.at):
                    continue
                group.append((entry, read(entry.at, entry.size)))
                if sum(len(value) for _, value in group) >= COPIED_TOGETHER:
                    yield group
                    group = []
            if group:
                yield group

    def _copy(self, source: int, group: list[tuple[Entry, bytes]]) -> None:
        keys = [entry.key for entry, _ in group]
        # A delete in between would be undone by a crash: the copy would be found, and nothing that forbids it.
        with self._keys.hold(keys), self._segments.appending() as target:
            # With its stamp a value keeps its etag: nothing has changed for anyone.
            copies = target.append([(entry.key, value, entry.stamp) for entry, value in group])
            moves = [(entry, copy) for (entry, _), copy in zip(group, copies, strict=True)]
            self._index.move(source, target.id, target.end, moves)
