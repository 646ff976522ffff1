"""All chunks are gone through, and what is missing is owed by those that can make it good."""

from __future__ import annotations

import pytest

from echofs.core.errors import CatalogUnavailable
from echofs.core.jobs_report import JobsReport, SweepPass
from echofs.core.models import ChunkRecord, Digest, Intent, MemberState
from echofs.services import sweep as module
from echofs.services.sweep import QUICK_PAGES, REST_SECONDS, Sweep
from tests.fakes.members import a_member
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import DataPlane

PATIENCE = 30.0


def _sweep(plane: DataPlane) -> Sweep:
    return Sweep(plane.catalog, plane.workers, plane.members, plane.clock, wanted=3, replace_after=PATIENCE)


@pytest.fixture
def sweep(plane: DataPlane) -> Sweep:
    """Of a cluster of four workers, by a process that has run for a while."""
    plane.members.list.append(a_member("d"))
    made = _sweep(plane)
    assert made.run_once() == 0
    plane.clock.advance(PATIENCE)
    return made


def _chunk(plane: DataPlane, plain: bytes = b"bytes", on: str = "abc", owed: str = "") -> Digest:
    frame = plane.codec.encode(plain)
    for worker_id in on:
        plane.workers[worker_id].store([frame])
    plane.catalog.record_chunks([ChunkRecord(frame.digest, frame.size, tuple(on), tuple(owed))])
    return frame.digest


def _owed(plane: DataPlane) -> set[tuple[Digest, str]]:
    return {(row.digest, row.worker_id) for row in plane.catalog.due(plane.clock.now(), 1000)}


def _die(plane: DataPlane, worker_id: str) -> None:
    plane.workers[worker_id].fault = Fault.DOWN
    plane.members.change(worker_id, state=MemberState.DOWN)


def test_a_process_that_has_just_started_waits_until_it_must_have_heard_of_every_worker(plane: DataPlane) -> None:
    sweep = _sweep(plane)
    _chunk(plane, on="ab")
    plane.clock.advance(PATIENCE - 1)
    assert sweep.run_once() == 0
    plane.clock.advance(1)
    assert sweep.run_once() == 1


def test_others_stand_in_for_a_worker_once_it_was_down_for_long(plane: DataPlane, sweep: Sweep) -> None:
    digest = _chunk(plane)
    assert sweep.run_once() == 0
    _die(plane, "c")
    assert sweep.run_once() == 0
    plane.clock.advance(PATIENCE - 1)
    assert sweep.run_once() == 0
    plane.clock.advance(1)
    assert sweep.run_once() == 1
    assert _owed(plane) == {(digest, "d")}
    plane.repair.run_once()
    assert plane.plain("d", digest) == b"bytes"
    assert plane.catalog.replicas([digest])[digest] == ("a", "b", "c", "d")


def test_a_worker_that_was_away_for_a_moment_is_not_replaced(plane: DataPlane, sweep: Sweep) -> None:
    _chunk(plane)
    for _ in range(3):
        _die(plane, "c")
        sweep.run_once()
        plane.clock.advance(PATIENCE - 1)
        plane.members.change("c", state=MemberState.UP)
        assert sweep.run_once() == 0
        plane.clock.advance(1)


def test_without_word_from_the_controller_nobody_is_replaced(plane: DataPlane, sweep: Sweep) -> None:
    _chunk(plane)
    plane.members.controller_heard = False
    _die(plane, "c")
    sweep.run_once()
    plane.clock.advance(10 * PATIENCE)
    assert sweep.run_once() == 0


def test_what_a_lost_worker_owes_goes_to_another(plane: DataPlane, sweep: Sweep) -> None:
    digest = _chunk(plane, on="ab", owed="c")
    _die(plane, "c")
    sweep.run_once()
    plane.clock.advance(PATIENCE)
    sweep.run_once()
    assert _owed(plane) == {(digest, "d")}
    assert plane.catalog.outbox_depth() == 1


def test_the_last_replicas_are_copied_first(plane: DataPlane, sweep: Sweep) -> None:
    plane.members.list.append(a_member("e"))
    two = [_chunk(plane, b"two %d" % number, on="abc") for number in range(5)]
    last = _chunk(plane, b"one", on="acd")
    for worker_id in "cd":
        _die(plane, worker_id)
    sweep.run_once()
    plane.clock.advance(PATIENCE)
    sweep.run_once()
    first = plane.catalog.due(plane.clock.now(), 2)
    assert {row.digest for row in first} == {last}
    assert {digest for digest, _ in _owed(plane)} == {last, *two}


