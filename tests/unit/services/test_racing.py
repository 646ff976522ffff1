"""A slow worker is overtaken by another: within a budget, and without anybody waiting for it in vain."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence

import pytest

from echofs.core.chunking import digest_of
from echofs.core.errors import ChunkUnavailable
from echofs.core.models import Digest, Member
from echofs.ports.chunks import Fetch
from echofs.services.cluster import Call
from echofs.services.racing import HEDGES_SAVED, Answer, Fetching, HedgeBudget, Races, until_one_is_over
from echofs.services.reading import ChunkReader
from tests.fakes.clock import FakeClock
from tests.fakes.workers import FakeWorkers, Fault
from tests.unit.services.data_plane import DataPlane

PLAIN = b"the plain bytes"
DIGEST = digest_of(PLAIN)


class HeldWorkers(FakeWorkers):
    """Fetches from the workers in ``held`` do not return before they are released: by the test, or by the first fetch
    from the worker ``releases``."""

    def __init__(self, worker_ids: Sequence[str]) -> None:
        super().__init__(worker_ids)
        self.held: set[str] = set()
        self.releases = ""
        self.entered = threading.Semaphore(0)
        self.released = threading.Event()

    def fetch(self, member: Member, digests: Sequence[Digest]) -> dict[Digest, bytes]:
        if member.worker_id in self.held:
            self.entered.release()
            assert self.released.wait(10)
        try:
            return super().fetch(member, digests)
        finally:
            if member.worker_id == self.releases:
                self.released.set()


class Bench:
    """A reader whose patience is over as soon as a held worker was asked; the others are always waited for."""

    def __init__(self) -> None:
        self.plane = DataPlane()
        self.clock, self.members, self.meters = self.plane.clock, self.plane.members, self.plane.meters
        self.workers = HeldWorkers("abc")
        self.waits: list[float] = []
        self.reader = ChunkReader(
            self.workers,
            self.members,
            self.plane.catalog,
            self.plane.codec,
            self.clock,
            self.meters,
            wanted=3,
            wait=self._wait,
        )
        frame = self.plane.codec.encode(PLAIN)
        for worker_id in "abc":
            self.workers[worker_id].store([frame])

    def _wait(self, requests: Collection[Fetching], seconds: float | None) -> Collection[Fetching]:
        if seconds is None:
            return until_one_is_over(requests, 10)
        if not self.workers.held:
            return until_one_is_over(requests, 10)
        self.waits.append(seconds)
        assert self.workers.entered.acquire(timeout=10)
        self.workers.entered.release()
        self.clock.advance(seconds)
        return ()

    def read(self) -> bytes:
        """Asks worker ``a`` first."""
        return self.reader.read([DIGEST], 0)[DIGEST]

    def hedged(self, result: str) -> float:
        return self.meters.count("hedged_reads", result=result)

    def close(self) -> None:
        self.workers.released.set()
        self.reader.stop()
        self.plane.stop()


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.workers.held = {"a"}
    yield bench
    bench.close()


def test_when_a_worker_takes_long_another_is_asked_and_its_answer_counts(bench: Bench) -> None:
    bench.members.hedging = 0.03
    assert bench.read() == PLAIN
    assert bench.waits == [0.03]
    assert (bench.workers["a"].fetches, bench.workers["b"].fetches) == ([], [[DIGEST]])
    assert (bench.hedged("won"), bench.hedged("lost")) == (1, 0)


def test_a_worker_that_answers_in_time_is_the_only_one_asked() -> None:
    plane = DataPlane()
    plane.workers["a"].store([plane.codec.encode(PLAIN)])
    assert plane.chunks.read([DIGEST], 0) == {DIGEST: PLAIN}
    assert plane.workers["b"].fetches == []
    assert plane.meters.totals["hedged_reads"] == 0
    plane.stop()


def test_a_worker_without_a_good_copy_does_not_win(bench: Bench) -> None:
    bench.workers["b"].lose(DIGEST)
    bench.workers.releases = "b"
    assert bench.read() == PLAIN
    assert bench.workers["a"].fetches == [[DIGEST]]
    assert (bench.hedged("won"), bench.hedged("lost")) == (0, 1)


def test_a_hedge_brings_several_chunks_from_wherever_they_likely_are(bench: Bench) -> None:
    plains = [b"chunk %d" % number for number in range(3)]
    for plain in plains:
        bench.workers["b"].store([bench.plane.codec.encode(plain)])
    digests = [digest_of(plain) for plain in plains]
    assert bench.reader.read(digests, 0) == dict(zip(digests, plains, strict=True))
    assert bench.workers["b"].fetches == [digests]


def test_without_another_worker_the_slow_one_is_waited_for(bench: Bench) -> None:
    bench.members.list = bench.members.list[:1]
    bench.workers.released.set()
    assert bench.read() == PLAIN
    assert bench.meters.totals["hedged_reads"] == 0


def test_hedges_are_bounded_and_beyond_that_a_worker_is_given_until_its_answer_is_overdue(bench: Bench) -> None:
    bench.members.hedging, bench.members.patience = 0.5, 2.0
    while not bench.hedged("unaffordable"):
        bench.waits.clear()
        assert bench.read() == PLAIN
    assert bench.waits == [0.5, 1.5]
    assert bench.hedged("won") == HEDGES_SAVED + 1


def test_a_worker_that_was_overtaken_and_never_answers_is_noted_with_the_next_read(bench: Bench) -> None:
    noted: list[tuple[str, float, Call]] = []

    def overdue(worker_id: str, seconds: float, call: Call) -> bool:
        noted.append((worker_id, seconds, call))
        return True

    bench.members.overdue = overdue  # type: ignore[method-assign]
    bench.members.hedging = 0.5
    bench.read()
    assert noted == []
    bench.clock.advance(3)
    bench.read()
    bench.read()
    assert noted == [("a", 3.5, Call.FETCH), ("a", 0.5, Call.FETCH)]


def test_a_worker_that_fails_after_it_was_overtaken_is_reported(bench: Bench) -> None:
    assert bench.read() == PLAIN
    bench.workers["a"].fault = Fault.DOWN
    bench.workers.released.set()
    bench.reader.stop()
    _join_fetches()
    assert bench.members.failures == ["a"]


def test_without_threads_workers_are_asked_one_after_the_other(bench: Bench) -> None:
    bench.reader.stop()
    bench.workers.held = set()
    bench.workers["a"].fault = Fault.DOWN
    assert bench.read() == PLAIN


def test_when_nobody_has_it_the_chunk_is_unavailable_though_everybody_was_asked_at_once(bench: Bench) -> None:
    for worker_id in "abc":
        bench.workers[worker_id].lose(DIGEST)
    bench.workers.released.set()
    with pytest.raises(ChunkUnavailable):
        bench.read()


def test_when_all_threads_are_taken_a_worker_is_asked_without_a_race() -> None:
    plane = DataPlane()
    workers = HeldWorkers("ab")
    workers.held = {"a"}
    races = Races(workers, plane.members, plane.clock, plane.meters, threads=1)
    a, b = plane.members.list[:2]
    first: list[Answer] = []
    racing = threading.Thread(target=lambda: first.extend(races.run(a, [DIGEST], dict)))
    racing.start()
    assert workers.entered.acquire(timeout=10)
    assert list(races.run(b, [DIGEST], dict)) == [Answer("b", [DIGEST], {})]
    workers.released.set()
    racing.join(10)
    assert first == [Answer("a", [DIGEST], {})]
    races.stop()
    plane.stop()


def test_a_budget_affords_a_tenth_of_the_requests_and_a_few_at_once() -> None:
    budget = HedgeBudget()
    paid = 0
    for _ in range(1000):
        budget.earn()
        paid += budget.spend()
    assert paid == 100 + HEDGES_SAVED - 1


def _join_fetches() -> None:
    for thread in threading.enumerate():
        if thread.name.startswith("fetch"):
            thread.join(10)


class BegunFetch(Fetch):
    """Answers at once, or only when it is waited for to the end."""

    def __init__(self, workers: BeginningWorkers, member: Member, digests: Sequence[Digest]) -> None:
        self._workers = workers
        self._member = member
        self._digests = digests

    def within(self, seconds: float) -> dict[Digest, bytes | memoryview] | None:
        self._workers.patience.append(seconds)
        if self._workers.hung_up:
            return None
        if self._workers.late:
            self._workers.clock.advance(seconds)
            return None
        return self.result()

    def result(self) -> dict[Digest, bytes | memoryview]:
        self._workers.threads.append(threading.current_thread().name)
        return dict(self._workers.fetch(self._member, self._digests))


class BeginningWorkers(HeldWorkers):
    """Workers to which a connection waits; ``late`` ones do not answer in time, and those that ``hung_up`` only on
    another connection."""

    def __init__(self, worker_ids: Sequence[str], clock: FakeClock) -> None:
        super().__init__(worker_ids)
        self.clock = clock
        self.late = False
        self.hung_up = False
        self.patience: list[float] = []
        self.threads: list[str] = []

    def begin_fetch(self, member: Member, digests: Sequence[Digest]) -> Fetch | None:
        return BegunFetch(self, member, digests)


class BegunBench(Bench):
    def __init__(self) -> None:
        super().__init__()
        self.begun = BeginningWorkers("abc", self.clock)
        self.workers = self.begun
        self.reader = ChunkReader(
            self.begun, self.members, self.plane.catalog, self.plane.codec, self.clock, self.meters, wanted=3
        )
        frame = self.plane.codec.encode(PLAIN)
        for worker_id in "abc":
            self.workers[worker_id].store([frame])
        self.members.hedging = 0.03


@pytest.fixture
def begun() -> Iterator[BegunBench]:
    bench = BegunBench()
    yield bench
    bench.close()


def test_an_answer_in_time_concerns_no_other_thread(begun: BegunBench) -> None:
    assert begun.read() == PLAIN
    assert begun.begun.patience == [0.03]
    assert begun.begun.threads == [threading.current_thread().name]
    assert begun.meters.totals["hedged_reads"] == 0


def test_a_late_answer_is_waited_for_elsewhere_while_another_worker_is_asked(begun: BegunBench) -> None:
    begun.begun.late, begun.begun.held = True, {"a"}
    assert begun.read() == PLAIN
    assert begun.begun.patience == [0.03]
    assert (begun.workers["a"].fetches, begun.workers["b"].fetches) == ([], [[DIGEST]])
    assert begun.hedged("won") == 1


def test_a_worker_that_hung_up_on_a_kept_connection_is_asked_on_another_before_anybody_else(begun: BegunBench) -> None:
    begun.begun.hung_up = True
    begun.members.hedging = 10
    assert begun.read() == PLAIN
    assert (begun.workers["a"].fetches, begun.workers["b"].fetches) == ([[DIGEST]], [])
    assert begun.meters.totals["hedged_reads"] == 0


def test_a_worker_that_hung_up_and_then_takes_long_is_overtaken(begun: BegunBench) -> None:
    begun.begun.hung_up, begun.begun.held = True, {"a"}
    assert begun.read() == PLAIN
    assert (begun.workers["a"].fetches, begun.workers["b"].fetches) == ([], [[DIGEST]])
    assert begun.hedged("won") == 1


def test_a_worker_that_fails_in_time_is_reported_and_another_is_read(begun: BegunBench) -> None:
    begun.workers["a"].fault = Fault.DOWN
    assert begun.read() == PLAIN
    assert begun.members.failures == ["a"]
    assert begun.workers["b"].fetches == [[DIGEST]]


def test_without_threads_a_late_answer_is_waited_for_here(begun: BegunBench) -> None:
    begun.begun.late = True
    begun.reader.stop()
    assert begun.read() == PLAIN
    assert begun.begun.threads == [threading.current_thread().name]
    assert begun.workers["b"].fetches == []
