"""Folders as users handle them: everything below goes along in one step, or nothing changes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from echofs.core.errors import (
    CatalogUnavailable,
    HeadMoved,
    InvalidName,
    InvalidRequest,
    NameTaken,
    NotFound,
    QuotaExceeded,
    TooFewReplicas,
)
from echofs.core.models import File, Kind
from echofs.ports.catalog import Commit, FolderChange
from echofs.ports.listing import ListQuery
from echofs.services import folders as folders_module
from echofs.services.publishing import Wish
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import CHUNK, OWNER, OWNER_NAME, DataPlane, bytes_of


def listed(plane: DataPlane) -> list[str]:
    return [file.path for file in plane.catalog.files(ListQuery(OWNER)).files]


def test_a_moved_folder_takes_all_below_it_along(plane: DataPlane) -> None:
    files = [plane.put(path, b"bytes").file for path in ("a/1", "a/sub/2", "ab")]
    plane.folders.make(OWNER, "a/empty")
    done = plane.folders.move(OWNER, "/a/", "b/c", plane.wish())
    assert done.files == 2
    assert listed(plane) == ["ab", "b/c/1", "b/c/sub/2"]
    assert plane.folders.inside(OWNER, "b/c") == ["b/c/empty", "b/c/sub"]
    assert plane.folders.inside(OWNER, "") == ["b"]
    head = plane.catalog.file(OWNER, files[0].id).head
    assert (head.kind, head.number, head.etag) == (Kind.MOVE, 2, files[0].head.etag)


def test_every_version_of_a_step_has_its_manifest_on_the_workers(plane: DataPlane) -> None:
    for number in range(70):
        plane.put(f"a/{number:02}", b"x")
    plane.folders.move(OWNER, "a", "b", plane.wish())
    for file in plane.catalog.files(ListQuery(OWNER)).files:
        assert len(plane.catalog.replicas([file.head.manifest])[file.head.manifest]) == 3
        assert OWNER_NAME.encode() in plane.plain("a", file.head.manifest)
    assert plane.all_released()


def test_a_copied_folder_sends_no_content_and_reads_alike(plane: DataPlane) -> None:
    data = bytes_of(3 * CHUNK)
    original = plane.put("a/sub/1", data).file
    before = plane.workers["a"].frames.keys() | set()
    assert plane.folders.copy(OWNER, "a", "b", plane.wish()).files == 1
    copy = plane.catalog.file_at(OWNER, "b/sub/1")
    assert (copy.head.content, copy.head.number) == (original.head.content, 1)
    assert copy.id != original.id
    assert plane.read(copy.head.content) == data
    assert plane.workers["a"].frames.keys() - before == {copy.head.manifest}


def test_a_deleted_folder_is_gone_and_its_files_are_in_the_trash(plane: DataPlane) -> None:
    files = [plane.put(path, b"bytes").file for path in ("a/1", "a/b/2")]
    assert plane.folders.delete(OWNER, "a", plane.wish()).files == 2
    assert listed(plane) == []
    assert plane.folders.inside(OWNER, "") == []
    assert {each.file_id for each in plane.catalog.trash(OWNER).files} == {file.id for file in files}


def test_a_folder_can_be_deleted_without_workers_and_not_moved(plane: DataPlane) -> None:
    plane.put("a/1", b"bytes")
    for worker_id in "abc":
        plane.workers[worker_id].fault = Fault.DOWN
    with pytest.raises(TooFewReplicas):
        plane.folders.move(OWNER, "a", "b", plane.wish())
    assert listed(plane) == ["a/1"]
    assert plane.folders.delete(OWNER, "a", plane.wish()).files == 1


def test_a_folder_is_made_once(plane: DataPlane) -> None:
    assert plane.folders.make(OWNER, "/a/b/") == ("a/b", True)
    assert plane.folders.make(OWNER, "a/b") == ("a/b", False)
    plane.put("file", b"x")
    with pytest.raises(NameTaken):
        plane.folders.make(OWNER, "file")


@pytest.mark.parametrize("name", ["", "/", "a//b", "..", "a/../b", "nul\0", "\ud800", "x" * 256, "a\nb"])
def test_names_that_no_folder_may_have_are_refused(plane: DataPlane, name: str) -> None:
    plane.put("a/1", b"x")
    calls = (
        lambda: plane.folders.make(OWNER, name),
        lambda: plane.folders.move(OWNER, "a", name, plane.wish()),
        lambda: plane.folders.move(OWNER, name, "b", plane.wish()),
        lambda: plane.folders.copy(OWNER, "a", name, plane.wish()),
        lambda: plane.folders.delete(OWNER, name, plane.wish()),
    )
    for call in calls:
        with pytest.raises(InvalidName):
            call()
    assert listed(plane) == ["a/1"]


def test_a_folder_does_not_go_into_itself(plane: DataPlane) -> None:
    plane.put("a/1", b"x")
    for to in ("a", "a/b", "/a/"):
        for relocate in (plane.folders.move, plane.folders.copy):
            with pytest.raises(InvalidRequest):
                relocate(OWNER, "a", to, plane.wish())
    plane.folders.move(OWNER, "a", "ab", plane.wish())
    assert listed(plane) == ["ab/1"]


def test_a_path_too_long_below_the_new_place_changes_nothing(plane: DataPlane) -> None:
    plane.put("a/" + "/".join(["d" * 200] * 4), b"x")
    with pytest.raises(InvalidName):
        plane.folders.move(OWNER, "a", "b" * 250, plane.wish())
    assert len(listed(plane)) == 1


def test_another_users_folder_is_not_found(plane: DataPlane) -> None:
    plane.put("a/1", b"x")
    for call in (
        lambda: plane.folders.move("stranger", "a", "b", plane.wish()),
        lambda: plane.folders.copy("stranger", "a", "b", plane.wish()),
        lambda: plane.folders.delete("stranger", "a", plane.wish()),
    ):
        with pytest.raises(NotFound):
            call()
    assert plane.folders.inside("stranger", "") == []
    assert listed(plane) == ["a/1"]


def test_more_files_than_fit_in_a_step_are_refused(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders_module, "MOST_TOGETHER", 2)
    monkeypatch.setattr(folders_module, "PAGE", 1)
    for name in "123":
        plane.put(f"a/{name}", b"x")
    with pytest.raises(InvalidRequest):
        plane.folders.move(OWNER, "a", "b", plane.wish())
    assert len(listed(plane)) == 3


def racing(plane: DataPlane, times: int) -> list[int]:
    """The catalog answers so many steps only after another writer changed the folder; how often it was asked."""
    together, asked = plane.catalog.commit_together, [0]

    def late(commits: Sequence[Commit], change: FolderChange | None = None) -> list[File]:
        asked[0] += 1
        if asked[0] <= times:
            plane.put("a/1", b"newer")
            plane.put(f"a/late {asked[0]}", b"late")
        return together(commits, change)

    plane.catalog.commit_together = late  # type: ignore[method-assign]
    return asked


def test_what_changed_meanwhile_goes_along(plane: DataPlane) -> None:
    plane.put("a/1", b"x")
    asked = racing(plane, 2)
    assert plane.folders.move(OWNER, "a", "b", plane.wish()).files == 3
    assert asked == [3]
    assert listed(plane) == ["b/1", "b/late 1", "b/late 2"]
    assert plane.read(plane.catalog.file_at(OWNER, "b/1").head.content) == b"newer"


def test_a_folder_that_others_keep_changing_is_given_up_and_left_whole(plane: DataPlane) -> None:
    plane.put("a/1", b"x")
    asked = racing(plane, 1000)
    with pytest.raises(HeadMoved):
        plane.folders.delete(OWNER, "a", plane.wish())
    assert asked == [folders_module.ATTEMPTS]
    assert len(listed(plane)) == 1 + folders_module.ATTEMPTS


def test_without_the_catalog_nothing_is_promised(plane: DataPlane) -> None:
    plane.put("a/1", b"x")
    plane.cut_catalog()
    for call in (
        lambda: plane.folders.inside(OWNER, ""),
        lambda: plane.folders.make(OWNER, "b"),
        lambda: plane.folders.move(OWNER, "a", "b", plane.wish(level="available")),
        lambda: plane.folders.delete(OWNER, "a", plane.wish()),
    ):
        with pytest.raises(CatalogUnavailable):
            call()
    plane.heal_catalog()
    assert listed(plane) == ["a/1"]


def test_a_file_with_a_version_that_waits_for_the_catalog_keeps_its_folder_in_place(plane: DataPlane) -> None:
    file = plane.put("a/1", b"x").file
    plane.follow(file)
    plane.put("b/1", b"x")
    plane.cut_catalog()
    assert plane.put("a/1", b"newer").receipt.provisional
    plane.heal_catalog()
    with pytest.raises(CatalogUnavailable):
        plane.folders.move(OWNER, "a", "c", plane.wish())
    assert plane.folders.move(OWNER, "b", "d", plane.wish()).files == 1
    plane.replay()
    assert plane.folders.move(OWNER, "a", "c", plane.wish()).files == 1


def test_a_copy_heeds_the_quota_as_a_whole(plane: DataPlane) -> None:
    for name in "12":
        plane.put(f"a/{name}", bytes_of(100))
    with pytest.raises(QuotaExceeded):
        plane.folders.copy(OWNER, "a", "b", limited(plane, 399))
    assert listed(plane) == ["a/1", "a/2"]
    assert plane.folders.copy(OWNER, "a", "b", limited(plane, 400)).files == 2


def limited(plane: DataPlane, quota: int) -> Wish:
    return Wish(folders_module.STRONG, plane.clock.monotonic(), OWNER_NAME, quota_bytes=quota)


def test_heads_that_a_cache_knows_are_superseded_and_the_answer_says_when_they_are_not(plane: DataPlane) -> None:
    file = plane.put("a/1", b"x").file
    found = plane.find(file.id, "hybrid").file
    assert found.path == "a/1"
    done = plane.folders.move(OWNER, "a", "b", plane.wish())
    assert (done.reason, done.position) == ("", plane.catalog.last_change())
    assert plane.find(file.id, "hybrid").file.path == "b/1"
    plane.heads_cached.away = True
    assert plane.folders.move(OWNER, "b", "c", plane.wish()).reason
