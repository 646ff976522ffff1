"""The bound on bytes in flight."""

from __future__ import annotations

import threading

import pytest

from echofs.core.errors import Unavailable
from echofs.services.memory import MemoryBudget


def test_grants_up_to_the_limit_and_counts_them() -> None:
    budget = MemoryBudget(100)
    budget.acquire(60, timeout=0)
    budget.acquire(40, timeout=0)
    assert budget.held == 100


def test_refuses_more_after_the_timeout_and_holds_nothing_for_it() -> None:
    budget = MemoryBudget(100)
    budget.acquire(60, timeout=0)
    with pytest.raises(Unavailable) as refused:
        budget.acquire(41, timeout=0)
    assert refused.value.retry_after == 2
    assert budget.held == 60


def test_one_request_beyond_the_whole_budget_passes_when_nothing_else_is_held() -> None:
    budget = MemoryBudget(100)
    budget.acquire(1000, timeout=0)
    with pytest.raises(Unavailable):
        budget.acquire(1, timeout=0)
    budget.release(1000)
    assert budget.held == 0


def test_a_release_lets_every_waiter_look_again() -> None:
    budget = MemoryBudget(100)
    budget.acquire(100, timeout=0)
    waiters = [threading.Thread(target=budget.acquire, args=(25, 10)) for _ in range(4)]
    for waiter in waiters:
        waiter.start()
    budget.release(100)
    for waiter in waiters:
        waiter.join(10)
    assert not any(waiter.is_alive() for waiter in waiters)
    assert budget.held == 100


def test_trying_never_blocks_and_takes_nothing_when_refused() -> None:
    budget = MemoryBudget(100)
    assert budget.try_acquire(150)
    assert not budget.try_acquire(1)
    budget.release(150)
    assert budget.try_acquire(100)
    assert not budget.try_acquire(1)
    assert budget.held == 100


def test_many_threads_leave_nothing_held_and_never_exceed_the_limit() -> None:
    budget = MemoryBudget(10)
    most = 0
    watch = threading.Lock()

    def work() -> None:
        nonlocal most
        for size in (1, 3, 7, 10) * 25:
            budget.acquire(size, timeout=10)
            with watch:
                most = max(most, budget.held)
            budget.release(size)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert budget.held == 0
    assert 0 < most <= 10
