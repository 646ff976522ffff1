"""Moving, deleting and counting: nothing of another user's is seen, and the count is what the workers say."""

from __future__ import annotations

import pytest

from echofs.core import chunking
from echofs.core.errors import (
    CatalogUnavailable,
    ChunkUnavailable,
    HeadMoved,
    InvalidName,
    NameTaken,
    NotFound,
    PreconditionFailed,
)
from echofs.core.models import Kind
from echofs.ports.listing import ListQuery
from echofs.services import files as files_module
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import CHUNK, OWNER, DataPlane, bytes_of


def test_a_moved_file_keeps_its_id_bytes_type_and_etag(plane: DataPlane) -> None:
    upload = plane.begin("old/name")
    upload.write(b"bytes")
    before = upload.finish(content_type="text/plain").file
    after = plane.files.move(OWNER, before.id, "/new/name", plane.wish()).file
    assert (after.id, after.path, after.head.number, after.head.kind) == (before.id, "new/name", 2, Kind.MOVE)
    assert (after.head.content, after.head.content_type, after.head.etag) == (
        before.head.content,
        "text/plain",
        before.head.etag,
    )
    assert plane.find(before.id).file == after
    with pytest.raises(NotFound):
        plane.catalog.file_at(OWNER, "old/name")


def test_moving_to_the_present_path_changes_nothing_but_the_version(plane: DataPlane) -> None:
    file = plane.put("a", b"bytes").file
    moved = plane.files.move(OWNER, file.id, "a", plane.wish()).file
    assert (moved.path, moved.head.number, moved.head.etag) == ("a", 2, file.head.etag)


def test_a_move_onto_another_file_or_to_a_bad_name_changes_nothing(plane: DataPlane) -> None:
    file, _ = plane.put("a", b"one").file, plane.put("b", b"two")
    with pytest.raises(NameTaken):
        plane.files.move(OWNER, file.id, "b", plane.wish())
    with pytest.raises(InvalidName):
        plane.files.move(OWNER, file.id, "../b", plane.wish())
    assert plane.find(file.id).file == file


def test_a_copy_is_a_file_of_its_own_with_the_same_bytes(plane: DataPlane) -> None:
    upload = plane.begin("a")
    upload.write(b"bytes")
    original = upload.finish(content_type="text/plain").file
    copied = plane.files.copy(OWNER, original.id, "/b/c", plane.wish())
    copy = copied.file
    assert (copy.path, copy.head.number, copy.head.kind) == ("b/c", 1, Kind.CONTENT)
    assert (copy.head.content, copy.head.content_type) == (original.head.content, "text/plain")
    assert copy.id != original.id
    assert copied.receipt.committed
    plane.put("a", b"other")
    plane.files.delete(OWNER, original.id, plane.wish())
    assert plane.read(plane.find(copy.id).file.head.content) == b"bytes"


def test_a_copy_takes_no_path_that_is_taken_and_heeds_if_match(plane: DataPlane) -> None:
    file, other = plane.put("a", b"one").file, plane.put("b", b"two").file
    with pytest.raises(NameTaken):
        plane.files.copy(OWNER, file.id, "b", plane.wish())
    with pytest.raises(NameTaken):
        plane.files.copy(OWNER, file.id, "a", plane.wish())
    with pytest.raises(InvalidName):
        plane.files.copy(OWNER, file.id, "../c", plane.wish())
    with pytest.raises(PreconditionFailed):
        plane.files.copy(OWNER, file.id, "c", plane.wish(), (other.head.etag,))
    assert len(plane.catalog.files(ListQuery(OWNER)).files) == 2
    assert plane.files.copy(OWNER, file.id, "c", plane.wish(), (file.head.etag,)).file.path == "c"


