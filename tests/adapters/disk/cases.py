"""What the tests of a disk store have in common: values, writes, and stores in chosen states."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from echofs.adapters.stores.disk import DiskStore
from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.ports.object_store import ABSENT
from tests.fakes.disk_faults import WatchedCalls

Write = Callable[[DiskStore], object]

OLD = {"chunk/aa1": b"old-a", "chunk/bb1": b"old-b"}
NEW = {"chunk/aa1": b"new-a" * 3000, "chunk/bb1": b"new-b", "chunk/cc1": b"new-c"}


def put_absent(store: DiskStore) -> None:
    store.put("chunk/cc1", NEW["chunk/cc1"], only_if=ABSENT)


def put_on_etag(store: DiskStore) -> None:
    store.put("chunk/aa1", NEW["chunk/aa1"], only_if=store.stat("chunk/aa1").etag)


WRITES: dict[str, tuple[Write, list[str]]] = {
    "put": (lambda store: store.put("chunk/aa1", NEW["chunk/aa1"]), ["chunk/aa1"]),
    "put-new": (lambda store: store.put("chunk/cc1", NEW["chunk/cc1"]), ["chunk/cc1"]),
    "put-absent": (put_absent, ["chunk/cc1"]),
    "put-on-etag": (put_on_etag, ["chunk/aa1"]),
    "put-many": (lambda store: store.put_many(NEW), list(NEW)),
}


def open_disk(root: Path, *, owner: str = "w1", calls: DiskCalls | None = None, reserve_bytes: int = 0) -> DiskStore:
    return DiskStore(
        root, max_value_bytes=1 << 20, owner=owner, reserve_bytes=reserve_bytes, lock_wait_seconds=0, calls=calls
    )


def held(store: DiskStore) -> dict[str, bytes]:
    return store.get_many(list(NEW))


def assert_old_or_new(found: dict[str, bytes]) -> None:
    for key in NEW:
        assert found.get(key) in (OLD.get(key), NEW[key])


def copy_index(root: Path, target: Path) -> None:
    for path in root.glob("index.db*"):
        shutil.copy(path, target)


def segments(root: Path) -> list[Path]:
    return sorted((root / "segments").iterdir())


def with_old_values(root: Path, calls: DiskCalls, *, fresh: bool = False) -> DiskStore:
    """A store that holds OLD and goes on writing in the same segment, or begins a new one if ``fresh``."""
    store = open_disk(root, calls=calls)
    store.put_many(OLD)
    if fresh:
        store.close()
        store = open_disk(root, calls=calls)
    store._compactor.nudge = lambda: None  # its calls would come in between
    return store


def calls_of(write: Write, root: Path, *, fresh: bool = False) -> list[tuple[str, str]]:
    """The changing calls one undisturbed write makes."""
    calls = WatchedCalls()
    with with_old_values(root, calls, fresh=fresh) as store:
        calls.made = []
        write(store)
        return calls.made
