"""What the jobs end, by a clock of the tests' own."""

from __future__ import annotations

import pytest

from echofs.core.errors import NotFound
from echofs.core.models import File
from echofs.core.retention import Rule
from echofs.services.retention import Retention
from tests.unit.services.data_plane import OWNER, DataPlane

DAY = 86400
USUAL = Rule(100, 90)


def run(plane: DataPlane, rule: Rule = USUAL, trash_days: float = 30) -> None:
    Retention(plane.catalog, plane.clock, rule, trash_days=trash_days).run_once()


def gone(plane: DataPlane, path: str) -> File:
    file = plane.put(path, b"bytes").file
    return plane.files.delete(OWNER, file.id, plane.wish()).file


def numbers(plane: DataPlane, file: File) -> list[int]:
    return [version.number for version in plane.catalog.versions(OWNER, file.id)]


def test_a_deleted_file_is_there_for_thirty_days_and_no_longer(plane: DataPlane) -> None:
    end = gone(plane, "a")
    plane.clock.advance(30 * DAY - 1)
    run(plane)
    assert plane.catalog.trashed(OWNER, end.id)
    plane.clock.advance(2)
    run(plane)
    with pytest.raises(NotFound):
        plane.catalog.trashed(OWNER, end.id)
    assert numbers(plane, end) == [2]


def test_nothing_is_purged_by_itself_where_the_trash_is_kept_for_ever(plane: DataPlane) -> None:
    end = gone(plane, "a")
    plane.clock.advance(4000 * DAY)
    run(plane, Rule(1, 1), trash_days=0)
    assert plane.recovery.restore(OWNER, end.id, plane.wish()).file.path == "a"


def test_more_than_a_batch_is_purged_in_one_round(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("echofs.services.retention.BATCH", 2)
    for index in range(5):
        gone(plane, f"f{index}")
    plane.clock.advance(31 * DAY)
    kept = gone(plane, "kept")
    run(plane)
    assert [each.file_id for each in plane.catalog.trash(OWNER).files] == [kept.id]


def test_old_versions_go_and_what_is_needed_stays(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("echofs.services.retention.BATCH", 1)
    written = [plane.put("written", text).file for text in (b"one", b"two", b"three")][-1]
    moved = plane.put("moved", b"bytes").file
    for path in ("there", "everywhere"):
        moved = plane.files.move(OWNER, moved.id, path, plane.wish()).file
    trashed = gone(plane, "trashed")
    plane.clock.advance(2 * DAY)
    run(plane, Rule(1, 0))
    assert numbers(plane, written) == [3]
    assert numbers(plane, moved) == [3, 1]
    assert numbers(plane, trashed) == [2, 1]
    assert plane.read(plane.find(written.id).file.head.content) == b"three"
    assert plane.recovery.restore(OWNER, trashed.id, plane.wish()).file.head.number == 3


def test_a_version_is_kept_for_ninety_days_after_it_was_replaced(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.clock.advance(200 * DAY)
    plane.put("a", b"two")
    plane.clock.advance(90 * DAY - 1)
    run(plane)
    assert numbers(plane, file) == [2, 1]
    plane.clock.advance(2)
    run(plane)
    assert numbers(plane, file) == [2]


def test_a_file_goes_on_after_its_history_was_thinned_out(plane: DataPlane) -> None:
    plane.put("a", b"one")
    plane.put("a", b"two")
    plane.clock.advance(2 * DAY)
    run(plane, Rule(1, 0))
    file = plane.put("a", b"three").file
    assert numbers(plane, file) == [3, 2]
