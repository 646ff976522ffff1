"""What was deleted or replaced comes back as a version like any other, and only to its owner."""

from __future__ import annotations

from typing import Any

import pytest

from echofs.core.errors import CatalogUnavailable, InvalidName, NameTaken, NotFound, PreconditionFailed
from echofs.core.models import File, Kind
from echofs.core.usage import Usage
from echofs.ports.trash import TrashPage
from tests.unit.services.data_plane import OWNER, DataPlane

STRANGER = "owner-2"


def gone(plane: DataPlane, path: str, data: bytes = b"bytes") -> File:
    file = plane.put(path, data).file
    return plane.files.delete(OWNER, file.id, plane.wish()).file


def back(plane: DataPlane, file: File, **options: Any) -> File:
    return plane.recovery.restore(OWNER, file.id, plane.wish(), **options).file


def test_a_restored_file_has_its_id_path_and_bytes_and_is_read_like_any_other(plane: DataPlane) -> None:
    end = gone(plane, "d/a.txt")
    published = plane.recovery.restore(OWNER, end.id, plane.wish())
    file = published.file
    assert (file.id, file.path, file.head.number, file.head.kind) == (end.id, "d/a.txt", 3, Kind.CONTENT)
    assert plane.read(file.head.content) == b"bytes"
    assert plane.find(file.id).file == file
    assert (published.receipt.committed, published.receipt.mode_used.value) == (True, "strong")
    assert plane.recovery.page(OWNER, "", 10).files == ()


def test_the_type_a_client_gave_comes_back_too(plane: DataPlane) -> None:
    upload = plane.begin("a")
    upload.write(b"x")
    file = upload.finish(content_type="image/png").file
    plane.files.delete(OWNER, file.id, plane.wish())
    assert back(plane, file).head.content_type == "image/png"


def test_a_file_can_come_back_elsewhere_but_not_at_a_bad_path(plane: DataPlane) -> None:
    end = gone(plane, "a")
    with pytest.raises(InvalidName):
        back(plane, end, path="../b")
    assert back(plane, end, path="/new/b").path == "new/b"


def test_a_path_in_use_is_refused_or_gives_way_to_another_name(plane: DataPlane) -> None:
    ends = [gone(plane, "d/a.txt", b"one"), gone(plane, "d/a.txt", b"two")]
    present = plane.put("d/a.txt", b"three").file
    with pytest.raises(NameTaken) as refused:
        back(plane, ends[0])
    assert refused.value.field == "path"
    restored = [back(plane, end, rename=True) for end in ends]
    assert [file.path for file in restored] == ["d/a (restored).txt", "d/a (restored, 2).txt"]
    assert [plane.read(file.head.content) for file in restored] == [b"one", b"two"]
    assert plane.catalog.file_at(OWNER, "d/a.txt") == present


