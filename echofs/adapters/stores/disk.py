"""Values on a local disk, many to a file: segments hold them, an index finds them.

The layout is in ``disk_entries.py``, the crash rules in ``disk_segments.py`` and ``disk_recovery.py``, possession of
the root in ``disk_root.py``.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_compaction import Compactor
from echofs.adapters.stores.disk_entries import Entry
from echofs.adapters.stores.disk_index import Place
from echofs.adapters.stores.disk_recovery import catch_up, open_index
from echofs.adapters.stores.disk_root import claim, open_root, refused
from echofs.adapters.stores.disk_segments import Segments
from echofs.adapters.stores.key_locks import KeyLocks
from echofs.core.errors import NotFound, PreconditionFailed, StoreFull, StoreUnavailable, ValueTooLarge
from echofs.ports.object_store import Condition, Limits, ObjectStore, Stat, Value, check_key, check_space

MIB = 1 << 20
RESERVE_BYTES = 64 * MIB
LOCK_WAIT_SECONDS = 10.0
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


class DiskStore(ObjectStore):
    """Values in append-only segments; a group is made durable with one flush.

    ``owner`` is the worker the disk belongs to. New values are refused with :class:`StoreFull` once they would leave
    less than ``reserve_bytes`` free, so that deletes, logs and repairs keep working. A put writes anew even if the
    value is there: the copy present may be rotten, and skipping would tell that somebody else has the same bytes.
    Raises :class:`InvalidSetting` when the root cannot be used.
    """

    def __init__(
        self,
        root: Path,
        *,
        max_value_bytes: int,
        owner: str,
        reserve_bytes: int = RESERVE_BYTES,
        lock_wait_seconds: float = LOCK_WAIT_SECONDS,
        calls: DiskCalls | None = None,
    ) -> None:
        self.limits = Limits(max_value_bytes=max_value_bytes, exclusive_create=True)
        self._reserve_bytes = reserve_bytes
        self._stamping = threading.Lock()
        self._keys = KeyLocks()
        calls = calls or DiskCalls()
        self._root = open_root(root, calls, lock_wait_seconds)
        try:
            self._store_id = claim(self._root, calls, root, owner)
            with refused(root):
                self._index = open_index(root)
                try:
                    self._open_segments(calls)
                except BaseException:
                    self._index.close()
                    raise
        except BaseException:
            os.close(self._root)
            raise

    def _open_segments(self, calls: DiskCalls) -> None:
        self._segments = Segments(self._root, calls, used=max(self._index.scanned(), default=0))
        catch_up(self._index, self._segments, calls)
        self._compactor = Compactor(self._segments, self._index, calls, self._keys)
        self._last_stamp = self._index.last_stamp()

    def close(self) -> None:
        """Let another process open the root. Idempotent; later calls raise :class:`StoreUnavailable`."""
        root, self._root = self._root, -1
        if root >= 0:
            self._compactor.stop()
            self._segments.close()
            self._index.close()
            os.close(root)

    def __enter__(self) -> DiskStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def store_id(self) -> str:
        return self._store_id

    def put(self, key: str, value: Value, *, only_if: Condition | str | None = None) -> Stat:
        check_key(key)
        self._admit([value])
        with _reported("write"), self._keys.hold([key]):
            if only_if is not None and not _holds(self._index.place(key), only_if):
                raise _condition_failed()
            [entry] = self._append({key: value})
            self._compactor.nudge()
        return Stat(key, entry.size, etag_of(entry.stamp))

    def put_many(self, values: Mapping[str, Value]) -> None:
        for key in values:
            check_key(key)
        self._admit(list(values.values()))
        with _reported("write"), self._keys.hold(values):
            self._append(values)
            self._compactor.nudge()

    def _append(self, values: Mapping[str, Value]) -> list[Entry]:
        """Write values whose keys are held."""
        if not values:
            return []
        stamps = self._next_stamps(len(values))
        rows = [
            (key, memoryview(value).cast("B"), stamp)
            for (key, value), stamp in zip(values.items(), stamps, strict=True)
        ]
        with self._segments.appending() as segment:
            entries = segment.append(rows)
            self._index.put(segment.id, segment.end, entries)
        return entries

    def _next_stamps(self, count: int) -> range:
        """Nanoseconds that look like the present time but strictly grow."""
        with self._stamping:
            first = max(self._last_stamp + 1, time.time_ns())
            self._last_stamp = first + count - 1
        return range(first, first + count)

    def get(self, key: str) -> tuple[bytes, Stat]:
        check_key(key)
        with _reported("read"):
            found = self._read([key])
        if key not in found:
            raise _not_found()
        value, place = found[key]
        return value, Stat(key, len(value), etag_of(place.stamp))

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        for key in keys:
            check_key(key)
        with _reported("read"):
            return {key: value for key, (value, _) in self._read(keys).items()}

    def _read(self, keys: Sequence[str]) -> dict[str, tuple[bytes, Place]]:
        found: dict[str, tuple[bytes, Place]] = {}
        by_segment: dict[int, list[tuple[str, Place]]] = {}
        for key, place in self._index.places(keys).items():
            by_segment.setdefault(place.segment, []).append((key, place))
        for segment, wanted in by_segment.items():
            try:
                values = self._segments.read(segment, [(place.at, place.size) for _, place in wanted])
            except FileNotFoundError:
                # Compaction may have moved the values; if it has not, they are gone with their segment.
                if moved := [key for key, place in wanted if self._index.place(key) != place]:
                    found |= self._read(moved)
                continue
            found |= {key: (value, place) for (key, place), value in zip(wanted, values, strict=True)}
        return found

    def stat(self, key: str) -> Stat:
        stat = self.stat_many([key]).get(key)
        if stat is None:
            raise _not_found()
        return stat

    def stat_many(self, keys: Sequence[str]) -> dict[str, Stat]:
        for key in keys:
            check_key(key)
        with _reported("read"):
            places = self._index.places(keys)
            sizes = {segment: self._segments.size(segment) for segment in {place.segment for place in places.values()}}
        return {
            key: Stat(key, place.size, etag_of(place.stamp))
            for key, place in places.items()
            # The index only remembers; a value counts while its bytes can be there.
            if place.at + place.size <= sizes[place.segment]
        }

    def delete(self, key: str, *, only_if: str | None = None) -> None:
        check_key(key)
        with _reported("delete"), self._keys.hold([key]):
            if only_if is not None and not _holds(self._index.place(key), only_if):
                raise _condition_failed()
            self._index.delete(key)
            self._compactor.nudge()

    def list(self, space: str, *, prefix: str = "", after: str = "", limit: int = 1000) -> list[Stat]:
        check_space(space)
        with _reported("read"):
            found = self._index.page(space, prefix, after, max(limit, 0))
        return [Stat(key, place.size, etag_of(place.stamp)) for key, place in found]

    def free_bytes(self) -> int | None:
        with _reported("read"):
            room = os.fstatvfs(self._root)
        return max(room.f_bavail * room.f_frsize - self._reserve_bytes, 0)

    def _admit(self, values: Sequence[Value]) -> None:
        """Refuse values that are too large or find no room, before anything is written."""
        sizes = [memoryview(value).nbytes for value in values]
        if max(sizes, default=0) > self.limits.max_value_bytes:
            raise ValueTooLarge(f"A value may have at most {self.limits.max_value_bytes} bytes.", field="value")
        with _reported("write"):
            room = os.fstatvfs(self._root)
        no_inodes = room.f_files > 0 and room.f_favail == 0
        if no_inodes or room.f_bavail * room.f_frsize < self._reserve_bytes + sum(sizes):
            raise StoreFull("The store's disk is full. Free some space or add another worker.")


def etag_of(stamp: int) -> str:
    """Stamps grow with every write of a store, so no etag comes twice."""
    return f"{stamp:x}"


def _holds(place: Place | None, only_if: Condition | str) -> bool:
    if isinstance(only_if, Condition):
        return place is None
    return place is not None and etag_of(place.stamp) == only_if


def _not_found() -> NotFound:
    return NotFound("Nothing is stored under this key.", field="key")


def _condition_failed() -> PreconditionFailed:
    return PreconditionFailed("The value under this key is not the one expected; nothing was changed.", field="only_if")


@contextmanager
def _reported(action: str) -> Iterator[None]:
    """Turn the errors of the system and of the index into the port's, keeping the cause and naming no path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "unknown error"
        if error.errno in _NO_ROOM:
            raise StoreFull(f"The store's disk takes no more data: {reason}. Write elsewhere.") from error
        raise StoreUnavailable(f"The store could not {action}: {reason}. Try again, or check its disk.") from error
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY):
            raise StoreFull("The store's disk takes no more data. Write elsewhere.") from error
        raise StoreUnavailable(
            f"The store could not {action}: its index fails. Try again, or check its disk."
        ) from error
