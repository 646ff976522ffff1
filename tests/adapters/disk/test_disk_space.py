"""Giving back the space of deleted and replaced values."""

from __future__ import annotations

import errno
from collections.abc import Collection
from pathlib import Path

import pytest

from echofs.adapters.stores import disk_segments
from echofs.adapters.stores.disk import DiskStore
from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_index import Place
from tests import disks
from tests.adapters.disk.cases import copy_index, open_disk, segments
from tests.fakes.disk_faults import ForgetfulCalls, PowerCut, WatchedCalls, dying_at, failing_at

LARGE = {f"chunk/{number:02d}": bytes([number]) * 50_000 for number in range(10)}
KEPT = {key: LARGE[key] for key in ("chunk/03", "chunk/07")}


@pytest.fixture
def small_segments(monkeypatch):
    monkeypatch.setattr(disk_segments, "SEGMENT_BYTES", 400_000)


def wasted(root: Path, calls: DiskCalls | None = None) -> DiskStore:
    """A store whose full segment is mostly dead; nothing has been given back yet."""
    store = open_disk(root, calls=calls)
    store._compactor.nudge = lambda: None  # only when a test says so
    store.put_many(LARGE)
    for key in LARGE.keys() - KEPT.keys():
        store.delete(key)
    return store


def test_the_space_of_deleted_values_comes_back_and_the_others_stay_as_they_were(small_segments, root):
    with wasted(root) as store:
        before, etags = segments(root), {key: store.stat(key).etag for key in KEPT}
        store._compactor.run()
        assert not set(before) & set(segments(root))
        assert sum(path.stat().st_size for path in segments(root)) < 150_000
        assert store.get_many(list(LARGE)) == KEPT
        assert {key: store.stat(key).etag for key in KEPT} == etags
    with open_disk(root) as again:
        assert again.get_many(list(LARGE)) == KEPT


def test_space_is_given_back_by_itself(small_segments, root):
    with open_disk(root) as store:
        store.put_many(LARGE)
        [first] = segments(root)
        for key in LARGE.keys() - KEPT.keys():
            store.delete(key)
        store._compactor._thread.join()
        assert not first.exists()
        assert store.get_many(list(LARGE)) == KEPT


def test_replaced_values_are_given_back_too(small_segments, root):
    with open_disk(root) as store:
        store.put_many(LARGE)
        [first] = segments(root)
        store.put_many(dict.fromkeys(LARGE, b"short"))
        store._compactor._thread.join()
        assert not first.exists()
        assert store.get_many(list(LARGE)) == dict.fromkeys(LARGE, b"short")


def test_a_value_read_while_it_moves_is_found(small_segments, root):
    with wasted(root) as store:
        looked_up = store._index.places

        def moved_meanwhile(keys: Collection[str]) -> dict[str, Place]:
            places = looked_up(keys)
            store._compactor.run()
            return places

        store._index.places = moved_meanwhile
        assert store.get("chunk/03")[0] == KEPT["chunk/03"]


def test_an_entry_that_cannot_be_read_keeps_its_segment(small_segments, root):
    with wasted(root) as store:
        spoilt = next(entry for entry in disks.entries(root) if entry.key == "chunk/03")
        with open(spoilt.path, "r+b") as file:
            file.seek(spoilt.at + 5)
            file.write(b"?")
        store._compactor.run()
        assert spoilt.path.exists()
        assert store.get("chunk/03")[0] == LARGE["chunk/03"][:5] + b"?" + LARGE["chunk/03"][6:]
        assert store.get("chunk/07")[0] == KEPT["chunk/07"]


@pytest.mark.parametrize("index", ["kept", "old"])
@pytest.mark.parametrize("names_kept", [False, True])
def test_a_power_cut_while_space_is_given_back_loses_nothing_and_brings_nothing_back(
    small_segments, tmp_path, names_kept, index
):
    plain = WatchedCalls()
    with wasted(tmp_path / "plain", plain) as store:
        plain.made = []
        store._compactor.run()
    assert [call for call, _ in plain.made][-2:] == ["unlink", "flush_folder"]
    for number in range(1, len(plain.made) + 1):
        root, left, calls = tmp_path / f"{number}", tmp_path / f"{number}-left", ForgetfulCalls()
        (tmp_path / f"{number}-index").mkdir()
        with wasted(root, calls) as store:
            copy_index(root, tmp_path / f"{number}-index")
            calls.arm(dying_at(number))
            with pytest.raises(PowerCut):
                store._compactor.run()
            calls.survivors(root, left, names_kept=names_kept)
            # The index waits for the disk before the segment is removed.
            kept = index == "kept" or number >= len(plain.made) - 1
            copy_index(root if kept else tmp_path / f"{number}-index", left)
        with open_disk(left) as again:
            assert again.get_many(list(LARGE)) == KEPT


def test_a_failure_while_space_is_given_back_is_logged_and_harms_nobody(small_segments, root, calls, caplog):
    with open_disk(root, calls=calls) as store:
        store.put_many(LARGE)
        calls.arm(lambda at, name: failing_at(at, errno.EIO)(at, name))
        for key in LARGE.keys() - KEPT.keys():
            store.delete(key)
        store._compactor._thread.join()
        assert store.get_many(list(LARGE)) == KEPT
    assert "could not be compacted" in caplog.text