def test_a_path_that_is_taken_at_the_last_moment_gives_way_too(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = gone(plane, "a")
    plane.put("a", b"faster")
    monkeypatch.setattr(plane.recovery, "_taken", lambda owner_id, path: False)
    assert back(plane, end, rename=True).path == "a (restored)"
    with pytest.raises(NameTaken):
        back(plane, gone(plane, "b"), path="a")


def test_a_living_file_a_purged_one_and_another_users_are_not_in_the_trash(plane: DataPlane) -> None:
    living, end, purged = plane.put("l", b"x").file, gone(plane, "a"), gone(plane, "p")
    plane.recovery.purge(OWNER, purged.id)
    for owner_id, file in ((OWNER, living), (OWNER, purged), (STRANGER, end)):
        with pytest.raises(NotFound):
            plane.recovery.restore(owner_id, file.id, plane.wish())
        with pytest.raises(NotFound):
            plane.recovery.purge(owner_id, file.id)
    assert plane.recovery.page(STRANGER, "", 10).files == ()
    assert plane.recovery.empty(STRANGER) == 0
    assert back(plane, end)


def test_what_is_restored_and_deleted_again_while_the_trash_is_emptied_stays(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [gone(plane, path) for path in ("a", "b")]
    page = plane.catalog.trash

    def restored_since(*asked: Any) -> TrashPage:
        found = page(*asked)
        plane.files.delete(OWNER, back(plane, ends[0]).id, plane.wish())
        return found

    monkeypatch.setattr(plane.catalog, "trash", restored_since)
    assert plane.recovery.empty(OWNER) == 1
    monkeypatch.undo()
    assert [each.path for each in plane.recovery.page(OWNER, "", 10).files] == ["a"]


def test_of_two_who_restore_one_file_the_second_is_told_that_it_is_not_there(plane: DataPlane) -> None:
    end = gone(plane, "a")
    trashed = plane.catalog.trashed(OWNER, end.id)
    back(plane, end)
    plane.catalog.trashed = lambda owner_id, file_id: trashed  # type: ignore[method-assign]
    with pytest.raises(NotFound):
        back(plane, end, path="b")


def test_the_trash_is_emptied_page_by_page(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("echofs.services.recovery.PURGED_TOGETHER", 2)
    for index in range(5):
        gone(plane, f"f{index}")
    kept = plane.put("kept", b"xyz").file
    assert plane.recovery.empty(OWNER) == 5
    assert plane.catalog.usage(OWNER) == Usage(1, 3, 0)
    assert plane.find(kept.id).file == kept


def test_a_file_in_the_trash_says_until_when(plane: DataPlane) -> None:
    gone(plane, "a")
    (trashed,) = plane.recovery.page(OWNER, "", 10).files
    assert plane.recovery.expires_at(trashed) == trashed.deleted_at + 30 * 86_400_000_000


def test_without_the_catalog_nothing_comes_back_and_nothing_is_written_down(plane: DataPlane) -> None:
    end = gone(plane, "a")
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        plane.recovery.restore(OWNER, end.id, plane.wish(level="available"))
    assert plane.journal.depth() == 0
    plane.heal_catalog()
    assert back(plane, end).path == "a"


# --- old versions -------------------------------------------------------------------------------------------------


def test_an_old_version_comes_back_as_a_new_one_at_the_present_path(plane: DataPlane) -> None:
    first = plane.put("a", b"one").file
    plane.put("a", b"two")
    plane.files.move(OWNER, first.id, "b", plane.wish())
    file = plane.files.restore(OWNER, first.id, 1, plane.wish()).file
    assert (file.path, file.head.number, file.head.kind) == ("b", 4, Kind.CONTENT)
    assert plane.read(file.head.content) == b"one"
    assert [version.number for version in plane.files.versions(OWNER, first.id)] == [4, 3, 2, 1]


@pytest.mark.parametrize("number", [0, 3, 99])
def test_a_version_that_is_not_there_is_not_found(plane: DataPlane, number: int) -> None:
    file = plane.put("a", b"one").file
    plane.put("a", b"two")
    with pytest.raises(NotFound):
        plane.files.restore(OWNER, file.id, number, plane.wish())


def test_a_deletion_is_no_version_to_come_back_to(plane: DataPlane) -> None:
    end = gone(plane, "a")
    with pytest.raises(NotFound):
        plane.files.restore(OWNER, end.id, 1, plane.wish())
    back(plane, end)
    with pytest.raises(NotFound):
        plane.files.restore(OWNER, end.id, 2, plane.wish())
    assert plane.files.restore(OWNER, end.id, 1, plane.wish()).file.head.number == 4


def test_restoring_a_version_heeds_if_match_and_is_its_owners_alone(plane: DataPlane) -> None:
    old = plane.put("a", b"one").file
    new = plane.put("a", b"two").file
    with pytest.raises(PreconditionFailed):
        plane.files.restore(OWNER, old.id, 1, plane.wish(), (old.head.etag,))
    with pytest.raises(NotFound):
        plane.files.restore(STRANGER, old.id, 1, plane.wish())
    assert plane.files.restore(OWNER, old.id, 1, plane.wish(), (new.head.etag,)).file.head.number == 3
