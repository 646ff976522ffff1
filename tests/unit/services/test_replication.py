"""Chunks on their way to the workers: what is acknowledged, what is owed, and that nothing hangs or leaks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from echofs.adapters.frames import Lz4Codec
from echofs.core import placement
from echofs.core.errors import ClusterFull, TooFewReplicas, Unavailable
from echofs.core.models import Member
from echofs.ports.chunks import Frame
from echofs.services import lanes, replication
from echofs.services.cluster import Call
from echofs.services.lanes import BATCH_CHUNKS, BATCHES_IN_FLIGHT
from echofs.services.memory import MemoryBudget
from echofs.services.pending import DEADLINE_SECONDS, PendingChunk
from echofs.services.replication import (
    GRACE_SECONDS,
    HEDGE_SECONDS,
    STRAGGLER_SECONDS,
    Replicator,
)
from tests.fakes.clock import FakeClock
from tests.fakes.members import FakeMembers, a_member
from tests.fakes.meters import FakeMeters
from tests.fakes.workers import FakeWorkers, Fault

CODEC = Lz4Codec(1 << 20)
LIMIT = 1 << 20
GRACE = GRACE_SECONDS * 1.01


class Bench:
    """A replicator among fakes; :meth:`turn` is the thread's work done by hand."""

    def __init__(self, members: Sequence[Member], *, wanted: int = 3, clock_runs: bool = False) -> None:
        self.clock = FakeClock()
        self.members = FakeMembers(members)
        self.workers = FakeWorkers([m.worker_id for m in members], self.clock if clock_runs else None)
        self.budget = MemoryBudget(LIMIT)
        self.meters = FakeMeters()
        self.replicator = Replicator(self.workers, self.members, self.budget, self.clock, self.meters, wanted=wanted)

    def submit(self, plain: bytes = b"some bytes") -> PendingChunk:
        return self.replicator.submit(CODEC.encode(plain))

    def turn(self, times: int = 2) -> None:
        """Each round sends what is decided and reads what was answered, so that two rounds settle a simple write."""
        for _ in range(times):
            self.replicator._loop.turn(0)

    def later(self, seconds: float, times: int = 3) -> None:
        self.clock.advance(seconds)
        self.turn(times)

    def order(self, plain: bytes = b"some bytes") -> list[str]:
        """The workers in the order in which they should hold a chunk."""
        return [m.worker_id for m in placement.order(self.members.list, CODEC.encode(plain).digest)]

    def all_released(self) -> bool:
        """Whether the whole budget can be had, waiting for the thread if need be."""
        self.budget.acquire(LIMIT, timeout=10)
        self.budget.release(LIMIT)
        return self.budget.held == 0


