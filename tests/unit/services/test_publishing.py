"""Moving heads: every acknowledged version follows the one before it, and losers leave nothing visible."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from echofs.core import manifest
from echofs.core.chunking import EMPTY_DIGEST, unpack_digests
from echofs.core.errors import (
    CatalogUnavailable,
    ClusterFull,
    EchoError,
    HeadMoved,
    NameTaken,
    NotFound,
    PreconditionFailed,
    TooFewReplicas,
)
from echofs.core.models import ChunkKind, Content, File, Kind, Level
from echofs.ports.catalog import Commit
from echofs.services.parents import Place
from echofs.services.publishing import ATTEMPTS, Draft, Published
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import OWNER, OWNER_NAME, DataPlane

EMPTY = Content(0, EMPTY_DIGEST, 64)


def _find(plane: DataPlane, path: str) -> Callable[[], File | None]:
    def find() -> File | None:
        try:
            return plane.catalog.file_at(OWNER, path)
        except NotFound:
            return None

    return find


def _draft(kind: Kind, path: str) -> Callable[[File | None], Draft]:
    return lambda head: Draft(kind, path, EMPTY, "text/plain")


def _publish(plane: DataPlane, path: str = "a", kind: Kind = Kind.CONTENT, to: str = "", key: str = "") -> Published:
    return plane.publisher.publish(Place(OWNER, path=path), _draft(kind, to or path), plane.wish(key), plane.shipment())


def _refusing_first(plane: DataPlane, refusals: int, error: EchoError) -> list[Commit]:
    """The catalog refuses the first commits, as if others had been faster."""
    commit, seen = plane.catalog.commit, []

    def refuse(commits: Sequence[Commit]) -> list[File | EchoError]:
        seen.extend(commits)
        return [error] * len(commits) if len(seen) <= refusals else commit(commits)

    plane.catalog.commit = refuse  # type: ignore[method-assign]
    plane.publisher = plane.new_publisher(plane.ids)
    return seen


def test_a_manifest_names_the_one_before_and_no_two_are_alike(plane: DataPlane) -> None:
    versions = [_publish(plane).file.head, _publish(plane).file.head, _publish(plane, "b").file.head]
    described = [manifest.decode(plane.plain("a", version.manifest), version.manifest) for version in versions]
    assert [each.parent_manifest for each in described] == ["", versions[0].manifest, ""]
    assert len({each.salt for each in described}) == 3
    assert plane.workers.listed(plane.members.list[0], ChunkKind.MANIFEST) == sorted(v.manifest for v in versions)


def test_versions_of_a_file_follow_each_other_and_a_move_keeps_the_etag(plane: DataPlane) -> None:
    first = _publish(plane).file
    second = _publish(plane).file
    moved = _publish(plane, kind=Kind.MOVE, to="b").file
    assert first.id == second.id == moved.id
    assert [(file.head.number, file.head.parent) for file in (first, second, moved)] == [(1, 0), (2, 1), (3, 2)]
    assert [file.head.content_version for file in (first, second, moved)] == [1, 2, 2]
    assert second.head.etag == moved.head.etag != first.head.etag
    assert len({file.head.dot for file in (first, second, moved)}) == 3


def test_the_manifest_lies_on_the_workers_and_in_the_catalog_before_the_version_does(plane: DataPlane) -> None:
    seen: list[set[str]] = []
    commit = plane.catalog.commit

    def watch(commits: Sequence[Commit]) -> list[File | EchoError]:
        seen.extend(plane.workers.holders(one.version.manifest) for one in commits)
        return commit(commits)

    plane.publisher._commits._handle = watch
    version = _publish(plane).file.head
    assert seen == [{"a", "b", "c"}]
    assert plane.catalog.replicas([version.manifest]) == {version.manifest: ("a", "b", "c")}
    described = manifest.decode(plane.plain("b", version.manifest), version.manifest)
    assert (described.version, described.owner_id, described.owner_name) == (version, OWNER, OWNER_NAME)


def test_the_receipt_says_what_was_given(plane: DataPlane) -> None:
    wish = plane.wish()
    plane.clock.advance(0.25)
    published = plane.publisher.publish(Place(OWNER, path="a"), _draft(Kind.CONTENT, "a"), wish, plane.shipment())
    receipt, version = published.receipt, published.file.head
    assert (receipt.mode_requested, receipt.mode_used, receipt.committed) == ("auto", Level.STRONG, True)
    assert (receipt.version, receipt.dot) == (1, f"{version.dot.origin}:{version.dot.counter}")
    assert (receipt.replicas, receipt.replicas_wanted, receipt.zones, receipt.owed) == (3, 3, 3, 0)
    assert receipt.workers == ("a", "b", "c")
    assert receipt.latency_ms == 250.0
    assert receipt.reason == ""
    assert plane.meters.count("commits", result="committed") == 1


def test_a_manifest_with_fewer_replicas_shows_in_the_receipt_and_is_owed(plane: DataPlane) -> None:
    plane.workers["c"].fault = Fault.DOWN
    published = _publish(plane)
    receipt = published.receipt
    assert (receipt.replicas, receipt.zones, receipt.owed, receipt.workers) == (2, 2, 1, ("a", "b"))
    assert receipt.reason.startswith("2 of 3 replicas")
    due = plane.catalog.due(plane.clock.now(), 10)
    assert [(owed.digest, owed.worker_id) for owed in due] == [(published.file.head.manifest, "c")]


def test_a_lost_race_is_run_again_from_the_new_head(plane: DataPlane) -> None:
    first = _publish(plane).file
    seen = _refusing_first(plane, 2, HeadMoved("Another version was committed first."))
    published = _publish(plane)
    assert published.file.head.parent == first.head.number
    assert len({one.version.dot for one in seen}) == 3
    assert plane.meters.count("commits", result="refused") == 2
    assert plane.all_released()


def test_chunks_are_sent_once_however_many_races_are_lost(plane: DataPlane) -> None:
    _refusing_first(plane, 3, HeadMoved("Another version was committed first."))
    shipment = plane.shipment()
    intake = plane.intake(shipment)
    intake.write(b"content")
    content = intake.finish(None, None)

    def draft(head: File | None) -> Draft:
        return Draft(Kind.CONTENT, "a", content, "")

    published = plane.publisher.publish(Place(OWNER, path="a"), draft, plane.wish(), shipment, intake=intake)
    digest = unpack_digests(content.inline)[0]
    batches = [batch for batch in plane.workers["a"].batches if digest in batch]
    assert len(batches) == 1
    assert len(batches[0]) == 2, "the first manifest travels with the chunk"
    assert plane.catalog.replicas([digest])[digest] == ("a", "b", "c")
    assert published.receipt.replicas == 3


def test_too_many_lost_races_end_in_an_error_and_change_nothing(plane: DataPlane) -> None:
    seen = _refusing_first(plane, 1000, HeadMoved("Another version was committed first."))
    with pytest.raises(HeadMoved, match="Other writers"):
        _publish(plane)
    assert len(seen) == ATTEMPTS
    assert plane.all_released()


def test_a_condition_that_no_longer_holds_ends_a_lost_race(plane: DataPlane) -> None:
    _refusing_first(plane, 1, HeadMoved("Another version was committed first."))
    answers = iter([None])

    def check(head: File | None) -> None:
        for _ in answers:
            return
        raise PreconditionFailed("The file has changed.")

    with pytest.raises(PreconditionFailed):
        plane.publisher.publish(
            Place(OWNER, path="a"), _draft(Kind.CONTENT, "a"), plane.wish(), plane.shipment(), check=check
        )
    assert _find(plane, "a")() is None
    assert plane.all_released()


def test_a_move_onto_another_file_is_refused_at_once(plane: DataPlane) -> None:
    _publish(plane, "a")
    _publish(plane, "b")
    with pytest.raises(NameTaken):
        _publish(plane, "a", Kind.MOVE, to="b")
    assert _publish(plane, "a").file.head.number == 2


def test_a_catalog_that_is_away_is_an_error_and_leaves_nothing_visible(plane: DataPlane) -> None:
    find = _find(plane, "a")

    def vanish(head: File | None) -> Draft:
        plane.catalog.down = True
        return Draft(Kind.CONTENT, "a", EMPTY, "")

    with pytest.raises(CatalogUnavailable):
        plane.publisher.publish(Place(OWNER, path="a"), vanish, plane.wish(), plane.shipment())
    plane.catalog.down = False
    assert find() is None
    assert plane.all_released()


@pytest.mark.parametrize(("fault", "error"), [(Fault.FULL, ClusterFull), (Fault.DOWN, TooFewReplicas)])
def test_without_workers_a_version_is_refused_but_a_tombstone_is_not(
    plane: DataPlane, fault: Fault, error: type[EchoError]
) -> None:
    _publish(plane, "a")
    for worker_id in "abc":
        plane.workers[worker_id].fault = fault
    with pytest.raises(error):
        _publish(plane, "a")
    gone = _publish(plane, "a", Kind.TOMBSTONE)
    assert gone.file.deleted
    assert (gone.receipt.replicas, gone.receipt.zones, gone.receipt.workers, gone.receipt.owed) == (0, 0, (), 0)
    assert gone.receipt.reason.startswith("0 of 3 replicas")
    assert plane.catalog.outbox_depth() == 0
    assert _find(plane, "a")() is None


def test_a_tombstone_that_reached_one_worker_is_owed_to_the_others(plane: DataPlane) -> None:
    _publish(plane, "a")
    plane.workers["a"].fault = Fault.DOWN
    plane.workers["b"].fault = Fault.FULL
    gone = _publish(plane, "a", Kind.TOMBSTONE)
    assert (gone.receipt.replicas, gone.receipt.workers, gone.receipt.owed) == (1, ("c",), 2)
    digest = gone.file.head.manifest
    assert plane.catalog.replicas([digest]) == {digest: ("c",)}
    assert {owed.worker_id for owed in plane.catalog.due(plane.clock.now(), 10) if owed.digest == digest} == {"a", "b"}


def test_the_answer_is_remembered_with_the_version(plane: DataPlane) -> None:
    published = _publish(plane, key="key-1")
    record = plane.catalog.idempotency(OWNER, "key-1")
    answer = json.loads(record.answer)
    assert record.fingerprint == "print"
    assert (answer["file"], answer["version"]) == (published.file.id, 1)
    assert answer["receipt"]["workers"] == ["a", "b", "c"]
    assert plane.catalog.idempotency("somebody else", "key-1") is None


def test_sixteen_writers_of_one_path_make_one_file_without_gaps(plane: DataPlane) -> None:
    ready = threading.Barrier(16)

    def write(_: int) -> list[Published]:
        ready.wait(10)
        return [_publish(plane, "contended") for _ in range(3)]

    with ThreadPoolExecutor(16) as pool:
        published = [one for many in pool.map(write, range(16)) for one in many]
    assert len({one.file.id for one in published}) == 1
    assert sorted(one.file.head.number for one in published) == list(range(1, 49))
    history = plane.catalog.versions(OWNER, published[0].file.id)
    assert {one.file.head.dot for one in published} == {version.dot for version in history}
    assert [version.parent for version in history] == list(range(47, -1, -1))
    assert plane.all_released()


def test_two_masters_that_share_a_catalog_never_give_a_version_the_same_dot(plane: DataPlane) -> None:
    other = plane.new_publisher(plane.ids)
    mine = _publish(plane, "a").file.head.dot
    plane.publisher = other
    theirs = _publish(plane, "b").file.head.dot
    assert mine.counter == theirs.counter
    assert replace(mine, origin=theirs.origin) == theirs
    assert mine != theirs
