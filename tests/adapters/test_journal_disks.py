"""A journal on a disk that is full, fails or rots acknowledges only what it keeps, and tells of all damage."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from echofs.adapters.journal_folder import FILE
from echofs.adapters.local_journal import LocalJournal
from echofs.core.entries import Delivered
from echofs.core.errors import InvalidSetting, SpoolFull, Unavailable
from echofs.core.models import Dot
from tests.adapters.journal_cases import SPAWN, of, opened
from tests.contracts.catalog_values import ALICE
from tests.contracts.journal_values import bulky, entry, frame


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(folder: Path) -> Iterator[LocalJournal]:
    with closing(opened(folder)) as journal:
        yield journal


# --- disks that fail ---


def test_a_disk_without_room_refuses_and_nothing_is_lost(journal: LocalJournal) -> None:
    kept = entry("kept")
    journal.append(kept)
    writer = journal._file._open().writer
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(SpoolFull) as refused:
        journal.append(entry("lost"), [bulky()])
    assert isinstance(refused.value.__cause__, sqlite3.OperationalError)
    assert [one for _, one in journal.pending()] == [kept]
    assert journal.spooled() == []
    writer.execute("PRAGMA max_page_count = 1000000")
    journal.append(entry("again"), [bulky()])
    assert journal.depth() == 2


def fail_and_recover(folder: Path) -> list[str]:
    """Write to a file that may not grow, then to one that may: what happened."""
    with closing(opened(folder)) as journal:
        told = []
        for limit in (256 << 10, resource.RLIM_INFINITY):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            for number in range(8):
                try:
                    journal.append(of(f"{limit}-{number}"), [bulky()])
                    told.append(f"{limit}-{number}")
                except Unavailable as error:
                    told.append(error.message)
                    break
        return told


def test_after_a_failed_write_nothing_is_acknowledged_until_the_log_was_begun_anew(folder: Path) -> None:
    with SPAWN.Pool(1) as pool:
        told = pool.apply(fail_and_recover, (folder,))
    acknowledged = [one for one in told if "nothing was accepted" not in one]
    assert len(told) == len(acknowledged) + 1
    with closing(opened(folder)) as journal:
        assert [one.version.dot.origin for _, one in journal.pending()] == acknowledged
        assert len(journal.spooled()) == len(acknowledged)


def begin_on_a_bad_disk(folder: Path) -> list[str]:
    """Open a journal where no file may grow, and go on where they may: what happened."""
    told = []
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    with closing(opened(folder)) as journal:
        for call in (lambda: journal.append(of("early")), journal.pending, lambda: journal.frames(["0" * 64])):
            try:
                call()
            except Unavailable as error:
                told.append(error.message)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        journal.append(of("late"))
        return [*told, *(one.version.dot.origin for _, one in journal.pending())]


def test_a_master_starts_though_its_disk_fails_and_uses_the_journal_once_it_is_well(folder: Path) -> None:
    with SPAWN.Pool(1) as pool:
        *refused, only = pool.apply(begin_on_a_bad_disk, (folder,))
    assert [message.partition(";")[0] for message in refused] == ["This master's journal cannot be used"] * 3
    assert only == "late"


def test_a_full_disk_that_keeps_the_journal_closed_does_not_make_reads_fail_for_want_of_room(
    journal: LocalJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL

    def fail() -> None:
        raise full

    monkeypatch.setattr(journal._file, "_open", fail)
    with pytest.raises(Unavailable):
        journal.frames(["0" * 64])
    with pytest.raises(SpoolFull):
        journal.append(entry())


@pytest.mark.parametrize("removed", [FILE, f"{FILE}-wal"])
def test_a_journal_removed_while_it_runs_accepts_nothing_more(
    journal: LocalJournal, folder: Path, removed: str
) -> None:
    journal.append(entry())
    (folder / removed).unlink()
    with pytest.raises(Unavailable, match="removed"):
        journal.append(entry())


def test_a_closed_journal_accepts_nothing_and_gives_nothing(folder: Path) -> None:
    journal = opened(folder)
    for _ in range(2):
        journal.close()
    for call in (lambda: journal.append(entry()), journal.pending, lambda: journal.settle([Dot("m", 1)])):
        with pytest.raises(Unavailable, match="stopping"):
            call()


# --- damage ---

_ROT = "UPDATE entry SET body = CAST(replace(CAST(body AS TEXT), 'first', 'thirst') AS BLOB) WHERE path = 'first'"


def aside(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{FILE}.damaged-*"))


def damage(folder: Path, first: int, last: int) -> bytes:
    """Overwrite some pages of a journal nobody uses; the whole file as it is then."""
    path = folder / FILE
    damaged = bytearray(path.read_bytes())
    damaged[4096 * first : 4096 * last] = b"x" * 4096 * (last - first)
    path.write_bytes(damaged)
    return bytes(damaged)


@pytest.mark.parametrize("pages", [(0, 1), (5, 9), (30, 31)])
def test_a_damaged_file_is_set_aside_and_told(
    folder: Path, pages: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    with closing(opened(folder)) as journal:
        made = [entry(f"{number}") for number in range(100)]
        for each in made:
            journal.append(each, [frame()])
    damaged = damage(folder, *pages)
    with closing(opened(folder)) as journal:
        found = [one for _, one in journal.pending()]
        assert found == [one for one in made if one in found]
        journal.append(entry("another"))
        assert journal.depth() == len(found) + 1
    assert [one.read_bytes() for one in aside(folder)] == [damaged]
    assert "damaged and was set aside" in caplog.text
    assert caplog.records[0].salvaged.startswith(f"{len(found)} entries" if found else "nothing")  # type: ignore[attr-defined]


def test_what_lies_before_and_behind_the_damage_is_salvaged(folder: Path) -> None:
    with closing(opened(folder)) as journal:
        made = [entry(f"{number}") for number in range(300)]
        frames = [bulky() for _ in range(5)]
        journal.append(made[0], frames)
        for each in made[1:]:
            journal.append(each)
        (root,) = (
            journal._file._open().reader.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'entry'").fetchone()
        )
    pages = (folder / FILE).stat().st_size // 4096
    middle = (root + pages) // 2
    damage(folder, middle, middle + 2)
    with closing(opened(folder)) as journal:
        found = [one for _, one in journal.pending()]
        assert made[0] in found
        assert made[-1] in found
        assert 250 < len(found) < 300
        assert len(journal.spooled()) == 5
        assert journal.spooled_bytes() == sum(map(len, frames))
        journal.drop([Delivered(one.digest, ("w1", "w2")) for one in frames])
        journal.settle([one.version.dot for one in found])
        assert journal.depth() == 0


def test_a_damaged_file_that_another_process_uses_stays_and_is_refused(folder: Path) -> None:
    with closing(opened(folder)) as journal:
        journal.append(entry())
        journal._file._open().writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        path = folder / FILE
        path.write_bytes(b"x" * path.stat().st_size)
        with pytest.raises(InvalidSetting) as refused:
            opened(folder)
        assert refused.value.field == "ECHOFS_DATA_DIR"
        assert aside(folder) == []


def test_an_entry_that_rotted_is_told_kept_and_given_to_nobody(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, second = entry("first"), entry("second")
    with closing(opened(folder)) as journal:
        journal.append(first)
        journal.append(second)
    with closing(sqlite3.connect(folder / FILE)) as connection, connection:
        connection.execute(_ROT)
    with closing(opened(folder)) as journal:
        assert [one for _, one in journal.pending()] == [second]
        assert [one for _, one in journal.pending(limit=1)] == [second]
        assert journal.head(ALICE, first.version.file_id) is None
        assert journal.depth() == 2
    assert caplog.text.count("an entry of the journal is damaged") == 1


def test_a_journal_of_a_newer_release_is_left_alone(folder: Path) -> None:
    opened(folder).close()
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(InvalidSetting, match="newer"):
        opened(folder)
    assert aside(folder) == []


def test_a_folder_that_cannot_be_used_is_told_by_its_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidSetting) as refused:
        opened(tmp_path / "file")
    assert refused.value.field == "ECHOFS_DATA_DIR"
