"""Asking a second worker for chunks when the first takes longer than it usually does, and taking what comes first.

Hedged requests (Dean and Barroso, "The Tail at Scale", 2013): one waits as long as 95 % of the link's answers take, so
that hardly any request is sent twice, and a budget bounds them where everything is slow at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass
from functools import partial

from echofs.core.errors import StoreUnavailable
from echofs.core.models import Digest, Member
from echofs.ports.chunks import Fetch, WorkerClient
from echofs.ports.runtime import Clock, Meters
from echofs.services.cluster import Call, MemberView

REQUESTS_A_HEDGE = 10
"""So many requests allow one hedge: they add a tenth to the load at most."""
HEDGES_SAVED = 10
"""How many may come at once after a quiet time."""
THREADS = 64
"""More requests than this at a time are not hedged: most of them would wait for workers that have gone silent."""

_MOST_SAVED = HEDGES_SAVED * REQUESTS_A_HEDGE

_log = logging.getLogger(__name__)


Frames = Mapping[Digest, bytes | memoryview]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one worker brought of the chunks it was asked for; ``frames`` is None if it did not answer."""

    worker_id: str
    share: Sequence[Digest]
    frames: Frames | None


Fetching = Future[Answer]
Wait = Callable[[Collection[Fetching], float | None], Collection[Fetching]]
"""Blocks until one of the requests is over or some seconds have passed (None: any number); those that are over."""
Elsewhere = Callable[[], Mapping[str, Sequence[Digest]]]
"""From which other workers what was not found yet could be fetched; empty when there are none."""


def until_one_is_over(requests: Collection[Fetching], seconds: float | None) -> Collection[Fetching]:
    """The ordinary :data:`Wait`."""
    return wait_for(requests, seconds, FIRST_COMPLETED).done