def test_a_replica_that_is_recorded_and_not_there_is_owed(plane: DataPlane, sweep: Sweep) -> None:
    kept, lost = _chunk(plane, b"kept"), _chunk(plane, b"lost")
    plane.workers["b"].lose(lost)
    assert sweep.run_once() == 1
    assert _owed(plane) == {(lost, "b")}
    assert plane.catalog.replicas([kept, lost]) == {kept: ("a", "b", "c"), lost: ("a", "c")}


def test_a_worker_that_does_not_answer_is_believed(plane: DataPlane, sweep: Sweep) -> None:
    _chunk(plane)
    plane.workers["b"].fault = Fault.DOWN
    assert sweep.run_once() == 0
    assert plane.members.failures == ["b"]


def test_a_worker_with_another_disk_is_looked_at_at_once(plane: DataPlane, sweep: Sweep) -> None:
    digest = _chunk(plane)
    sweep.run_once()
    plane.workers["b"].lose(digest)
    assert sweep.run_once() == 0
    plane.members.change("b", store_id="another")
    assert sweep.run_once() == 1


def test_while_nothing_changes_everything_is_looked_at_again_after_a_rest(plane: DataPlane, sweep: Sweep) -> None:
    digest = _chunk(plane)
    sweep.run_once()
    plane.workers["b"].lose(digest)
    plane.clock.advance(REST_SECONDS - 1)
    assert sweep.run_once() == 0
    plane.clock.advance(1)
    assert sweep.run_once() == 1


def test_a_pass_goes_quickly_at_first_and_page_by_page_later(
    plane: DataPlane, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNKS_PER_PAGE", 2)
    digests = [_chunk(plane, b"%d" % number, on="ab") for number in range(2 * QUICK_PAGES + 2)]
    assert sweep.run_once() == 2 * QUICK_PAGES
    assert sweep.run_once() == 2
    plane.repair.run_once()
    for digest in digests:
        plane.workers["a"].lose(digest)
    plane.clock.advance(REST_SECONDS)
    assert [sweep.run_once() for _ in range(3)] == [2, 2, 2]


def test_a_round_that_failed_is_gone_on_with(plane: DataPlane, sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNKS_PER_PAGE", 2)
    monkeypatch.setattr(module, "QUICK_PAGES", 1)
    for number in range(4):
        _chunk(plane, b"%d" % number, on="ab")
    assert sweep.run_once() == 2
    plane.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        sweep.run_once()
    plane.catalog.down = False
    assert sweep.run_once() == 2
    assert plane.catalog.outbox_depth() == 4


def test_running_twice_changes_nothing(plane: DataPlane, sweep: Sweep) -> None:
    _chunk(plane, on="ab")
    sweep.run_once()
    before = _owed(plane)
    other = _sweep(plane)
    plane.clock.advance(PATIENCE)
    assert other.run_once() == 0
    assert _owed(plane) == before


def test_a_worker_is_emptied_and_its_operator_told(
    plane: DataPlane, sweep: Sweep, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    digest = _chunk(plane)
    plane.members.change("c", intent=Intent.DRAINING, state=MemberState.DRAINING)
    assert sweep.run_once() == 1
    assert _owed(plane) == {(digest, "d")}
    assert "this worker is still needed" in caplog.messages
    plane.repair.run_once()
    plane.clock.advance(module.DRAINING_REST_SECONDS)
    assert sweep.run_once() == 0
    assert "everything on this worker is elsewhere too" in caplog.messages


def test_a_removed_worker_is_replaced_at_once(plane: DataPlane, sweep: Sweep) -> None:
    digest = _chunk(plane, on="ab", owed="c")
    held = _chunk(plane, b"held")
    sweep.run_once()
    plane.members.remove("c")
    assert sweep.run_once() == 2
    assert _owed(plane) == {(digest, "d"), (held, "d")}
    assert plane.catalog.outbox_depth() == 2


def test_it_tells_how_a_pass_goes_and_how_the_last_one_ended(plane: DataPlane, sweep: Sweep) -> None:
    _chunk(plane)
    _chunk(plane, b"alone", on="a")
    assert _sweep(plane).report("j1") == JobsReport("j1")
    assert sweep.run_once() > 0
    told = sweep.report("j1")
    assert (told.under_way, told.ended_at) == (None, plane.clock.now())
    assert told.last is not None
    assert (told.last.chunks, told.last.few) == (2, 1)
    assert told.last.owed >= 1


def test_a_pass_under_way_is_told_as_such(plane: DataPlane, sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNKS_PER_PAGE", 1)
    monkeypatch.setattr(module, "QUICK_PAGES", 1)
    for plain in (b"1", b"2", b"3"):
        _chunk(plane, plain)
    sweep.run_once()
    assert sweep.report("j1") == JobsReport("j1", SweepPass(1, 0, 0))
