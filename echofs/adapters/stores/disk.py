"""Values as files on a local disk: ``root/<space>/<first two characters of the name>/<name>``.

Crash rules are kept in ``disk_files.py``, possession of the root in ``disk_root.py``.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_files import DurableFiles, Staged, etag_of
from echofs.adapters.stores.disk_root import claim, open_root
from echofs.core.errors import (
    InvalidName,
    NotFound,
    PreconditionFailed,
    StoreFull,
    StoreUnavailable,
    ValueTooLarge,
)
from echofs.ports.object_store import Condition, Limits, ObjectStore, Stat, Value, check_key, check_space

MIB = 1 << 20
RESERVE_BYTES = 64 * MIB
LOCK_WAIT_SECONDS = 10.0
_BATCH = 32
"""Values made durable together: bounds the descriptors one call holds open."""
_LOCKS = 64
_READ_LIMIT = 64 * MIB
"""A damaged length must not exhaust memory; what is cut here fails the check of its frame."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


@dataclass(frozen=True, slots=True)
class _Place:
    space: str
    fan: str
    name: str

    @property
    def folder(self) -> str:
        return f"{self.space}/{self.fan}"

    @property
    def path(self) -> str:
        return f"{self.space}/{self.fan}/{self.name}"


class DiskStore(ObjectStore):
    """One file per value, each written under another name first and flushed before it appears.

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
        self._read_limit = max(max_value_bytes, _READ_LIMIT)
        self._locks = tuple(threading.Lock() for _ in range(_LOCKS))
        calls = calls or DiskCalls()
        fd = open_root(root, calls, lock_wait_seconds)
        self._files = DurableFiles(fd, calls)
        try:
            self._store_id = claim(self._files, root, owner)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process open the root. Idempotent; later calls raise :class:`StoreUnavailable`."""
        self._files.close()

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
        place = _place(key)
        self._admit([value])
        [(temp, published)] = self._write([place], [value], only_if)
        if not published:
            raise _condition_failed()
        return Stat(key, temp.size, temp.etag)

    def put_many(self, values: Mapping[str, Value]) -> None:
        pairs = [(_place(key), value) for key, value in values.items()]
        self._admit(list(values.values()))
        for start in range(0, len(pairs), _BATCH):
            places, batch = zip(*pairs[start : start + _BATCH], strict=True)
            self._write(places, batch, None)

    def _write(
        self, places: Sequence[_Place], values: Sequence[Value], only_if: Condition | str | None
    ) -> list[tuple[Staged, bool]]:
        """Each value as it was staged, and whether it was named. Folders are flushed also when a condition fails:
        whoever is told that a value exists may rely on it."""
        with _reported("write"):
            try:
                for place in places:
                    self._files.make_folder(place.space, place.fan)
                with self._files.staged(values) as temps, self._files.changing([place.folder for place in places]):
                    return [
                        (temp, self._publish(temp, place, only_if)) for temp, place in zip(temps, places, strict=True)
                    ]
            except FileNotFoundError:
                self._files.forget_folders()
                raise

    def _publish(self, temp: Staged, place: _Place, only_if: Condition | str | None) -> bool:
        """Name a staged value unless the condition fails; whether it held. Every change of a key happens under its
        lock, so that nothing slips between a check and the change that relies on it."""
        with self._lock_of(place):
            if isinstance(only_if, Condition):
                return self._files.create(temp, place.path)
            if only_if is not None and self._etag(place) != only_if:
                return False
            self._files.replace(temp, place.path)
            return True

    def get(self, key: str) -> tuple[bytes, Stat]:
        place = _place(key)
        with _reported("read"):
            try:
                value, info = self._files.read(place.path, self._read_limit)
            except FileNotFoundError as error:
                raise _not_found() from error
        return value, Stat(key, info.st_size, etag_of(info))

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        found: dict[str, bytes] = {}
        places = {key: _place(key) for key in keys}
        with _reported("read"):
            for key, place in places.items():
                try:
                    found[key], _ = self._files.read(place.path, self._read_limit)
                except FileNotFoundError:
                    continue
        return found

    def stat(self, key: str) -> Stat:
        with _reported("read"):
            stat = self._stat(key, _place(key).path)
        if stat is None:
            raise _not_found()
        return stat

    def delete(self, key: str, *, only_if: str | None = None) -> None:
        place = _place(key)
        with _reported("delete"):
            try:
                # Flushed also when the key is absent: an earlier delete may have failed at just that.
                with self._files.changing([place.folder]):
                    deleted = self._remove(place, only_if)
            except FileNotFoundError:
                deleted = only_if is None
        if not deleted:
            raise _condition_failed()

    def _remove(self, place: _Place, only_if: str | None) -> bool:
        with self._lock_of(place):
            if only_if is not None and self._etag(place) != only_if:
                return False
            self._files.remove(place.path)
            return True

    def list(self, space: str, *, prefix: str = "", after: str = "", limit: int = 1000) -> list[Stat]:
        names = self._names(check_space(space), prefix, after)
        with _reported("read"):
            stats = (self._stat(f"{space}/{name}", f"{space}/{name[:2]}/{name}") for name in names)
            return list(islice((stat for stat in stats if stat is not None), max(limit, 0)))

    def _names(self, space: str, prefix: str, after: str) -> Iterator[str]:
        """Names in order, holding those of one folder at a time. Order by folder is order by name, because a folder is
        the beginning of all names in it."""
        for fan in sorted(self._files.entries(space)):
            if fan < after[:2] or not fan.startswith(prefix[:2]):
                continue
            inside = self._files.entries(f"{space}/{fan}")
            for name in sorted(n for n in inside if n[:2] == fan and n > after and n.startswith(prefix)):
                if _is_key(f"{space}/{name}"):
                    yield name

    def free_bytes(self) -> int | None:
        with _reported("read"):
            room = self._room()
        return max(room.f_bavail * room.f_frsize - self._reserve_bytes, 0)

    def _room(self) -> os.statvfs_result:
        return os.fstatvfs(self._files.root)

    def _admit(self, values: Sequence[Value]) -> None:
        """Refuse values that are too large or find no room, before anything is written."""
        sizes = [memoryview(value).nbytes for value in values]
        if max(sizes, default=0) > self.limits.max_value_bytes:
            raise ValueTooLarge(f"A value may have at most {self.limits.max_value_bytes} bytes.", field="value")
        with _reported("write"):
            room = self._room()
        no_inodes = room.f_files > 0 and room.f_favail == 0
        if no_inodes or room.f_bavail * room.f_frsize < self._reserve_bytes + sum(sizes):
            raise StoreFull("The store's disk is full. Free some space or add another worker.")

    def _stat(self, key: str, path: str) -> Stat | None:
        try:
            info = self._files.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return Stat(key, info.st_size, etag_of(info))

    def _etag(self, place: _Place) -> str | None:
        stat = self._stat("", place.path)
        return None if stat is None else stat.etag

    def _lock_of(self, place: _Place) -> threading.Lock:
        return self._locks[hash(place.path) % _LOCKS]


def _place(key: str) -> _Place:
    space, name = check_key(key)
    return _Place(space, name[:2], name)


def _is_key(key: str) -> bool:
    try:
        check_key(key)
    except InvalidName:
        return False
    return True


def _not_found() -> NotFound:
    return NotFound("Nothing is stored under this key.", field="key")


def _condition_failed() -> PreconditionFailed:
    return PreconditionFailed("The value under this key is not the one expected; nothing was changed.", field="only_if")


@contextmanager
def _reported(action: str) -> Iterator[None]:
    """Turn the system's errors into the port's, keeping the cause and naming no path."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or "unknown error"
        if error.errno in _NO_ROOM:
            raise StoreFull(f"The store's disk takes no more data: {reason}. Write elsewhere.") from error
        raise StoreUnavailable(f"The store could not {action}: {reason}. Try again, or check its disk.") from error
