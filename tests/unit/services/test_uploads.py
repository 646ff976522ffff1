"""Uploads from the first byte to the head: conditions, idempotency, and receipts that say what really happened."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from echofs.core import chunking
from echofs.core.errors import (
    BodyMismatch,
    ClusterFull,
    IdempotencyKeyReused,
    InvalidName,
    NotFound,
    PreconditionFailed,
    TooFewReplicas,
    TooLarge,
    Unavailable,
)
from echofs.core.goals import parse_ask
from echofs.core.models import File, Kind, Member
from echofs.ports.chunks import Frame
from echofs.ports.listing import ListQuery
from echofs.services import shipping
from echofs.services.course import Course
from echofs.services.parents import Place
from echofs.services.publishing import Published
from echofs.services.replication import GRACE_SECONDS
from echofs.services.uploads import Declared, Target
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import CHUNK, OWNER, DataPlane, bytes_of


def _visible(plane: DataPlane) -> list[str]:
    return [file.path for file in plane.catalog.files(ListQuery(OWNER)).files]


def _before_next_commit(plane: DataPlane, act: Callable[[], object]) -> None:
    """Do something once, between an upload's last look at the head and its commit."""
    look, acts = plane.parents.find, [act]

    def find(place: Place, course: Course) -> File | None:
        seen = look(place, course)
        if acts:
            acts.pop()()
        return seen

    plane.parents.find = find  # type: ignore[method-assign]


# --- the plain case -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK, 10 * CHUNK, 10 * CHUNK + 7])
def test_what_goes_up_is_what_lies_on_every_worker(plane: DataPlane, size: int) -> None:
    data = bytes_of(size)
    published = plane.put("folder/file", data)
    content = published.file.head.content
    assert published.file.path == "folder/file"
    assert content.digest == hashlib.sha256(data).hexdigest()
    assert all(plane.read_by_hand(content, worker_id) == data for worker_id in "abc")
    assert plane.read(content) == data
    receipt = published.receipt
    assert (receipt.replicas, receipt.zones, receipt.owed, receipt.workers) == (3, 3, 0, ("a", "b", "c"))
    assert plane.catalog.outbox_depth() == 0
    assert plane.meters.totals["bytes_received"] == size
    assert plane.all_released()


def test_the_same_path_again_is_a_new_version_that_keeps_its_type(plane: DataPlane) -> None:
    first = plane.begin("a")
    first.write(b"one")
    first.finish(content_type="text/plain")
    second = plane.put("a", b"two")
    assert (second.file.head.number, second.file.head.content_type) == (2, "text/plain")
    third = plane.begin("a")
    assert third.finish(content_type="image/png").file.head.content_type == "image/png"


def test_a_file_by_id_is_replaced_where_it_has_moved_to_meanwhile(plane: DataPlane) -> None:
    file = plane.put("old", b"one").file
    upload = plane.begin(Target(OWNER, file_id=file.id))
    upload.write(b"two")
    plane.files.move(OWNER, file.id, "new", plane.wish())
    published = upload.finish()
    assert (published.file.path, published.file.head.number) == ("new", 3)


def test_a_path_may_become_known_after_the_body(plane: DataPlane) -> None:
    upload = plane.begin(Target(OWNER))
    upload.write(b"body")
    assert upload.finish(path="/late/name").file.path == "late/name"


def test_the_level_may_become_known_after_the_body(plane: DataPlane) -> None:
    assert plane.begin("a").finish(ask=parse_ask("strong")).receipt.mode_requested == "strong"
    assert plane.begin("a").finish().receipt.mode_requested == "auto"


@pytest.mark.parametrize("path", ["../up", "a//b", "", "nul\0"])
def test_a_bad_path_is_refused_before_or_after_the_body(plane: DataPlane, path: str) -> None:
    if path:
        with pytest.raises(InvalidName):
            plane.uploads.begin(Target(OWNER, path=path), Declared(), plane.wish())
    upload = plane.begin(Target(OWNER))
    upload.write(b"body")
    with pytest.raises(InvalidName):
        upload.finish(path=path)
    assert _visible(plane) == []


# --- refusals leave nothing visible -------------------------------------------------------------------------------


def test_a_body_that_is_not_as_declared_leaves_nothing_visible(plane: DataPlane) -> None:
    short = plane.begin("short", size=200)
    short.write(bytes_of(199))
    with pytest.raises(BodyMismatch):
        short.finish()
    other = plane.begin("other", digest="0" * 64)
    other.write(bytes_of(199))
    with pytest.raises(BodyMismatch):
        other.finish()
    assert _visible(plane) == []
    assert plane.all_released()


def test_a_body_beyond_the_limit_leaves_nothing_visible() -> None:
    plane = DataPlane(max_size=100)
    upload = plane.begin("large")
    with pytest.raises(TooLarge):
        upload.write(bytes_of(101))
    assert _visible(plane) == []
    plane.stop()


