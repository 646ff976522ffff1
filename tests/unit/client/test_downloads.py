"""Downloads: taken up where they broke, verified at the end, and never left half in place."""

from __future__ import annotations

import fcntl
import hashlib
import os
import resource
from pathlib import Path
from typing import BinaryIO

import pytest

from echofs.client import FileInfo, NotFound, PreconditionFailed, Refused, Unreachable, WrongContent
from echofs.client.saving import RESUMED_BYTES, part_of
from tests.unit.client.conftest import FILE, Master, content, ok, refusal, silence

HELLO = FileInfo.parsed(FILE)


def info(data: bytes) -> FileInfo:
    return FileInfo.parsed({**FILE, "size": len(data), "digest": hashlib.sha256(data).hexdigest()})


def test_a_file_is_asked_for_as_it_was_found(master: Master) -> None:
    master.replies = [content(b"hello")]
    assert master.client().read(HELLO) == b"hello"
    assert master.lines() == ["GET /api/v1/files/f1/download"]
    assert master.header(0, "If-Match") == '"1-2cf24dba5fb0a30e26e83b2ac5b9e29e"'
    assert master.header(0, "Range") is None


def test_a_download_that_breaks_goes_on_behind_its_last_byte(master: Master) -> None:
    master.replies = [content(b"he", declared=5), content(b"l", declared=3, status="206 Partial"), silence]
    master.replies.append(content(b"lo", status="206 Partial"))
    assert master.client().read(HELLO) == b"hello"
    assert [master.header(number, "Range") for number in range(4)] == [None, "bytes=2-4", "bytes=3-4", "bytes=3-4"]


def test_a_download_that_never_gets_on_ends(master: Master) -> None:
    master.replies = [content(b"he", declared=5), *[content(b"", declared=3, status="206 Partial")] * 9]
    with pytest.raises(Unreachable, match="keeps breaking off"):
        master.client().read(HELLO)


def test_other_bytes_than_the_digest_tells_of_are_refused(master: Master) -> None:
    master.replies = [content(b"jello")]
    with pytest.raises(WrongContent, match="nothing of it may be used"):
        master.client().read(HELLO)


def test_an_empty_file_is_not_asked_for(master: Master) -> None:
    assert master.client().read(info(b"")) == b""
    assert master.lines() == []


def test_a_part_is_asked_for_as_a_part(master: Master) -> None:
    master.replies = [content(b"ell", status="206 Partial")]
    with master.client().open(HELLO, start=1, end=4) as part:
        assert part.size == 3
        assert (part.read(2), part.read(2), part.read()) == (b"el", b"l", b"")
    assert master.header(0, "Range") == "bytes=1-3"


def test_a_file_that_changed_before_its_first_byte_is_looked_up_anew(master: Master) -> None:
    changed = refusal("412 Failed", "precondition_failed")
    master.replies = [ok({"file": FILE}), changed, ok({"file": FILE}), content(b"hello")]
    client = master.client()
    assert client.read("a/b.txt") == b"hello"
    master.replies = [changed]
    with pytest.raises(PreconditionFailed):
        client.read(HELLO)


def test_an_older_version_is_asked_for_by_its_number(master: Master) -> None:
    older = {**FILE, "version": 1}
    head = FileInfo.parsed({**FILE, "version": 2, "etag": "2-x"})
    master.replies = [ok({"versions": [{**FILE, "version": 2}, older]}), content(b"hello")]
    assert master.client().read(head, version=1) == b"hello"
    assert master.lines()[1] == "GET /api/v1/files/f1/download?version=1"


def test_a_target_is_replaced_only_by_the_whole_file(master: Master, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"before")
    client = master.client()
    master.replies = [content(b"jello")]
    with pytest.raises(WrongContent):
        client.download(HELLO, target)
    assert target.read_bytes() == b"before"
    master.replies = [content(b"hello")]
    client.download(HELLO, target)
    assert target.read_bytes() == b"hello"
    assert list(tmp_path.iterdir()) == [target]


def test_a_large_download_is_gone_on_with_by_the_next_attempt(master: Master, tmp_path: Path) -> None:
    data = os.urandom(RESUMED_BYTES + 10)
    file, target = info(data), tmp_path / "target"
    half = RESUMED_BYTES // 2
    part_of(file, target).write_bytes(data[:half])
    moved: list[int] = []
    master.replies = [content(data[half:], status="206 Partial")]
    master.client().download(file, target, progress=moved.append)
    assert master.header(0, "Range") == f"bytes={half}-{len(data) - 1}"
    assert target.read_bytes() == data
    assert sum(moved) == len(data)
    assert list(tmp_path.iterdir()) == [target]


