"""Bringing the index of a disk store in line with its segments, at start."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path

from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_entries import BLOCK, scan
from echofs.adapters.stores.disk_index import FILE, IN_MEMORY, Index
from echofs.adapters.stores.disk_segments import Segments, read_at

_ENTRIES_TOGETHER = 10_000

_log = logging.getLogger(__name__)


def open_index(root: Path) -> Index:
    """The index, or an empty one in place of a damaged one. Raises OSError and sqlite3.Error.

    That of a disk which went read-only is made anew in memory: a worker that can still be read is worth the wait.
    """
    if os.statvfs(root).f_flag & os.ST_RDONLY:
        _log.warning("the disk is read-only; its index is made again in memory", extra={"disk": str(root)})
        return Index(IN_MEMORY)
    try:
        return Index(root / FILE)
    except sqlite3.OperationalError:
        # The file cannot be reached, which says nothing about what is in it.
        raise
    except sqlite3.DatabaseError:
        _log.warning("the index of the disk is damaged; it is made again from the segments", extra={"disk": str(root)})
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(root / (FILE + suffix))
        return Index(root / FILE)


def catch_up(index: Index, segments: Segments, calls: DiskCalls) -> None:
    """Note what segments hold beyond what the index knows of them, and forget those that are gone.

    Costs one look at each segment, and reads only what was not noted before a crash; everything, if the index was
    lost. Idempotent. Raises OSError and sqlite3.Error.
    """
    known, there = index.scanned(), segments.ids()
    for segment in sorted(known.keys() - there):
        lost = index.forget(segment)
        if lost:
            _log.error("a segment of the disk is gone", extra={"segment": segment, "values": lost})
    for segment in there:
        _catch_up_with(index, segments, calls, segment, known.get(segment, 0))


def _catch_up_with(index: Index, segments: Segments, calls: DiskCalls, segment: int, known: int) -> None:
    of = {"segment": segment}
    with segments.reading(segment) as fd:
        end = os.fstat(fd).st_size
        if end <= BLOCK and not known:
            # Begun by a process that died before it wrote the first entry.
            segments.remove(segment)
            return
        if end <= known:
            return
        try:
            seed = segments.header(segment).seed
        except ValueError:
            _log.error("a segment of the disk has no header: only what the index knows of it can be read", extra=of)
            return
        found = []
        for entry in scan(partial(read_at, calls, fd), max(known, BLOCK), end, seed):
            found.append(entry)
            if len(found) == _ENTRIES_TOGETHER:
                # An entry ends where the next search may begin, should this one be interrupted.
                index.put(segment, entry.at + entry.size, found)
                found = []
        index.put(segment, end, found)