def test_an_upload_that_is_never_finished_leaves_nothing_visible_and_holds_no_memory(plane: DataPlane) -> None:
    plane.begin("abandoned").write(bytes_of(30 * CHUNK))
    assert plane.all_released()
    assert _visible(plane) == []


def test_a_failed_upload_leaves_the_version_before_it(plane: DataPlane) -> None:
    before = plane.put("a", b"good").file
    upload = plane.begin("a", level="strong")
    plane.workers["a"].fault = plane.workers["b"].fault = Fault.DOWN
    upload.write(b"half")
    with pytest.raises(TooFewReplicas):
        upload.finish()
    assert plane.catalog.file_at(OWNER, "a") == before
    assert plane.all_released()


# --- workers that fail --------------------------------------------------------------------------------------------


def test_a_worker_that_dies_during_an_upload_is_replaced_by_a_stand_in() -> None:
    plane = DataPlane("abcd")
    data = bytes_of(40 * CHUNK)
    upload = plane.begin("a")
    upload.write(data[: 20 * CHUNK])
    plane.workers["a"].fault = Fault.DOWN
    upload.write(data[20 * CHUNK :])
    published = upload.finish()
    assert (published.receipt.replicas, published.receipt.owed) == (3, 0)
    plane.workers["a"].fault = Fault.NONE
    assert plane.read(published.file.head.content) == data
    plane.stop()


def test_the_receipt_and_the_outbox_say_exactly_what_was_not_acknowledged(plane: DataPlane) -> None:
    plane.workers["b"].fault = Fault.SILENT
    published = plane.put("a", bytes_of(5 * CHUNK))
    digests = [*chunking.unpack_digests(published.file.head.content.inline), published.file.head.manifest]
    receipt = published.receipt
    assert (receipt.replicas, receipt.zones, receipt.workers, receipt.owed) == (2, 2, ("a", "c"), 6)
    assert plane.catalog.replicas(digests) == dict.fromkeys(digests, ("a", "c"))
    owed = {(row.digest, row.worker_id) for row in plane.catalog.due(plane.clock.now(), 100)}
    assert owed == {(digest, "b") for digest in digests}


def test_a_replica_that_comes_late_is_settled_after_the_commit() -> None:
    plane = DataPlane(clock_runs=False)
    plane.workers["b"].fault = Fault.SLOW
    with ThreadPoolExecutor(1) as pool:
        upload = plane.begin("a")
        upload.write(b"bytes")
        done = pool.submit(upload.finish)
        plane.workers.until(lambda: sum(map(len, plane.workers["b"].batches)) == 2)
        while wait([done], timeout=0.1).not_done:
            plane.clock.advance(GRACE_SECONDS * 1.1)
            plane.workers.tick()
    published = done.result()
    assert published.receipt.owed == 2
    assert plane.catalog.outbox_depth() == 2
    plane.workers.release("b")
    assert plane.all_released()
    for worker_id, digests in plane.replicator.take_late().items():
        plane.catalog.settle(worker_id, digests)
    assert plane.catalog.outbox_depth() == 0
    plane.stop()


def test_one_full_worker_is_passed_over_and_a_full_cluster_says_so() -> None:
    plane = DataPlane("abcd")
    plane.workers["a"].fault = Fault.FULL
    published = plane.put("a", bytes_of(5 * CHUNK))
    assert (published.receipt.replicas, published.receipt.workers) == (3, ("b", "c", "d"))
    for worker_id in "bcd":
        plane.workers[worker_id].fault = Fault.FULL
    upload = plane.begin("b", level="strong")
    upload.write(b"more")
    with pytest.raises(ClusterFull):
        upload.finish()
    assert _visible(plane) == ["a"]
    plane.stop()


def test_too_few_workers_are_noticed_before_the_body_is_read(plane: DataPlane) -> None:
    plane.members.down = {"a", "b", "gone for good"}
    with pytest.raises(TooFewReplicas, match="1 of 3 workers are up"):
        plane.begin("a", level="strong")


def test_workers_in_one_zone_only_are_too_few_where_there_are_two_zones(plane: DataPlane) -> None:
    plane.members.list = [
        type(member)(member.worker_id, member.url, "east" if member.worker_id in "ab" else "west")
        for member in plane.members.list
    ]
    plane.members.down = {"c"}
    with pytest.raises(TooFewReplicas, match="different zones"):
        plane.begin("a", level="strong")


# --- conditions ---------------------------------------------------------------------------------------------------


