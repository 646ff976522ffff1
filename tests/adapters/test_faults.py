"""An operator's faults on the way to workers."""

from __future__ import annotations

import pytest

from echofs.adapters.faults import FaultyWorkers
from echofs.adapters.frames import Lz4Codec
from echofs.core.errors import StoreUnavailable
from echofs.core.faults import Fault, FaultKind
from echofs.core.models import Member
from echofs.ports.chunks import Frame, StoreExchange, StoreReply
from tests.fakes.workers import FakeWorkers

ONE = Member("worker1", "http://127.0.0.1:1", "zone1", 1.0)
OTHER = Member("worker2", "http://127.0.0.1:2", "zone2", 1.0)
TIMEOUT = 10.0


def cut(worker_id: str = "worker1") -> Fault:
    return Fault("f", f"worker:{worker_id}", FaultKind.CUT, until=1000.0)


def delay(seconds: float) -> Fault:
    return Fault("f", "worker:worker1", FaultKind.DELAY, until=1000.0, seconds=seconds)


def frame(content: bytes = b"content") -> Frame:
    return Lz4Codec(1 << 20).encode(content)


class Drill:
    """Faulty workers on a clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.faults: list[Fault] = []
        self.ends: float | None = None
        self.real = FakeWorkers()
        self.workers = FaultyWorkers(
            self.real, self.active, timeout=TIMEOUT, monotonic=lambda: self.now, sleep=self.sleep
        )

    def active(self) -> list[Fault]:
        return [] if self.ends is not None and self.now >= self.ends else self.faults

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def drill() -> Drill:
    return Drill()


class TestCalls:
    def test_without_a_fault_nothing_waits(self, drill: Drill) -> None:
        drill.faults = [cut("worker2")]
        assert drill.workers.present(ONE, [frame().digest]) == set()
        assert drill.now == 0.0

    def test_a_fetch_is_begun_only_where_no_fault_could_make_it_wait(
        self, drill: Drill, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun: list[Member] = []
        monkeypatch.setattr(drill.real, "begin_fetch", lambda member, _: begun.append(member))
        drill.faults = [delay(1.0)]
        for member in (ONE, OTHER):
            drill.workers.begin_fetch(member, ["d"])
        assert begun == [OTHER]

    def test_a_cut_worker_is_unavailable_after_the_time_limit(self, drill: Drill) -> None:
        drill.faults = [cut()]
        with pytest.raises(StoreUnavailable, match="worker1 is cut off by a drill"):
            drill.workers.fetch(ONE, [frame().digest])
        assert drill.now == pytest.approx(TIMEOUT, abs=0.1)

    def test_a_call_goes_on_when_the_cut_ends(self, drill: Drill) -> None:
        drill.faults, drill.ends = [cut()], 3.0
        drill.workers.health(OTHER)
        assert drill.workers.fetch(ONE, [frame().digest]) == {}
        assert drill.now == pytest.approx(3.0, abs=0.1)

    def test_a_delayed_call_is_answered_later(self, drill: Drill) -> None:
        drill.faults = [delay(0.5)]
        assert drill.workers.fetch(ONE, [frame().digest]) == {}
        assert drill.now == pytest.approx(0.5, abs=0.1)


class TestExchange:
    def replies(self, exchange: StoreExchange, drill: Drill, until: float) -> list[StoreReply]:
        found: list[StoreReply] = []
        while not found and drill.now < until:
            found = exchange.wait(0)
            drill.sleep(0.05)
        return found

    def test_batches_keep_their_numbers_when_some_are_held(self, drill: Drill) -> None:
        drill.faults, drill.ends = [cut()], 2.0
        exchange = drill.workers.exchange()
        held, passed = exchange.send(ONE, [frame()]), exchange.send(OTHER, [frame()])
        [reply] = self.replies(exchange, drill, 1.0)
        assert (reply.batch, reply.worker_id, reply.stored) == (passed, "worker2", (frame().digest,))
        assert exchange.pending
        [late] = self.replies(exchange, drill, 3.0)
        assert (late.batch, late.worker_id, late.stored) == (held, "worker1", (frame().digest,))
        assert not exchange.pending

    def test_a_batch_into_a_cut_is_given_up_after_the_time_limit(self, drill: Drill) -> None:
        drill.faults = [cut()]
        exchange = drill.workers.exchange()
        batch = exchange.send(ONE, [frame()])
        [reply] = self.replies(exchange, drill, TIMEOUT + 1)
        assert (reply.batch, reply.unreachable, reply.stored) == (batch, True, ())
        assert set(reply.failed) == {frame().digest}
        assert drill.now >= TIMEOUT
        assert drill.real["worker1"].batches == []

    def test_a_delayed_batch_is_stored_later(self, drill: Drill) -> None:
        drill.faults = [delay(1.0)]
        exchange = drill.workers.exchange()
        exchange.send(ONE, [frame()])
        [reply] = self.replies(exchange, drill, 2.0)
        assert reply.stored == (frame().digest,)
        assert drill.now >= 1.0

    def test_whoever_does_not_wait_for_a_cut_worker_gets_its_answer_at_once(self, drill: Drill) -> None:
        drill.faults = [cut()]
        exchange = drill.workers.exchange()
        batch = exchange.send(ONE, [frame()])
        exchange.abandon("worker1")
        [reply] = exchange.wait(0)
        assert (reply.batch, reply.unreachable) == (batch, True)
        assert not exchange.pending
