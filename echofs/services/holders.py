"""Which workers hold chunks now, by their own word."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress

from echofs.core import placement
from echofs.core.entries import Delivered
from echofs.core.errors import StoreUnavailable
from echofs.core.models import Digest, Member
from echofs.ports.chunks import WorkerClient
from echofs.services.cluster import Call, MemberView

ASKED_TOGETHER = 1024


class Holders:
    """Thread-safe."""

    def __init__(self, workers: WorkerClient, members: MemberView, *, wanted: int) -> None:
        self._workers = workers
        self._members = members
        self._wanted = wanted

    def of(self, digests: Sequence[Digest]) -> dict[Digest, set[str]]:
        """For each chunk the workers that answer and hold it; those believed to be down are not asked."""
        holders: dict[Digest, set[str]] = {digest: set() for digest in digests}
        unavailable = self._members.unavailable()
        for member in self._members.members():
            if member.worker_id in unavailable:
                continue
            for digest in self._held(member, digests) & holders.keys():
                holders[digest].add(member.worker_id)
        return holders

    def _held(self, member: Member, digests: Sequence[Digest]) -> set[Digest]:
        held: set[Digest] = set()
        with suppress(StoreUnavailable):
            for at in range(0, len(digests), ASKED_TOGETHER):
                with self._members.asking(member.worker_id, Call.LOOK):
                    held |= self._workers.present(member, digests[at : at + ASKED_TOGETHER])
        return held

    def delivered(self, digest: Digest, holders: Set[str]) -> Delivered:
        """A chunk that these workers hold, and the next workers in its order that it is still owed by."""
        order = [member.worker_id for member in placement.order(self._members.members(), digest)]
        others = [worker_id for worker_id in order if worker_id not in holders]
        missing = max(self._wanted - len(holders), 0)
        return Delivered(digest, tuple(sorted(holders)), tuple(others[:missing]))
