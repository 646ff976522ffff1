"""A cluster whose members are what the test says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from echofs.core.models import Member


def a_member(worker_id: str, zone: str | None = None, *, weight: float = 1.0) -> Member:
    """A worker in a zone of its own unless told otherwise."""
    return Member(worker_id, f"http://{worker_id}.test:8091", zone or f"zone-{worker_id}", weight)


class FakeMembers:
    """Answers like ``services.cluster.MemberView``, and writes down what it is told.

    Change ``list`` and ``down`` at will; reported failures change nothing by themselves unless ``believes`` is set.
    """

    def __init__(self, members: Iterable[Member] = (), *, believes: bool = False) -> None:
        self.list = list(members)
        self.down: set[str] = set()
        self.failures: list[str] = []
        self.successes: list[str] = []
        self._believes = believes

    def members(self) -> list[Member]:
        return list(self.list)

    def zones(self) -> Mapping[str, str]:
        return {member.worker_id: member.zone for member in self.list}

    def unavailable(self) -> frozenset[str]:
        return frozenset(self.down)

    def report_failure(self, worker_id: str) -> None:
        self.failures.append(worker_id)
        if self._believes:
            self.down.add(worker_id)

    def report_success(self, worker_id: str) -> None:
        self.successes.append(worker_id)
        if self._believes:
            self.down.discard(worker_id)

    def remove(self, worker_id: str) -> None:
        """The worker leaves the cluster: nobody knows it any more."""
        self.list = [member for member in self.list if member.worker_id != worker_id]
