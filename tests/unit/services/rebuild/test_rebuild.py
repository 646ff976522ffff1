"""The catalog is lost and comes back from the workers alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from echofs.core import chunking, manifest
from echofs.core.chunking import digest_of
from echofs.core.errors import (
    CatalogUnavailable,
    Conflict,
    EchoError,
    HeadMoved,
    NotFound,
    StoreUnavailable,
    TooFewReplicas,
    Unavailable,
)
from echofs.core.models import ChunkKind, ChunkRecord, Digest, File, Kind, Member
from echofs.core.usage import Usage
from echofs.ports.catalog import Catalog, ChunkEntry, Commit, Entry, PastVersion
from echofs.ports.chunks import Frame
from echofs.ports.listing import ListQuery
from echofs.services.batching import Batcher
from echofs.services.rebuild import Rebuild, Summary, rebuild
from tests.contracts.catalog_transfer_contract import everything
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.ids import SequentialIds
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import OWNER, OWNER_NAME, DataPlane, Target, bytes_of


class Lost:
    """A cluster whose catalog is gone, and what it takes to make another."""

    def __init__(self, plane: DataPlane) -> None:
        self.plane = plane
        self.catalog = MemoryCatalog(plane.clock)
        self.owners: dict[str, str] = {}
        self.said: list[str] = []
        self.ids = SequentialIds()
        for _ in range(1000):
            self.ids.new()

    def rebuild(self, catalog: Catalog | None = None, *, allow_missing: bool = False) -> Summary:
        def store(frame: Frame) -> ChunkRecord:
            pending = self.plane.replicator.submit(frame)
            pending.wait()
            return pending.record()

        def account(owner_id: str, name: str) -> bool:
            return self.owners.setdefault(owner_id, name) is name

        job = Rebuild(
            catalog or self.catalog,
            self.plane.workers,
            self.plane.codec,
            store,
            account,
            self.plane.clock,
            self.ids,
            wanted=3,
            say=self.said.append,
            allow_missing=allow_missing,
        )
        return job.run(self.plane.members.members())

    def paths(self, owner_id: str = OWNER) -> dict[str, bytes]:
        page = self.catalog.files(ListQuery(owner_id, limit=1000))
        return {file.path: self.plane.read(file.head.content) if file.head.content.size else b"" for file in page.files}


@pytest.fixture
def lost(plane: DataPlane) -> Lost:
    return Lost(plane)


def known(catalog: Catalog) -> set[Entry]:
    """Files and versions, which come back exactly, and chunks without the time at which they were last touched."""
    return {replace(e, touched_at=0) if isinstance(e, ChunkEntry) else e for e in everything(catalog)}


def fill(plane: DataPlane) -> None:
    plane.put("a/b/größe.txt", bytes_of(1000))
    plane.put("empty", b"")
    file = plane.put("draft", b"one").file
    plane.put(Target(OWNER, file_id=file.id), bytes_of(300))
    plane.files.move(OWNER, file.id, "z/final", plane.wish())
    plane.files.delete(OWNER, plane.put("gone", b"gone").file.id, plane.wish())
    plane.put("gone", b"again")
    plane.put(Target("owner-2", path="draft"), b"another's")


def test_deleted_files_are_in_the_trash_again_those_that_were_purged_too_and_usage_is_counted(lost: Lost) -> None:
    plane = lost.plane
    living = plane.put("living", b"four").file
    trashed, purged = (plane.put(path, b"bytes").file for path in ("trashed", "purged"))
    for file in (trashed, purged):
        plane.files.delete(OWNER, file.id, plane.wish())
    before = plane.catalog.trash(OWNER).files
    plane.recovery.purge(OWNER, purged.id)
    lost.rebuild()
    assert lost.catalog.trash(OWNER).files == before
    assert lost.catalog.usage(OWNER) == Usage(1, 4, 10)
    assert lost.paths() == {"living": b"four"}
    assert lost.catalog.file(OWNER, living.id) == living
    assert lost.catalog.head(OWNER, purged.id).deleted


def test_everything_comes_back(plane: DataPlane, lost: Lost) -> None:
    fill(plane)
    summary = lost.rebuild()
    assert known(lost.catalog) == known(plane.catalog)
    assert lost.catalog.folders(OWNER, "") == plane.catalog.folders(OWNER, "")
    assert (summary.files, summary.deleted_files, summary.versions, summary.owners) == (5, 1, 9, 2)
    assert summary.whole
    assert (summary.recovered, summary.passed_over, summary.owed) == (0, 0, 0)
    assert lost.owners == {OWNER: OWNER_NAME, "owner-2": OWNER_NAME}


def test_the_lists_of_a_large_file_come_back(plane: DataPlane, lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    monkeypatch.setattr(chunking, "DIGESTS_PER_LIST", 3)
    monkeypatch.setattr(manifest, "DIGESTS_PER_LIST", 3)
    monkeypatch.setattr(rebuild, "DIGESTS_PER_LIST", 3)
    plane.put("large", bytes_of(64 * 10))
    assert lost.rebuild().whole
    assert known(lost.catalog) == known(plane.catalog)


def test_a_list_of_which_no_copy_is_good_makes_its_file_incomplete_and_nothing_else(
    plane: DataPlane, lost: Lost, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (chunking, manifest, rebuild):
        monkeypatch.setattr(module, "DIGESTS_PER_LIST", 3)
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    large = plane.put("large", bytes_of(64 * 10)).file
    plane.put("small", b"small")
    for worker in "abc":
        plane.workers[worker].corrupt(chunking.unpack_digests(large.head.content.lists)[0])
    summary = lost.rebuild()
    assert (summary.files, summary.missing_chunks, summary.incomplete, summary.damaged) == (2, 1, 1, 0)
    assert lost.catalog.file_at(OWNER, "large") == large


def test_a_worker_that_stops_answering_on_the_way_ends_it_unless_that_is_allowed(plane: DataPlane, lost: Lost) -> None:
    fill(plane)
    fetch = plane.workers.fetch

    def fail(member: Member, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        if member.worker_id == "b":
            raise StoreUnavailable("gone")
        return fetch(member, digests)

    plane.workers.fetch = fail  # type: ignore[method-assign]
    with pytest.raises(Unavailable, match="b stopped answering"):
        lost.rebuild()
    summary = lost.rebuild(allow_missing=True)
    assert (summary.files, summary.damaged, summary.left_out) == (5, 0, ("b",))


def test_files_go_on_from_where_they_were(plane: DataPlane, lost: Lost) -> None:
    fill(plane)
    lost.rebuild()
    head = lost.catalog.file_at(OWNER, "z/final")
    assert head.head.number == 3
    assert [version.number for version in lost.catalog.versions(OWNER, head.id)] == [3, 2, 1]
    with pytest.raises(NotFound):
        lost.catalog.file_at(OWNER, "draft")


def test_a_replica_that_is_missing_or_rotten_is_owed(plane: DataPlane, lost: Lost) -> None:
    head = plane.put("a", b"bytes").file.head
    chunk = head.content.digest
    plane.workers["b"].lose(chunk)
    plane.workers["a"].corrupt(head.manifest)
    summary = lost.rebuild()
    assert summary.whole
    owed = {(row.digest, row.worker_id) for row in lost.catalog.due(plane.clock.now(), 10)}
    assert (chunk, "b") in owed
    # Which replica of a manifest is read is nobody's concern; a rotten one that was read is not counted.
    assert owed <= {(chunk, "b"), (head.manifest, "a")}
    assert lost.catalog.replicas([chunk]) == {chunk: ("a", "c")}


def test_a_manifest_is_read_from_any_good_replica(plane: DataPlane, lost: Lost) -> None:
    for number in range(20):
        head = plane.put(f"f{number}", b"%d" % number).file.head
        for worker in "ab":
            plane.workers[worker].corrupt(head.manifest)
    summary = lost.rebuild()
    assert (summary.files, summary.damaged) == (20, 0)


def test_what_no_worker_has_is_counted_and_the_rest_comes_back(plane: DataPlane, lost: Lost) -> None:
    plane.put("whole", b"whole")
    without_bytes = plane.put("without bytes", b"lost").file
    without_manifest = plane.put("without manifest", b"kept").file
    for worker in "abc":
        plane.workers[worker].lose(without_bytes.head.content.digest)
        plane.workers[worker].corrupt(without_manifest.head.manifest)
    summary = lost.rebuild()
    assert (summary.files, summary.damaged, summary.missing_chunks, summary.incomplete) == (2, 1, 1, 1)
    assert not summary.whole
    assert lost.catalog.file_at(OWNER, "without bytes") == without_bytes
    assert any("1 chunks are on no worker" in line for line in summary.lines())
    assert lost.catalog.replicas([without_bytes.head.content.digest]) == {without_bytes.head.content.digest: ()}


def test_bytes_a_user_uploaded_are_never_taken_for_a_manifest(plane: DataPlane, lost: Lost) -> None:
    victim = plane.put("precious", b"precious").file
    described = manifest.decode(plane.plain("a", victim.head.manifest), victim.head.manifest)
    forged = replace(described, version=replace(victim.head, number=2, parent=1), parent_manifest=victim.head.manifest)
    plane.put(Target("mallory", path="innocent"), manifest.encode(forged))
    lost.rebuild()
    assert lost.catalog.file_at(OWNER, "precious") == victim


def test_a_write_that_lost_its_race_and_was_repeated_leaves_no_trace(plane: DataPlane, lost: Lost) -> None:
    file = plane.put("a", b"one").file
    _lose_first_race(plane, lambda: plane.put(Target(OWNER, file_id=file.id), b"winner"))
    plane.put(Target(OWNER, file_id=file.id), b"loser")
    summary = lost.rebuild()
    assert known(lost.catalog) >= {e for e in known(plane.catalog) if not isinstance(e, ChunkEntry)}
    assert (summary.versions, summary.passed_over, summary.recovered) == (3, 1, 0)


def test_a_creation_that_lost_its_race_and_was_repeated_leaves_no_trace(plane: DataPlane, lost: Lost) -> None:
    _lose_first_race(plane, lambda: plane.put("a", b"winner"))
    plane.put("a", b"loser")
    summary = lost.rebuild()
    assert lost.paths() == {"a": b"loser"}
    assert (summary.files, summary.versions, summary.passed_over, summary.recovered) == (1, 2, 1, 0)


def test_a_refused_write_in_doubt_is_kept_beside_the_file_and_only_once(plane: DataPlane, lost: Lost) -> None:
    file = plane.put("a/b.txt", b"one").file
    plane.clock.advance(1)
    refused = _refused(plane, Target(OWNER, file_id=file.id), b"refused")
    plane.clock.advance(1)
    plane.put(Target(OWNER, file_id=file.id), b"two")
    for turn in range(2):
        summary = lost.rebuild()
        aside = f"a/b (recovered {refused[:8]}).txt"
        assert lost.paths() == {"a/b.txt": b"two", aside: b"refused"}
        assert (summary.files, summary.recovered) == (2, 1 - turn)
        lost.catalog = MemoryCatalog(plane.clock)


def test_two_living_files_at_one_path_are_both_kept_and_stay_so(plane: DataPlane, lost: Lost) -> None:
    old = plane.put("a.txt", b"old").file
    plane.clock.advance(1)
    gone = plane.files.delete(OWNER, old.id, plane.wish()).file
    plane.put("a.txt", b"new")
    for worker in "abc":
        plane.workers[worker].lose(gone.head.manifest)
    for turn in range(2):
        summary = lost.rebuild()
        aside = f"a (recovered {old.head.manifest[:8]}).txt"
        assert lost.paths() == {"a.txt": b"new", aside: b"old"}
        assert lost.catalog.file(OWNER, old.id).head.kind is Kind.MOVE
        assert summary.recovered == 1 - turn
        lost.catalog = MemoryCatalog(plane.clock)


def test_recovering_without_a_quorum_stops_and_can_be_repeated(plane: DataPlane, lost: Lost) -> None:
    file = plane.put("a", b"one").file
    _refused(plane, Target(OWNER, file_id=file.id), b"refused")
    plane.put(Target(OWNER, file_id=file.id), b"two")
    for worker in "ab":
        plane.workers[worker].fault = Fault.FULL
    with pytest.raises(TooFewReplicas):
        lost.rebuild()
    for worker in "ab":
        plane.workers[worker].fault = Fault.NONE
    assert lost.rebuild().whole
    assert len(lost.paths()) == 2
    assert set(lost.paths().values()) == {b"two", b"refused"}


def test_only_an_empty_catalog_is_filled(plane: DataPlane, lost: Lost) -> None:
    fill(plane)
    before = known(plane.catalog)
    with pytest.raises(Conflict, match="not empty"):
        lost.rebuild(plane.catalog)
    assert known(plane.catalog) == before


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_after_an_interruption_it_starts_over_by_itself(plane: DataPlane, lost: Lost, calls: int) -> None:
    fill(plane)
    restore, done = lost.catalog.restore, []

    def break_off(entries: Sequence[Entry]) -> None:
        if len(done) == calls:
            raise CatalogUnavailable("gone")
        done.append(restore(entries))

    lost.catalog.restore = break_off  # type: ignore[method-assign]
    with pytest.raises(CatalogUnavailable):
        lost.rebuild()
    lost.catalog.restore = restore  # type: ignore[method-assign]
    assert lost.rebuild().whole
    assert known(lost.catalog) == known(plane.catalog)
    with pytest.raises(Conflict):
        lost.rebuild()


def test_two_rebuilds_never_fill_one_catalog_at_once(plane: DataPlane, lost: Lost) -> None:
    fill(plane)
    lost.catalog.acquire_lease("restoring now", "another", plane.clock.now(), plane.clock.now() + 1)
    with pytest.raises(Conflict, match="Another process"):
        lost.rebuild()
    plane.clock.advance(1)
    assert lost.rebuild().whole


def test_a_worker_that_does_not_answer_ends_it_unless_that_is_allowed(plane: DataPlane, lost: Lost) -> None:
    fill(plane)
    plane.workers["b"].fault = Fault.DOWN
    with pytest.raises(Unavailable, match="b does not answer"):
        lost.rebuild()
    summary = lost.rebuild(allow_missing=True)
    assert summary.left_out == ("b",)
    assert not summary.whole
    files = {entry for entry in known(plane.catalog) if isinstance(entry, File | PastVersion)}
    assert {entry for entry in known(lost.catalog) if isinstance(entry, File | PastVersion)} == files
    assert {row.worker_id for row in lost.catalog.due(plane.clock.now(), 1000)} == {"b"}


def test_without_workers_there_is_nothing_to_rebuild_from(plane: DataPlane, lost: Lost) -> None:
    plane.members.list = []
    with pytest.raises(Unavailable, match="No worker"):
        lost.rebuild()


def test_a_manifest_that_names_another_owner_is_left_out(plane: DataPlane, lost: Lost) -> None:
    file = plane.put("a", b"one").file
    described = manifest.decode(plane.plain("a", file.head.manifest), file.head.manifest)
    second = replace(file.head, number=2, parent=1, dot=replace(file.head.dot, counter=99))
    raw = manifest.encode(replace(described, version=second, owner_id="x", parent_manifest=file.head.manifest))
    for frame in (plane.codec.encode(raw, kind=ChunkKind.MANIFEST), _junk(plane)):
        plane.workers["a"].store([frame])
    summary = lost.rebuild()
    assert summary.damaged == 2
    assert lost.catalog.file_at(OWNER, "a") == file


def _junk(plane: DataPlane) -> Frame:
    return plane.codec.encode(b"{}", kind=ChunkKind.MANIFEST)


def _lose_first_race(plane: DataPlane, rival: Callable[[], object]) -> None:
    """The next commit finds that ``rival`` was faster."""

    def late(commits: Sequence[Commit]) -> list[File | EchoError]:
        plane.publisher._commits = Batcher(plane.catalog.commit, 1)
        rival()
        return [HeadMoved("moved")] * len(commits)

    plane.publisher._commits = Batcher(late, 1)


def _refused(plane: DataPlane, target: Target, data: bytes) -> Digest:
    """Write, and have the catalog break off: the manifest that stays on the workers."""
    before = set(plane.workers["a"].frames)
    plane.publisher._commits = Batcher(_fail, 1)
    with pytest.raises(CatalogUnavailable):
        plane.put(target, data, level="strong")
    plane.publisher._commits = Batcher(plane.catalog.commit, 1)
    (left,) = set(plane.workers["a"].frames) - before - {digest_of(data)}
    return left


def _fail(commits: Sequence[Commit]) -> list[File | EchoError]:
    raise CatalogUnavailable("gone")
