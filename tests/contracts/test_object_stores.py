"""The store contract, run over every store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from echofs.adapters.stores.disk import DiskStore
from echofs.adapters.stores.memory import MemoryStore
from echofs.adapters.stores.s3_client import S3Place
from echofs.ports.object_store import ObjectStore
from tests import disks
from tests.contracts import s3_places
from tests.contracts.object_store_contract import MAX_VALUE_BYTES, ObjectStoreContract


class TestDiskStore(ObjectStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[ObjectStore]:
        with DiskStore(tmp_path, max_value_bytes=MAX_VALUE_BYTES, owner="w1", reserve_bytes=0) as store:
            yield store

    @pytest.fixture
    def on_medium(self, tmp_path: Path) -> Callable[[str], bytes | None]:
        return lambda key: disks.indexed(tmp_path).get(key)


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


class TestS3Store(ObjectStoreContract):
    """On an endpoint whose conditional puts are taken for atomic, as at AWS."""

    TURNS = 3

    @pytest.fixture
    def place(self, aws_endpoint: str, s3_credentials: None) -> S3Place:
        return s3_places.fresh_place(aws_endpoint)

    @pytest.fixture
    def store(self, aws_endpoint: str, place: S3Place) -> Iterator[ObjectStore]:
        with closing(s3_places.opened(aws_endpoint, place, MAX_VALUE_BYTES, conditions=True)) as store:
            yield store

    @pytest.fixture
    def rivals(self, store: ObjectStore, aws_endpoint: str, place: S3Place) -> Iterator[list[ObjectStore]]:
        with ExitStack() as stack:
            others = [s3_places.opened(aws_endpoint, place, MAX_VALUE_BYTES, conditions=True) for _ in range(3)]
            yield [store, *(stack.enter_context(closing(other)) for other in others)]

    @pytest.fixture
    def on_medium(self, aws_endpoint: str, place: S3Place) -> Callable[[str], bytes | None]:
        return s3_places.looking_with(aws_endpoint, place)


class TestS3StoreWithoutConditions(ObjectStoreContract):
    """On an endpoint that overwrites whatever the conditions say."""

    TURNS = 3

    @pytest.fixture
    def place(self, rclone: tuple[str, Path], s3_credentials: None) -> S3Place:
        return s3_places.fresh_place(rclone[0])

    @pytest.fixture
    def store(self, rclone: tuple[str, Path], place: S3Place) -> Iterator[ObjectStore]:
        with closing(s3_places.opened(rclone[0], place, MAX_VALUE_BYTES, conditions=False)) as store:
            yield store

    @pytest.fixture
    def on_medium(self, rclone: tuple[str, Path], place: S3Place) -> Callable[[str], bytes | None]:
        def look(key: str) -> bytes | None:
            path = rclone[1] / place.bucket / f"{place.prefix}{key}"
            return path.read_bytes() if path.exists() else None

        return look
