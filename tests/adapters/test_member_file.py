"""The list of members as a file: whole or not at all, and read whatever it holds."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import pytest

from echofs.adapters.member_file import MemberFile
from echofs.core.errors import StoreUnavailable
from echofs.core.membership import encode
from echofs.core.models import Member

ONE = Member("w1", "http://w1.test:8091", "a")
TWO = Member("w2", "http://w2.test:8091", "b")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "members.json"


def test_another_process_reads_what_was_saved(path: Path) -> None:
    MemberFile(path).save([ONE, TWO])
    assert MemberFile(path).load() == [ONE, TWO]
    assert json.loads(path.read_text())["format"] == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"5",
        b"{}",
        b'{"members": 5}',
        b'{"members": {}}',
        b"\xff\xfe",
        b"\x00" * 40,
        b"[" * 100_000,
    ],
)
def test_a_file_that_makes_no_sense_is_an_empty_list_and_a_warning(
    path: Path, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(raw)
    assert MemberFile(path).load() == []
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_entries_that_make_no_sense_are_left_out_and_the_others_kept(path: Path) -> None:
    entries = [5, {"worker_id": "w9"}, encode(ONE), {**encode(TWO), "weight": "heavy"}]
    path.write_text(json.dumps({"members": entries}))
    assert MemberFile(path).load() == [ONE]


def test_a_file_that_cannot_be_read_is_an_empty_list(path: Path) -> None:
    path.mkdir()
    assert MemberFile(path).load() == []


def test_a_folder_that_is_missing_is_an_error_that_names_the_file_and_not_its_place(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        MemberFile(tmp_path / "nowhere" / "members.json").save([ONE])
    assert "members.json" in caught.value.message
    assert str(tmp_path) not in caught.value.message


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_list_and_nothing_else(
    path: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MemberFile(path).save([ONE])

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as broken:
        broken.setattr(os, failing, fail)
        with pytest.raises(StoreUnavailable):
            MemberFile(path).save([ONE, TWO])
    assert MemberFile(path).load() == [ONE]
    assert os.listdir(path.parent) == [path.name]


def test_the_file_and_then_its_folder_are_flushed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        flushed.append("folder" if name == str(path.parent) else f"file, {'named' if path.exists() else 'unnamed'}")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    MemberFile(path).save([ONE])
    assert flushed == ["file, unnamed", "folder"]


def test_processes_that_save_at_once_never_leave_a_torn_file(path: Path) -> None:
    lists = [[ONE], [TWO], [ONE, TWO]]

    def save_often(members: list[Member]) -> None:
        for _ in range(20):
            MemberFile(path).save(members)

    threads = [threading.Thread(target=save_often, args=(members,)) for members in lists]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert MemberFile(path).load() in ([], *lists)
    assert MemberFile(path).load() in lists
    assert os.listdir(path.parent) == [path.name]
