"""What only a disk can do: the order of its calls, its errors, what lies on it. The contract has the ordinary rest."""

from __future__ import annotations

import errno
import os
import stat
import threading

import pytest

from echofs.adapters.stores.disk import DiskStore
from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_entries import BLOCK
from echofs.core.errors import StoreFull, StoreUnavailable
from tests.adapters.disk.cases import NEW, OLD, WRITES, held, open_disk
from tests.fakes.disk_faults import WatchedCalls, failing_at

# --- order of the calls ---


@pytest.mark.parametrize("name", WRITES)
def test_a_group_is_written_and_then_flushed_once_and_only_then_to_be_found(root, name):
    write, keys = WRITES[name]
    calls = WatchedCalls()
    with open_disk(root, calls=calls) as store:
        store.put_many(OLD)
        calls.arm(lambda at, name: assert_no_new_value_is_found(store))
        write(store)
        steps = [call for call, _ in calls.made]
        assert steps == ["write"] * (len(steps) - 1) + ["flush"]
        assert held(store) == OLD | {key: NEW[key] for key in keys}


def assert_no_new_value_is_found(store: DiskStore) -> None:
    assert held(store) == OLD


def test_a_new_segment_and_its_name_are_flushed_before_anything_is_in_it(root):
    calls = WatchedCalls()
    with open_disk(root, calls=calls) as store:
        calls.made = []
        store.put("chunk/aa1", b"x")
    steps = [call for call, _ in calls.made]
    assert steps == ["create", "write", "flush", "flush_folder", "write", "flush"]
    assert calls.made[3] == ("flush_folder", str(root / "segments"))


def test_the_folder_of_segments_is_flushed_at_every_start(root):
    open_disk(root).close()
    calls = WatchedCalls()
    open_disk(root, calls=calls).close()
    assert ("flush_folder", str(root)) in calls.made


def test_writers_at_the_same_time_do_not_wait_for_each_others_flush(root):
    meeting = threading.Barrier(2, timeout=30)

    class Meeting(DiskCalls):
        def flush(self, fd: int) -> None:
            if os.fstat(fd).st_size > BLOCK:
                meeting.wait()
            super().flush(fd)

    with open_disk(root, calls=Meeting()) as store:
        other = threading.Thread(target=store.put, args=("chunk/bb1", b"b"))
        other.start()
        store.put("chunk/aa1", b"a")
        other.join()
        assert held(store) == {"chunk/aa1": b"a", "chunk/bb1": b"b"}


# --- past the page cache ---


