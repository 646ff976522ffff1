"""What a lost host accepted is brought to the catalog from the workers' copies, once and in order."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pytest

from echofs.core.entries import JournalEntry, encode
from echofs.core.errors import CatalogUnavailable
from echofs.core.models import ChunkKind, ChunkRecord, Dot
from echofs.ports.chunks import Frame
from echofs.services.adoption import PARENT_PATIENCE_SECONDS, PATIENCE_SECONDS, Adoption
from echofs.services.copying import EntryCopies
from echofs.services.resolving import Fate
from tests.contracts.catalog_values import BOB
from tests.contracts.journal_values import after, entry, frame
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import OWNER, DataPlane
from tests.unit.services.two_hosts import alone, back, living


class Catalog:
    """What adoption needs of one: dots that are committed, and what was brought, in order."""

    def __init__(self) -> None:
        self.committed: set[tuple[str, Dot]] = set()
        self.brought: list[JournalEntry] = []
        self.asked = 0
        self.down = False
        self.refuses = False

    def known(self, owner_id: str, dots: Collection[Dot]) -> Collection[Dot]:
        self.asked += 1
        if self.down:
            raise CatalogUnavailable("The catalog does not answer.")
        return {dot for dot in dots if (owner_id, dot) in self.committed}

    def reintegrate(self, entries: Sequence[JournalEntry]) -> Collection[Dot]:
        if self.refuses:
            return []
        self.brought += entries
        self.committed |= {(one.owner_id, one.version.dot) for one in entries}
        return [one.version.dot for one in entries]


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


@pytest.fixture
def adoption(plane: DataPlane, catalog: Catalog) -> Adoption:
    return Adoption(
        catalog.known,
        plane.workers,
        plane.members,
        plane.codec,
        catalog.reintegrate,
        plane.clock,
        plane.meters,
        wanted=3,
    )


def _left(plane: DataPlane, made: JournalEntry, on: str = "abc", chunks_on: str = "ab") -> Frame:
    """What a lost host left of an entry: copies of it, and its chunks."""
    copy = plane.codec.encode(encode(made), kind=ChunkKind.ENTRY)
    for worker_id in on:
        plane.workers[worker_id].store([copy])
    for chunk in made.chunks:
        for worker_id in chunks_on:
            plane.workers[worker_id].frames[chunk.digest] = b"a frame"
    return copy


def _wait(plane: DataPlane, adoption: Adoption, seconds: float = PATIENCE_SECONDS) -> int:
    adoption.run_once()
    plane.clock.advance(seconds)
    return adoption.run_once()


def _versions(entries: Sequence[JournalEntry]) -> list[Dot]:
    return [one.version.dot for one in entries]


def test_an_entry_is_adopted_when_its_host_did_not_bring_it_and_its_copies_are_removed(
    plane: DataPlane, catalog: Catalog, adoption: Adoption
) -> None:
    made = entry()
    copy = _left(plane, made)
    assert adoption.run_once() == 0
    plane.clock.advance(PATIENCE_SECONDS - 1)
    assert adoption.run_once() == 0
    assert catalog.brought == []
    plane.clock.advance(1)
    assert adoption.run_once() == 1
    assert _versions(catalog.brought) == [made.version.dot]
    assert plane.workers.holders(copy.digest) == set()
    assert plane.meters.count("adopted_entries") == 1
    assert adoption.run_once() == 0


def test_it_says_where_its_chunks_lie_now(plane: DataPlane, catalog: Catalog, adoption: Adoption) -> None:
    made = entry()
    _left(plane, made, chunks_on="bc")
    _wait(plane, adoption)
    (brought,) = catalog.brought
    assert brought.chunks == tuple(
        ChunkRecord(one.digest, one.size, tuple(dict.fromkeys((*one.replicas, "b", "c"))), ("a",))
        for one in made.chunks
    )


def test_copies_of_what_is_committed_are_removed_at_once(
    plane: DataPlane, catalog: Catalog, adoption: Adoption
) -> None:
    made = entry()
    copy = _left(plane, made)
    catalog.committed = {(made.owner_id, made.version.dot)}
    assert adoption.run_once() == 0
    assert plane.workers.holders(copy.digest) == set()
    assert catalog.brought == []


def test_entries_of_all_owners_come_in_the_order_of_their_causes(
    plane: DataPlane, catalog: Catalog, adoption: Adoption
) -> None:
    first = entry("a")
    second = after(first)
    third = after(second)
    other = entry("b", owner=BOB)
    for one in (third, other, first, second):
        _left(plane, one)
    assert _wait(plane, adoption) == 4
    dots = _versions(catalog.brought)
    chain = [one.version.dot for one in (first, second, third)]
    assert [dot for dot in dots if dot in chain] == chain
    assert other.version.dot in dots


def test_one_whose_parent_is_nowhere_waits_longer_but_not_for_ever(
    plane: DataPlane, catalog: Catalog, adoption: Adoption
) -> None:
    child = after(entry())
    _left(plane, child)
    assert _wait(plane, adoption) == 0
    plane.clock.advance(PARENT_PATIENCE_SECONDS - PATIENCE_SECONDS)
    assert adoption.run_once() == 1
    assert _versions(catalog.brought) == [child.version.dot]


def test_one_whose_parent_is_committed_does_not(plane: DataPlane, catalog: Catalog, adoption: Adoption) -> None:
    first = entry()
    _left(plane, after(first))
    catalog.committed = {(first.owner_id, first.version.dot)}
    assert _wait(plane, adoption) == 1


@pytest.mark.parametrize("chunks", ["content", "manifest"])
def test_one_whose_bytes_lie_nowhere_is_kept_until_they_are_found(
    plane: DataPlane, catalog: Catalog, adoption: Adoption, chunks: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = entry()
    copy = _left(plane, made)
    missing = made.version.manifest if chunks == "manifest" else made.chunks[0].digest
    for worker_id in "ab":
        plane.workers[worker_id].lose(missing)
    assert _wait(plane, adoption) == 0
    assert adoption.run_once() == 0
    assert plane.workers.holders(copy.digest) == set("abc")
    assert caplog.text.count("an entry of a journal waits") == 1
    plane.workers["c"].frames[missing] = b"a frame"
    assert adoption.run_once() == 1


def test_one_that_does_not_name_its_chunks_is_never_adopted(
    plane: DataPlane, catalog: Catalog, adoption: Adoption
) -> None:
    one = frame()
    _left(plane, entry(brings=(one,)))
    assert _wait(plane, adoption, PARENT_PATIENCE_SECONDS) == 0
    assert catalog.brought == []


def test_while_the_catalog_is_away_patience_does_not_run_out(
    plane: DataPlane, catalog: Catalog, adoption: Adoption
) -> None:
    _left(plane, entry())
    catalog.down = True
    for _ in range(3):
        with pytest.raises(CatalogUnavailable):
            adoption.run_once()
        plane.clock.advance(PATIENCE_SECONDS)
    catalog.down = False
    plane.clock.advance(-1)
    assert adoption.run_once() == 0
    plane.clock.advance(1)
    assert adoption.run_once() == 1


def test_what_could_not_be_brought_keeps_its_copies(plane: DataPlane, catalog: Catalog, adoption: Adoption) -> None:
    copy = _left(plane, entry())
    catalog.refuses = True
    assert _wait(plane, adoption) == 0
    assert plane.workers.holders(copy.digest) == set("abc")
    catalog.refuses = False
    assert adoption.run_once() == 1


def test_a_clock_far_ahead_delays_nothing(plane: DataPlane, catalog: Catalog, adoption: Adoption) -> None:
    first = entry()
    ahead = after(first, created_at=plane.clock.now() + 10**15)
    _left(plane, ahead)
    _left(plane, first)
    assert _wait(plane, adoption) == 2


def test_what_is_no_entry_is_told_once_and_left(
    plane: DataPlane, catalog: Catalog, adoption: Adoption, caplog: pytest.LogCaptureFixture
) -> None:
    forged = plane.codec.encode(b"{}", kind=ChunkKind.ENTRY)
    rotten = _left(plane, entry(), on="ab")
    plane.workers["a"].store([forged])
    plane.workers["a"].corrupt(rotten.digest)
    assert _wait(plane, adoption) == 1
    assert adoption.run_once() == 0
    assert plane.workers.holders(forged.digest) == {"a"}
    assert caplog.text.count("cannot be read") == 2


def test_a_worker_that_does_not_answer_keeps_nobody_from_being_adopted(
    plane: DataPlane, catalog: Catalog, adoption: Adoption
) -> None:
    copy = _left(plane, entry(), chunks_on="abc")
    plane.workers["a"].fault = Fault.REFUSING
    assert _wait(plane, adoption) == 1
    assert plane.workers.holders(copy.digest) == {"a"}
    plane.workers["a"].fault = Fault.NONE
    adoption.run_once()
    assert plane.workers.holders(copy.digest) == set()


def test_without_copies_nobody_is_asked(plane: DataPlane, catalog: Catalog, adoption: Adoption) -> None:
    assert adoption.run_once() == 0
    assert catalog.asked == 0


def test_what_a_lost_host_acknowledged_is_in_the_catalog_whole_and_in_order(here: DataPlane, there: DataPlane) -> None:
    old = here.put("old", b"one").file
    alone(here, old)
    new = here.put("new", b"new").file
    second = here.put("old", b"two").file
    EntryCopies(here.journal, here.workers, here.members, here.codec, here.clock, wanted=3, largest=1 << 20).run_once()
    here.spooling.run_once()
    here.heal_catalog()
    adoption = Adoption(
        there.catalog.by_dot,
        there.workers,
        there.members,
        there.codec,
        lambda entries: there.reintegration.replay(entries).settled,
        there.clock,
        there.meters,
        wanted=3,
    )
    assert _wait(there, adoption) == 2
    assert living(there) == {"new": b"new", "old": b"two"}
    assert there.catalog.file(OWNER, new.id).head == new.head
    assert there.catalog.versions(OWNER, old.id) == [second.head, old.head]
    assert there.workers.listed(there.members.list[0], ChunkKind.ENTRY) == []
    assert back(here)[Fate.COMMITTED] == 2, "the host returned after all"
    assert living(here) == {"new": b"new", "old": b"two"}