class HedgeBudget:
    """Every request saves up for a hedge, and every hedge costs as much as several saved. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._saved = _MOST_SAVED

    def earn(self) -> None:
        """A request was made."""
        with self._lock:
            self._saved = min(self._saved + 1, _MOST_SAVED)

    def spend(self) -> bool:
        """Whether a hedge can be afforded; if so it is paid."""
        with self._lock:
            if self._saved < REQUESTS_A_HEDGE:
                return False
            self._saved -= REQUESTS_A_HEDGE
            return True


class Races:
    """Thread-safe; its threads start with the first request that takes long, never before a fork."""

    def __init__(
        self,
        workers: WorkerClient,
        members: MemberView,
        clock: Clock,
        meters: Meters,
        *,
        wait: Wait = until_one_is_over,
        threads: int = THREADS,
    ) -> None:
        self._workers = workers
        self._members = members
        self._clock = clock
        self._meters = meters
        self._wait = wait
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="fetch")
        self._free = threading.BoundedSemaphore(threads)
        self._budget = HedgeBudget()
        self._left_behind: dict[Fetching, tuple[str, float]] = {}
        """Requests nobody waits for any more: to whom, and when they were sent."""

    def run(self, member: Member, share: Sequence[Digest], elsewhere: Elsewhere) -> Generator[Answer, None, None]:
        """Ask a worker for some chunks, and others if it takes long: the answers in the order in which they come.

        Close the generator as soon as enough has come: nobody waits for the rest. It ends when all have answered.
        """
        self._note_overdue()
        self._budget.earn()
        begun = self._clock.monotonic()
        patience = self._members.hedge_after(member.worker_id)
        fetch = self._workers.begin_fetch(member, share)
        if fetch is not None:
            # Most answers come in time, and then no other thread has anything to do with them.
            answer = self._early(fetch, member, share, begun, patience)
            if answer is not None:
                yield answer
                return
            # A kept connection that had died is given up before the time is over: the worker is asked on another one,
            # and is not slow yet.
            patience = max(begun + patience - self._clock.monotonic(), 0.0)
        waiting = partial(self._answer, member, share, begun, fetch)
        first = self._start(waiting)
        if first is None:
            yield waiting()
            return
        running = {first: member.worker_id}
        hedged = False
        try:
            if not patience or not self._wait((first,), patience):
                hedged = self._hedge(first, member.worker_id, begun, running, elsewhere)
            while running:
                for request in self._wait(tuple(running), None):
                    del running[request]
                    yield request.result()
        finally:
            if hedged:
                self._meters.add("hedged_reads", result="won" if first in running else "lost")
            for request, worker_id in running.items():
                self._leave_behind(request, worker_id, begun)

    def stop(self) -> None:
        """End the threads once what is under way is over. Idempotent."""
        # Nothing is cancelled: whoever waits for a request that was would never be woken.
        self._pool.shutdown(wait=False)

    def _hedge(
        self, first: Fetching, worker_id: str, begun: float, running: dict[Fetching, str], elsewhere: Elsewhere
    ) -> bool:
        """Ask other workers too, at once if that can be afforded and else when the answer is overdue; whether they
        were asked while it was not."""
        spares = elsewhere()
        affordable = bool(spares) and self._budget.spend()
        if spares and not affordable:
            self._meters.add("hedged_reads", result="unaffordable")
            left = begun + self._members.overdue_after(worker_id, Call.FETCH) - self._clock.monotonic()
            if self._wait((first,), max(left, 0.0)):
                return False
            self._members.overdue(worker_id, self._clock.monotonic() - begun, Call.FETCH)
        members = {member.worker_id: member for member in self._members.members()}
        for spare, share in spares.items():
            begun = self._clock.monotonic()
            request = self._start(partial(self._answer, members[spare], share, begun)) if spare in members else None
            if request is not None:
                running[request] = spare
        return affordable

    def _start(self, waiting: Callable[[], Answer]) -> Fetching | None:
        """None if no thread is free, or they are being stopped."""
        if not self._free.acquire(blocking=False):
            return None
        try:
            request = self._pool.submit(waiting)
        except RuntimeError:
            self._free.release()
            return None
        request.add_done_callback(lambda _: self._free.release())
        return request

    def _early(
        self, fetch: Fetch, member: Member, share: Sequence[Digest], begun: float, patience: float
    ) -> Answer | None:
        """The answer to what was asked at ``begun``; None if it has to be waited for."""
        try:
            frames = fetch.within(patience)
        except StoreUnavailable as error:
            return self._failed(member, share, begun, error)
        return None if frames is None else self._answered(member, share, begun, frames)

    def _answer(self, member: Member, share: Sequence[Digest], begun: float, fetch: Fetch | None = None) -> Answer:
        """The answer, however long it takes; the request is sent if it is not under way."""
        try:
            frames = fetch.result() if fetch else self._workers.fetch(member, share)
        except StoreUnavailable as error:
            return self._failed(member, share, begun, error)
        return self._answered(member, share, begun, frames)

    def _answered(self, member: Member, share: Sequence[Digest], begun: float, frames: Frames) -> Answer:
        self._members.observe(member.worker_id, self._clock.monotonic() - begun, True, Call.FETCH)
        return Answer(member.worker_id, share, frames)

    def _failed(self, member: Member, share: Sequence[Digest], begun: float, error: StoreUnavailable) -> Answer:
        self._members.observe(member.worker_id, self._clock.monotonic() - begun, False, Call.FETCH)
        _log.warning("worker does not answer", extra={"worker": member.worker_id, "why": error.message})
        return Answer(member.worker_id, share, None)

    def _leave_behind(self, request: Fetching, worker_id: str, begun: float) -> None:
        self._left_behind[request] = (worker_id, begun)
        request.add_done_callback(lambda over: self._left_behind.pop(over, None))

    def _note_overdue(self) -> None:
        """A worker that was overtaken by others must not be asked again and again while it does not answer at all."""
        if not self._left_behind:
            return
        now = self._clock.monotonic()
        for request, (worker_id, begun) in list(self._left_behind.items()):
            if self._members.overdue(worker_id, now - begun, Call.FETCH):
                self._left_behind.pop(request, None)
