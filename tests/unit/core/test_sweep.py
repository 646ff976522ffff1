"""What one chunk lacks, and who makes it good."""

from __future__ import annotations

from dataclasses import replace

from echofs.core import placement
from echofs.core.chunking import digest_of
from echofs.core.models import Intent, Member
from echofs.core.sweep import Remedy, Standing, remedy
from tests.fakes.members import a_member

DIGEST = digest_of(b"chunk")
FIVE = tuple(a_member(worker_id) for worker_id in "abcde")


def standing(members: tuple[Member, ...] = FIVE, *, lost: str = "", unavailable: str = "", wanted: int = 3) -> Standing:
    return Standing(members, frozenset(lost), frozenset(unavailable), wanted)


def ranked(members: tuple[Member, ...], *, but: str) -> list[str]:
    """The workers in the order in which they should hold the chunk, without some."""
    return [one.worker_id for one in placement.order(members, DIGEST) if one.worker_id not in but]


def meant(members: tuple[Member, ...], worker_id: str, intent: Intent) -> tuple[Member, ...]:
    return tuple(replace(one, intent=intent) if one.worker_id == worker_id else one for one in members)


def test_a_chunk_on_enough_workers_lacks_nothing() -> None:
    assert remedy(DIGEST, "abc", "", standing()) == Remedy()


def test_what_is_owed_by_a_worker_that_stays_is_not_owed_twice() -> None:
    assert remedy(DIGEST, "ab", "c", standing()) == Remedy()


def test_the_next_workers_in_the_chunks_order_make_good_what_is_missing() -> None:
    assert remedy(DIGEST, "ab", "", standing()).owing == tuple(ranked(FIVE, but="ab")[:1])
    assert remedy(DIGEST, "a", "", standing()).owing == tuple(ranked(FIVE, but="a")[:2])


def test_others_stand_in_for_a_lost_worker_which_keeps_what_it_holds() -> None:
    found = remedy(DIGEST, "abc", "", standing(lost="c"))
    assert found == Remedy(owing=tuple(ranked(FIVE, but="abc")[:1]))


def test_a_lost_worker_is_excused_from_what_it_owes_once_another_owes_it() -> None:
    found = remedy(DIGEST, "ab", "c", standing(lost="c"))
    assert found == Remedy(owing=tuple(ranked(FIVE, but="abc")[:1]), excused=("c",))


def test_so_is_one_that_was_removed_and_that_nobody_knows() -> None:
    found = remedy(DIGEST, "ab", ["gone"], standing())
    assert (len(found.owing), found.excused) == (1, ("gone",))


def test_where_nobody_can_stand_in_everything_stays_as_it_is() -> None:
    three = FIVE[:3]
    assert remedy(DIGEST, "ab", "c", standing(three, lost="c")) == Remedy()
    assert remedy(DIGEST, "abc", "", standing(three, lost="c")) == Remedy()


def test_a_worker_that_does_not_answer_now_stands_in_only_if_no_other_can() -> None:
    first, *others = ranked(FIVE, but="ab")
    assert remedy(DIGEST, "ab", "", standing(unavailable=first)).owing == (others[0],)
    assert remedy(DIGEST, "ab", "", standing(FIVE, unavailable="cde")).owing == (first,)


def test_a_worker_being_emptied_is_relied_on_until_enough_others_hold_its_chunks() -> None:
    members = meant(FIVE, "c", Intent.DRAINING)
    begun = remedy(DIGEST, "abc", "", standing(members))
    assert (len(begun.owing), begun.relies_on) == (1, {"c"})
    under_way = remedy(DIGEST, "abc", begun.owing, standing(members))
    assert (under_way.owing, under_way.relies_on) == ((), {"c"})
    done = remedy(DIGEST, [*"abc", *begun.owing], "", standing(members))
    assert done == Remedy()


def test_what_a_worker_being_emptied_owes_is_owed_by_another() -> None:
    found = remedy(DIGEST, "ab", "c", standing(meant(FIVE, "c", Intent.DRAINING)))
    assert (len(found.owing), found.excused) == (1, ("c",))


def test_a_worker_that_takes_nothing_new_stands_in_for_nobody_but_counts_for_what_it_has() -> None:
    members = (*FIVE[:3], replace(FIVE[3], weight=0.0))
    assert remedy(DIGEST, "ab", "", standing(members)).owing == ("c",)
    assert remedy(DIGEST, "abd", "", standing(members)) == Remedy()


def test_stand_ins_are_excused_when_the_lost_worker_is_back() -> None:
    assert remedy(DIGEST, "abc", "d", standing()).excused == ("d",)


def test_a_chunk_of_which_one_replica_is_left_is_urgent() -> None:
    assert remedy(DIGEST, "abc", "", standing(lost="bc")).urgent
    assert not remedy(DIGEST, "abc", "", standing(lost="c")).urgent


def test_stand_ins_come_from_zones_that_have_none_yet() -> None:
    members = (*(a_member(worker_id, "here") for worker_id in "abcdefgh"), a_member("z", "there"))
    assert remedy(DIGEST, "ab", "", standing(members)).owing == ("z",)


def test_three_replicas_in_one_zone_are_not_enough_where_there_is_another() -> None:
    here = tuple(a_member(worker_id, "here") for worker_id in "abcd")
    assert remedy(DIGEST, "abc", "", standing(here)) == Remedy()
    both = (*here, a_member("z", "there"))
    assert remedy(DIGEST, "abc", "", standing(both)).owing == ("z",)
    assert remedy(DIGEST, "abc", "z", standing(both)) == Remedy()
    assert remedy(DIGEST, "abcz", "", standing(both)) == Remedy()
