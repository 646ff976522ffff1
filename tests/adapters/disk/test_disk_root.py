"""Whose a disk is, and that one process has it."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from echofs.adapters.stores.disk import DiskStore
from echofs.core.errors import InvalidSetting
from tests import disks
from tests.adapters.disk.cases import OLD, held, open_disk


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
    assert disks.values(tmp_path / "a/b/c") == {"s/a": b"x"}


def refusal_of(root: Path, **options: str) -> str:
    with pytest.raises(InvalidSetting) as refusal:
        open_disk(root, **options)
    assert refusal.value.field == "CHUNK_STORE"
    assert str(root) in refusal.value.message
    return refusal.value.message


def test_a_disk_of_another_worker_is_refused_and_left_alone(store, root):
    store.close()
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    message = refusal_of(root, owner="w2")
    assert "w1" in message
    assert "w2" in message
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before
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
