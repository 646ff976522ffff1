"""Values in memory: for tests and demonstrations. They die with the process."""

from __future__ import annotations

import itertools
import threading
import uuid
from dataclasses import dataclass

from echofs.core.errors import NotFound, PreconditionFailed, ValueTooLarge
from echofs.ports.object_store import Condition, Limits, ObjectStore, Stat, Value, check_key, check_space


@dataclass(frozen=True, slots=True)
class _Entry:
    value: bytes
    etag: str


class MemoryStore(ObjectStore):
    """A dictionary under one lock. "Durable" means here: until the process ends."""

    def __init__(self, *, max_value_bytes: int = 8 << 20) -> None:
        self.limits = Limits(max_value_bytes=max_value_bytes, exclusive_create=True)
        self._store_id = str(uuid.uuid4())
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._writes = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def store_id(self) -> str:
        return self._store_id

    def put(self, key: str, value: Value, *, only_if: Condition | str | None = None) -> Stat:
        place = check_key(key)
        data = bytes(value)
        if len(data) > self.limits.max_value_bytes:
            raise ValueTooLarge(f"A value may have at most {self.limits.max_value_bytes} bytes.", field="value")
        with self._lock:
            present = self._entries.get(place)
            if isinstance(only_if, Condition):
                _require(present is None)
            elif only_if is not None:
                _require(present is not None and present.etag == only_if)
            entry = self._entries[place] = _Entry(data, str(next(self._writes)))
        return Stat(key, len(data), entry.etag)

    def get(self, key: str) -> tuple[bytes, Stat]:
        entry = self._entry(key)
        return entry.value, Stat(key, len(entry.value), entry.etag)

    def stat(self, key: str) -> Stat:
        entry = self._entry(key)
        return Stat(key, len(entry.value), entry.etag)

    def delete(self, key: str, *, only_if: str | None = None) -> None:
        place = check_key(key)
        with self._lock:
            present = self._entries.get(place)
            _require(only_if is None or (present is not None and present.etag == only_if))
            self._entries.pop(place, None)

    def list(self, space: str, *, prefix: str = "", after: str = "", limit: int = 1000) -> list[Stat]:
        check_space(space)
        with self._lock:
            found = sorted(
                (name, entry)
                for (place, name), entry in self._entries.items()
                if place == space and name > after and name.startswith(prefix)
            )
        return [Stat(f"{space}/{name}", len(entry.value), entry.etag) for name, entry in found[: max(limit, 0)]]

    def free_bytes(self) -> int | None:
        return None

    def _entry(self, key: str) -> _Entry:
        entry = self._entries.get(check_key(key))
        if entry is None:
            raise NotFound("Nothing is stored under this key.", field="key")
        return entry


def _require(holds: bool) -> None:
    if not holds:
        raise PreconditionFailed(
            "The value under this key is not the one expected; nothing was changed.", field="only_if"
        )