def test_conditions_that_do_not_hold_are_refused_before_the_body(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    for target in (
        Target(OWNER, path="a", create_only=True),
        Target(OWNER, path="a", if_match=("another",)),
        Target(OWNER, file_id=file.id, if_match=()),
        Target(OWNER, path="missing", if_match=("*",)),
    ):
        with pytest.raises(PreconditionFailed):
            plane.begin(target)
    for target in (Target(OWNER, file_id="missing"), Target("stranger", file_id=file.id)):
        with pytest.raises(NotFound):
            plane.begin(target)


def test_conditions_that_hold_let_the_upload_through(plane: DataPlane) -> None:
    etag = plane.put(Target(OWNER, path="a", create_only=True), b"one").file.head.etag
    second = plane.put(Target(OWNER, path="a", if_match=("other", etag)), b"two")
    third = plane.put(Target(OWNER, file_id=second.file.id, if_match=("*",)), b"three")
    assert third.file.head.number == 3


def test_another_writer_that_wins_before_the_commit_fails_a_conditional_write(plane: DataPlane) -> None:
    etag = plane.put("a", b"one").file.head.etag
    upload = plane.begin(Target(OWNER, path="a", if_match=(etag,)))
    upload.write(b"mine")
    _before_next_commit(plane, lambda: plane.put("a", b"theirs"))
    with pytest.raises(PreconditionFailed):
        upload.finish()
    head = plane.catalog.file_at(OWNER, "a").head
    assert (head.number, plane.read(head.content)) == (2, b"theirs")
    assert plane.all_released()


def test_another_writer_that_creates_the_path_first_fails_a_create_only_write(plane: DataPlane) -> None:
    upload = plane.begin(Target(OWNER, path="a", create_only=True))
    upload.write(b"mine")
    _before_next_commit(plane, lambda: plane.put("a", b"theirs"))
    with pytest.raises(PreconditionFailed):
        upload.finish()
    assert plane.read(plane.catalog.file_at(OWNER, "a").head.content) == b"theirs"


def test_another_writer_that_wins_before_the_commit_only_delays_a_plain_write(plane: DataPlane) -> None:
    plane.put("a", b"one")
    upload = plane.begin("a", level="strong")
    upload.write(b"mine")
    _before_next_commit(plane, lambda: plane.put("a", b"theirs"))
    published = upload.finish()
    assert published.file.head.number == 3
    assert plane.read(published.file.head.content) == b"mine"


def test_a_file_that_is_deleted_before_the_commit_is_made_anew_by_path_and_missed_by_id(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    by_path, by_id = plane.begin("a", level="strong"), plane.begin(Target(OWNER, file_id=file.id))
    _before_next_commit(plane, lambda: plane.files.delete(OWNER, file.id, plane.wish()))
    made = by_path.finish().file
    assert made.id != file.id
    assert made.head.number == 1
    with pytest.raises(NotFound):
        by_id.finish()
    assert [version.kind for version in plane.catalog.versions(OWNER, file.id)] == [Kind.TOMBSTONE, Kind.CONTENT]


# --- idempotency --------------------------------------------------------------------------------------------------


def test_the_same_key_again_repeats_the_answer_without_the_body(plane: DataPlane) -> None:
    first = plane.put("a", b"one", key="k")
    plane.put("a", b"two")
    again = plane.uploads.begin(Target(OWNER, path="a"), Declared(), plane.wish("k"))
    assert isinstance(again, Published)
    assert again.replayed
    assert (again.file.head, again.receipt) == (first.file.head, first.receipt)
    assert again.file.created_at == first.file.created_at
    assert plane.catalog.file_at(OWNER, "a").head.number == 2


def test_a_key_that_was_used_for_another_request_is_refused(plane: DataPlane) -> None:
    plane.put("a", b"one", key="k")
    with pytest.raises(IdempotencyKeyReused) as refused:
        plane.uploads.begin(Target(OWNER, path="b"), Declared(), plane.wish("k", "another print"))
    assert refused.value.field == "Idempotency-Key"
    assert isinstance(plane.begin(Target("stranger", path="a"), key="k"), object)


@pytest.mark.parametrize("conditions", [{}, {"create_only": True}])
def test_twins_sent_at_once_give_one_version_and_the_same_answer(plane: DataPlane, conditions: dict[str, bool]) -> None:
    uploads = [plane.begin(Target(OWNER, path="a", **conditions), key="k") for _ in range(8)]
    ready = threading.Barrier(8)

    def finish(number: int) -> Published:
        uploads[number].write(bytes_of(3 * CHUNK))
        ready.wait(10)
        return uploads[number].finish()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(finish, range(8)))
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 7
    assert len({(answer.file.id, answer.file.head, answer.receipt) for answer in answers}) == 1
    assert plane.catalog.file_at(OWNER, "a").head.number == 1
    assert plane.all_released()


def test_a_twin_whose_condition_its_twin_ended_gets_the_twins_answer(plane: DataPlane) -> None:
    etag = plane.put("a", b"one").file.head.etag
    first, second = (plane.begin(Target(OWNER, path="a", if_match=(etag,)), key="k") for _ in range(2))
    answer = first.finish()
    assert second.finish().file == answer.file
    third = plane.begin(Target(OWNER, path="a", if_match=(answer.file.head.etag,)), key="other")
    plane.put("a", b"theirs")
    with pytest.raises(PreconditionFailed):
        third.finish()


def test_twins_of_different_content_under_one_key_are_told_apart(plane: DataPlane) -> None:
    first = plane.begin("a", key="k")
    second = plane.uploads.begin(Target(OWNER, path="b"), Declared(), plane.wish("k", "another print"))
    first.finish()
    with pytest.raises(IdempotencyKeyReused, match="another request"):
        second.finish()
    assert _visible(plane) == ["a"]


# --- the same bytes more than once --------------------------------------------------------------------------------


def test_the_same_chunk_twice_in_one_upload_is_kept_once_and_read_twice(plane: DataPlane) -> None:
    data = bytes_of(CHUNK) * 7
    published = plane.put("a", data)
    assert plane.read(published.file.head.content) == data
    assert published.receipt.replicas == 3
    assert plane.catalog.outbox_depth() == 0


def test_a_chunk_stored_worse_the_second_time_is_owed_nothing_it_has(plane: DataPlane) -> None:
    first = plane.put("a", bytes_of(CHUNK))
    plane.workers["b"].fault = Fault.DOWN
    second = plane.put("b", bytes_of(CHUNK))
    (digest,) = chunking.unpack_digests(second.file.head.content.inline)
    assert second.receipt.replicas == 2
    assert plane.catalog.replicas([digest]) == {digest: ("a", "b", "c")}
    assert [owed.digest for owed in plane.catalog.due(plane.clock.now(), 10)] == [second.file.head.manifest]
    assert first.file.head.content == second.file.head.content


def test_the_same_file_from_many_at_once_is_one_set_of_chunks(plane: DataPlane) -> None:
    data = bytes_of(10 * CHUNK)
    with ThreadPoolExecutor(8) as pool:
        published = list(pool.map(lambda number: plane.put(f"file-{number}", data), range(8)))
    assert all(plane.read(one.file.head.content) == data for one in published)
    assert len(plane.workers["a"].frames) == 10 + 8
    assert plane.all_released()


# --- large files --------------------------------------------------------------------------------------------------


def test_a_large_file_is_recorded_ahead_listed_and_read_back(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    monkeypatch.setattr(chunking, "DIGESTS_PER_LIST", 8)
    monkeypatch.setattr("echofs.services.streaming.DIGESTS_PER_LIST", 8)
    monkeypatch.setattr(shipping, "RECORD_AHEAD", 4)
    plane.workers["c"].fault = Fault.DOWN
    data = bytes_of(50 * CHUNK + 1)
    published = plane.put("large", data)
    content = published.file.head.content
    assert len(content.lists) == 7 * 32
    assert plane.read(content) == data
    assert (published.receipt.replicas, published.receipt.owed) == (2, 51 + 7 + 1)
    assert plane.catalog.outbox_depth() == 51 + 7 + 1


# --- everything at once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_what_was_acknowledged_is_there_and_becomes_whole(seed: int) -> None:
    plane, chance = DataPlane("abcde"), random.Random(seed)
    faults = [Fault.NONE] * 6 + [Fault.DOWN, Fault.FULL, Fault.REFUSING, Fault.SILENT]

    def change_one(member: Member, frames: Sequence[Frame]) -> None:
        plane.workers[chance.choice("abcde")].fault = chance.choice(faults)

    plane.workers.on_send = change_one

    def write(number: int) -> tuple[bytes, Published] | None:
        data = number.to_bytes(4, "big") + bytes_of(number % 20 * CHUNK)
        try:
            return data, plane.put(f"file-{number % 25}", data, level="strong")
        except (Unavailable, ClusterFull):
            return None

    with ThreadPoolExecutor(8) as pool:
        stored = [done for done in pool.map(write, range(100)) if done]
    assert plane.all_released()
    for worker_id in "abcde":
        plane.workers[worker_id].fault = Fault.NONE
    plane.workers.on_send = lambda member, frames: None
    assert stored
    for data, published in stored:
        content = published.file.head.content
        digests = [*chunking.unpack_digests(content.inline), published.file.head.manifest]
        assert published.receipt.replicas >= 2
        assert published.receipt.replicas <= min(len(plane.workers.holders(digest)) for digest in digests)
        assert plane.read(content) == data
    while plane.repair.run_once():
        continue
    assert plane.catalog.outbox_depth() == 0
    for file in plane.catalog.files(ListQuery(OWNER)).files:
        assert plane.files.count_replicas(OWNER, file.id).complete
    plane.stop()
