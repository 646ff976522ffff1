"""Reading chunks back: a bad replica is never served, and the right ones are reported."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core import placement
from echofs.core.chunking import digest_of
from echofs.core.errors import ChunkUnavailable
from echofs.core.models import ChunkRecord, Digest, Intent
from echofs.ports.chunks import Frame
from echofs.services.reading import ChunkReader
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import DataPlane

PLAIN = b"the plain bytes"
ALL = ("a", "b", "c")


def _place(
    plane: DataPlane, plain: bytes = PLAIN, on: tuple[str, ...] = ALL, recorded: tuple[str, ...] = ALL
) -> Digest:
    frame = plane.codec.encode(plain)
    for worker_id in on:
        plane.workers[worker_id].store([frame])
    plane.catalog.record_chunks([ChunkRecord(frame.digest, frame.size, recorded)])
    return frame.digest


def _read(plane: DataPlane, digest: Digest, *, turn: int = 0, check_digest: bool = False) -> bytes:
    return plane.chunks.read([digest], turn, check_digest=check_digest)[digest]


def _owed(plane: DataPlane) -> set[tuple[str, str]]:
    return {(row.worker_id, row.reason) for row in plane.catalog.due(plane.clock.now(), 100)}


def _asked(plane: DataPlane) -> list[str]:
    return [worker_id for worker_id in "abcdef" if plane.workers[worker_id].fetches]


def test_several_chunks_are_fetched_with_one_request_and_the_turn_spreads_load(plane: DataPlane) -> None:
    digests = [_place(plane, b"%d" % number) for number in range(4)]
    for turn in range(3):
        assert plane.chunks.read(digests, turn) == {digest: b"%d" % at for at, digest in enumerate(digests)}
    assert [plane.workers[worker_id].fetches for worker_id in ALL] == [[digests]] * 3
    assert set(plane.members.successes) == set(ALL)


def test_a_chunk_asked_for_twice_is_fetched_once(plane: DataPlane) -> None:
    digest = _place(plane)
    assert plane.chunks.read([digest, digest]) == {digest: PLAIN}
    assert sum(len(plane.workers[worker_id].fetches) for worker_id in ALL) == 1


def test_nothing_asked_for_is_nothing_fetched(plane: DataPlane) -> None:
    assert plane.chunks.read([]) == {}


@pytest.mark.parametrize("turn", range(3))
def test_a_corrupt_replica_is_not_served_but_owed(plane: DataPlane, turn: int) -> None:
    digest = _place(plane)
    plane.workers[ALL[turn]].corrupt(digest)
    assert _read(plane, digest, turn=turn) == PLAIN
    assert _owed(plane) == {(ALL[turn], "corrupt")}
    assert set(plane.catalog.replicas([digest])[digest]) == set(ALL) - {ALL[turn]}
    assert plane.meters.count("corrupt_replicas", worker=ALL[turn]) == 1
    assert plane.meters.count("read_fallbacks", worker=ALL[turn]) == 1


@pytest.mark.parametrize("planted", [b"", b"short", b"x" * 200])
def test_bytes_that_are_no_frame_are_a_corrupt_replica(plane: DataPlane, planted: bytes) -> None:
    digest = _place(plane)
    plane.workers["a"].frames[digest] = planted
    assert _read(plane, digest) == PLAIN
    assert _owed(plane) == {("a", "corrupt")}


def test_the_frame_of_another_chunk_is_a_corrupt_replica(plane: DataPlane) -> None:
    digest, other = _place(plane), _place(plane, b"another chunk")
    plane.workers["a"].frames[digest] = plane.workers["a"].frames[other]
    assert _read(plane, digest) == PLAIN
    assert _owed(plane) == {("a", "corrupt")}


def test_one_corrupt_chunk_of_a_group_costs_only_itself_another_request(plane: DataPlane) -> None:
    digests = [_place(plane, b"%d" % number) for number in range(4)]
    plane.workers["a"].corrupt(digests[2])
    assert len(plane.chunks.read(digests)) == 4
    assert plane.workers["a"].fetches == [digests]
    assert [plane.workers[worker_id].fetches for worker_id in "bc"] in ([[[digests[2]]], []], [[], [[digests[2]]]])


def test_a_replica_missing_though_recorded_is_owed(plane: DataPlane) -> None:
    digest = _place(plane)
    plane.workers["a"].lose(digest)
    assert _read(plane, digest) == PLAIN
    assert _owed(plane) == {("a", "missing")}


def test_a_wrong_guess_is_no_fault(plane: DataPlane) -> None:
    digest = _place(plane, on=("b", "c"), recorded=("b", "c"))
    assert _read(plane, digest) == PLAIN
    assert _asked(plane) in (["a", "b"], ["a", "c"])
    assert _owed(plane) == set()


def test_a_replica_that_nobody_would_guess_is_found() -> None:
    plane = DataPlane("abcdef")
    last = placement.order(plane.members.list, digest_of(PLAIN))[-1].worker_id
    digest = _place(plane, on=(last,), recorded=(last,))
    assert _read(plane, digest) == PLAIN
    assert _owed(plane) == set()
    plane.stop()


def test_a_worker_that_takes_no_new_chunks_is_still_read_from(plane: DataPlane) -> None:
    plane.members.list = [type(m)(m.worker_id, m.url, m.zone, 0.0) for m in plane.members.list]
    assert _read(plane, _place(plane, on=("c",), recorded=("c",))) == PLAIN


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.REFUSING])
def test_a_worker_that_does_not_answer_is_reported_and_owes_nothing(plane: DataPlane, fault: Fault) -> None:
    digest = _place(plane)
    plane.workers["a"].fault = fault
    assert _read(plane, digest) == PLAIN
    assert plane.members.failures == ["a"]
    assert _owed(plane) == set()
    assert plane.catalog.replicas([digest])[digest] == ALL


def test_workers_believed_down_are_asked_last_but_asked(plane: DataPlane) -> None:
    digest = _place(plane)
    plane.members.down = {"a", "b"}
    for turn in range(3):
        plane.chunks.read([digest], turn)
    assert "c" in _asked(plane)
    plane.workers["c"].fault = Fault.DOWN
    assert _read(plane, digest) == PLAIN


def test_when_no_replica_is_good_the_chunk_is_unavailable_and_all_are_owed(plane: DataPlane) -> None:
    digest = _place(plane)
    for worker_id in ALL:
        plane.workers[worker_id].corrupt(digest)
    with pytest.raises(ChunkUnavailable) as failed:
        _read(plane, digest)
    assert failed.value.digest == digest
    assert _owed(plane) == {(worker_id, "corrupt") for worker_id in ALL}


def test_when_every_worker_is_away_the_chunk_is_unavailable_and_none_is_owed(plane: DataPlane) -> None:
    digest = _place(plane)
    for worker_id in ALL:
        plane.workers[worker_id].fault = Fault.DOWN
    with pytest.raises(ChunkUnavailable):
        _read(plane, digest)
    assert _owed(plane) == set()


def test_without_members_every_chunk_is_unavailable(plane: DataPlane) -> None:
    plane.members.list = []
    with pytest.raises(ChunkUnavailable):
        _read(plane, digest_of(PLAIN))


def test_a_read_succeeds_while_the_catalog_is_away(plane: DataPlane) -> None:
    digest = _place(plane)
    plane.workers["a"].corrupt(digest)
    plane.catalog.down = True
    assert _read(plane, digest) == PLAIN
    plane.catalog.down = False
    assert _owed(plane) == set()


def test_what_no_worker_has_comes_from_the_spool(plane: DataPlane) -> None:
    spooled, stored = plane.codec.encode(b"spooled"), _place(plane)
    plane.journal.spool([spooled])
    both = plane.chunks.read([spooled.digest, stored])
    assert both == {spooled.digest: b"spooled", stored: PLAIN}
    plane.members.list = []
    assert _read(plane, spooled.digest) == b"spooled"
    assert b"".join(plane.chunks.frames([spooled.digest])[spooled.digest].parts) == b"".join(spooled.parts)


def test_a_rotten_frame_in_the_spool_is_passed_over(plane: DataPlane) -> None:
    digest = _place(plane)
    plane.journal.spool([Frame(digest, len(PLAIN), (b"rotten",))])
    assert _read(plane, digest) == PLAIN
    assert _owed(plane) == set()


def test_a_read_succeeds_while_the_spool_cannot_be_read(plane: DataPlane) -> None:
    digest = _place(plane)
    plane.journal.down = True
    assert _read(plane, digest) == PLAIN


def test_a_chunk_that_only_looks_right_is_caught_when_its_digest_is_checked(plane: DataPlane) -> None:
    digest = _place(plane)
    false: Frame = plane.codec.encode(b"other plain bytes", digest)
    plane.workers["a"].store([false])
    assert _read(plane, digest, check_digest=True) == PLAIN
    assert _owed(plane) == {("a", "corrupt")}


@pytest.fixture
def spare(plane: DataPlane) -> DataPlane:
    """More workers than a chunk should have replicas."""
    plane.chunks = ChunkReader(
        plane.workers, plane.members, plane.catalog, plane.codec, plane.clock, plane.meters, wanted=2
    )
    return plane


def test_a_draining_worker_is_asked_last_but_asked_while_it_has_the_only_copy(spare: DataPlane) -> None:
    spare.members.list[0] = replace(spare.members.list[0], intent=Intent.DRAINING)
    everywhere, alone = _place(spare), _place(spare, b"only there", on=("a",), recorded=("a",))
    for turn in range(3):
        assert _read(spare, everywhere, turn=turn) == PLAIN
    assert spare.workers["a"].fetches == []
    assert _read(spare, alone) == b"only there"


def test_slow_workers_are_asked_last(spare: DataPlane) -> None:
    digest = _place(spare)
    spare.members.slow = {"a"}
    for turn in range(3):
        assert _read(spare, digest, turn=turn) == PLAIN
    assert spare.workers["a"].fetches == []


@pytest.mark.parametrize("turn", range(3))
def test_workers_that_hardly_answer_are_not_asked_where_others_have_it(plane: DataPlane, turn: int) -> None:
    digest = _place(plane)
    plane.members.down, plane.members.slow = {"a"}, {"c"}
    assert _read(plane, digest, turn=turn) == PLAIN
    assert _asked(plane) == ["b"]