THREE = [a_member("a"), a_member("b"), a_member("c")]
FOUR = [*THREE, a_member("d")]


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The replication thread never starts: the test takes its turns."""
    monkeypatch.setattr(replication._ReplicationLoop, "start", lambda loop: None)


@pytest.fixture
def stopping() -> Iterator[list[Replicator]]:
    started: list[Replicator] = []
    yield started
    for replicator in started:
        replicator.stop()


# --- what is acknowledged -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_hand")
def test_a_healthy_write_has_all_replicas_and_owes_nothing() -> None:
    bench = Bench(FOUR)
    chunk = bench.submit()
    assert not chunk.resolved
    bench.turn()
    chunk.wait()
    record = chunk.record()
    assert set(record.replicas) == set(bench.order()[:3]) == bench.workers.holders(record.digest)
    assert (record.size, record.owed) == (10, ())
    assert bench.budget.held == 0
    assert bench.meters.totals["chunk_acknowledgements"] == 3
    assert set(bench.members.successes) == set(record.replicas)


@pytest.mark.usefixtures("by_hand")
def test_two_of_three_are_enough_after_the_grace_time_and_the_third_is_owed() -> None:
    bench = Bench(THREE)
    bench.workers["c"].fault = Fault.SLOW
    chunk = bench.submit()
    bench.turn()
    assert not chunk.resolved
    bench.later(GRACE)
    chunk.wait()
    record = chunk.record()
    assert (set(record.replicas), record.owed) == ({"a", "b"}, ("c",))


@pytest.mark.usefixtures("by_hand")
def test_a_replica_acknowledged_after_the_record_is_handed_out_once() -> None:
    bench = Bench(THREE)
    bench.workers["c"].fault = Fault.SLOW
    chunk = bench.submit()
    bench.turn()
    bench.later(GRACE)
    digest = chunk.record().digest
    assert bench.replicator.take_late() == {}
    assert bench.budget.held > 0
    bench.workers.release("c")
    bench.turn()
    assert bench.replicator.take_late() == {"c": [digest]}
    assert bench.replicator.take_late() == {}
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_a_replica_acknowledged_before_the_record_is_in_it_and_not_late() -> None:
    bench = Bench(THREE)
    bench.workers["c"].fault = Fault.SLOW
    chunk = bench.submit()
    bench.turn()
    bench.later(GRACE)
    bench.workers.release("c")
    bench.turn()
    assert set(chunk.record().replicas) == {"a", "b", "c"}
    assert chunk.record().owed == ()
    assert bench.replicator.take_late() == {}


@pytest.mark.usefixtures("by_hand")
def test_a_replica_stored_while_the_record_is_being_made_is_never_both_held_and_owed() -> None:
    bench = Bench(THREE)
    bench.workers["c"].fault = Fault.SLOW
    chunk = bench.submit()
    bench.turn()
    bench.later(GRACE)
    owed = chunk.write.owed

    def acknowledged_meanwhile() -> list[str]:
        found = owed()
        bench.workers.release("c")
        bench.turn()
        return found

    chunk.write.owed = acknowledged_meanwhile  # type: ignore[method-assign]
    record = chunk.record()
    assert set(record.replicas) | set(record.owed) == {"a", "b", "c"}
    assert set(record.replicas) & set(record.owed) == set()


@pytest.mark.usefixtures("by_hand")
def test_a_straggler_is_given_up_and_its_bytes_are_let_go() -> None:
    bench = Bench(THREE)
    bench.workers["c"].fault = Fault.SILENT
    chunk = bench.submit()
    bench.turn()
    bench.later(GRACE)
    chunk.wait()
    assert bench.budget.held > 0
    bench.later(STRAGGLER_SECONDS)
    assert bench.budget.held == 0
    assert chunk.record().owed == ("c",)
    assert bench.members.failures == ["c"]
    assert bench.meters.count("replica_failures", worker="c", reason="unreachable") == 1


# --- stand-ins ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_hand")
@pytest.mark.parametrize("fault", [Fault.DOWN, Fault.FULL, Fault.REFUSING])
def test_a_worker_that_fails_is_replaced_by_the_next_in_order(fault: Fault) -> None:
    bench = Bench(FOUR)
    first, second, third, stand_in = bench.order()
    bench.workers[first].fault = fault
    chunk = bench.submit()
    bench.turn(3)
    chunk.wait()
    record = chunk.record()
    assert set(record.replicas) == {second, third, stand_in}
    assert record.owed == ()
    assert bench.members.failures == ([first] if fault is Fault.DOWN else [])
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_a_worker_believed_down_is_not_tried_and_owes_nothing_when_a_stand_in_took_over() -> None:
    bench = Bench(FOUR)
    first, *others = bench.order()
    bench.members.down = {first}
    chunk = bench.submit()
    bench.turn()
    assert set(chunk.record().replicas) == set(others)
    assert bench.workers[first].batches == []


@pytest.mark.usefixtures("by_hand")
def test_a_worker_believed_down_owes_a_replica_when_there_is_no_stand_in() -> None:
    bench = Bench(THREE)
    bench.members.down = {"b"}
    chunk = bench.submit()
    bench.turn()
    record = chunk.record()
    assert (set(record.replicas), record.owed) == ({"a", "c"}, ("b",))
    assert bench.workers["b"].batches == []


@pytest.mark.usefixtures("by_hand")
def test_workers_believed_down_are_tried_when_the_quorum_cannot_be_met_without_them() -> None:
    bench = Bench(THREE)
    bench.members.down = {"a", "b"}
    chunk = bench.submit()
    bench.turn(4)
    chunk.wait()
    record = chunk.record()
    assert "c" in record.replicas
    assert len(record.replicas) == 2


@pytest.mark.usefixtures("by_hand")
def test_a_cluster_believed_wholly_down_is_tried_rather_than_despaired_of() -> None:
    bench = Bench(THREE)
    bench.members.down = {"a", "b", "c"}
    chunk = bench.submit()
    bench.turn(4)
    chunk.wait()
    assert len(chunk.record().replicas) >= 2


@pytest.mark.usefixtures("by_hand")
def test_after_half_a_second_without_a_quorum_a_stand_in_is_asked_as_well() -> None:
    bench = Bench(FOUR)
    first, second, third, stand_in = bench.order()
    bench.workers[second].fault = bench.workers[third].fault = Fault.SILENT
    chunk = bench.submit()
    bench.later(HEDGE_SECONDS - 0.01)
    assert bench.workers[stand_in].batches == []
    bench.later(0.02)
    bench.later(GRACE)
    chunk.wait()
    record = chunk.record()
    assert set(record.replicas) == {first, stand_in}
    assert record.owed == (second,)
    bench.later(STRAGGLER_SECONDS)
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_a_stand_in_is_hedged_once_only() -> None:
    bench = Bench([*FOUR, a_member("e")])
    _, second, third, fourth, fifth = bench.order()
    for worker_id in (second, third, fourth):
        bench.workers[worker_id].fault = Fault.SILENT
    bench.submit()
    bench.later(HEDGE_SECONDS)
    bench.later(HEDGE_SECONDS)
    assert len(bench.workers[fourth].batches) == 1
    assert bench.workers[fifth].batches == []


# --- zones --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_hand")
def test_two_replicas_in_one_zone_are_no_quorum_where_there_are_two_zones() -> None:
    bench = Bench([a_member("a", "east"), a_member("b", "east"), a_member("c", "west")])
    bench.workers["c"].fault = Fault.DOWN
    chunk = bench.submit()
    bench.turn(3)
    with pytest.raises(TooFewReplicas, match="2 made the data durable"):
        chunk.wait()
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_two_replicas_in_the_only_zone_are_a_quorum() -> None:
    bench = Bench([a_member("a", "east"), a_member("b", "east"), a_member("c", "east")])
    bench.workers["c"].fault = Fault.DOWN
    chunk = bench.submit()
    bench.turn(3)
    chunk.wait()
    assert chunk.record().owed == ("c",)


@pytest.mark.usefixtures("by_hand")
def test_a_second_zone_is_sought_when_all_first_choices_lie_in_one() -> None:
    members = [a_member("a1", "east"), a_member("a2", "east"), a_member("b1", "west"), a_member("b2", "west")]
    bench = Bench(members, wanted=2)
    preferred = next(worker for worker in bench.order() if worker.startswith("b"))
    bench.members.down = {preferred}
    chunk = bench.submit()
    bench.turn(4)
    chunk.wait()
    held = chunk.record().replicas
    assert {worker[0] for worker in held} == {"a", "b"}


@pytest.mark.usefixtures("by_hand")
def test_the_only_worker_of_the_other_zone_is_tried_though_believed_down() -> None:
    bench = Bench([a_member("a", "east"), a_member("b", "east"), a_member("c", "west")])
    bench.members.down = {"c"}
    chunk = bench.submit()
    bench.turn(4)
    chunk.wait()
    assert set(chunk.record().replicas) == {"a", "b", "c"}


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_hand")
def test_a_cluster_that_is_full_says_so() -> None:
    bench = Bench(THREE)
    for worker_id in "abc":
        bench.workers[worker_id].fault = Fault.FULL
    chunk = bench.submit()
    bench.turn(3)
    with pytest.raises(ClusterFull):
        chunk.wait()
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_one_worker_left_is_too_few_and_the_error_counts_what_was_made() -> None:
    bench = Bench(THREE)
    bench.workers["a"].fault = bench.workers["b"].fault = Fault.DOWN
    chunk = bench.submit()
    bench.turn(3)
    with pytest.raises(TooFewReplicas, match="1 made the data durable") as refused:
        chunk.wait()
    assert refused.value.retry_after == 2
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_without_members_a_write_fails_at_once() -> None:
    bench = Bench([])
    chunk = bench.submit()
    bench.turn(1)
    with pytest.raises(TooFewReplicas):
        chunk.wait()
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_silence_ends_at_the_deadline() -> None:
    bench = Bench(THREE)
    for worker_id in "abc":
        bench.workers[worker_id].fault = Fault.SILENT
    chunk = bench.submit()
    bench.later(DEADLINE_SECONDS - 0.01)
    assert not chunk.resolved
    bench.later(0.02)
    with pytest.raises(TooFewReplicas):
        chunk.wait()
    assert bench.budget.held == 0
    assert not bench.replicator._loop._open


@pytest.mark.usefixtures("by_hand")
def test_a_chunk_whose_thread_is_gone_ends_as_an_expected_error() -> None:
    bench = Bench(THREE)
    with pytest.raises(TooFewReplicas):
        bench.submit().wait(seconds=0)


@pytest.mark.usefixtures("by_hand")
def test_a_budget_that_is_used_up_refuses_the_next_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(THREE)
    monkeypatch.setattr(replication, "DEADLINE_SECONDS", 0)
    bench.budget.acquire(LIMIT, timeout=0)
    with pytest.raises(Unavailable, match="Too many uploads"):
        bench.submit()
    assert bench.budget.held == LIMIT


# --- members that come and go -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_hand")
def test_a_worker_that_leaves_before_it_is_sent_anything_is_replaced() -> None:
    bench = Bench(FOUR)
    first, *others = bench.order()
    chunk = bench.submit()
    bench.members.remove(first)
    bench.turn(4)
    chunk.wait()
    assert set(chunk.record().replicas) == set(others)
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_a_worker_that_leaves_while_it_stores_does_not_count_for_the_quorum() -> None:
    bench = Bench(FOUR)
    first, second, third, _ = bench.order()
    for worker_id in (first, second, third):
        bench.workers[worker_id].fault = Fault.SLOW
    chunk = bench.submit()
    bench.turn()
    bench.members.remove(first)
    bench.workers.release(first)
    bench.workers.release(second)
    bench.later(GRACE)
    assert not chunk.resolved
    bench.workers.release(third)
    bench.turn()
    chunk.wait()
    assert set(chunk.record().replicas) == {first, second, third}


# --- batches ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_hand")
def test_chunks_that_wait_for_one_worker_travel_together_and_in_order() -> None:
    bench = Bench(THREE)
    chunks = [bench.submit(b"%d" % number) for number in range(5)]
    bench.turn()
    digests = [chunk.write.digest for chunk in chunks]
    assert all(bench.workers[worker_id].batches == [digests] for worker_id in "abc")
    assert all(chunk.resolved for chunk in chunks)


@pytest.mark.usefixtures("by_hand")
def test_small_chunks_wait_for_the_answer_to_the_batch_before() -> None:
    bench = Bench(THREE)
    for worker_id in "abc":
        bench.workers[worker_id].fault = Fault.SLOW
    bench.submit(b"first")
    bench.turn()
    for number in range(5):
        bench.submit(b"%d" % number)
        bench.turn(1)
    assert [len(batch) for batch in bench.workers["a"].batches] == [1]
    for worker_id in "abc":
        bench.workers.release(worker_id)
    bench.turn()
    assert [len(batch) for batch in bench.workers["a"].batches] == [1, 5]


@pytest.mark.usefixtures("by_hand")
def test_batches_and_their_number_in_flight_are_bounded() -> None:
    bench = Bench(THREE)
    for worker_id in "abc":
        bench.workers[worker_id].fault = Fault.SLOW
    chunks = [bench.submit(b"%d" % number) for number in range(BATCH_CHUNKS * (BATCHES_IN_FLIGHT + 1) + 1)]
    bench.turn()
    assert [len(batch) for batch in bench.workers["a"].batches] == [BATCH_CHUNKS] * BATCHES_IN_FLIGHT
    for _ in range(3):
        for worker_id in "abc":
            bench.workers.release(worker_id)
        bench.turn()
    assert [len(batch) for batch in bench.workers["a"].batches] == [BATCH_CHUNKS] * (BATCHES_IN_FLIGHT + 1) + [1]
    assert all(chunk.resolved for chunk in chunks)
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_the_bytes_of_a_batch_are_bounded_but_one_large_chunk_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(THREE)
    monkeypatch.setattr(lanes, "BATCH_BYTES", 140)
    monkeypatch.setattr(lanes, "LARGE_BATCH_BYTES", 1)
    for size in (1, 2, 3, 300, 4):
        bench.submit(bytes(range(256)) * 2 if size == 300 else b"x" * size)
    bench.turn(1)
    assert [len(batch) for batch in bench.workers["a"].batches] == [2, 1, 1]
    bench.turn()
    assert [len(batch) for batch in bench.workers["a"].batches] == [2, 1, 1, 1]


@pytest.mark.usefixtures("by_hand")
def test_the_same_chunk_twice_at_once_is_acknowledged_twice() -> None:
    bench = Bench(THREE)
    first, second = bench.submit(b"same"), bench.submit(b"same")
    bench.turn()
    first.wait()
    second.wait()
    assert first.record() == second.record()
    assert bench.budget.held == 0


@pytest.mark.usefixtures("by_hand")
def test_chunks_queued_behind_a_dead_worker_go_to_their_stand_ins_at_once() -> None:
    bench = Bench(FOUR)
    bench.workers["a"].fault = Fault.SILENT
    chunks = [bench.submit(b"%d" % number) for number in range(BATCH_CHUNKS * 8)]
    bench.turn()
    bench.replicator._loop._exchange.abandon("a")
    bench.workers["a"].fault = Fault.DOWN
    bench.turn(8)
    assert all(chunk.resolved for chunk in chunks)
    assert all(len(chunk.record().replicas) == 3 for chunk in chunks)
    assert bench.budget.held == 0


# --- unexpected errors --------------------------------------------------------------------------------------------


def test_an_unexpected_error_fails_the_chunks_under_way_and_the_thread_lives_on(
    stopping: list[Replicator], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(THREE)
    stopping.append(bench.replicator)

    def broken(loop: replication._ReplicationLoop, chunk: PendingChunk, now: float) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        patched.setattr(replication._ReplicationLoop, "_review", broken)
        chunk = bench.submit()
        with pytest.raises(Unavailable):
            chunk.wait()
    assert "a bug" in caplog.text
    assert bench.all_released()
    again = bench.submit(b"after the bug")
    again.wait()
    assert len(again.record().replicas) >= 2
    assert bench.all_released()
    assert [exchange.closed for exchange in bench.workers.exchanges] == [True, False]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_against_all_expectation_fails_what_is_under_way_and_is_replaced(
    stopping: list[Replicator], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(THREE)
    stopping.append(bench.replicator)
    bench.submit(b"to start it").wait()
    loop = bench.replicator._loop

    def leave(loop: replication._ReplicationLoop, chunk: PendingChunk, now: float) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(replication._ReplicationLoop, "_review", leave)
        chunk = bench.submit()
        with pytest.raises(Unavailable, match="broke off"):
            chunk.wait()
        loop.join(10)
    assert bench.all_released()
    bench.submit().wait()
    assert bench.all_released()


def test_a_worker_that_cannot_even_be_sent_to_is_a_failed_worker_and_no_more(stopping: list[Replicator]) -> None:
    bench = Bench(FOUR)
    stopping.append(bench.replicator)
    first, *others = bench.order()

    def no_such_address(member: Member, frames: Sequence[Frame]) -> None:
        if member.worker_id == first:
            raise ValueError("Port out of range 0-65535")

    bench.workers.on_send = no_such_address
    chunk = bench.submit()
    chunk.wait()
    bench.workers.until(lambda: all(chunk.write.digest in bench.workers[worker].frames for worker in others))
    assert bench.all_released()
    assert set(chunk.record().replicas) == set(others)
    assert first in bench.members.failures


@pytest.mark.parametrize("broken", ["members", "exchange", "start"])
def test_a_submission_that_fails_holds_no_memory(
    broken: str, stopping: list[Replicator], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(THREE)
    stopping.append(bench.replicator)

    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        if broken == "start":
            patched.setattr(replication._ReplicationLoop, "start", fail)
        else:
            patched.setattr(bench.members if broken == "members" else bench.workers, broken, fail)
        with pytest.raises(RuntimeError if broken == "members" else Unavailable):
            bench.submit()
    assert bench.budget.held == 0
    bench.submit().wait()


# --- with its thread ----------------------------------------------------------------------------------------------


def test_sixteen_threads_write_at_once_and_everything_is_where_its_record_says(stopping: list[Replicator]) -> None:
    bench = Bench(FOUR)
    stopping.append(bench.replicator)
    bench.workers["b"].fault = Fault.DOWN

    def write(base: int) -> bool:
        for number in range(base, base + 20):
            chunk = bench.submit(b"%d" % number)
            chunk.wait()
            record = chunk.record()
            held = bench.workers.holders(record.digest)
            if "b" in record.replicas or len(record.replicas) < 2 or not set(record.replicas) <= held:
                return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(write, range(0, 1600, 100)))
    assert bench.all_released()


def test_silent_workers_hold_nothing_up_for_longer_than_they_must(stopping: list[Replicator]) -> None:
    bench = Bench(THREE, clock_runs=True)
    stopping.append(bench.replicator)
    bench.workers["b"].fault = Fault.SILENT
    chunk = bench.submit()
    chunk.wait()
    assert chunk.record().owed == ("b",)
    assert bench.all_released()
    assert bench.clock.monotonic() < DEADLINE_SECONDS


def test_stopping_fails_what_is_under_way_and_refuses_what_comes() -> None:
    bench = Bench(THREE)
    for worker_id in "abc":
        bench.workers[worker_id].fault = Fault.SLOW
    chunk = bench.submit()
    bench.workers.until(lambda: all(bench.workers[worker_id].batches for worker_id in "abc"))
    bench.replicator.stop()
    bench.replicator.stop()
    with pytest.raises(Unavailable, match="stopping"):
        chunk.wait()
    with pytest.raises(Unavailable, match="stopping"):
        bench.submit()
    assert bench.budget.held == 0
    assert bench.workers.exchanges[0].closed


def test_stopping_between_submission_and_wake_up_harms_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(THREE)
    started = bench.submit()
    started.wait()
    wake = replication._ReplicationLoop.wake
    caller = threading.current_thread()

    def stop_first(loop: replication._ReplicationLoop) -> None:
        if threading.current_thread() is caller and not bench.replicator._stopped:
            bench.replicator.stop()
        wake(loop)

    monkeypatch.setattr(replication._ReplicationLoop, "wake", stop_first)
    chunk = bench.submit(b"just in time")
    with pytest.raises(Unavailable, match="stopping"):
        chunk.wait()
    assert bench.budget.held == 0
    monkeypatch.undo()


def test_no_thread_exists_before_the_first_chunk() -> None:
    bench = Bench(THREE)
    assert not bench.workers.exchanges
    bench.replicator.stop()


# --- what is learned of the workers ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_hand")
def test_the_time_from_send_to_answer_is_observed() -> None:
    bench = Bench(THREE)
    bench.workers["c"].fault = Fault.SLOW
    bench.submit()
    bench.turn()
    bench.clock.advance(0.05)
    bench.workers.release("c")
    bench.turn()
    assert sorted(bench.members.observed) == [
        ("a", 0.0, True, Call.STORE),
        ("b", 0.0, True, Call.STORE),
        ("c", pytest.approx(0.05), True, Call.STORE),
    ]


@pytest.mark.usefixtures("by_hand")
def test_a_slow_worker_is_replaced_by_a_stand_in_or_owed_rather_than_waited_for() -> None:
    bench = Bench(FOUR)
    slow = bench.order()[0]
    bench.members.slow = {slow}
    chunk = bench.submit()
    bench.turn()
    assert (set(chunk.record().replicas), chunk.record().owed) == ({"a", "b", "c", "d"} - {slow}, ())
    bench.members.list = [member for member in FOUR if member.worker_id in (*bench.order()[1:3], slow)]
    chunk = bench.submit()
    bench.turn()
    chunk.wait()
    assert (len(chunk.record().replicas), chunk.record().owed) == (2, (slow,))


@pytest.mark.usefixtures("by_hand")
def test_a_slow_worker_is_used_where_there_is_no_quorum_without_it() -> None:
    bench = Bench(THREE)
    bench.members.slow = {"a", "b"}
    chunk = bench.submit()
    bench.turn()
    assert len(chunk.record().replicas) == 2


@pytest.mark.usefixtures("by_hand")
def test_what_waits_behind_an_overdue_answer_goes_to_stand_ins_and_it_is_noted_once() -> None:
    bench = Bench(FOUR)
    silent = bench.order()[0]
    bench.workers[silent].fault = Fault.SILENT
    notes: list[float] = []

    def overdue(worker_id: str, seconds: float, call: Call) -> bool:
        assert (worker_id, call) == (silent, Call.STORE)
        if seconds >= 0.05:
            notes.append(seconds)
        return seconds >= 0.05

    bench.members.overdue = overdue  # type: ignore[method-assign]
    bench.submit()
    bench.turn()
    behind = bench.submit()
    bench.turn()
    assert len(behind.write.acknowledged) == 2
    bench.later(0.06)
    assert set(behind.record().replicas) == {"a", "b", "c", "d"} - {silent}
    assert notes == [pytest.approx(0.06)]
