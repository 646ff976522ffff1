"""Versions accepted without the catalog: what they follow, who may ask for them, and what they bring along."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from echofs.core import chunking
from echofs.core.entries import JournalEntry, OnConflict
from echofs.core.errors import (
    CatalogUnavailable,
    EchoError,
    IdempotencyKeyReused,
    NameTaken,
    NotFound,
    TooFewReplicas,
)
from echofs.core.goals import parse_ask
from echofs.core.models import Digest, File, Kind, Level, Version
from echofs.ports.catalog import Commit
from echofs.ports.chunks import Frame
from echofs.ports.listing import ListQuery
from echofs.services import shipping
from echofs.services.publishing import Published, Wish
from echofs.services.shipping import MAX_UNSAFE
from echofs.services.uploads import Declared, Target
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import CHUNK, OWNER, OWNER_NAME, DataPlane, bytes_of

STRONG, HYBRID, AVAILABLE = Level
BODY = bytes_of(3 * CHUNK)


def _fault(plane: DataPlane, fault: Fault, worker_ids: str = "abc") -> None:
    for worker_id in worker_ids:
        plane.workers[worker_id].fault = fault


def _visible(plane: DataPlane) -> list[str]:
    return [file.path for file in plane.catalog.files(ListQuery(OWNER)).files]


def _chunks_of(version: Version) -> list[Digest]:
    return [*chunking.unpack_digests(version.content.inline), version.manifest]


def _spooled(plane: DataPlane, version: Version) -> set[Digest]:
    return set(plane.journal.frames(_chunks_of(version)))


def _got(published: Published) -> tuple[Level, int, bool, bool]:
    receipt = published.receipt
    return receipt.mode_used, receipt.replicas, receipt.spooled, receipt.committed


# --- one version after the other ----------------------------------------------------------------------------------


def test_provisional_versions_follow_each_other_and_what_the_copy_knows(plane: DataPlane) -> None:
    committed = plane.put("a", b"one").file
    plane.follow(committed)
    plane.cut_catalog()
    second = plane.put("a", b"two").file
    third = plane.put(Target(OWNER, file_id=committed.id), b"three").file
    assert second.id == third.id == committed.id
    assert [(file.head.number, file.head.parent) for file in (second, third)] == [(2, 1), (3, 2)]
    assert third.created_at == committed.created_at
    entries = [entry for _, entry in plane.journal.pending()]
    assert [entry.parent_dot for entry in entries] == [committed.head.dot, second.head.dot]
    assert [entry.parent_manifest for entry in entries] == [committed.head.manifest, second.head.manifest]
    assert committed.head.created_at < second.head.created_at < third.head.created_at, "though the clock stood still"


def test_writers_of_one_host_do_not_pass_each_other_by(plane: DataPlane) -> None:
    plane.cut_catalog()
    _fault(plane, Fault.DOWN)
    late, lost = plane.begin("a"), plane.begin("a")
    first = plane.put("a", b"faster").file
    for upload, body in ((late, BODY), (lost, BODY[1:])):
        upload.write(body)
    second, third = late.finish().file, lost.finish().file
    assert {file.id for file in (first, second, third)} == {first.id}
    entries = [entry for _, entry in plane.journal.pending()]
    assert [entry.parent_dot for entry in entries] == [None, first.head.dot, second.head.dot]
    for file, body in ((second, BODY), (third, BODY[1:])):
        assert _spooled(plane, file.head) == set(_chunks_of(file.head))
        assert plane.read(file.head.content) == body


def test_what_a_faster_writer_refused_is_spooled_with_the_next_attempt(plane: DataPlane) -> None:
    plane.cut_catalog()
    _fault(plane, Fault.DOWN)
    append, rivals = plane.journal.append, [b"faster"]

    def append_late(entry: JournalEntry, frames: Sequence[Frame] = ()) -> None:
        if rivals:
            plane.put("a", rivals.pop())
        append(entry, frames)

    plane.journal.append = append_late  # type: ignore[method-assign]
    published = plane.put("a", BODY)
    assert published.file.head.number == 2
    assert plane.read(published.file.head.content) == BODY
    assert [entry.version.number for _, entry in plane.journal.pending()] == [1, 2]


def test_a_file_unknown_here_can_be_made_by_path_but_not_changed_by_id(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable, match="does not know the file"):
        plane.begin(Target(OWNER, file_id=file.id))
    assert plane.put("b", b"new").file.head.number == 1


def test_a_provisional_file_can_be_moved_and_deleted(plane: DataPlane) -> None:
    plane.cut_catalog()
    file = plane.put("a", b"one").file
    moved = plane.files.move(OWNER, file.id, "b", plane.wish())
    assert (moved.file.path, moved.file.head.number, moved.receipt.provisional) == ("b", 2, True)
    assert moved.file.head.etag == file.head.etag
    assert plane.put("a", b"another").file.id != file.id, "its path is free"
    gone = plane.files.delete(OWNER, file.id, plane.wish())
    assert (gone.file.head.kind, gone.receipt.provisional) == (Kind.TOMBSTONE, True)
    with pytest.raises(NotFound):
        plane.files.move(OWNER, file.id, "c", plane.wish())
    assert plane.put("b", b"anew").file.id != file.id
    assert [entry.version.kind for _, entry in plane.journal.pending()] == [
        Kind.CONTENT, Kind.MOVE, Kind.CONTENT, Kind.TOMBSTONE, Kind.CONTENT
    ]  # fmt: skip


def test_a_known_file_that_was_moved_or_deleted_here_leaves_its_path_free(plane: DataPlane) -> None:
    moved, deleted = plane.put("a", b"one").file, plane.put("b", b"two").file
    plane.follow(moved)
    plane.follow(deleted)
    plane.cut_catalog()
    plane.files.move(OWNER, moved.id, "c", plane.wish())
    plane.files.delete(OWNER, deleted.id, plane.wish())
    assert plane.put("a", b"new").file.id not in {moved.id, deleted.id}
    assert plane.put("b", b"new").file.id not in {moved.id, deleted.id}
    assert plane.put("c", b"more").file.id == moved.id


def test_a_provisional_move_onto_a_known_file_is_refused(plane: DataPlane) -> None:
    taken, file = plane.put("a", b"one").file, plane.put("b", b"two").file
    plane.follow(taken)
    plane.follow(file)
    plane.cut_catalog()
    with pytest.raises(NameTaken):
        plane.files.move(OWNER, file.id, "a", plane.wish())
    assert plane.files.move(OWNER, file.id, "b", plane.wish()).receipt.provisional
    assert plane.journal.depth() == 1


def test_a_delete_works_when_no_worker_has_room(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.follow(file)
    _fault(plane, Fault.FULL)
    plane.members.down = set("ab")
    assert plane.files.delete(OWNER, file.id, plane.wish(level="strong")).receipt.committed
    again = plane.put("b", b"two", level="available").file
    plane.journal.room = 0
    assert plane.files.delete(OWNER, again.id, plane.wish(level="available")).receipt.committed


def test_a_write_behind_a_provisional_one_follows_it_though_the_catalog_is_back(plane: DataPlane) -> None:
    committed = plane.put("a", b"one").file
    plane.follow(committed)
    plane.cut_catalog()
    second = plane.put("a", b"two").file
    new = plane.put("new", b"new").file
    plane.heal_catalog()
    third = plane.put("a", b"three")
    assert (third.file.head.parent, third.receipt.provisional) == (second.head.number, True)
    assert "still waits for the catalog" in third.receipt.reason
    assert plane.put(Target(OWNER, file_id=new.id), b"newer").file.head.number == 2
    assert plane.put("elsewhere", b"four").receipt.committed


@pytest.mark.parametrize("by_id", [True, False])
def test_strong_waits_until_an_earlier_provisional_version_is_committed(plane: DataPlane, by_id: bool) -> None:
    plane.cut_catalog()
    file = plane.put("a", b"one").file
    plane.heal_catalog()
    target = Target(OWNER, file_id=file.id) if by_id else Target(OWNER, path="a")
    with pytest.raises(CatalogUnavailable, match="still waits for the catalog"):
        plane.put(target, b"two", level="strong")
    (_, entry), *_ = plane.journal.pending()
    plane.catalog.commit([Commit(entry.owner_id, entry.version, entry.chunks)])
    # It is committed; that the journal has not forgotten it yet is nobody's concern.
    assert plane.put(target, b"two", level="strong").file.head.number == 2


# --- conditions, keys, forms --------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["auto", "available", "strong"])
def test_a_write_with_a_condition_is_never_provisional(plane: DataPlane, level: str) -> None:
    file = plane.put("a", b"one").file
    plane.follow(file)
    targets = [
        Target(OWNER, file_id=file.id, if_match=(file.head.etag,)),
        Target(OWNER, path="a", if_match=("*",)),
        Target(OWNER, path="b", create_only=True),
    ]
    plane.cut_catalog()
    for target in targets:
        with pytest.raises(CatalogUnavailable):
            plane.begin(target, level=level)
    with pytest.raises(CatalogUnavailable):
        plane.files.delete(OWNER, file.id, plane.wish(level=level), (file.head.etag,))
    plane.heal_catalog()
    upload = plane.begin(targets[0], level=level)
    plane.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        upload.finish()
    assert plane.journal.depth() == 0


def test_a_key_answered_provisionally_is_answered_again_from_the_journal_and_from_the_catalog(plane: DataPlane) -> None:
    plane.cut_catalog()
    first = plane.put("a", BODY, key="key-1")
    plane.put("a", b"later")
    again = plane.uploads.begin(Target(OWNER, path="a"), Declared(), plane.wish("key-1"))
    assert isinstance(again, Published)
    assert (again.file, again.receipt, again.replayed) == (first.file, first.receipt, True)
    with pytest.raises(IdempotencyKeyReused):
        plane.uploads.begin(Target(OWNER, path="a"), Declared(), plane.wish("key-1", "another request"))
    plane.heal_catalog()
    assert plane.uploads.begin(Target(OWNER, path="a"), Declared(), plane.wish("key-1")) == again
    plane.replay()
    assert plane.uploads.begin(Target(OWNER, path="a"), Declared(), plane.wish("key-1")) == again


def test_twins_sent_at_once_give_one_provisional_version_and_the_same_answer(plane: DataPlane) -> None:
    plane.cut_catalog()
    first, second = (plane.begin("a", key="k") for _ in range(2))
    answer = first.finish()
    plane.put("a", b"later")
    again = second.finish()
    assert (again.file, again.receipt, again.replayed) == (answer.file, answer.receipt, True)
    assert plane.journal.depth() == 2


def test_the_entry_says_what_to_do_about_conflicts(plane: DataPlane) -> None:
    plane.cut_catalog()
    wish = Wish(parse_ask("auto"), 0.0, OWNER_NAME, on_conflict=OnConflict.ASK)
    upload = plane.uploads.begin(Target(OWNER, path="a"), Declared(), wish)
    assert not isinstance(upload, Published)
    upload.finish()
    assert [entry.on_conflict for _, entry in plane.journal.pending()] == [OnConflict.ASK]


def test_a_level_or_a_path_that_comes_after_the_bytes_counts(plane: DataPlane) -> None:
    plane.floors.by_path["important"] = STRONG
    plane.advise(AVAILABLE)
    upload = plane.begin(Target(OWNER))
    upload.write(BODY)
    assert upload.finish(path="important").receipt.mode_used is STRONG
    upload = plane.begin(Target(OWNER), level="strong")
    upload.write(BODY)
    receipt = upload.finish(path="other", ask=parse_ask("available")).receipt
    assert (receipt.mode_requested, receipt.mode_used, receipt.degraded) == ("available", AVAILABLE, False)
    plane.cut_catalog()
    upload = plane.begin(Target(OWNER))
    upload.write(BODY)
    with pytest.raises(CatalogUnavailable):
        upload.finish(path="a", ask=parse_ask("strong"))
    assert plane.journal.depth() == 0


def test_bytes_that_were_let_go_with_less_never_count_as_more(plane: DataPlane) -> None:
    plane.advise(AVAILABLE)
    upload = plane.begin(Target(OWNER))
    _fault(plane, Fault.DOWN)
    upload.write(bytes_of(3 * MAX_UNSAFE * CHUNK))
    _fault(plane, Fault.NONE)
    with pytest.raises(TooFewReplicas, match="after the file's bytes had come") as caught:
        upload.finish(path="a", ask=parse_ask("strong"))
    assert caught.value.field == "consistency"
    assert _visible(plane) == []


def test_bytes_that_came_with_less_are_no_strong_version_after_a_lost_race(here: DataPlane, there: DataPlane) -> None:
    here.advise(AVAILABLE)
    upload = here.begin("a")
    _fault(here, Fault.DOWN)
    upload.write(BODY)
    commit = here.catalog.commit

    def late(commits: Sequence[Commit]) -> list[File | EchoError]:
        here.publisher._commits._handle = commit
        _fault(here, Fault.NONE)
        here.floors.by_file[there.put("a", b"theirs").file.id] = STRONG
        return commit(commits)

    here.publisher._commits._handle = late
    with pytest.raises(TooFewReplicas, match="after the file's bytes had come"):
        upload.finish()
    assert here.catalog.file_at(OWNER, "a").head.number == 1


def test_a_long_upload_keeps_its_records_when_the_catalog_goes_away_under_way(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "RECORD_AHEAD", 4)
    upload = plane.begin("a")
    body = bytes_of(60 * CHUNK)
    upload.write(body[: 30 * CHUNK])
    plane.cut_catalog()
    upload.write(body[30 * CHUNK :])
    version = upload.finish().file.head
    plane.heal_catalog()
    (_, entry), *_ = plane.journal.pending()
    recorded = plane.catalog.replicas(_chunks_of(version)).keys()
    assert recorded
    assert {chunk.digest for chunk in entry.chunks} | recorded == set(_chunks_of(version))
