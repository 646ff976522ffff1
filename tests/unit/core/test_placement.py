"""Every master must come to the same order, and a change of members must move little."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core import placement
from echofs.core.models import Intent, Member, MemberState

DIGESTS = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(4000)]

digests = st.binary(max_size=8).map(lambda data: hashlib.sha256(data).hexdigest())
clusters = st.lists(
    st.builds(
        Member,
        worker_id=st.text("abcdef0123456789-", min_size=1, max_size=8),
        url=st.just("http://127.0.0.1:1"),
        zone=st.sampled_from(["a", "b", "c"]),
        weight=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    ),
    max_size=9,
    unique_by=lambda member: member.worker_id,
)


def member(name: str, zone: str = "z", weight: float = 1.0) -> Member:
    return Member(worker_id=name, url=f"http://{name}:1", zone=zone, weight=weight)


def names(members: list[Member]) -> list[str]:
    return [one.worker_id for one in members]


@given(clusters, digests, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_how_members_are_listed(
    members: list[Member], digest: str, chance: random.Random
) -> None:
    shuffled = list(members)
    chance.shuffle(shuffled)
    assert placement.order(shuffled, digest) == placement.order(members, digest)


@given(clusters, digests)
def test_every_weighted_worker_is_listed_once_and_no_other(members: list[Member], digest: str) -> None:
    listed = names(placement.order(members, digest))
    assert sorted(listed) == sorted(one.worker_id for one in members if one.weight > 0)


@given(clusters, digests)
def test_no_zone_is_used_a_second_time_before_all_were_used_once(members: list[Member], digest: str) -> None:
    rounds: list[int] = []
    seen: Counter[str] = Counter()
    for one in placement.order(members, digest):
        seen[one.zone] += 1
        rounds.append(seen[one.zone])
    assert rounds == sorted(rounds)


@given(clusters, digests, st.integers(1, 4), st.data())
def test_a_worker_that_leaves_moves_only_its_own_chunks(
    members: list[Member], digest: str, copies: int, data: st.DataObject
) -> None:
    before = names(placement.order(members, digest))
    if not before:
        return
    leaving = data.draw(st.sampled_from(before))
    after = names(placement.order([one for one in members if one.worker_id != leaving], digest))
    assert leaving not in after
    assert set(before[:copies]) - {leaving} <= set(after[:copies])
    if leaving not in before[:copies]:
        assert after[:copies] == before[:copies]


def test_in_one_zone_a_leaving_worker_changes_nobody_elses_rank() -> None:
    members = [member(f"w{number}") for number in range(6)]
    for digest in DIGESTS[:300]:
        before = names(placement.order(members, digest))
        after = names(placement.order([one for one in members if one.worker_id != "w3"], digest))
        assert after == [name for name in before if name != "w3"]


def test_shares_follow_the_weights() -> None:
    members = [member("a", weight=1.0), member("b", weight=2.0), member("c", weight=5.0)]
    first = Counter(placement.order(members, digest)[0].worker_id for digest in DIGESTS)
    for one in members:
        expected = one.weight / 8
        # Five standard deviations of a binomial share: the digests are fixed, so this can never flicker.
        tolerance = 5 * math.sqrt(expected * (1 - expected) / len(DIGESTS))
        assert first[one.worker_id] / len(DIGESTS) == pytest.approx(expected, abs=tolerance)


def test_a_weight_of_nothing_takes_nothing() -> None:
    members = [member("a"), member("b", weight=0.0), member("c", weight=-1.0), member("d", weight=math.nan)]
    assert all(names(placement.order(members, digest)) == ["a"] for digest in DIGESTS[:50])


def test_raising_a_weight_only_draws_chunks_to_that_worker() -> None:
    before = [member("a"), member("b"), member("c")]
    after = [replace(before[0], weight=2.0), *before[1:]]
    for digest in DIGESTS[:500]:
        old, new = placement.order(before, digest)[0], placement.order(after, digest)[0]
        assert new.worker_id in (old.worker_id, "a")


@pytest.mark.parametrize("raw", [b"\xff" * 8, b"\0" * 8, b"\xff" * 7 + b"\xfe"])
def test_the_outermost_hash_values_still_have_a_finite_score(raw: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fixed:
        def digest(self) -> bytes:
            return raw

    monkeypatch.setattr(placement.hashlib, "blake2b", lambda *_, **__: Fixed())
    assert 0 < placement.score(member("a"), DIGESTS[0]) < math.inf


def test_zones_of_leaves_out_workers_nobody_knows() -> None:
    members = [member("a", "x"), member("b", "y"), member("c", "y")]
    assert placement.zones_of(members, ["a", "b", "c", "gone"]) == {"x", "y"}
    assert placement.zones_of(members, []) == set()


@given(clusters, digests, st.sampled_from([Intent.DRAINING, Intent.GONE]))
def test_workers_to_be_emptied_or_removed_take_nothing_and_the_others_keep_their_order(
    members: list[Member], digest: str, intent: Intent
) -> None:
    leaving = {one.worker_id for one in members[::2]}
    marked = [replace(one, intent=intent) if one.worker_id in leaving else one for one in members]
    staying = [one for one in members if one.worker_id not in leaving]
    assert names(placement.order(marked, digest)) == names(placement.order(staying, digest))


@given(clusters, digests)
def test_joining_workers_come_after_all_others(members: list[Member], digest: str) -> None:
    newcomers = {one.worker_id for one in members[::2]}
    marked = [replace(one, state=MemberState.JOINING) if one.worker_id in newcomers else one for one in members]
    order = names(placement.order(marked, digest))
    assert order == sorted(order, key=lambda worker_id: worker_id in newcomers)
    assert sorted(order) == sorted(names(placement.order(members, digest)))
