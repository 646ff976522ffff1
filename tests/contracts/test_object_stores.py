"""The store contract, run over every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from echofs.adapters.stores.disk import DiskStore
from echofs.adapters.stores.memory import MemoryStore
from echofs.ports.object_store import ObjectStore
from tests.contracts.object_store_contract import MAX_VALUE_BYTES, ObjectStoreContract


class TestDiskStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[ObjectStore]:
        with DiskStore(tmp_path, max_value_bytes=MAX_VALUE_BYTES, owner="w1", reserve_bytes=0) as store:
            yield store

    @pytest.fixture
    def on_medium(self, tmp_path: Path) -> Callable[[str], bytes | None]:
        def look(key: str) -> bytes | None:
            space, name = key.split("/")
            path = tmp_path / space / name[:2] / name
            return path.read_bytes() if path.exists() else None

        return look


class TestMemoryStore(ObjectStoreContract):
    @pytest.fixture
    def store(self) -> ObjectStore:
        return MemoryStore(max_value_bytes=MAX_VALUE_BYTES)

    @pytest.fixture
    def on_medium(self, store: ObjectStore) -> Callable[[str], bytes | None]:
        # Memory has no second road; a listing and a group read at least share no lookup with get.
        def look(key: str) -> bytes | None:
            space, name = key.split("/")
            listed = [stat.key for stat in store.list(space, prefix=name, limit=1)]
            return store.get_many([key])[key] if listed == [key] else None

        return look
