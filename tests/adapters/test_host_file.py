"""What a host remembers is shared by its processes, belongs to one start of it, and is begun anew when torn."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from echofs.adapters.host_file import Damaged, HostFile
from echofs.adapters.local_follower import LocalFollower
from echofs.core.models import File
from echofs.ports.catalog import Changes
from tests.contracts.catalog_values import ALICE, CREATED, first
from tests.fakes.clock import FakeClock

TABLES = "CREATE TABLE word (text TEXT NOT NULL);"
BOOT = "0b8d-11"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "höst ?#%"


@pytest.fixture
def file(folder: Path) -> Iterator[HostFile]:
    with closing(HostFile(folder, BOOT, TABLES)) as file:
        yield file


def remember(file: HostFile, word: str) -> None:
    file.change(lambda connection: connection.execute("INSERT INTO word VALUES (?)", (word,)))


def words(file: HostFile) -> list[str]:
    return [text for (text,) in file.rows("SELECT text FROM word ORDER BY rowid")]


def stored(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == ".db" and not path.is_symlink()]


def _from_elsewhere(folder: Path, word: str) -> None:
    with closing(HostFile(folder, BOOT, TABLES)) as other:
        remember(other, word)


def test_processes_of_one_start_share_it(folder: Path, file: HostFile) -> None:
    remember(file, "mine")
    process = multiprocessing.get_context("spawn").Process(target=_from_elsewhere, args=(folder, "theirs"))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert words(file) == ["mine", "theirs"]


def test_a_process_that_comes_back_finds_it_again(folder: Path, file: HostFile) -> None:
    remember(file, "kept")
    file.close()
    with closing(HostFile(folder, BOOT, TABLES)) as again:
        assert words(again) == ["kept"]


@pytest.mark.parametrize("boot", ["another", ""])
def test_another_start_of_the_host_begins_anew_and_removes_the_old(folder: Path, file: HostFile, boot: str) -> None:
    remember(file, "before")
    with closing(HostFile(folder, boot, TABLES)) as after:
        assert words(after) == []
        assert len(stored(folder)) == 1


def test_other_tables_begin_anew(folder: Path, file: HostFile) -> None:
    remember(file, "before")
    with closing(HostFile(folder, BOOT, "CREATE TABLE word (text TEXT, more TEXT);")) as other:
        assert other.rows("SELECT text, more FROM word") == []


@pytest.mark.parametrize("damage", ["empty", "noise", "missing", "header"])
def test_a_torn_file_is_begun_anew_and_all_processes_go_on_with_that(folder: Path, file: HostFile, damage: str) -> None:
    for number in range(2000):
        remember(file, f"{number:0100}")
    file.close()
    (path,) = stored(folder)
    if damage == "missing":
        path.unlink()
    else:
        whole = path.read_bytes()
        torn = {"empty": b"", "noise": whole[:4096] + os.urandom(len(whole) - 4096), "header": b"x" * 100 + whole[100:]}
        path.write_bytes(torn[damage])
    with closing(HostFile(folder, BOOT, TABLES)) as other:
        assert words(other) == []
        remember(other, "fresh")
        assert words(file) == ["fresh"]
    assert len(stored(folder)) == 1


def test_what_was_read_wrongly_begins_it_anew_for_every_process(folder: Path, file: HostFile) -> None:
    remember(file, "wrong")
    with closing(HostFile(folder, BOOT, TABLES)) as other:
        assert words(other) == ["wrong"]

        def doubt(connection: sqlite3.Connection) -> None:
            raise Damaged("no such word")

        assert file.work(doubt) is None
        remember(file, "right")
        assert words(other) == ["right"]


def test_nobody_else_may_read_it(folder: Path, file: HostFile) -> None:
    remember(file, "secret")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert path.is_symlink() or stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_answered_with_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with closing(HostFile(tmp_path / "file" / "folder", BOOT, TABLES)) as file:
        remember(file, "lost")
        assert words(file) == []
        with file.lead("lead.lock") as leads:
            assert not leads


def test_an_action_that_fails_changes_nothing(file: HostFile) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO word VALUES ('half')")
        raise KeyError("half")

    with pytest.raises(KeyError):
        file.change(fail)
    assert words(file) == []


# --- the copy of heads in it ---


def a_file() -> File:
    version = first("a.txt").version
    return File(version.file_id, ALICE, version, CREATED)


def a_follower(folder: Path, clock: FakeClock, boot: str = BOOT) -> LocalFollower:
    return LocalFollower(folder, capacity=10, clock=clock, boot=boot)


def feed(follower: LocalFollower, file: File) -> None:
    follower.begin(0, whole=True)
    follower.take(Changes((file,), 1, 1), 0, 0.0)


def test_a_copy_from_an_earlier_start_of_the_host_has_no_age_and_is_not_used(folder: Path) -> None:
    clock, file = FakeClock(), a_file()
    with closing(a_follower(folder, clock)) as before:
        feed(before, file)
        assert before.head(ALICE, file.id) is not None
    with closing(a_follower(folder, clock, "after")) as after:
        assert after.head(ALICE, file.id) is None
        assert (after.age(), after.position()) == (None, None)


def test_a_head_that_rotted_is_never_shown(folder: Path) -> None:
    clock, file = FakeClock(), a_file()
    with closing(a_follower(folder, clock)) as follower:
        feed(follower, file)
        follower.close()
        (path,) = stored(folder)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE head SET body = replace(body, 'a.txt', 'b.txt')")
            connection.commit()
        assert follower.head(ALICE, file.id) is None
        assert (follower.age(), follower.position()) == (None, None)
        feed(follower, file)
        assert follower.head(ALICE, file.id) == (file, 0.0, 1)
