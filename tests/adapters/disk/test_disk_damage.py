"""Lost, damaged and foreign files."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing

import pytest

from echofs.adapters.stores.disk_entries import BLOCK, head_of
from echofs.core.errors import NotFound, StoreFull, StoreUnavailable
from tests import disks
from tests.adapters.disk.cases import NEW, OLD, held, open_disk, segments
from tests.fakes.disk_faults import WatchedCalls, failing_at


def test_a_lost_index_is_made_again_from_the_segments(store, root):
    store.put_many(NEW)
    etags = {stat.key: stat.etag for stat in store.list("chunk")}
    store.close()
    for path in root.glob("index.db*"):
        path.unlink()
    with open_disk(root) as again:
        assert held(again) == NEW
        assert {stat.key: stat.etag for stat in again.list("chunk")} == etags


@pytest.mark.parametrize("raw", [b"no database at all" * 500, None])
def test_a_damaged_index_or_one_of_another_format_is_made_again(store, root, raw, caplog):
    store.close()
    if raw is None:
        with closing(sqlite3.connect(root / "index.db")) as index:
            index.execute("PRAGMA user_version = 99")
    else:
        (root / "index.db").write_bytes(raw)
    with open_disk(root) as again:
        assert held(again) == OLD
    assert "made again from the segments" in caplog.text


@pytest.mark.parametrize("damage", [0, 10, 30, 45, 60], ids=lambda at: f"byte-{at}")
def test_a_rotten_entry_hides_none_of_its_neighbours_when_the_index_is_made_again(store, root, damage):
    store.put("chunk/cc1", NEW["chunk/cc1"])
    store.close()
    spoilt = next(entry for entry in disks.entries(root) if entry.key == "chunk/bb1")
    with open(spoilt.path, "r+b") as file:
        head = spoilt.at - 40 - len(spoilt.key)
        file.seek(head + damage if damage < 45 else spoilt.at)
        old = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([old[0] ^ 0xFF]))
    (root / "index.db").unlink()
    with open_disk(root) as again:
        # Those of its own group come behind it in the same block, and are lost with it.
        assert held(again) == {"chunk/aa1": OLD["chunk/aa1"], "chunk/cc1": NEW["chunk/cc1"]}


def test_bytes_that_look_like_an_entry_are_not_taken_for_one(store, root):
    fake = head_of("chunk/cc1", b"planted", 1 << 62, seed=0) + b"planted"
    value = b"".join(fake.ljust(BLOCK, b"\0") for _ in range(4))
    # At every offset within a block, so that some copy of it begins one.
    for shift in range(0, BLOCK, 64):
        store.put(f"chunk/{shift:04x}", b"\0" * shift + value)
    first = next(entry for entry in disks.entries(root) if entry.key == "chunk/0000")
    store.close()
    with open(first.path, "r+b") as file:
        file.seek(first.at - 40)
        file.write(b"\0" * 40)
    (root / "index.db").unlink()
    with open_disk(root) as again:
        assert [stat.key for stat in again.list("chunk", prefix="cc")] == []
        assert held(again) == OLD


def test_a_segment_that_is_gone_takes_only_its_own_values_along(root, caplog):
    for key, value in OLD.items():
        with open_disk(root) as store:
            store.put(key, value)
    first, _ = segments(root)
    with open_disk(root) as store:
        first.unlink()
        assert held(store) == {"chunk/bb1": b"old-b"}
        for read in (store.get, store.stat):
            with pytest.raises(NotFound):
                read("chunk/aa1")
    with open_disk(root) as store:
        assert [stat.key for stat in store.list("chunk")] == ["chunk/bb1"]
    assert "a segment of the disk is gone" in caplog.text


def test_a_truncated_segment_gives_shorter_values_and_the_store_goes_on(store, root):
    [path] = segments(root)
    os.truncate(path, next(entry.at for entry in disks.entries(root) if entry.key == "chunk/aa1") + 2)
    assert held(store) == {"chunk/aa1": b"ol", "chunk/bb1": b""}
    assert store.stat_many(list(OLD)) == {}
    store.close()
    with open_disk(root) as again:
        again.put_many(NEW)
        assert held(again) == NEW


def test_a_segment_without_a_header_keeps_what_the_index_knows(store, root, caplog):
    store.close()
    [path] = segments(root)
    with open(path, "r+b") as file:
        file.write(b"\0" * BLOCK)
        file.seek(0, os.SEEK_END)
        file.write(b"\0" * BLOCK)
    with open_disk(root) as again:
        assert held(again) == OLD
    assert "no header" in caplog.text


def test_a_segment_begun_by_a_process_that_died_is_removed(store, root):
    store.close()
    (root / "segments/000000ff.seg").write_bytes(b"")
    with open_disk(root) as again:
        assert len(segments(root)) == 1
        again.put_many(NEW)
    # Its number is not used again: a copy of the index may know it.
    assert segments(root)[-1].name == "00000100.seg"


def test_a_disk_that_went_read_only_is_read_with_an_index_in_memory(store, root, monkeypatch):
    store.put_many(NEW)
    store.close()
    before = (root / "index.db").read_bytes()
    real = os.statvfs(root)
    fields = [*real[:9], real.f_namemax]
    fields[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))
    calls = WatchedCalls()
    calls.arm(lambda at, name: failing_at(at, errno.EROFS)(at, name))
    with open_disk(root, calls=calls) as again:
        assert held(again) == NEW
        with pytest.raises(StoreFull):
            again.put("chunk/aa1", b"x")
    assert (root / "index.db").read_bytes() == before


def test_a_segment_removed_while_it_grows_is_noticed_before_anything_is_acknowledged(store, root):
    for path in segments(root):
        path.unlink()
    with pytest.raises(StoreUnavailable):
        store.put("chunk/cc1", b"x")
    store.put_many(NEW)
    assert held(store) == NEW
    assert disks.values(root) == NEW
