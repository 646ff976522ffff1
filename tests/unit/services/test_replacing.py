"""What takes the place of something else does so at once, or what was there comes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from echofs.core.errors import (
    CatalogUnavailable,
    HeadMoved,
    InvalidRequest,
    NameTaken,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    TooFewReplicas,
)
from echofs.core.models import File, Kind
from echofs.core.usage import Usage
from echofs.ports.catalog import Commit, FolderChange
from echofs.services.replacing import ATTEMPTS, GivingWay
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import OWNER, DataPlane


def put(plane: DataPlane, path: str, data: bytes) -> File:
    return plane.put(path, data).file


def move(plane: DataPlane, file: File, path: str, if_match: tuple[str, ...] | None = None) -> File:
    return plane.replacing.move(OWNER, file.id, path, plane.wish(), if_match).file


def trash(plane: DataPlane) -> list[str]:
    return [each.path for each in plane.recovery.page(OWNER, "", 10).files]


# --- a file onto a file ----------------------------------------------------------------------------------------------


def test_a_file_moved_onto_another_becomes_its_next_version_and_goes_to_the_trash(plane: DataPlane) -> None:
    source, target = put(plane, "draft", b"the new"), put(plane, "final", b"the old")
    published = plane.replacing.move(OWNER, source.id, "final", plane.wish())
    assert (published.file.id, published.file.head.number) == (target.id, 2)
    assert plane.catalog.file_at(OWNER, "final") == published.file
    assert plane.read(published.file.head.content) == b"the new"
    assert [plane.read(each.content) for each in plane.files.versions(OWNER, target.id)] == [b"the new", b"the old"]
    assert trash(plane) == ["draft"]
    assert plane.catalog.usage(OWNER) == Usage(1, 7, 7)
    receipt = published.receipt
    assert (receipt.committed, receipt.mode_used.value, receipt.version) == (True, "strong", 2)
    assert (receipt.replicas >= 2, receipt.zones >= 2, receipt.reason) == (True, True, "")
    assert published.ended is not None
    assert (published.ended.id, published.ended.head.kind) == (source.id, Kind.TOMBSTONE)


def test_what_cannot_be_done_changes_neither_file(plane: DataPlane) -> None:
    files = source, _ = put(plane, "draft", b"the new"), put(plane, "final", b"the old")
    for worker in "bc":
        plane.workers[worker].fault = Fault.DOWN
    with pytest.raises(TooFewReplicas):
        move(plane, source, "final")
    for worker in "bc":
        plane.workers[worker].fault = Fault.NONE
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        move(plane, source, "final")
    plane.heal_catalog()
    with pytest.raises(QuotaExceeded):
        plane.replacing.move(OWNER, put(plane, "large", bytes(9)).id, "final", replace(plane.wish(), quota_bytes=24))
    with pytest.raises(PreconditionFailed):
        move(plane, source, "final", if_match=("another",))
    with pytest.raises(NotFound):
        plane.replacing.move("owner-2", source.id, "final", plane.wish())
    assert [plane.catalog.file(OWNER, file.id) for file in files] == list(files)
    assert trash(plane) == []


def test_onto_a_free_path_or_its_own_a_file_is_only_moved(plane: DataPlane) -> None:
    file = put(plane, "a", b"bytes")
    for path in ("b", "b"):
        moved = move(plane, file, path, if_match=(file.head.etag,))
        assert (moved.id, moved.path, moved.head.kind) == (file.id, path, Kind.MOVE)
    assert trash(plane) == []


def test_a_version_that_comes_in_between_is_kept_below(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = put(plane, "draft", b"the new"), put(plane, "final", b"the old")
    commit_together, rivals = plane.catalog.commit_together, iter([b"a rival's"])

    def after_a_rival(commits: Sequence[Commit], step: FolderChange | None = None) -> list[File]:
        for data in rivals:
            put(plane, "final", data)
        return commit_together(commits, step)

    monkeypatch.setattr(plane.catalog, "commit_together", after_a_rival)
    assert move(plane, source, "final").head.number == 3
    assert plane.read(plane.files.versions(OWNER, target.id)[1].content) == b"a rival's"


def test_who_always_comes_too_late_is_told_to_try_again(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    source, _ = put(plane, "draft", b"the new"), put(plane, "final", b"the old")
    tries = []

    def too_late(commits: Sequence[Commit], step: FolderChange | None = None) -> list[File]:
        tries.append(commits)
        raise HeadMoved("Another version was committed first.")

    monkeypatch.setattr(plane.catalog, "commit_together", too_late)
    with pytest.raises(HeadMoved, match="nothing was changed"):
        move(plane, source, "final")
    assert len(tries) == ATTEMPTS


def test_what_waits_for_the_catalog_is_not_passed_over(plane: DataPlane) -> None:
    source, target = put(plane, "draft", b"the new"), put(plane, "final", b"the old")
    plane.cut_catalog()
    put(plane, "final", b"provisional")
    plane.heal_catalog()
    with pytest.raises(CatalogUnavailable, match="still waits"):
        move(plane, source, "final")
    assert plane.catalog.file(OWNER, target.id) == target


def test_a_copy_that_may_replace_becomes_the_next_version(plane: DataPlane) -> None:
    source, target = put(plane, "one", b"1"), put(plane, "two", b"2")
    with pytest.raises(NameTaken):
        plane.files.copy(OWNER, source.id, "two", plane.wish())
    made = plane.files.copy(OWNER, source.id, "two", plane.wish(), replace=True).file
    assert (made.id, made.head.number, plane.read(made.head.content)) == (target.id, 2, b"1")
    assert plane.catalog.file(OWNER, source.id) == source
    assert trash(plane) == []
    assert plane.files.copy(OWNER, source.id, "three", plane.wish(), replace=True).file.head.number == 1
    with pytest.raises(InvalidRequest):
        plane.files.copy(OWNER, source.id, "one", plane.wish(), replace=True)


# --- giving way ------------------------------------------------------------------------------------------------------


def giving_way(plane: DataPlane) -> GivingWay:
    return GivingWay(plane.catalog, plane.files, plane.folders, plane.recovery)


def fill(plane: DataPlane) -> list[File]:
    plane.folders.make(OWNER, "d/empty/er")
    return [put(plane, path, path.encode()) for path in ("d/a", "d/e/b", "f")]


@pytest.mark.parametrize(("path", "gone"), [("d", ["d/a", "d/e/b"]), ("f", ["f"]), ("nothing", [])])
def test_what_gives_way_is_in_the_trash_once_the_other_is_there(plane: DataPlane, path: str, gone: list[str]) -> None:
    fill(plane)
    with giving_way(plane).at(OWNER, path, plane.wish()):
        put(plane, f"{path}/new" if path == "d" else path, b"new")
    assert sorted(trash(plane)) == gone


@pytest.mark.parametrize("path", ["d", "f", "nothing"])
def test_what_gave_way_comes_back_when_the_other_fails(plane: DataPlane, path: str) -> None:
    files = fill(plane)
    with pytest.raises(TooFewReplicas), giving_way(plane).at(OWNER, path, plane.wish()):
        raise TooFewReplicas("Too few workers.")
    assert trash(plane) == []
    for file in files:
        assert plane.read(plane.catalog.file_at(OWNER, file.path).head.content) == file.path.encode()
        assert plane.catalog.file_at(OWNER, file.path).id == file.id
    assert plane.folders.inside(OWNER, "d") == ["d/e", "d/empty"]
    assert plane.folders.inside(OWNER, "d/empty") == ["d/empty/er"]


def test_what_cannot_come_back_stays_in_the_trash_and_is_told(
    plane: DataPlane, caplog: pytest.LogCaptureFixture
) -> None:
    fill(plane)
    with pytest.raises(CatalogUnavailable), giving_way(plane).at(OWNER, "d", plane.wish()):
        _lose_the_catalog(plane)
    plane.heal_catalog()
    assert sorted(trash(plane)) == ["d/a", "d/e/b"]
    assert "stays in the trash" in caplog.text


def _lose_the_catalog(plane: DataPlane) -> None:
    plane.cut_catalog()
    raise CatalogUnavailable("The catalog does not answer.")
