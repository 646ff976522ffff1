"""Callers sharing one call."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from echofs.services.batching import Batcher


class Gate:
    """A handler that doubles numbers, holds each batch until the test opens it, and keeps what it was given."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        self.entered.release()
        assert self.open.acquire(timeout=10)
        if -1 in items:
            raise ValueError("a bad batch")
        return [item * 2 for item in items]


def _begin(pool: ThreadPoolExecutor, batcher: Batcher[int, int], items: Sequence[int]) -> list[Future[int]]:
    """Calls that are certain to wait in this order."""
    calls = []
    for item in items:
        before = len(batcher._waiting)
        calls.append(pool.submit(batcher.call, item))
        while len(batcher._waiting) == before:
            pass
    return calls


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def pool() -> ThreadPoolExecutor:
    with ThreadPoolExecutor(16) as pool:
        yield pool


def test_a_lone_caller_is_served_in_its_own_thread_at_once() -> None:
    seen: list[threading.Thread] = []

    def handle(items: Sequence[int]) -> Sequence[int]:
        seen.append(threading.current_thread())
        return items

    assert Batcher(handle, 4).call(7) == 7
    assert seen == [threading.current_thread()]


def test_those_who_come_meanwhile_share_the_next_call_in_their_order(gate: Gate, pool: ThreadPoolExecutor) -> None:
    batcher = Batcher(gate, 8)
    first = pool.submit(batcher.call, 1)
    assert gate.entered.acquire(timeout=10)
    others = _begin(pool, batcher, [2, 3, 4])
    gate.open.release(2)
    assert [call.result(10) for call in [first, *others]] == [2, 4, 6, 8]
    assert gate.batches == [[1], [2, 3, 4]]


def test_a_batch_is_never_larger_than_the_limit_and_the_rest_is_led_by_its_first(
    gate: Gate, pool: ThreadPoolExecutor
) -> None:
    batcher = Batcher(gate, 2)
    first = pool.submit(batcher.call, 1)
    assert gate.entered.acquire(timeout=10)
    others = _begin(pool, batcher, [2, 3, 4, 5, 6])
    gate.open.release(4)
    assert [call.result(10) for call in [first, *others]] == [2, 4, 6, 8, 10, 12]
    assert gate.batches == [[1], [2, 3], [4, 5], [6]]


def test_an_error_reaches_everybody_of_its_batch_and_nobody_else(gate: Gate, pool: ThreadPoolExecutor) -> None:
    batcher = Batcher(gate, 2)
    first = pool.submit(batcher.call, 1)
    assert gate.entered.acquire(timeout=10)
    second, bad, third = _begin(pool, batcher, [2, -1, 3])
    gate.open.release(3)
    assert first.result(10) == 2
    for failed in (second, bad):
        with pytest.raises(ValueError, match="a bad batch"):
            failed.result(10)
    assert third.result(10) == 6


def test_the_batcher_serves_on_after_an_error() -> None:
    def handle(items: Sequence[int]) -> Sequence[int]:
        if items[0] < 0:
            raise ValueError("negative")
        return items

    batcher = Batcher(handle, 4)
    with pytest.raises(ValueError, match="negative"):
        batcher.call(-1)
    assert batcher.call(1) == 1


def test_a_handler_that_loses_results_is_an_error_rather_than_a_wrong_answer() -> None:
    with pytest.raises(ValueError, match="zip"):
        Batcher(lambda items: [], 4).call(1)


def test_sixteen_threads_each_get_their_own_results_and_none_is_forgotten(pool: ThreadPoolExecutor) -> None:
    sizes: list[int] = []

    def handle(items: Sequence[int]) -> Sequence[int]:
        sizes.append(len(items))
        return [-item for item in items]

    batcher = Batcher(handle, 5)

    def work(base: int) -> bool:
        return all(batcher.call(item) == -item for item in range(base, base + 200))

    assert all(pool.map(work, range(0, 16_000, 1000)))
    assert sum(sizes) == 3200
    assert max(sizes) <= 5
    assert not batcher._led


def test_who_comes_before_the_handler_looks_at_its_items_is_taken_along(pool: ThreadPoolExecutor) -> None:
    waits, turn = threading.Event(), threading.Event()
    batches: list[list[int]] = []

    def handle(items: Sequence[int]) -> list[int]:
        waits.set()
        assert turn.wait(10)
        batches.append(list(items))
        assert [len(items), items[0], items[1:]] == [3, 1, [2, 3]]
        return [item * 2 for item in items]

    batcher = Batcher(handle, 8)
    first = pool.submit(batcher.call, 1)
    assert waits.wait(10)
    others = _begin(pool, batcher, [2, 3])
    turn.set()
    assert [call.result(10) for call in [first, *others]] == [2, 4, 6]
    assert batches == [[1, 2, 3]]


def test_a_handler_that_fails_before_it_looks_fails_all_who_waited_with_it(pool: ThreadPoolExecutor) -> None:
    waits, turn = threading.Event(), threading.Event()

    def handle(_: Sequence[int]) -> list[int]:
        waits.set()
        assert turn.wait(10)
        raise ValueError("its turn never came")

    batcher = Batcher(handle, 8)
    first = pool.submit(batcher.call, 1)
    assert waits.wait(10)
    others = _begin(pool, batcher, [2, 3])
    turn.set()
    for call in [first, *others]:
        with pytest.raises(ValueError, match="its turn never came"):
            call.result(10)