def test_a_copy_is_never_provisional(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.follow(file)
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        plane.files.copy(OWNER, file.id, "b", plane.wish(level="available"))
    assert plane.journal.depth() == 0


def test_a_deleted_file_is_gone_and_its_path_is_free(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    gone = plane.files.delete(OWNER, file.id, plane.wish()).file
    assert gone.deleted
    assert (gone.head.content.size, gone.head.content.digest) == (0, chunking.EMPTY_DIGEST)
    for call in (plane.catalog.file, plane.files.versions, plane.files.count_replicas):
        with pytest.raises(NotFound):
            call(OWNER, file.id)
    with pytest.raises(NotFound):
        plane.files.delete(OWNER, file.id, plane.wish())
    assert plane.put("a", b"two").file.id != file.id


def test_moves_and_deletions_heed_if_match(plane: DataPlane) -> None:
    old = plane.put("a", b"one").file
    new = plane.put("a", b"two").file
    for conditions in ((old.head.etag,), ()):
        with pytest.raises(PreconditionFailed):
            plane.files.move(OWNER, old.id, "b", plane.wish(), conditions)
        with pytest.raises(PreconditionFailed):
            plane.files.delete(OWNER, old.id, plane.wish(), conditions)
    assert plane.find(old.id).file == new
    plane.files.move(OWNER, old.id, "b", plane.wish(), (old.head.etag, new.head.etag))
    plane.files.delete(OWNER, old.id, plane.wish(), ("*",))


def test_another_users_file_is_not_found_by_any_call(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    calls = (
        lambda: plane.find(file.id, owner_id="stranger"),
        lambda: plane.files.versions("stranger", file.id),
        lambda: plane.files.count_replicas("stranger", file.id),
        lambda: plane.files.move("stranger", file.id, "b", plane.wish()),
        lambda: plane.files.copy("stranger", file.id, "b", plane.wish()),
        lambda: plane.files.delete("stranger", file.id, plane.wish()),
    )
    for call in calls:
        with pytest.raises(NotFound):
            call()
    assert plane.catalog.files(ListQuery("stranger")).files == ()
    assert plane.catalog.folders("stranger", "") == []
    assert plane.find(file.id).file == file


def test_the_history_and_the_listing_are_the_catalogs(plane: DataPlane) -> None:
    file = plane.put("folder/a", b"one").file
    plane.put("folder/a", b"two")
    assert [version.number for version in plane.files.versions(OWNER, file.id)] == [2, 1]
    assert [found.path for found in plane.catalog.files(ListQuery(OWNER, folder="folder")).files] == ["folder/a"]
    assert plane.catalog.folders(OWNER, "") == ["folder"]


def test_a_deletion_that_loses_every_race_changes_nothing(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    handle = plane.publisher._commits._handle
    plane.publisher._commits._handle = lambda commits: [HeadMoved("faster") for _ in commits]
    with pytest.raises(HeadMoved):
        plane.files.delete(OWNER, file.id, plane.wish())
    plane.publisher._commits._handle = handle
    assert plane.find(file.id).file == file


# --- counting -----------------------------------------------------------------------------------------------------


def test_the_count_is_complete_when_every_chunk_and_the_manifest_are_everywhere(plane: DataPlane) -> None:
    file = plane.put("a", bytes_of(5 * CHUNK)).file
    count = plane.files.count_replicas(OWNER, file.id)
    assert (count.chunks, count.replicas, count.zones, count.complete) == (6, 3, 3, True)
    assert count.held == {"a": 6, "b": 6, "c": 6}
    assert (count.version, count.unreachable) == (file.head, ())


def test_one_lost_replica_shows_in_the_count_whatever_the_catalog_believes(plane: DataPlane) -> None:
    file = plane.put("a", bytes_of(5 * CHUNK)).file
    plane.workers["b"].lose(chunking.unpack_digests(file.head.content.inline)[3])
    count = plane.files.count_replicas(OWNER, file.id)
    assert (count.replicas, count.zones, count.complete) == (2, 2, False)
    assert count.held == {"a": 6, "b": 5, "c": 6}


def test_a_lost_manifest_shows_in_the_count_of_an_empty_file(plane: DataPlane) -> None:
    file = plane.put("empty", b"").file
    for worker_id in "abc":
        plane.workers[worker_id].lose(file.head.manifest)
    count = plane.files.count_replicas(OWNER, file.id)
    assert (count.chunks, count.replicas, count.zones, count.complete) == (1, 0, 0, False)


def test_a_worker_that_does_not_answer_is_named_and_not_counted(plane: DataPlane) -> None:
    file = plane.put("a", bytes_of(5 * CHUNK)).file
    plane.workers["c"].fault = Fault.DOWN
    count = plane.files.count_replicas(OWNER, file.id)
    assert (count.replicas, count.complete, count.unreachable) == (2, False, ("c",))
    assert count.held == {"a": 6, "b": 6, "c": 0}


def test_replicas_in_one_zone_are_one_zone(plane: DataPlane) -> None:
    file = plane.put("a", b"bytes").file
    plane.members.list = [type(m)(m.worker_id, m.url, "only") for m in plane.members.list]
    count = plane.files.count_replicas(OWNER, file.id)
    assert (count.replicas, count.zones) == (3, 1)


def test_lists_and_all_their_chunks_are_counted_a_portion_at_a_time(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    monkeypatch.setattr(chunking, "DIGESTS_PER_LIST", 8)
    monkeypatch.setattr("echofs.services.streaming.DIGESTS_PER_LIST", 8)
    monkeypatch.setattr(files_module, "ASKED_TOGETHER", 5)
    file = plane.put("large", bytes_of(20 * CHUNK)).file
    count = plane.files.count_replicas(OWNER, file.id)
    assert (count.chunks, count.replicas, count.complete) == (1 + 3 + 20, 3, True)
    for worker_id in "abc":
        plane.workers[worker_id].lose(chunking.unpack_digests(file.head.content.lists)[2])
    with pytest.raises(ChunkUnavailable):
        plane.files.count_replicas(OWNER, file.id)


def test_a_cluster_without_members_holds_nothing(plane: DataPlane) -> None:
    file = plane.put("a", b"bytes").file
    plane.members.list = []
    count = plane.files.count_replicas(OWNER, file.id)
    assert (count.chunks, count.replicas, count.held) == (2, 0, {})
