"""A cluster whose members are what the test says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from echofs.core.errors import StoreUnavailable
from echofs.core.models import Member
from echofs.services.cluster import Call


def a_member(worker_id: str, zone: str | None = None, *, weight: float = 1.0) -> Member:
    """A worker in a zone of its own unless told otherwise."""
    return Member(worker_id, f"http://{worker_id}.test:8091", zone or f"zone-{worker_id}", weight)


class FakeMembers:
    """Answers like ``services.cluster.MemberView``, and writes down what it is told.

    Change ``list``, ``down`` and ``slow`` at will; observed failures change nothing by themselves unless ``believes``
    is set. ``hedging`` and ``patience`` are after how many seconds others are asked as well and an answer is overdue.
    """

    def __init__(self, members: Iterable[Member] = (), *, believes: bool = False) -> None:
        self.list = list(members)
        self.down: set[str] = set()
        self.slow: set[str] = set()
        self.hedging = 60.0
        self.patience = 60.0
        self.controller_heard = True
        self.observed: list[tuple[str, float, bool, Call]] = []
        self.failures: list[str] = []
        self.successes: list[str] = []
        self._believes = believes

    def members(self) -> list[Member]:
        return list(self.list)

    def zones(self) -> Mapping[str, str]:
        return {member.worker_id: member.zone for member in self.list}

    def unavailable(self) -> frozenset[str]:
        return frozenset(self.down)

    def takers(self) -> frozenset[str]:
        return frozenset(member.worker_id for member in self.list if member.takes_chunks) - self.down

    def avoided(self, call: Call) -> frozenset[str]:
        return frozenset(self.down | self.slow)

    def observe(self, worker_id: str, seconds: float, ok: bool, call: Call) -> None:
        self.observed.append((worker_id, seconds, ok, call))
        (self.successes if ok else self.failures).append(worker_id)
        if self._believes:
            self.down = self.down - {worker_id} if ok else self.down | {worker_id}

    @contextmanager
    def asking(self, worker_id: str, call: Call) -> Iterator[None]:
        try:
            yield
        except StoreUnavailable:
            self.observe(worker_id, 0.0, False, call)
            raise
        self.observe(worker_id, 0.0, True, call)

    def hedge_after(self, worker_id: str) -> float:
        return self.hedging

    def overdue_after(self, worker_id: str, call: Call) -> float:
        return self.patience

    def overdue(self, worker_id: str, seconds: float, call: Call) -> bool:
        return seconds >= self.patience

    def change(self, worker_id: str, **fields: object) -> None:
        """The controller says something else of a worker."""
        changed = [replace(one, **fields) if one.worker_id == worker_id else one for one in self.list]
        self.list = changed

    def remove(self, worker_id: str) -> None:
        """The worker leaves the cluster: nobody knows it any more."""
        self.list = [member for member in self.list if member.worker_id != worker_id]
