"""What all chunks of a version have in common is never more than the worst of them has."""

from __future__ import annotations

from echofs.core.models import ChunkRecord
from echofs.services.tally import Tally
from tests.fakes.members import FakeMembers, a_member


def _record(*replicas: str, owed: tuple[str, ...] = ()) -> ChunkRecord:
    return ChunkRecord("0" * 64, 1, replicas, owed)


def test_the_tally_is_that_of_the_chunk_that_has_fewest() -> None:
    members = FakeMembers([a_member("a", "east"), a_member("b", "east"), a_member("c", "west")])
    tally = Tally(members.zones)
    tally.add(_record("a", "b", "c"))
    assert (tally.replicas, tally.zones, tally.workers, tally.owed) == (3, 2, {"a", "b", "c"}, 0)
    tally.add(_record("a", "b", owed=("c",)))
    assert (tally.replicas, tally.zones, tally.workers, tally.owed) == (2, 1, {"a", "b"}, 1)
    wider = tally.including([_record("a", owed=("b", "c"))])
    assert (wider.replicas, wider.zones, wider.workers, wider.owed) == (1, 1, {"a"}, 3)
    assert (tally.replicas, tally.owed) == (2, 1)


def test_the_tally_of_nothing_claims_nothing() -> None:
    tally = Tally(dict)
    assert (tally.replicas, tally.zones, tally.workers, tally.owed) == (0, 0, frozenset(), 0)


def test_a_worker_that_joins_during_an_upload_counts_with_its_zone() -> None:
    members = FakeMembers([a_member("a"), a_member("b")])
    tally = Tally(members.zones)
    tally.add(_record("a", "b"))
    members.list.append(a_member("c"))
    tally.add(_record("a", "c"))
    assert tally.zones == 2


def test_a_worker_nobody_knows_any_more_counts_for_no_zone() -> None:
    tally = Tally(lambda: {"a": "east"})
    tally.add(_record("a", "gone"))
    assert (tally.replicas, tally.zones) == (2, 1)
