"""A disk store with some values, and its system calls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from echofs.adapters.stores.disk import DiskStore
from tests.adapters.disk.cases import OLD, open_disk
from tests.fakes.disk_faults import WatchedCalls


@pytest.fixture
def calls() -> WatchedCalls:
    return WatchedCalls()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "disk"


@pytest.fixture
def store(root: Path, calls: WatchedCalls) -> Iterator[DiskStore]:
    with open_disk(root, calls=calls) as store:
        store.put_many(OLD)
        yield store