def test_a_large_download_that_breaks_leaves_what_came_beside_the_target(master: Master, tmp_path: Path) -> None:
    data = os.urandom(RESUMED_BYTES + 10)
    file, target = info(data), tmp_path / "target"
    master.replies = [content(data[:1000], declared=len(data)), refusal("404 Not Found", "not_found")]
    with pytest.raises(Exception, match="not_found"):
        master.client().download(file, target)
    assert not target.exists()
    assert part_of(file, target).read_bytes() == data[:1000]


def test_a_large_download_of_which_nothing_came_leaves_nothing(master: Master, tmp_path: Path) -> None:
    master.replies = [refusal("404 Not Found", "not_found")]
    with pytest.raises(NotFound):
        master.client().download(info(bytes(RESUMED_BYTES + 10)), tmp_path / "target")
    assert list(tmp_path.iterdir()) == []


def test_what_was_left_beside_the_target_is_not_believed(master: Master, tmp_path: Path) -> None:
    data = os.urandom(RESUMED_BYTES + 10)
    file, target = info(data), tmp_path / "target"
    part_of(file, target).write_bytes(b"x" * len(data))
    client = master.client()
    with pytest.raises(WrongContent):
        client.download(file, target)
    master.replies = [content(data)]
    client.download(file, target)
    assert target.read_bytes() == data


def test_a_link_in_the_place_of_the_part_leads_nowhere(master: Master, tmp_path: Path) -> None:
    data = os.urandom(RESUMED_BYTES + 1)
    file, target, victim = info(data), tmp_path / "target", tmp_path / "victim"
    victim.write_bytes(b"precious")
    part_of(file, target).symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        master.client().download(file, target)
    assert victim.read_bytes() == b"precious"


def test_a_disk_that_takes_only_a_part_of_the_last_bytes_makes_no_file(master: Master, tmp_path: Path) -> None:
    data = os.urandom(3_000)
    master.replies = [content(data)]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Like a disk with so much left: a write beyond it is shortened first, and fails only when it is tried again.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            master.client().download(info(data), tmp_path / "target")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_is_never_replaced(master: Master, tmp_path: Path, kind: str) -> None:
    target = tmp_path / "target"
    target.mkdir() if kind == "folder" else os.mkfifo(target)
    with pytest.raises(Refused) as refused:
        master.client().download(HELLO, target)
    assert str(target) in refused.value.message
    assert (target.is_dir(), target.is_fifo()) == (kind == "folder", kind == "pipe")


class Finishing:
    """Another process that finishes its download of the same file between our opening of the part and our lock on
    it, and a third one that begins anew at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, part: Path, target: Path) -> None:
        self._lock = fcntl.flock
        self._part = part
        self._target = target
        self._third: BinaryIO | None = None
        monkeypatch.setattr(fcntl, "flock", self._finish_first)

    def _finish_first(self, file: BinaryIO, how: int) -> None:
        if self._third is None:
            os.replace(self._part, self._target)
            self._third = self._part.open("wb")
            self._third.write(b"its first bytes")
            self._third.flush()
            self._lock(self._third, fcntl.LOCK_EX)
        self._lock(file, how)

    def close(self) -> None:
        """The third process ends."""
        assert self._third is not None
        self._third.close()


def test_what_another_process_just_finished_is_not_taken_for_a_part(
    master: Master, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(RESUMED_BYTES + 10)
    file, target = info(data), tmp_path / "target"
    part = part_of(file, target)
    part.write_bytes(data)
    others = Finishing(monkeypatch, part, target)
    master.replies = [content(data)]
    master.client().download(file, target)
    assert target.read_bytes() == data
    assert part.read_bytes() == b"its first bytes"
    others.close()


def test_two_downloads_of_one_file_at_once_take_two_parts(master: Master, tmp_path: Path) -> None:
    data = os.urandom(RESUMED_BYTES + 10)
    file, target = info(data), tmp_path / "target"
    part = part_of(file, target)
    with part.open("wb") as other:
        other.write(data[:1000])
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        master.replies = [content(data)]
        master.client().download(file, target)
        assert target.read_bytes() == data
        assert part.read_bytes() == data[:1000]
    assert sorted(tmp_path.iterdir()) == sorted([part, target])
