"""Entries of a journal have copies on workers for as long as they wait, and no longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.entries import Delivered, JournalEntry, decode
from echofs.core.models import ChunkKind, ChunkRecord, Digest
from echofs.ports.journal import Task
from echofs.services.copying import EntryCopies
from tests.contracts.journal_values import entry, frame
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import DataPlane

LARGEST = 1 << 20


def copies_of(plane: DataPlane, *, largest: int = LARGEST) -> EntryCopies:
    return EntryCopies(plane.journal, plane.workers, plane.members, plane.codec, plane.clock, wanted=3, largest=largest)


@pytest.fixture
def copies(plane: DataPlane) -> EntryCopies:
    return copies_of(plane)


def _on(plane: DataPlane, worker_id: str) -> list[Digest]:
    member = next(one for one in plane.members.list if one.worker_id == worker_id)
    return plane.workers.listed(member, ChunkKind.ENTRY)


def _decoded(plane: DataPlane, worker_id: str) -> list[JournalEntry]:
    return [decode(plane.plain(worker_id, digest)) for digest in _on(plane, worker_id)]


def test_an_entry_is_copied_once_to_as_many_workers_as_wanted(plane: DataPlane, copies: EntryCopies) -> None:
    made = entry()
    plane.journal.append(made)
    assert copies.run_once() == 1
    assert copies.run_once() == 0
    bare = replace(made, chunks=tuple(ChunkRecord(one.digest, one.size, ()) for one in made.chunks))
    for worker_id in "abc":
        assert _decoded(plane, worker_id) == [bare]
        assert len(plane.workers[worker_id].batches) == 1


def test_a_copy_has_the_same_bytes_wherever_the_chunks_lie(plane: DataPlane, copies: EntryCopies) -> None:
    one = frame()
    plane.workers["a"].fault = Fault.DOWN
    plane.workers["b"].fault = Fault.DOWN
    plane.journal.append(entry(brings=(one,)), [one])
    copies.run_once()
    plane.journal.drop([Delivered(one.digest, ("a", "b"))])
    plane.journal.forget_copies(
        [copy for worker_id in "abc" for copy in plane.journal._copies if copy.worker_id == worker_id]
    )
    plane.workers["a"].fault = Fault.NONE
    copies.run_once()
    assert _on(plane, "a") == _on(plane, "c") != []


def test_when_no_worker_takes_copies_they_are_made_later(plane: DataPlane, copies: EntryCopies) -> None:
    plane.journal.append(entry())
    for worker_id in "abc":
        plane.workers[worker_id].fault = Fault.DOWN
    assert copies.run_once() == 0
    plane.members.down = set("abc")
    assert copies.run_once() == 0
    plane.members.down = set()
    plane.workers["b"].fault = Fault.NONE
    assert copies.run_once() == 1
    assert len(_on(plane, "b")) == 1


def test_a_worker_that_never_answers_holds_nobody_up_for_long(plane: DataPlane, copies: EntryCopies) -> None:
    plane.journal.append(entry())
    plane.workers["a"].fault = Fault.SILENT
    before = plane.clock.monotonic()
    assert copies.run_once() == 1
    assert plane.clock.monotonic() - before < 10


def test_many_entries_are_all_copied_in_one_round(plane: DataPlane, copies: EntryCopies) -> None:
    for number in range(150):
        plane.journal.append(entry(f"{number}"))
    assert copies.run_once() == 150
    assert len(plane.workers["a"].frames) == 150
    assert len(plane.workers["a"].batches) == 3


def test_the_copies_of_what_was_settled_are_removed(plane: DataPlane, copies: EntryCopies) -> None:
    first, second = entry("a"), entry("b")
    plane.journal.append(first)
    plane.journal.append(second)
    copies.run_once()
    plane.journal.settle([first.version.dot])
    copies.run_once()
    for worker_id in "abc":
        assert [one.version for one in _decoded(plane, worker_id)] == [second.version]


def test_a_worker_that_is_away_loses_its_copies_when_it_returns(plane: DataPlane, copies: EntryCopies) -> None:
    made = entry()
    plane.journal.append(made)
    copies.run_once()
    plane.journal.settle([made.version.dot])
    plane.workers["a"].fault = Fault.DOWN
    copies.run_once()
    assert (len(_on(plane, "b")), len(_on(plane, "c"))) == (0, 0)
    plane.members.down = {"a"}
    copies.run_once()
    plane.members.down, plane.workers["a"].fault = set(), Fault.NONE
    copies.run_once()
    assert _on(plane, "a") == []
    assert plane.journal.stale_copies("a") == []


def test_an_entry_of_too_many_chunks_is_copied_without_naming_them(plane: DataPlane) -> None:
    made = entry()
    plane.journal.append(replace(made, chunks=made.chunks * 100))
    assert copies_of(plane, largest=4096).run_once() == 1
    (copy,) = _decoded(plane, "a")
    assert copy == replace(made, chunks=())


def test_while_another_process_copies_this_one_rests(plane: DataPlane, copies: EntryCopies) -> None:
    plane.journal.append(entry())
    with plane.journal.lead(Task.COPY):
        assert copies.run_once() == 0
    assert copies.run_once() == 1
