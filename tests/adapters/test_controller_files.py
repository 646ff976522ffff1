"""What a controller keeps on disk: whole, durable, bounded, and read whatever it holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from echofs.adapters.controller_files import AUDIT_FILE, MEMORY_FILE, TRACE_FILE, DecisionFiles, MemoryFile
from echofs.core.errors import StoreUnavailable
from echofs.core.policies.examples import example
from echofs.core.policies.traces import line_of, read_trace


def test_memory_is_kept_and_replaced(tmp_path: Path) -> None:
    memory = MemoryFile(tmp_path)
    assert memory.load() is None
    memory.save({"epoch": 1})
    memory.save({"epoch": 2})
    assert MemoryFile(tmp_path).load() == {"epoch": 2}
    assert os.listdir(tmp_path) == [MEMORY_FILE]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_memory_that_makes_no_sense_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MEMORY_FILE).write_bytes(content)
    assert MemoryFile(tmp_path).load() is None


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(StoreUnavailable, match=MEMORY_FILE):
        MemoryFile(gone).save({})
    with pytest.raises(StoreUnavailable, match=AUDIT_FILE):
        DecisionFiles(gone).append({"id": "a"})
    with pytest.raises(StoreUnavailable, match=TRACE_FILE):
        DecisionFiles(gone).trace(b"{}\n")


def test_the_newest_entry_of_an_id_is_found(tmp_path: Path) -> None:
    audit = DecisionFiles(tmp_path)
    for number in range(3):
        audit.append({"id": "a", "number": number})
    audit.append({"id": "b"})
    assert DecisionFiles(tmp_path).find("a") == {"id": "a", "number": 2}
    assert audit.find("c") is None


def test_an_entry_is_flushed_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    DecisionFiles(tmp_path).append({"id": "a"})
    assert len(flushed) == 1
    DecisionFiles(tmp_path).trace(b"{}\n")
    assert len(flushed) == 1


def test_the_account_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    audit = DecisionFiles(tmp_path, audit_bytes=1000)
    for number in range(200):
        audit.append({"id": f"d{number}"})
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2100
    assert audit.find("d199") == {"id": "d199"}
    assert audit.find("d0") is None


def test_the_newest_entries_come_first_over_both_parts(tmp_path: Path) -> None:
    audit = DecisionFiles(tmp_path, audit_bytes=100)
    assert list(audit.newest()) == []
    for number in range(9):
        audit.append({"id": f"d{number}"})
    (tmp_path / AUDIT_FILE).open("ab").write(b'{"cut')
    found = [entry["id"] for entry in audit.newest()]
    assert found == [f"d{number}" for number in range(8, 8 - len(found), -1)]
    assert len(found) > 7


def test_a_line_cut_short_by_a_crash_spoils_no_other(tmp_path: Path) -> None:
    audit = DecisionFiles(tmp_path)
    audit.append({"id": "a"})
    with (tmp_path / AUDIT_FILE).open("ab") as file:
        file.write(b'{"id": "b", "le')
    audit.append({"id": "c"})
    assert audit.find("a") == {"id": "a"}
    assert audit.find("b") is None
    assert audit.find("c") == {"id": "c"}


def test_a_trace_is_read_back_across_a_crash(tmp_path: Path) -> None:
    snapshots = example("catalog-cut")[58:62]
    for snapshot in snapshots[:2]:
        DecisionFiles(tmp_path).trace(line_of(snapshot))
    with (tmp_path / TRACE_FILE).open("ab") as file:
        file.write(line_of(snapshots[2])[:50])
    DecisionFiles(tmp_path).trace(line_of(snapshots[3]))
    with (tmp_path / TRACE_FILE).open("rb") as lines:
        assert list(read_trace(lines)) == [*snapshots[:2], snapshots[3]]
