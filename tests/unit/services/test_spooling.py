"""What a host accepted alone reaches a quorum of workers, and only then leaves the spool."""

from __future__ import annotations

import pytest

from echofs.core.errors import TooFewReplicas, Unavailable
from echofs.core.models import ChunkKind, ChunkRecord, Digest
from echofs.ports.chunks import Frame
from echofs.ports.journal import Task
from tests.contracts.journal_values import entry
from tests.fakes.members import a_member
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import DataPlane


def _spooled(plane: DataPlane, plain: bytes = b"plain", kind: ChunkKind = ChunkKind.CONTENT) -> Frame:
    frame = plane.codec.encode(plain, kind=kind)
    plane.journal.spool([frame])
    return frame


def _batches(plane: DataPlane) -> int:
    return sum(len(plane.workers[worker_id].batches) for worker_id in "abc")


def _replicas(plane: DataPlane, digest: Digest) -> tuple[str, ...]:
    return tuple(sorted(plane.catalog.replicas([digest]).get(digest, ())))


@pytest.mark.parametrize("kind", list(ChunkKind))
def test_what_no_worker_has_is_sent_to_all_that_should_hold_it(plane: DataPlane, kind: ChunkKind) -> None:
    frame = _spooled(plane, kind=kind)
    assert plane.spooling.run_once() == 1
    assert plane.workers.holders(frame.digest) == {"a", "b", "c"}
    assert plane.workers["a"].frames[frame.digest] == b"".join(frame.parts)
    assert plane.journal.spooled() == []
    assert plane.meters.count("spool_deliveries") == 1


def test_what_a_quorum_has_already_is_not_sent_again(plane: DataPlane) -> None:
    frame = _spooled(plane)
    for worker_id in "ab":
        plane.workers[worker_id].store([frame])
    assert plane.spooling.run_once() == 1
    assert _batches(plane) == 0
    assert plane.journal.spooled() == []


def test_what_one_worker_has_is_sent_until_a_quorum_stands(plane: DataPlane) -> None:
    frame = _spooled(plane)
    plane.workers["b"].store([frame])
    plane.spooling.run_once()
    assert plane.workers.holders(frame.digest) == {"a", "b", "c"}


def test_two_workers_of_one_zone_are_no_quorum(plane: DataPlane) -> None:
    plane.members.list = [a_member("a", "z1"), a_member("b", "z1"), a_member("c", "z2")]
    frame = _spooled(plane)
    for worker_id in "ab":
        plane.workers[worker_id].store([frame])
    plane.spooling.run_once()
    assert "c" in plane.workers.holders(frame.digest)
    assert plane.journal.spooled() == []


def test_without_a_possible_quorum_nobody_is_asked_and_all_stays(plane: DataPlane) -> None:
    frame = _spooled(plane)
    plane.members.down = {"a", "b"}
    assert plane.spooling.run_once() == 0
    assert _batches(plane) == 0
    assert plane.journal.spooled() == [frame.digest]


def test_when_the_quorum_fails_all_that_was_not_delivered_stays(plane: DataPlane) -> None:
    frame = _spooled(plane)
    for worker_id in "ab":
        plane.workers[worker_id].fault = Fault.DOWN
    with pytest.raises(TooFewReplicas):
        plane.spooling.run_once()
    assert plane.journal.spooled() == [frame.digest]
    plane.workers["a"].fault = Fault.NONE
    assert plane.spooling.run_once() == 1


def test_the_catalog_learns_where_chunks_it_knows_lie_now(plane: DataPlane) -> None:
    frame = _spooled(plane)
    plane.catalog.record_chunks([ChunkRecord(frame.digest, frame.size, (), ("a", "b", "c"))])
    plane.spooling.run_once()
    assert len(_replicas(plane, frame.digest)) >= 2
    unknown = _spooled(plane, b"of a version not committed")
    plane.spooling.run_once()
    assert _replicas(plane, unknown.digest) == ()


def test_the_entry_that_brings_a_chunk_says_where_it_lies_now(plane: DataPlane) -> None:
    frame = plane.codec.encode(b"plain")
    plane.journal.append(entry(brings=(frame,)), [frame])
    plane.workers["c"].fault = Fault.DOWN
    plane.members.down = {"c"}
    plane.spooling.run_once()
    ((_, now),) = plane.journal.pending()
    assert now.chunks == (ChunkRecord(frame.digest, frame.size, ("a", "b"), ("c",)),)


def test_it_goes_on_without_the_catalog(plane: DataPlane) -> None:
    _spooled(plane)
    plane.catalog.down = True
    assert plane.spooling.run_once() == 1
    assert plane.journal.spooled() == []


def test_many_frames_go_in_few_requests(plane: DataPlane) -> None:
    for number in range(300):
        _spooled(plane, b"%d" % number)
    assert plane.spooling.run_once() == 300
    assert plane.journal.spooled() == []
    assert _batches(plane) <= 3 * (300 // 64 + 3)


def test_a_rotten_frame_is_kept_told_and_keeps_nobody_up(plane: DataPlane, caplog: pytest.LogCaptureFixture) -> None:
    sound = _spooled(plane)
    rotten = plane.codec.encode(b"other")
    plane.journal.spool([Frame(rotten.digest, rotten.size, (b"".join(rotten.parts)[:-1] + b"x",))])
    for _ in range(2):
        plane.spooling.run_once()
    assert plane.workers.holders(sound.digest) == {"a", "b", "c"}
    assert plane.workers.holders(rotten.digest) == set()
    assert plane.journal.spooled() == [rotten.digest]
    assert caplog.text.count("corrupt frame in the spool") == 1


def test_a_worker_that_does_not_answer_is_reported_and_the_others_suffice(plane: DataPlane) -> None:
    frame = _spooled(plane)
    for worker_id in "ab":
        plane.workers[worker_id].store([frame])
    plane.workers["c"].fault = Fault.REFUSING
    assert plane.spooling.run_once() == 1
    assert plane.members.failures == ["c"]


def test_while_another_process_delivers_this_one_rests(plane: DataPlane) -> None:
    frame = _spooled(plane)
    with plane.journal.lead(Task.DELIVER):
        assert plane.spooling.run_once() == 0
    assert plane.journal.spooled() == [frame.digest]


def test_a_journal_that_fails_is_told(plane: DataPlane) -> None:
    plane.journal.down = True
    with pytest.raises(Unavailable):
        plane.spooling.run_once()
