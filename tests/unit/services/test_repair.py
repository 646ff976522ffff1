"""Working the outbox off: what is owed is made from a good replica, and nothing bad is ever spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from echofs.core.chunking import digest_of
from echofs.core.errors import CatalogUnavailable, EchoError
from echofs.core.models import ChunkKind, ChunkRecord, Digest, Intent, Member
from echofs.ports.chunks import Frame
from echofs.services import repair
from echofs.services.repair import COPIED_TOGETHER, LONGEST_DELAY_SECONDS
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import DataPlane, bytes_of


def _owe(plane: DataPlane, plain: bytes = b"bytes", on: str = "ab", owed: str = "c") -> Digest:
    """A chunk that lies on some workers and is owed by others."""
    frame = plane.codec.encode(plain)
    for worker_id in on:
        plane.workers[worker_id].store([frame])
    plane.catalog.record_chunks([ChunkRecord(frame.digest, frame.size, tuple(on), tuple(owed))])
    return frame.digest


def _later(plane: DataPlane, seconds: float) -> int:
    plane.clock.advance(seconds)
    return plane.repair.run_once()


def test_an_owed_replica_is_made_and_settled(plane: DataPlane) -> None:
    digest = _owe(plane)
    assert plane.repair.run_once() == 1
    assert plane.plain("c", digest) == b"bytes"
    assert plane.catalog.replicas([digest]) == {digest: ("a", "b", "c")}
    assert plane.catalog.outbox_depth() == 0
    assert plane.meters.count("repairs", result="restored") == 1
    assert plane.repair.run_once() == 0


def test_nothing_owed_is_nothing_done(plane: DataPlane) -> None:
    assert plane.repair.run_once() == 0
    assert plane.workers.exchanges == []


def test_many_replicas_owed_by_several_workers_are_all_made(plane: DataPlane) -> None:
    digests = [_owe(plane, b"%d" % number, on="a", owed="bc") for number in range(11)]
    assert plane.repair.run_once() == 22
    assert all(plane.workers.holders(digest) == {"a", "b", "c"} for digest in digests)
    assert plane.catalog.outbox_depth() == 0


def test_an_upload_that_missed_a_worker_is_whole_after_repair(plane: DataPlane) -> None:
    plane.workers["b"].fault = Fault.DOWN
    file = plane.put("a", bytes_of(1000)).file
    assert not plane.files.count_replicas("owner-1", file.id).complete
    plane.workers["b"].fault = Fault.NONE
    plane.repair.run_once()
    count = plane.files.count_replicas("owner-1", file.id)
    assert (count.replicas, count.complete) == (3, True)


def test_a_rotten_replica_that_was_noticed_is_replaced(plane: DataPlane) -> None:
    digest = _owe(plane, on="abc", owed="")
    plane.workers["b"].corrupt(digest)
    for turn in range(3):
        plane.chunks.read([digest], turn)
    assert plane.catalog.outbox_depth() == 1
    assert plane.repair.run_once() == 1
    assert plane.plain("b", digest) == b"bytes"
    assert plane.catalog.outbox_depth() == 0


def test_a_chunk_that_only_looks_right_is_never_spread(plane: DataPlane) -> None:
    digest = digest_of(b"the true bytes")
    plane.workers["a"].store([plane.codec.encode(b"false bytes", digest)])
    plane.catalog.record_chunks([ChunkRecord(digest, 14, ("a",), ("b", "c"))])
    assert plane.repair.run_once() == 0
    assert plane.workers.holders(digest) == {"a"}
    assert {row.worker_id for row in plane.catalog.due(plane.clock.now() + 10**9, 10)} == {"a", "b", "c"}
    plane.workers["b"].store([plane.codec.encode(b"the true bytes")])
    assert _later(plane, 60) >= 2
    assert {plane.plain(worker_id, digest) for worker_id in "abc"} == {b"the true bytes"}


def test_a_chunk_nobody_has_is_postponed_and_the_others_are_made(plane: DataPlane) -> None:
    lost = _owe(plane, b"lost", on="")
    kept = _owe(plane, b"kept")
    assert plane.repair.run_once() == 1
    assert plane.workers.holders(kept) == {"a", "b", "c"}
    (left,) = plane.catalog.due(plane.clock.now() + 10**9, 10)
    assert (left.digest, left.attempts) == (lost, 1)


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.FULL, Fault.REFUSING, Fault.SILENT])
def test_a_worker_that_fails_is_tried_later_and_later_but_never_given_up(plane: DataPlane, fault: Fault) -> None:
    _owe(plane)
    plane.workers["c"].fault = fault
    delays = []
    for _ in range(9):
        assert plane.repair.run_once() == 0
        (row,) = plane.catalog.due(plane.clock.now() + 10**12, 10)
        delays.append((row.due_at - plane.clock.now()) // 1_000_000)
        plane.clock.advance(delays[-1])
    assert delays == [1, 2, 4, 8, 16, 32, LONGEST_DELAY_SECONDS, LONGEST_DELAY_SECONDS, LONGEST_DELAY_SECONDS]
    assert all(exchange.closed for exchange in plane.workers.exchanges)
    plane.workers["c"].fault = Fault.NONE
    assert plane.repair.run_once() == 1


def test_copies_go_together_as_far_as_a_worker_accepts(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(2 * COPIED_TOGETHER):
        _owe(plane, b"%d" % number)
    assert plane.repair.run_once() == 2 * COPIED_TOGETHER
    assert [len(batch) for batch in plane.workers["c"].batches] == [COPIED_TOGETHER, COPIED_TOGETHER]
    monkeypatch.setattr(repair, "BATCH_BYTES", 1)
    for number in range(2):
        _owe(plane, b"more %d" % number)
    assert plane.repair.run_once() == 2
    assert [len(batch) for batch in plane.workers["c"].batches][2:] == [1, 1]


def test_what_is_not_due_is_not_touched(plane: DataPlane) -> None:
    _owe(plane)
    plane.workers["c"].fault = Fault.DOWN
    plane.repair.run_once()
    plane.workers["c"].fault = Fault.NONE
    assert _later(plane, 0.9) == 0
    assert _later(plane, 0.2) == 1


def test_a_worker_that_comes_back_is_served_at_once(plane: DataPlane) -> None:
    _owe(plane)
    plane.workers["c"].fault = Fault.DOWN
    for _ in range(5):
        _later(plane, 60)
    plane.workers["c"].fault = Fault.NONE
    plane.catalog.hasten("c", plane.clock.now())
    assert plane.repair.run_once() == 1


def test_a_worker_believed_down_or_unknown_is_postponed_without_being_asked(plane: DataPlane) -> None:
    _owe(plane, on="ab", owed="c")
    plane.members.down = {"c"}
    assert plane.repair.run_once() == 0
    plane.members.down = set()
    plane.members.remove("c")
    assert _later(plane, 60) == 0
    assert (plane.workers["c"].batches, plane.workers.exchanges) == ([], [])
    assert plane.catalog.outbox_depth() == 1


@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.SILENT])
def test_a_worker_that_dies_during_a_round_holds_up_nobody_for_long(plane: DataPlane, fault: Fault) -> None:
    plane.members._believes = True
    for number in range(40):
        _owe(plane, b"b%d" % number, on="ac", owed="b")
        _owe(plane, b"c%d" % number, on="ab", owed="c")
    plane.workers["b"].fault = fault
    assert plane.repair.run_once() == 40
    assert len(plane.workers["b"].batches) <= 4
    assert "b" in plane.members.failures
    assert {row.worker_id for row in plane.catalog.due(plane.clock.now() + 10**9, 100)} == {"b"}


def test_a_source_that_fails_is_passed_over(plane: DataPlane) -> None:
    digest = _owe(plane)
    plane.workers["a"].fault = Fault.DOWN
    assert plane.repair.run_once() == 1
    assert "c" in plane.workers.holders(digest)


@pytest.mark.parametrize("call", ["due", "settle", "postpone"])
def test_a_catalog_that_goes_away_anywhere_loses_nothing(
    plane: DataPlane, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, lost = _owe(plane, b"good"), _owe(plane, b"lost", on="")

    def away(*_: object) -> None:
        raise CatalogUnavailable("The catalog does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(plane.catalog, call, away)
        with pytest.raises(CatalogUnavailable):
            plane.repair.run_once()
    assert all(exchange.closed for exchange in plane.workers.exchanges)
    _later(plane, 60)
    assert plane.workers.holders(good) == {"a", "b", "c"}
    assert [row.digest for row in plane.catalog.due(plane.clock.now() + 10**9, 10)] == [lost]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
def test_an_interrupted_round_is_simply_run_again(plane: DataPlane, error: BaseException) -> None:
    digests = [_owe(plane, b"%d" % number) for number in range(3 * COPIED_TOGETHER)]
    sent: list[str] = []

    def interrupt(member: Member, frames: Sequence[Frame]) -> None:
        sent.append(member.worker_id)
        if len(sent) == 3:
            raise error

    plane.workers.on_send = interrupt
    with pytest.raises(type(error)):
        plane.repair.run_once()
    plane.workers.on_send = lambda member, frames: None
    assert plane.repair.run_once() == COPIED_TOGETHER
    assert all(plane.workers.holders(digest) == {"a", "b", "c"} for digest in digests)
    assert all(exchange.closed for exchange in plane.workers.exchanges)


def test_two_rounds_at_once_do_no_harm(plane: DataPlane) -> None:
    digest = _owe(plane)
    again: list[int | EchoError] = []

    def meanwhile(member: Member, frames: Sequence[Frame]) -> None:
        if not again:
            again.append(0)
            again.append(plane.repair.run_once())

    plane.workers.on_send = meanwhile
    assert plane.repair.run_once() == 1
    assert again == [0, 1]
    assert plane.catalog.replicas([digest]) == {digest: ("a", "b", "c")}
    assert plane.catalog.outbox_depth() == 0


@pytest.mark.parametrize("kind", ChunkKind)
def test_a_replica_is_made_as_the_kind_it_is(plane: DataPlane, kind: ChunkKind) -> None:
    frame = plane.codec.encode(b"bytes", kind=kind)
    plane.workers["a"].store([frame])
    plane.catalog.record_chunks([ChunkRecord(frame.digest, frame.size, ("a",), ("b",))])
    assert plane.repair.run_once() == 1
    assert plane.workers["b"].frames == plane.workers["a"].frames


@pytest.mark.parametrize("intent", [Intent.DRAINING, Intent.GONE])
def test_nothing_is_brought_to_a_worker_that_is_to_be_emptied(plane: DataPlane, intent: Intent) -> None:
    digest = _owe(plane)
    plane.members.list = [
        replace(member, intent=intent) if member.worker_id == "c" else member for member in plane.members.list
    ]
    assert plane.repair.run_once() == 0
    assert plane.workers.holders(digest) == {"a", "b"}
    assert plane.catalog.outbox_depth() == 1
