"""Every call failing, and power cuts at every call."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable

import pytest

from echofs.adapters.stores.disk import DiskStore
from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.core.errors import StoreFull, StoreUnavailable
from tests import disks
from tests.adapters.disk.cases import (
    NEW,
    OLD,
    WRITES,
    assert_old_or_new,
    calls_of,
    copy_index,
    held,
    open_disk,
    segments,
    with_old_values,
)
from tests.fakes.disk_faults import ForgetfulCalls, PowerCut, WatchedCalls, dying_at, failing_at

# --- every call failing ---


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("fresh", [False, True], ids=["same-segment", "new-segment"])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_whichever_call_fails_nothing_is_acknowledged_or_torn_and_a_retry_works(tmp_path, name, fresh, error):
    write, _ = WRITES[name]
    for number in range(1, len(calls_of(write, tmp_path / "plain", fresh=fresh)) + 1):
        root, calls = tmp_path / f"{number}", WatchedCalls()
        with with_old_values(root, calls, fresh=fresh) as store:
            calls.arm(failing_at(number, error))
            with pytest.raises(StoreFull if error == errno.ENOSPC else StoreUnavailable) as refusal:
                write(store)
            assert isinstance(refusal.value.__cause__, OSError)
            assert str(tmp_path) not in refusal.value.message
            assert held(store) == OLD
            store.put_many(NEW)
            assert held(store) == NEW
        with open_disk(root) as again:
            assert held(again) == NEW


@pytest.mark.parametrize("name", WRITES)
def test_a_segment_whose_flush_failed_is_never_written_or_flushed_again(tmp_path, name):
    write, _ = WRITES[name]
    root, calls = tmp_path / "disk", WatchedCalls()
    with with_old_values(root, calls) as store:
        calls.arm(lambda at, name: failing_at(at, errno.EIO)(at, name) if name == "flush" else None)
        with pytest.raises(StoreUnavailable):
            write(store)
        failed = calls.made[-1][1]
        calls.arm(lambda at, name: None)
        write(store)
        store.put_many(NEW)
        assert failed not in [path for _, path in calls.made]
        assert held(store) == NEW


def test_segments_that_could_not_be_begun_leave_no_files(store, calls, root):
    store.close()
    before = segments(root)
    with open_disk(root, calls=calls) as again:
        calls.arm(lambda at, name: failing_at(at, errno.ENOSPC)(at, name) if name == "write" else None)
        for _ in range(3):
            with pytest.raises(StoreFull):
                again.put("chunk/aa1", b"x")
        assert segments(root) == before


def test_short_writes_and_reads_are_continued(root):
    class Sluggish(DiskCalls):
        def write(self, fd: int, data: memoryview, at: int) -> int:
            return super().write(fd, data[:777], at)

        def read(self, fd: int, size: int, at: int) -> bytes:
            return super().read(fd, min(size, 5), at)

    value = bytes(range(256)) * 1024
    with open_disk(root, calls=Sluggish()) as store:
        store.put("chunk/abc", value)
        assert store.get("chunk/abc")[0] == value
    assert disks.values(root)["chunk/abc"] == value


# --- power cuts ---


@pytest.mark.parametrize("index", ["kept", "old", "lost"])
@pytest.mark.parametrize("names_kept", [False, True])
@pytest.mark.parametrize("fresh", [False, True], ids=["same-segment", "new-segment"])
@pytest.mark.parametrize("name", WRITES)
def test_a_power_cut_at_any_call_leaves_old_or_new_values(tmp_path, name, fresh, names_kept, index):
    write, _ = WRITES[name]
    for number in range(1, len(calls_of(write, tmp_path / "plain", fresh=fresh)) + 1):
        root, left, calls = tmp_path / f"{number}", tmp_path / f"{number}-left", ForgetfulCalls()
        with with_old_values(root, calls, fresh=fresh) as store:
            (tmp_path / f"{number}-index").mkdir()
            copy_index(root, tmp_path / f"{number}-index")
            calls.arm(dying_at(number))
            with pytest.raises(PowerCut):
                write(store)
            calls.survivors(root, left, names_kept=names_kept)
            if index != "lost":
                copy_index(root if index == "kept" else tmp_path / f"{number}-index", left)
        with open_disk(left) as store:
            assert_old_or_new(held(store))
            store.put_many(NEW)
            assert held(store) == NEW


@pytest.mark.parametrize("index", ["kept", "old", "lost"])
@pytest.mark.parametrize("name", WRITES)
def test_an_acknowledged_write_survives_a_power_cut(tmp_path, name, index):
    write, keys = WRITES[name]
    root, left, calls = tmp_path / "disk", tmp_path / "left", ForgetfulCalls()
    (tmp_path / "index").mkdir()
    with with_old_values(root, calls) as store:
        copy_index(root, tmp_path / "index")
        write(store)
        calls.survivors(root, left, names_kept=False)
        if index != "lost":
            copy_index(root if index == "kept" else tmp_path / "index", left)
    with open_disk(left) as store:
        assert held(store) == OLD | {key: NEW[key] for key in keys}


@pytest.mark.parametrize("names_kept", [False, True])
def test_a_power_cut_during_the_first_start_never_spoils_the_second(tmp_path, names_kept):
    plain = WatchedCalls()
    (tmp_path / "plain").mkdir()
    open_disk(tmp_path / "plain", calls=plain).close()
    for number in range(1, len(plain.made) + 1):
        root, left, calls = tmp_path / f"{number}", tmp_path / f"{number}-left", ForgetfulCalls()
        root.mkdir()
        calls.arm(dying_at(number))
        with pytest.raises(PowerCut):
            open_disk(root, calls=calls)
        calls.survivors(root, left, names_kept=names_kept)
        with open_disk(left) as store:
            store.put_many(NEW)
            assert held(store) == NEW


def test_deletes_wait_for_the_disk(store, root, tmp_path):
    """SQLite flushes its log at the end of a delete, and thereby of all puts before; else only now and then."""
    store.put("chunk/cc1", NEW["chunk/cc1"])
    levels = traced(store, lambda: store.delete("chunk/aa1"))
    assert levels.index("PRAGMA synchronous = FULL") < levels.index("COMMIT")
    assert "PRAGMA synchronous = FULL" not in traced(store, lambda: store.put("chunk/aa1", b"x"))


def traced(store: DiskStore, action: Callable[[], object]) -> list[str]:
    statements: list[str] = []
    store._index._connection.set_trace_callback(statements.append)
    action()
    store._index._connection.set_trace_callback(None)
    return [statement.strip() for statement in statements]


def test_what_was_deleted_stays_deleted_after_a_crash(store, root, tmp_path):
    store.put_many(NEW)
    store.delete("chunk/aa1")
    shutil.copytree(root, tmp_path / "left")
    with open_disk(tmp_path / "left") as again:
        assert held(again) == {"chunk/bb1": NEW["chunk/bb1"], "chunk/cc1": NEW["chunk/cc1"]}
        assert [stat.key for stat in again.list("chunk")] == ["chunk/bb1", "chunk/cc1"]
