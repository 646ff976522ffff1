"""What only a disk can do wrong: crashes, failing calls, wrong mounts. The ordinary behaviour is in the contract."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from echofs.adapters.stores.disk import DiskStore
from echofs.adapters.stores.disk_calls import DiskCalls
from echofs.adapters.stores.disk_files import TEMP_FOLDER
from echofs.core.errors import InvalidSetting, NotFound, StoreFull, StoreUnavailable
from echofs.ports.object_store import ABSENT
from tests.fakes.disk_faults import ForgetfulCalls, PowerCut, WatchedCalls, dying_at, failing_at

Write = Callable[[DiskStore], object]

OLD = {"chunk/aa1": b"old-a", "chunk/bb1": b"old-b"}
NEW = {"chunk/aa1": b"new-a" * 3000, "chunk/bb1": b"new-b", "chunk/cc1": b"new-c"}


def put_absent(store: DiskStore) -> None:
    store.put("chunk/cc1", NEW["chunk/cc1"], only_if=ABSENT)


def put_on_etag(store: DiskStore) -> None:
    store.put("chunk/aa1", NEW["chunk/aa1"], only_if=store.stat("chunk/aa1").etag)


WRITES: dict[str, tuple[Write, list[str]]] = {
    "put": (lambda store: store.put("chunk/aa1", NEW["chunk/aa1"]), ["chunk/aa1"]),
    "put-in-a-new-folder": (lambda store: store.put("chunk/cc1", NEW["chunk/cc1"]), ["chunk/cc1"]),
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


def unfinished(root: Path) -> list[str]:
    return os.listdir(root / TEMP_FOLDER)


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


def calls_of(write: Write, root: Path) -> list[tuple[str, str]]:
    """The changing calls one undisturbed write makes."""
    calls = WatchedCalls()
    with open_disk(root, calls=calls) as store:
        store.put_many(OLD)
        calls.made = []
        write(store)
        return calls.made


# --- order of the calls ---


@pytest.mark.parametrize("name", WRITES)
def test_a_value_is_flushed_before_it_is_named_and_its_folder_after(root, name):
    write, keys = WRITES[name]
    made = calls_of(write, root)
    steps = [call for call, _ in made]
    naming = [at for at, call in enumerate(steps) if call in ("rename", "link")]
    assert len(naming) == steps.count("flush") == len(keys)
    assert max(at for at, call in enumerate(steps) if call == "flush") < min(naming)
    after = [path for call, path in made[max(naming) :] if call == "flush_folder"]
    assert after == [str(root / "chunk" / key[6:8]) for key in keys]


def test_a_folder_shared_by_a_group_is_flushed_once(store, calls, root):
    calls.made = []
    store.put_many({f"chunk/aa{number}": b"x" for number in range(9)} | {"chunk/bb9": b"y"})
    flushed = [path for call, path in calls.made if call == "flush_folder"]
    assert flushed == [str(root / "chunk/aa"), str(root / "chunk/bb")]


def test_the_parents_of_a_new_folder_are_flushed_once(store, calls, root):
    calls.made = []
    store.put("fresh/aa1", b"x")
    store.put("fresh/aa2", b"x")
    flushed = [path for call, path in calls.made if call == "flush_folder"]
    assert flushed.count(str(root)) == 1
    assert flushed.index(str(root / "fresh")) < flushed.index(str(root / "fresh/aa"))
    made = [path for call, path in calls.made if call == "mkdir"]
    assert made == ["fresh", "fresh/aa"]


def test_folders_left_by_a_crash_are_flushed_before_they_are_relied_on(root):
    with open_disk(root) as store:
        store.put_many(OLD)
    (root / "chunk/zz").mkdir()
    calls = WatchedCalls()
    with open_disk(root, calls=calls) as store:
        store.put("chunk/zz1", b"x")
    flushed = [path for call, path in calls.made if call == "flush_folder"]
    assert flushed.index(str(root / "chunk")) < flushed.index(str(root / "chunk/zz"))


def test_a_refused_exclusive_create_makes_the_value_that_is_there_durable(store, calls, root):
    calls.arm(lambda at, name: None)
    with pytest.raises(Exception, match="nothing was changed"):
        store.put("chunk/aa1", b"x", only_if=ABSENT)
    assert calls.made[-2][:2] == ("flush_folder", str(root / "chunk/aa"))


def test_a_delete_is_flushed_also_when_the_key_was_gone_already(store, calls, root):
    for _ in range(2):
        calls.made = []
        store.delete("chunk/aa1")
        assert calls.made[-1] == ("flush_folder", str(root / "chunk/aa"))


# --- every call failing ---


@pytest.mark.parametrize("name", WRITES)
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
def test_whichever_call_fails_nothing_is_acknowledged_or_torn_and_a_retry_works(tmp_path, name, error):
    write, _ = WRITES[name]
    made = calls_of(write, tmp_path / "plain")
    for number, (call, _) in enumerate(made, start=1):
        root = tmp_path / f"{number}"
        calls = WatchedCalls()
        with open_disk(root, calls=calls) as store:
            store.put_many(OLD)
            calls.arm(failing_at(number, error))
            if call == "unlink":
                # The value has its name by now; a temp file left over is a matter for the next start.
                write(store)
            else:
                with pytest.raises(StoreFull if error == errno.ENOSPC else StoreUnavailable) as refusal:
                    write(store)
                assert isinstance(refusal.value.__cause__, OSError)
                assert str(tmp_path) not in refusal.value.message
                assert unfinished(root) == []
            assert_old_or_new(held(store))
            store.put_many(NEW)
            assert held(store) == NEW


@pytest.mark.parametrize("name", WRITES)
def test_a_file_whose_flush_failed_is_removed_and_never_flushed_or_named(tmp_path, name):
    write, _ = WRITES[name]
    made = calls_of(write, tmp_path / "plain")
    for number in (at for at, (call, _) in enumerate(made, start=1) if call == "flush"):
        root = tmp_path / f"{number}"
        calls = WatchedCalls()
        with open_disk(root, calls=calls) as store:
            store.put_many(OLD)
            calls.arm(failing_at(number, errno.EIO))
            with pytest.raises(StoreUnavailable):
                write(store)
            failed = calls.made[number - 1][1]
            assert calls.made.count(("flush", failed)) == 1
            assert not {"rename", "link"} & {call for call, _ in calls.made}
            assert held(store) == OLD
            assert not os.path.exists(failed)


def test_after_a_failed_flush_a_retry_writes_another_file(store, calls):
    calls.arm(lambda at, name: failing_at(at, errno.EIO)(at, name) if name == "flush" else None)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            store.put("chunk/aa1", b"x")
    flushed = [path for call, path in calls.made if call == "flush"]
    assert len(set(flushed)) == 2


def test_a_new_folder_whose_parent_was_not_flushed_is_made_again(store, calls, root):
    calls.arm(lambda at, name: failing_at(at, errno.EIO)(at, name) if name == "flush_folder" else None)
    with pytest.raises(StoreUnavailable):
        store.put("chunk/cc1", b"x")
    assert not (root / "chunk/cc").exists()
    calls.arm(lambda at, name: None)
    store.put("chunk/cc1", b"x")
    assert [path for call, path in calls.made if call == "mkdir"] == ["chunk/cc"]


def test_a_delete_whose_folder_was_not_flushed_is_not_acknowledged(store, calls):
    calls.arm(lambda at, name: failing_at(at, errno.EIO)(at, name) if name == "flush_folder" else None)
    with pytest.raises(StoreUnavailable):
        store.delete("chunk/aa1")


def test_short_writes_are_continued(root):
    class Sluggish(DiskCalls):
        def write(self, fd: int, data: memoryview) -> int:
            return super().write(fd, data[:7])

        def read(self, fd: int, size: int) -> bytes:
            return super().read(fd, min(size, 5))

    with open_disk(root, calls=Sluggish()) as store:
        store.put("chunk/abc", bytes(range(100)))
        assert store.get("chunk/abc")[0] == bytes(range(100))
    assert (root / "chunk/ab/abc").read_bytes() == bytes(range(100))


# --- power cuts ---


@pytest.mark.parametrize("names_kept", [False, True])
@pytest.mark.parametrize("name", WRITES)
def test_a_power_cut_at_any_call_leaves_old_or_new_values(tmp_path, name, names_kept):
    write, _ = WRITES[name]
    for number in range(1, len(calls_of(write, tmp_path / "plain")) + 1):
        calls = ForgetfulCalls()
        root = tmp_path / f"{number}"
        with open_disk(root, calls=calls) as store:
            store.put_many(OLD)
            calls.arm(dying_at(number))
            with pytest.raises(PowerCut):
                write(store)
        left = tmp_path / f"{number}-left"
        calls.survivors(root, left, names_kept=names_kept)
        with open_disk(left) as store:
            assert_old_or_new(held(store))
            assert unfinished(left) == []
            store.put_many(NEW)
            assert held(store) == NEW


@pytest.mark.parametrize("name", WRITES)
def test_an_acknowledged_write_survives_a_power_cut(tmp_path, name):
    write, keys = WRITES[name]
    calls = ForgetfulCalls()
    with open_disk(tmp_path / "disk", calls=calls) as store:
        store.put_many(OLD)
        write(store)
    calls.survivors(tmp_path / "disk", tmp_path / "left", names_kept=False)
    with open_disk(tmp_path / "left") as store:
        assert held(store) == OLD | {key: NEW[key] for key in keys}


def test_an_acknowledged_delete_survives_a_power_cut(tmp_path):
    calls = ForgetfulCalls()
    with open_disk(tmp_path / "disk", calls=calls) as store:
        store.put_many(OLD)
        store.delete("chunk/aa1")
    calls.survivors(tmp_path / "disk", tmp_path / "left", names_kept=False)
    with open_disk(tmp_path / "left") as store:
        assert held(store) == {"chunk/bb1": b"old-b"}


@pytest.mark.parametrize("names_kept", [False, True])
def test_a_power_cut_during_the_first_start_never_spoils_the_second(tmp_path, names_kept):
    plain = WatchedCalls()
    (tmp_path / "plain").mkdir()
    open_disk(tmp_path / "plain", calls=plain).close()
    for number in range(1, len(plain.made) + 1):
        calls = ForgetfulCalls()
        root = tmp_path / f"{number}"
        root.mkdir()
        calls.arm(dying_at(number))
        with pytest.raises(PowerCut):
            open_disk(root, calls=calls)
        left = tmp_path / f"{number}-left"
        calls.survivors(root, left, names_kept=names_kept)
        with open_disk(left) as store:
            store.put_many(NEW)
            assert held(store) == NEW


def test_leftovers_of_a_crash_are_removed_at_the_next_start_and_never_listed(store, calls, root):
    calls.arm(lambda at, name: dying_at(at)(at, name) if name in ("rename", "unlink") else None)
    with pytest.raises(PowerCut):
        store.put("chunk/cc1", b"x")
    assert len(unfinished(root)) == 1
    calls.arm(lambda at, name: None)
    assert [stat.key for stat in store.list("chunk")] == list(OLD)
    store.close()
    with open_disk(root) as again:
        assert unfinished(root) == []
        assert held(again) == OLD


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
        def read(self, fd: int, size: int) -> bytes:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with open_disk(root) as store:
        store.put_many(OLD)
        store._files.calls = Rotten()
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
    real = os.fstatvfs(store._files.root)
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


def test_truncated_files_are_returned_as_they_are(store, root):
    (root / "chunk/aa/aa1").write_bytes(b"ol")
    (root / "chunk/bb/bb1").write_bytes(b"")
    assert held(store) == {"chunk/aa1": b"ol", "chunk/bb1": b""}
    assert store.stat("chunk/bb1").size == 0


def test_a_damaged_length_does_not_exhaust_memory(store, root):
    os.truncate(root / "chunk/aa/aa1", 1 << 40)
    assert len(store.get("chunk/aa1")[0]) == 64 << 20


def test_etags_differ_while_the_clock_stands_still_or_goes_back(store, monkeypatch):
    now = iter([1_700_000_000_000_000_000] * 30 + [1_600_000_000_000_000_000] * 30)
    monkeypatch.setattr("time.time_ns", lambda: next(now))
    etags = [store.put("chunk/aa1", b"%02d" % number).etag for number in range(60)]
    assert len(set(etags)) == 60
    # The inode numbers alone would not do: they are used again.
    assert len({etag.partition("-")[0] for etag in etags}) == 60


def test_foreign_files_folders_links_and_pipes_are_not_values(store, root):
    folder = root / "chunk/aa"
    (folder / "AA1").write_bytes(b"")
    (folder / "aa1~").write_bytes(b"")
    (folder / "bb9").write_bytes(b"in the wrong folder")
    (folder / "aa2").mkdir()
    os.mkfifo(folder / "aa3")
    (folder / "aa4").symlink_to(folder / "aa1")
    (root / "chunk/aab").mkdir()
    (root / "chunk/stray").write_bytes(b"")
    assert [stat.key for stat in store.list("chunk")] == list(OLD)
    for key in ("chunk/aa2", "chunk/aa3"):
        with pytest.raises(NotFound):
            store.get(key)
        with pytest.raises(NotFound):
            store.stat(key)


def test_folders_removed_by_hand_come_back_at_the_second_try(store, root):
    (root / "chunk/aa/aa1").unlink()
    (root / "chunk/aa").rmdir()
    with pytest.raises(StoreUnavailable):
        store.put("chunk/aa1", b"x")
    store.put("chunk/aa1", b"x")
    assert store.get("chunk/aa1")[0] == b"x"


def test_descriptors_are_given_back(store, calls):
    before = len(os.listdir("/proc/self/fd"))
    store.put_many({f"chunk/{number:02x}": b"x" for number in range(100)})
    store.get_many(list(OLD))
    store.list("chunk")
    calls.arm(failing_at(20, errno.EIO))
    with pytest.raises(StoreUnavailable):
        store.put_many(NEW | {f"chunk/{number:02x}": b"x" for number in range(50)})
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_large_group_holds_few_descriptors_at_once(store, calls):
    most = 0

    def count(at: int, name: str) -> None:
        nonlocal most
        most = max(most, len(os.listdir("/proc/self/fd")))

    before = len(os.listdir("/proc/self/fd"))
    calls.arm(count)
    store.put_many({f"chunk/{number:02x}": b"x" for number in range(200)})
    assert most - before <= 34


# --- identity and possession ---


def test_the_identity_is_kept_on_the_disk_and_stays(root):
    with open_disk(root) as store:
        first = store.store_id
    identity = json.loads((root / "identity.json").read_text())
    assert identity == {"format": 1, "store_id": first, "owner": "w1"}
    with open_disk(root) as store:
        assert store.store_id == first


def test_two_disks_have_two_identities(tmp_path):
    with open_disk(tmp_path / "1") as one, open_disk(tmp_path / "2") as two:
        assert one.store_id != two.store_id


def test_missing_parents_are_made(tmp_path):
    with open_disk(tmp_path / "a/b/c") as store:
        store.put("s/a", b"x")
    assert (tmp_path / "a/b/c/s/a/a").read_bytes() == b"x"


def refusal_of(root: Path, **options: str) -> str:
    with pytest.raises(InvalidSetting) as refusal:
        open_disk(root, **options)
    assert refusal.value.field == "CHUNK_STORE"
    assert str(root) in refusal.value.message
    return refusal.value.message


def test_a_disk_of_another_worker_is_refused_and_left_alone(store, root):
    store.close()
    leftover = root / TEMP_FOLDER / "1-1"
    leftover.write_bytes(b"")
    message = refusal_of(root, owner="w2")
    assert "w1" in message
    assert "w2" in message
    assert leftover.exists()
    with open_disk(root) as again:
        assert held(again) == OLD


def test_data_without_an_identity_is_refused(store, root):
    store.close()
    (root / "identity.json").unlink()
    assert "identity.json" in refusal_of(root)
    assert not (root / "identity.json").exists()


@pytest.mark.parametrize("raw", ["", "{", "[]", "null", "{}", '{"format": 2, "store_id": "x", "owner": "w1"}', "\xff"])
def test_a_damaged_or_newer_identity_is_refused(root, raw):
    open_disk(root).close()
    (root / "identity.json").write_bytes(raw.encode("latin-1"))
    assert "damaged" in refusal_of(root)


def test_a_fresh_file_system_with_its_recovery_folder_is_accepted(root):
    (root / "lost+found").mkdir(parents=True)
    open_disk(root).close()
    assert (root / "identity.json").exists()


def test_a_file_in_the_place_of_the_root_is_refused(root):
    root.write_bytes(b"")
    refusal_of(root)
    refusal_of(root / "below")


def test_a_file_system_with_coarse_times_is_refused(root, monkeypatch):
    real = os.utime
    monkeypatch.setattr(os, "utime", lambda fd, ns: real(fd, ns=tuple(t // 10**9 * 10**9 for t in ns)))
    monkeypatch.setattr("time.time_ns", lambda: 1_700_000_000_123_456_789)
    assert "times" in refusal_of(root)


def test_a_root_in_use_is_refused_and_free_after_closing(store, root):
    assert "another process" in refusal_of(root)
    store.close()
    open_disk(root).close()


def test_a_start_waits_for_the_predecessor_to_let_go(store, root, monkeypatch):
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            store.close()

    monkeypatch.setattr("time.sleep", sleep)
    with DiskStore(root, max_value_bytes=1 << 20, owner="w1", lock_wait_seconds=5, reserve_bytes=0) as successor:
        assert held(successor) == OLD
    assert len(waits) == 3


def test_a_start_gives_up_waiting_in_the_end(store, root, monkeypatch):
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    with pytest.raises(InvalidSetting):
        DiskStore(root, max_value_bytes=1 << 20, owner="w1", lock_wait_seconds=5)
    assert 4 < sum(waits) <= 5


def test_a_refused_start_does_not_keep_the_lock(root):
    open_disk(root).close()
    refusal_of(root, owner="w2")
    fd = os.open(root, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)


def test_a_disk_that_went_read_only_still_opens_and_reads(root):
    with open_disk(root) as store:
        store.put_many(OLD)
    (root / TEMP_FOLDER / "1-1").write_bytes(b"")
    calls = WatchedCalls()
    calls.arm(lambda at, name: failing_at(at, errno.EROFS)(at, name))
    with open_disk(root, calls=calls) as store:
        assert held(store) == OLD
        with pytest.raises(StoreFull):
            store.put("chunk/aa1", b"x")
