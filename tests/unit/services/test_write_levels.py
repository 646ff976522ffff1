"""What each level promises of a write: the table of the design, row by row, on the side of writes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from echofs.core import chunking, manifest
from echofs.core.advice import OpClass
from echofs.core.consistency import Guarantee
from echofs.core.errors import (
    CatalogUnavailable,
    ClusterFull,
    SpoolFull,
    TooFewReplicas,
    Unavailable,
)
from echofs.core.models import Digest, Level, Version
from echofs.ports.catalog import Commit
from echofs.ports.chunks import Frame
from echofs.ports.listing import ListQuery
from echofs.services import shipping
from echofs.services.batching import Batcher
from echofs.services.publishing import Published
from echofs.services.shipping import MAX_UNSAFE
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


# --- strong -------------------------------------------------------------------------------------------------------


def test_strong_touches_neither_the_spool_nor_the_journal(plane: DataPlane) -> None:
    published = plane.put("a", BODY, level="strong")
    assert _got(published) == (STRONG, 3, False, True)
    assert published.receipt.guarantee is Guarantee.LINEARIZABLE
    assert (published.receipt.degraded, published.receipt.reason) == (False, "")
    assert plane.journal.spooled() == []
    assert plane.journal.depth() == 0


def test_strong_without_the_catalog_is_refused_before_the_body(plane: DataPlane) -> None:
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable, match="a strong write needs it"):
        plane.begin("a", level="strong")
    assert plane.journal.depth() == 0


def test_strong_with_too_few_workers_is_refused_before_the_body(plane: DataPlane) -> None:
    plane.members.down = {"a", "b"}
    with pytest.raises(TooFewReplicas, match="1 of 3 workers are up; a strong write needs two"):
        plane.begin("a", level="strong")


def test_strong_never_becomes_less_when_workers_or_the_catalog_fail_under_way(plane: DataPlane) -> None:
    upload = plane.begin("a", level="strong")
    upload.write(BODY)
    _fault(plane, Fault.DOWN, "ab")
    with pytest.raises(TooFewReplicas):
        upload.finish()
    _fault(plane, Fault.NONE)
    upload = plane.begin("a", level="strong")
    plane.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        upload.finish()
    assert plane.journal.depth() == 0
    assert plane.journal.spooled() == []
    plane.catalog.down = False
    assert _visible(plane) == []
    assert plane.all_released()


# --- hybrid -------------------------------------------------------------------------------------------------------


def test_hybrid_is_one_worker_and_the_spool_and_the_catalog(plane: DataPlane) -> None:
    _fault(plane, Fault.SILENT, "ab")
    published = plane.put("a", BODY, level="hybrid")
    assert _got(published) == (HYBRID, 1, True, True)
    assert published.receipt.guarantee is Guarantee.LINEARIZABLE
    assert not published.receipt.degraded
    assert "1 of 3 replicas" in published.receipt.reason
    assert _spooled(plane, published.file.head) == set(_chunks_of(published.file.head))
    assert _visible(plane) == ["a"]


def test_hybrid_has_everything_in_the_spool_before_the_commit(plane: DataPlane) -> None:
    seen: list[bool] = []
    commit = plane.catalog.commit

    def watch(commits: Sequence[Commit]) -> list[object]:
        seen.extend(
            set(plane.journal.frames(_chunks_of(one.version))) == set(_chunks_of(one.version)) for one in commits
        )
        return commit(commits)

    _fault(plane, Fault.SILENT, "ab")
    plane.publisher._commits._handle = watch
    plane.put("a", BODY, level="hybrid")
    assert seen == [True]


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.REFUSING, Fault.SILENT, Fault.FULL])
def test_hybrid_without_a_worker_is_refused(plane: DataPlane, fault: Fault) -> None:
    _fault(plane, fault)
    with pytest.raises((TooFewReplicas, ClusterFull)) as caught:
        plane.put("a", BODY, level="hybrid")
    assert "A hybrid write needs a worker" in caught.value.message or fault is Fault.FULL
    assert _visible(plane) == []


def test_hybrid_is_refused_before_the_body_when_no_worker_is_up_or_the_catalog_is_away(plane: DataPlane) -> None:
    plane.members.down = set("abc")
    with pytest.raises(TooFewReplicas, match="a hybrid write needs one"):
        plane.begin("a", level="hybrid")
    plane.members.down = set()
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable, match="a hybrid write needs it"):
        plane.begin("a", level="hybrid")


def test_hybrid_with_a_full_spool_is_refused(plane: DataPlane) -> None:
    _fault(plane, Fault.SILENT, "ab")
    plane.journal.room = 0
    with pytest.raises(SpoolFull):
        plane.put("a", BODY, level="hybrid")
    assert _visible(plane) == []


# --- available ----------------------------------------------------------------------------------------------------


def test_available_with_everything_well_is_committed_and_needs_no_spool(plane: DataPlane) -> None:
    published = plane.put("a", BODY, level="available")
    assert _got(published)[0] is AVAILABLE
    assert (published.receipt.committed, published.receipt.guarantee) == (True, Guarantee.LINEARIZABLE)
    assert published.receipt.replicas >= 2
    assert not published.receipt.spooled
    assert plane.journal.spooled() == []


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.REFUSING, Fault.SILENT, Fault.FULL])
def test_available_without_workers_goes_on_with_the_spool_alone_and_says_so(plane: DataPlane, fault: Fault) -> None:
    _fault(plane, fault)
    published = plane.put("a", BODY, level="available")
    assert _got(published) == (AVAILABLE, 0, True, True)
    assert (published.receipt.zones, published.receipt.workers) == (0, ())
    assert "this master's disk holds the bytes" in published.receipt.reason
    version = published.file.head
    assert _spooled(plane, version) == set(_chunks_of(version))
    assert set(plane.catalog.replicas(_chunks_of(version)).values()) <= {()}
    assert {owed.digest for owed in plane.catalog.due(plane.clock.now(), 100)} == set(_chunks_of(version))


def test_available_without_the_catalog_is_provisional(plane: DataPlane) -> None:
    plane.cut_catalog()
    published = plane.put("a", BODY, level="available")
    receipt, version = published.receipt, published.file.head
    assert (receipt.mode_used, receipt.committed, receipt.provisional) == (AVAILABLE, False, True)
    assert receipt.guarantee is Guarantee.CAUSAL
    assert not receipt.degraded, "it is what was asked for"
    assert "provisional until it does" in receipt.reason
    (_, entry), *more = plane.journal.pending()
    assert not more
    assert (entry.owner_id, entry.owner_name, entry.version) == (OWNER, OWNER_NAME, version)
    assert (entry.parent_dot, entry.parent_manifest) == (None, "")
    assert [chunk.digest for chunk in entry.chunks] == _chunks_of(version)
    assert receipt.dot == f"{version.dot.origin}:{version.dot.counter}"
    assert plane.meters.count("provisional_versions") == 1
    described = manifest.decode(plane.plain("a", version.manifest), version.manifest)
    assert described.version == version


def test_a_provisional_entry_is_all_that_committing_it_takes(plane: DataPlane) -> None:
    _fault(plane, Fault.DOWN, "a")
    plane.cut_catalog()
    published = plane.put("a", BODY, key="key-1", level="available")
    plane.heal_catalog()
    (file,) = plane.replay()
    assert file == published.file
    assert plane.read(file.head.content) == BODY
    record = plane.catalog.idempotency(OWNER, "key-1")
    assert record is not None
    assert {owed.worker_id for owed in plane.catalog.due(plane.clock.now(), 100)} == {"a"}


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.SILENT])
def test_available_with_neither_workers_nor_the_catalog_keeps_bytes_and_entry_in_one_step(
    plane: DataPlane, fault: Fault
) -> None:
    _fault(plane, fault)
    plane.cut_catalog()
    steps: list[int] = []
    append = plane.journal.append
    plane.journal.append = lambda entry, frames=(): (steps.append(len(frames)), append(entry, frames))[1]  # type: ignore
    plane.journal.spool = _unwanted  # type: ignore[method-assign]
    published = plane.put("a", BODY, level="available")
    assert steps == [len(_chunks_of(published.file.head))]
    assert _got(published) == (AVAILABLE, 0, True, False)
    assert _spooled(plane, published.file.head) == set(_chunks_of(published.file.head))


def _unwanted(frames: Sequence[Frame]) -> None:
    assert not frames, "one durable step is enough"


@pytest.mark.parametrize("catalog", [True, False])
def test_a_full_spool_refuses_what_no_workers_hold_and_leaves_nothing(plane: DataPlane, catalog: bool) -> None:
    _fault(plane, Fault.DOWN)
    plane.journal.room = CHUNK
    if not catalog:
        plane.cut_catalog()
    with pytest.raises(SpoolFull):
        plane.put("a", BODY, level="available")
    assert plane.journal.depth() == 0
    plane.catalog.down = False
    assert _visible(plane) == []


def test_a_full_spool_does_not_matter_where_workers_hold_everything(plane: DataPlane) -> None:
    plane.journal.room = 0
    assert plane.put("a", BODY, level="available").receipt.committed


def test_a_journal_that_cannot_be_written_acknowledges_nothing(plane: DataPlane) -> None:
    plane.cut_catalog()
    plane.journal.down = True
    with pytest.raises(Unavailable):
        plane.put("a", BODY, level="available")


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.SILENT])
def test_a_large_available_upload_spools_as_it_goes_in_bounded_memory(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    monkeypatch.setattr(shipping, "STALL_SECONDS", 0.001)
    _fault(plane, fault)
    upload = plane.begin("a", level="available")
    body = bytes_of(100 * CHUNK)
    held: list[int] = []
    for at in range(0, len(body), CHUNK):
        upload.write(body[at : at + CHUNK])
        held.append(sum(sent.frame is not None and not sent.spooled for sent in upload._shipment._window))
    assert max(held) <= MAX_UNSAFE
    published = upload.finish()
    assert _got(published) == (AVAILABLE, 0, True, True)
    version = published.file.head
    assert _spooled(plane, version) == set(_chunks_of(version))
    frames = plane.journal.frames(chunking.unpack_digests(version.content.inline))
    parts = [plane.codec.decode(b"".join(frames[digest].parts), digest) for digest in _chunks_of(version)[:-1]]
    assert b"".join(parts) == body


# --- left to itself -----------------------------------------------------------------------------------------------


def test_auto_is_strong_while_everything_is_well(plane: DataPlane) -> None:
    published = plane.put("a", BODY)
    assert _got(published) == (STRONG, 3, False, True)
    assert plane.meters.count("writes", level="strong") == 1
    assert plane.meters.totals["degraded_writes"] == 0


def test_auto_goes_by_the_controllers_decision_and_names_it(plane: DataPlane) -> None:
    plane.advise(HYBRID, "d-42")
    receipt = plane.put("a", BODY).receipt
    assert (receipt.mode_used, receipt.decision, receipt.degraded) == (HYBRID, "d-42", False)


def test_auto_never_goes_below_the_floor(plane: DataPlane) -> None:
    plane.floors.least = HYBRID
    plane.advise(AVAILABLE)
    assert plane.put("a", BODY).receipt.mode_used is HYBRID
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        plane.begin("a")


def test_the_floor_of_a_file_counts_also_when_it_is_named_by_its_path(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.follow(file)
    plane.floors.by_file[file.id] = STRONG
    plane.advise(AVAILABLE)
    receipt = plane.put("a", BODY).receipt
    assert (receipt.mode_used, receipt.degraded) == (STRONG, False)
    receipt = plane.put("a", BODY, level="available").receipt
    assert (receipt.mode_used, receipt.reason) == (
        STRONG,
        "Strong is the least that is allowed here: the system's floor.",
    )
    assert plane.put("b", BODY).receipt.mode_used is AVAILABLE
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        plane.put("a", BODY)
    with pytest.raises(CatalogUnavailable):
        plane.files.move(OWNER, file.id, "c", plane.wish())
    assert plane.put("b", BODY).receipt.provisional


def test_a_move_meets_the_floors_of_where_it_comes_from_and_of_where_it_goes(plane: DataPlane) -> None:
    plane.floors.by_path |= {"from/here": HYBRID, "to/there": STRONG}
    plane.advise(AVAILABLE)
    file = plane.put("a", b"one").file
    plane.follow(file)

    def move(path: str, level: str = "auto") -> Level:
        return plane.files.move(OWNER, file.id, path, plane.wish(level=level)).receipt.mode_used

    assert [move("b"), move("to/there"), move("c"), move("from/here"), move("d")] == [
        AVAILABLE,
        STRONG,
        STRONG,
        HYBRID,
        HYBRID,
    ]
    assert move("to/there", "available") is STRONG
    move("d")
    plane.follow(plane.catalog.file(OWNER, file.id))
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        move("to/there")
    assert move("e") is AVAILABLE


def test_a_catalog_that_goes_away_under_way_leaves_no_provisional_version_below_a_files_floor(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.follow(file)
    plane.floors.by_file[file.id] = HYBRID
    upload = plane.begin("a")
    upload.write(BODY)
    plane.catalog.down = True  # the gate has not noticed
    with pytest.raises(CatalogUnavailable, match="the level demanded here needs it"):
        upload.finish()
    assert plane.journal.depth() == 0


def test_auto_goes_on_without_the_catalog_and_says_that_it_is_less(plane: DataPlane) -> None:
    plane.cut_catalog()
    published = plane.put("a", BODY)
    receipt = published.receipt
    assert (receipt.mode_requested, receipt.mode_used, receipt.provisional) == ("auto", AVAILABLE, True)
    assert receipt.degraded
    assert receipt.reason.startswith("Strong was not possible: the catalog does not answer.")
    assert plane.meters.count("degraded_writes", level="available") == 1


@pytest.mark.parametrize("alone", [False, True])
def test_a_catalog_that_fails_in_the_commit_leaves_the_same_version_provisional(plane: DataPlane, alone: bool) -> None:
    before = plane.put("a", b"one").file.head
    tried: list[Version] = []

    def lost(commits: Sequence[Commit]) -> list[object]:
        """It is committed, and the answer is lost."""
        tried.extend(one.version for one in commits)
        plane.catalog.commit(commits)
        failed = CatalogUnavailable("The catalog did not answer.")
        if alone:  # Others of the batch had their answers.
            return [failed]
        raise failed

    plane.publisher._commits = Batcher(lost, 1)
    published = plane.put("a", BODY)
    assert _got(published) == (AVAILABLE, 3, False, False)
    assert tried == [published.file.head], "one version, whether it was committed or not"
    (_, entry), *_ = plane.journal.pending()
    assert (entry.version, entry.parent_dot, entry.parent_manifest) == (tried[0], before.dot, before.manifest)
    assert plane.replay() == [published.file]
    assert len(plane.catalog.versions(OWNER, published.file.id)) == 2


def test_a_catalog_that_fails_while_the_head_is_looked_for_makes_a_provisional_version(plane: DataPlane) -> None:
    plane.follow(plane.put("a", b"one").file)
    plane.catalog.down = True  # the gate has not noticed
    published = plane.put("a", BODY)
    assert (published.receipt.provisional, published.file.head.number) == (True, 2)


@pytest.mark.parametrize(("fault", "left", "level"), [
    (Fault.DOWN, 1, HYBRID),
    (Fault.REFUSING, 1, HYBRID),
    (Fault.SILENT, 1, HYBRID),
    (Fault.DOWN, 0, AVAILABLE),
    (Fault.SILENT, 0, AVAILABLE),
    (Fault.FULL, 0, AVAILABLE),
])  # fmt: skip
def test_a_quorum_lost_under_way_brings_the_bytes_into_the_spool_at_the_next_level(
    plane: DataPlane, fault: Fault, left: int, level: Level
) -> None:
    upload = plane.begin("a")
    body = bytes_of(30 * CHUNK)
    upload.write(body[: 10 * CHUNK])
    _fault(plane, fault, "ab" if left else "abc")
    upload.write(body[10 * CHUNK :])
    published = upload.finish()
    assert _got(published) == (level, left, True, True)
    assert published.receipt.degraded
    assert "Strong was not possible: " in published.receipt.reason
    version = published.file.head
    spooled, held = _spooled(plane, version), plane.workers["c"].frames.keys()
    assert all(digest in spooled or len(plane.workers.holders(digest)) >= 2 for digest in _chunks_of(version))
    assert spooled | held >= set(_chunks_of(version))
    assert plane.all_released()


def test_too_few_workers_from_the_start_are_not_waited_for(plane: DataPlane) -> None:
    plane.members.down = {"a", "b"}
    published = plane.put("a", BODY)
    assert _got(published) == (HYBRID, 1, True, True)
    assert published.receipt.reason.startswith("Strong was not possible: too few workers are up.")
    assert plane.workers["a"].batches == [], "one believed to be down is owed rather than tried"


def test_a_list_goes_on_to_its_next_level_and_no_further(plane: DataPlane) -> None:
    _fault(plane, Fault.DOWN, "ab")
    assert plane.put("a", BODY, level="strong, hybrid").receipt.mode_used is HYBRID
    _fault(plane, Fault.DOWN)
    with pytest.raises(TooFewReplicas):
        plane.put("a", BODY, level="strong, hybrid")


def test_a_latency_that_will_be_missed_is_not_tried(plane: DataPlane) -> None:
    for _ in range(20):
        plane.latencies.observe(OpClass.WRITE_LARGE, STRONG, 0.2)
    receipt = plane.put("a", BODY, level="strong@50ms, hybrid@50ms, available").receipt
    assert (receipt.mode_used, receipt.degraded) == (HYBRID, True)
    assert "200 ms" in receipt.reason
    assert plane.put("b", BODY, level="strong@300ms, available").receipt.mode_used is STRONG


# --- everything at once -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_an_acknowledged_write_is_as_durable_as_its_receipt_says(seed: int) -> None:
    plane, chance = DataPlane("abcde"), random.Random(seed)
    faults = [Fault.NONE] * 4 + [Fault.DOWN, Fault.FULL, Fault.REFUSING]

    def change_one(member: object, frames: Sequence[Frame]) -> None:
        plane.workers[chance.choice("abcde")].fault = chance.choice(faults)
        plane.catalog.down = chance.random() < 0.3

    plane.workers.on_send = change_one
    levels = itertools.cycle(["auto", "available", "hybrid", "strong", "strong, available"])

    def write(number: int, level: str) -> tuple[bytes, Published] | None:
        data = number.to_bytes(4, "big") + bytes_of(number % 8 * CHUNK)
        try:
            return data, plane.put(f"file-{number}", data, level=level)
        except (Unavailable, ClusterFull):
            return None

    with ThreadPoolExecutor(4) as pool:
        stored = [done for done in pool.map(write, range(60), levels) if done]
    plane.catalog.down = False
    assert stored
    for data, published in stored:
        version, receipt = published.file.head, published.receipt
        frames = plane.journal.frames(_chunks_of(version))
        for digest in _chunks_of(version):
            holders = plane.workers.holders(digest)
            assert receipt.replicas <= len(holders)
            assert len(holders) >= 2 or (digest in frames and receipt.spooled)
            assert len(holders) >= {STRONG: 2, HYBRID: 1, AVAILABLE: 0}[receipt.mode_used]
        if receipt.committed:
            assert plane.catalog.file_at(OWNER, published.file.path).head == version
        else:
            assert receipt.mode_used is AVAILABLE
            assert plane.journal.head(OWNER, published.file.id) is not None
        assert version.content.digest == chunking.digest_of(data)
    plane.stop()