class DirectCalls(DiskCalls):
    """Says that direct writes work, wherever the tests run, and remembers them; ``refuse`` plays a file system that
    allows the switch and then wants other blocks."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.refuse = refuse
        self.directly = False
        self.written: list[tuple[bool, int, int]] = []

    def write_directly(self, fd: int, *, on: bool) -> bool:
        self.directly = on
        return on

    def write(self, fd: int, data: memoryview, at: int) -> int:
        if self.directly and self.refuse:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        self.written.append((self.directly, at, len(data)))
        return super().write(fd, data, at)


def test_large_groups_go_past_the_page_cache_in_whole_blocks_and_small_ones_do_not(root):
    calls = DirectCalls()
    with open_disk(root, calls=calls) as store:
        store.put("chunk/aa1", b"small")
        assert not any(directly for directly, _, _ in calls.written)
        calls.written = []
        store.put_many({"chunk/bb1": b"b" * 100_001, "chunk/cc1": b"c" * 1_000_000})
        assert all(directly for directly, _, _ in calls.written)
        assert all(at % BLOCK == size % BLOCK == 0 for _, at, size in calls.written)
        calls.written = []
        store.put("chunk/dd1", b"small again")
        assert not any(directly for directly, _, _ in calls.written)
        assert store.get("chunk/bb1")[0] == b"b" * 100_001
        assert store.get("chunk/cc1")[0] == b"c" * 1_000_000


def test_a_file_system_that_takes_no_direct_writes_is_written_as_usual(root):
    with open_disk(root, calls=DirectCalls(refuse=True)) as store:
        store.put("chunk/aa1", b"x" * 500_000)
        store.put("chunk/bb1", b"y" * 500_000)
        assert store.get_many(["chunk/aa1", "chunk/bb1"]) == {"chunk/aa1": b"x" * 500_000, "chunk/bb1": b"y" * 500_000}


# --- errors of the system ---


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_no_room_and_read_only_are_full(store, calls, code):
    calls.arm(failing_at(1, code))
    with pytest.raises(StoreFull) as refusal:
        store.put("chunk/aa1", b"x")
    assert os.strerror(code) in refusal.value.message


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM, errno.EIO])
def test_other_failures_are_unavailable_and_worth_a_retry(store, calls, code):
    calls.arm(failing_at(1, code))
    with pytest.raises(StoreUnavailable) as refusal:
        store.put("chunk/aa1", b"x")
    assert not isinstance(refusal.value, StoreFull)
    assert refusal.value.retry_after is not None


def test_an_unreadable_value_is_unavailable_and_not_missing(root):
    class Rotten(DiskCalls):
        def read(self, fd: int, size: int, at: int) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with open_disk(root) as store:
        store.put_many(OLD)
        store._segments._calls = Rotten()
        for read in (lambda: store.get("chunk/aa1"), lambda: store.get_many(list(OLD))):
            with pytest.raises(StoreUnavailable):
                read()
        assert store.stat("chunk/aa1").size == 5


def test_a_closed_store_is_unavailable(root):
    store = open_disk(root)
    store.close()
    store.close()
    for call in (lambda: store.put("s/a", b""), lambda: store.get("s/a"), lambda: store.list("s"), store.free_bytes):
        with pytest.raises(StoreUnavailable):
            call()


def test_new_values_are_refused_when_the_reserve_is_reached_and_deletes_go_on(root):
    with open_disk(root) as store:
        store.put_many(OLD)
    with open_disk(root, reserve_bytes=1 << 60) as store:
        assert store.free_bytes() == 0
        for write in (lambda: store.put("chunk/cc1", b""), lambda: store.put_many(NEW)):
            with pytest.raises(StoreFull):
                write()
        assert held(store) == OLD
        store.delete("chunk/aa1")
        assert held(store) == {"chunk/bb1": b"old-b"}


def test_values_are_refused_when_the_disk_has_no_inodes_left(store, monkeypatch):
    real = os.fstatvfs(store._root)
    fields = list(real)
    fields[5], fields[7] = 1000, 0
    exhausted = os.statvfs_result(fields)
    monkeypatch.setattr(os, "fstatvfs", lambda fd: exhausted)
    with pytest.raises(StoreFull):
        store.put("chunk/cc1", b"")


# --- what lies on the disk ---


def test_only_the_owner_may_read_files_and_folders(store, root):
    for folder, _, files in os.walk(root):
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        for name in files:
            assert stat.S_IMODE(os.stat(os.path.join(folder, name)).st_mode) == 0o600


def test_etags_differ_while_the_clock_stands_still_or_goes_back_also_after_a_restart(root, monkeypatch):
    now = iter([1_700_000_000_000_000_000] * 30 + [1_600_000_000_000_000_000] * 30)
    monkeypatch.setattr("time.time_ns", lambda: next(now))
    etags = []
    for _ in range(6):
        with open_disk(root) as store:
            etags += [store.put("chunk/aa1", b"%02d" % number).etag for number in range(10)]
    assert len(set(etags)) == 60


def test_foreign_files_among_the_segments_are_left_alone(store, root):
    store.close()
    (root / "segments/notes.txt").write_bytes(b"")
    (root / "segments/xyz.seg").write_bytes(b"")
    with open_disk(root) as again:
        assert held(again) == OLD
    assert (root / "segments/notes.txt").exists()


def test_descriptors_are_given_back(store, calls):
    before = len(os.listdir("/proc/self/fd"))
    store.put_many({f"chunk/{number:02x}": b"x" for number in range(100)})
    store.get_many(list(OLD))
    store.list("chunk")
    assert len(os.listdir("/proc/self/fd")) == before
    calls.arm(failing_at(1, errno.EIO))
    with pytest.raises(StoreUnavailable):
        store.put_many(NEW)
    # The segment on which a call failed is closed.
    assert len(os.listdir("/proc/self/fd")) == before - 1
