"""One chunk on its way: any order of answers ends well or for a reason."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from echofs.core.consistency import DEMANDS, quorum_met
from echofs.core.models import Level
from echofs.core.replication import ChunkWrite

DIGEST = "00" * 32
ZONES = {"a1": "a", "b1": "b", "c1": "c", "a2": "a", "b2": "b"}
PLACEMENT = list(ZONES)


def write(
    candidates: list[str] = PLACEMENT,
    wanted: int = 3,
    unavailable: frozenset[str] = frozenset(),
    level: Level = Level.STRONG,
) -> ChunkWrite:
    return ChunkWrite(DIGEST, candidates, wanted, unavailable=unavailable, level=level)


def test_the_first_workers_in_placement_order_are_asked_at_once() -> None:
    chunk = write()
    assert chunk.next_workers(ZONES) == ["a1", "b1", "c1"]
    assert chunk.pending == {"a1", "b1", "c1"}
    assert chunk.next_workers(ZONES) == []


def test_two_replicas_in_two_zones_are_safe_and_the_third_is_owed_until_it_comes() -> None:
    chunk = write()
    chunk.next_workers(ZONES)
    chunk.on_stored("a1")
    assert not chunk.satisfied(ZONES)
    assert chunk.owed() == ["b1", "c1"]
    chunk.on_stored("c1")
    assert chunk.satisfied(ZONES)
    assert not chunk.settled
    assert chunk.owed() == ["b1"]
    chunk.on_stored("b1")
    assert chunk.settled
    assert chunk.owed() == []


def test_hybrid_is_satisfied_with_one_worker_and_asks_one_believed_to_be_down_only_for_want_of_others() -> None:
    chunk = write(["a1", "b1", "c1"], unavailable=frozenset({"b1", "c1"}), level=Level.HYBRID)
    assert chunk.next_workers(ZONES) == ["a1"]
    assert not chunk.satisfied(ZONES)
    chunk.on_failed("a1")
    assert chunk.next_workers(ZONES) == ["b1"]
    chunk.on_stored("b1")
    assert chunk.satisfied(ZONES)
    assert chunk.enough(ZONES)
    assert not chunk.satisfied(ZONES, Level.STRONG)
    assert chunk.owed() == ["a1", "c1"]


def test_available_is_satisfied_with_nobody_and_waits_for_what_saves_the_spool() -> None:
    chunk = write(["a1", "b1", "c1"], unavailable=frozenset({"c1"}), level=Level.AVAILABLE)
    assert chunk.satisfied(ZONES)
    assert chunk.next_workers(ZONES) == ["a1", "b1"]
    chunk.on_stored("a1")
    assert not chunk.enough(ZONES)
    chunk.on_stored("b1")
    assert chunk.enough(ZONES)
    alone = write(["a1"], unavailable=frozenset({"a1"}), level=Level.AVAILABLE)
    assert alone.next_workers(ZONES) == []
    assert alone.settled


def test_strong_waits_for_the_remaining_replicas_a_moment_longer() -> None:
    chunk = write()
    chunk.next_workers(ZONES)
    chunk.on_stored("a1")
    chunk.on_stored("b1")
    assert chunk.satisfied(ZONES)
    assert not chunk.enough(ZONES)


def test_a_stand_in_takes_the_place_of_a_worker_that_fails() -> None:
    chunk = write()
    chunk.next_workers(ZONES)
    chunk.on_failed("b1")
    assert chunk.next_workers(ZONES) == ["a2"]
    for worker in ("a1", "c1", "a2"):
        chunk.on_stored(worker)
    assert chunk.acknowledged == ["a1", "c1", "a2"]
    assert chunk.owed() == []


def test_workers_believed_to_be_down_are_owed_rather_than_tried() -> None:
    chunk = write(["a1", "b1", "c1"], unavailable=frozenset({"b1"}))
    assert chunk.next_workers(ZONES) == ["a1", "c1"]
    chunk.on_stored("a1")
    chunk.on_stored("c1")
    assert chunk.settled
    assert chunk.owed() == ["b1"]


def test_workers_believed_to_be_down_are_tried_when_the_others_are_too_few() -> None:
    chunk = write(["a1", "b1", "c1"], unavailable=frozenset({"a1", "b1"}))
    assert chunk.next_workers(ZONES) == ["c1", "a1"]
    chunk.on_failed("a1")
    assert chunk.next_workers(ZONES) == ["b1"]


def test_workers_believed_to_be_down_are_tried_when_all_are() -> None:
    chunk = write(["a1", "b1"], unavailable=frozenset({"a1", "b1"}))
    assert chunk.next_workers(ZONES) == ["a1", "b1"]


def test_a_zone_believed_to_be_down_is_tried_when_the_rest_lies_in_one_zone() -> None:
    zones = {"a1": "a", "b1": "b", "a2": "a", "a3": "a"}
    chunk = write(list(zones), unavailable=frozenset({"b1"}))
    assert chunk.next_workers(zones) == ["a1", "a2", "a3", "b1"]


def test_a_failed_zone_gets_a_stand_in_from_the_same_zone_before_more_of_the_other() -> None:
    zones = {"a1": "a", "b1": "b", "a2": "a", "a3": "a", "b2": "b"}
    chunk = write(list(zones), wanted=2)
    assert chunk.next_workers(zones) == ["a1", "b1"]
    chunk.on_failed("b1")
    assert chunk.next_workers(zones) == ["a2", "b2"]


def test_no_more_is_written_to_the_only_zone_left_than_was_wanted() -> None:
    zones = {"a1": "a", "b1": "b", "a2": "a", "a3": "a", "a4": "a", "a5": "a"}
    chunk = write(list(zones))
    chunk.next_workers(zones)
    chunk.on_failed("b1")
    assert chunk.next_workers(zones) == ["a3"]
    for worker in chunk.pending:
        chunk.on_stored(worker)
    assert chunk.settled
    assert not chunk.satisfied(zones)
    assert chunk.next_workers(zones) == []


def test_a_cluster_of_one_zone_needs_only_two_workers() -> None:
    zones = {"w1": "z", "w2": "z", "w3": "z"}
    chunk = write(list(zones))
    chunk.next_workers(zones)
    chunk.on_stored("w1")
    chunk.on_stored("w3")
    assert chunk.satisfied(zones)


def test_where_the_quorum_needs_one_better_left_alone_those_down_come_last() -> None:
    avoided, down = frozenset({"a1", "b1", "c1"}), frozenset({"a1"})
    chunk = ChunkWrite(DIGEST, ["a1", "b1", "c1"], 3, unavailable=avoided, down=down)
    assert chunk.next_workers(ZONES) == ["b1", "c1"]


def test_a_hedge_asks_those_left_alone_too() -> None:
    chunk = ChunkWrite(DIGEST, ["a1", "b1", "c1"], 3, unavailable=frozenset({"a1", "b1"}))
    assert chunk.next_workers(ZONES) == ["c1", "a1"]
    assert chunk.hedge() == ["b1"]
    assert chunk.hedge() == []


def test_a_hedge_asks_one_more_worker_until_none_is_left() -> None:
    chunk = write(["a1", "b1", "c1", "a2"], wanted=3)
    chunk.next_workers(ZONES)
    assert chunk.hedge() == ["a2"]
    assert chunk.hedge() == []


def test_a_late_acknowledgement_of_a_worker_given_up_counts() -> None:
    chunk = write()
    chunk.next_workers(ZONES)
    chunk.on_failed("a1")
    chunk.on_stored("a1")
    chunk.on_stored("a1")
    assert chunk.acknowledged == ["a1"]


def test_without_candidates_nothing_is_tried_and_nothing_owed() -> None:
    chunk = write([])
    assert chunk.next_workers({}) == []
    assert chunk.settled
    assert not chunk.satisfied({})
    assert chunk.owed() == []


class ChunkWriteMachine(RuleBasedStateMachine):
    """Workers answer in any order, hedges come at any time, answers repeat."""

    @initialize(
        zones=st.lists(st.sampled_from("abc"), min_size=1, max_size=7),
        wanted=st.integers(2, 4),
        down=st.sets(st.integers(0, 6)),
    )
    def begin(self, zones: list[str], wanted: int, down: set[int]) -> None:
        self.zones = {f"w{number}": zone for number, zone in enumerate(zones)}
        self.wanted = wanted
        unavailable = frozenset(f"w{number}" for number in down)
        self.chunk = ChunkWrite(DIGEST, list(self.zones), wanted, unavailable=unavailable)
        self.asked: list[str] = []
        self.answered: set[str] = set()
        self.ask(self.chunk.next_workers(self.zones))

    def ask(self, workers: list[str]) -> None:
        assert not set(workers) & set(self.asked), "a worker was asked twice"
        assert len(workers) == len(set(workers))
        self.asked.extend(workers)

    @precondition(lambda self: self.chunk.pending)
    @rule(data=st.data())
    def stored(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.chunk.pending)))
        self.chunk.on_stored(worker)
        self.answered.add(worker)

    @precondition(lambda self: self.chunk.pending)
    @rule(data=st.data())
    def failed(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(sorted(self.chunk.pending)))
        self.chunk.on_failed(worker)
        self.answered.add(worker)
        self.ask(self.chunk.next_workers(self.zones))

    @precondition(lambda self: self.answered)
    @rule(data=st.data())
    def repeated(self, data: st.DataObject) -> None:
        self.chunk.on_stored(data.draw(st.sampled_from(sorted(self.chunk.acknowledged or self.answered))))

    @rule()
    def hedged(self) -> None:
        self.ask(self.chunk.hedge())

    @invariant()
    def awaits_only_whom_it_asked(self) -> None:
        assert self.chunk.pending == set(self.asked) - self.answered
        assert self.chunk.settled == (not self.chunk.pending)

    @invariant()
    def acknowledges_each_worker_once(self) -> None:
        acknowledged = self.chunk.acknowledged
        assert len(acknowledged) == len(set(acknowledged))
        assert set(acknowledged) <= self.answered

    @invariant()
    def owes_what_is_missing_and_nothing_that_is_there(self) -> None:
        owed, acknowledged = self.chunk.owed(), self.chunk.acknowledged
        assert not set(owed) & set(acknowledged)
        assert len(owed) == len(set(owed))
        assert len(owed) == min(max(self.wanted - len(acknowledged), 0), len(self.zones) - len(acknowledged))

    @invariant()
    def gives_up_only_when_no_untried_worker_could_help(self) -> None:
        if not self.chunk.settled or self.chunk.satisfied(self.zones):
            return
        untried = set(self.zones) - set(self.asked)
        acknowledged = self.chunk.acknowledged
        assert len(acknowledged) >= DEMANDS[Level.STRONG].replicas or not untried
        assert not quorum_met([*acknowledged, *untried], self.zones)


TestChunkWrite = ChunkWriteMachine.TestCase
TestChunkWrite.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
