"""Single chunks that several downloads want from one worker at the same moment, fetched in one request."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from echofs.core.models import Digest, Member
from echofs.ports.chunks import WorkerClient
from echofs.services.batching import Batcher

FETCHED_TOGETHER = 8


class SharedFetches:
    """A request costs a worker the same whatever it brings, and small files are single chunks. Thread-safe."""

    def __init__(self, workers: WorkerClient) -> None:
        self._workers = workers
        self._lock = threading.Lock()
        self._batchers: dict[tuple[str, str], Batcher[Digest, bytes | None]] = {}

    def fetch(self, member: Member, digest: Digest) -> bytes | None:
        """The frame of a chunk as stored; None when the worker does not have it. Raises :class:`StoreUnavailable`."""
        place = (member.worker_id, member.url)
        with self._lock:
            batcher = self._batchers.get(place)
            if batcher is None:
                batcher = self._batchers[place] = Batcher(lambda wanted: self._ask(member, wanted), FETCHED_TOGETHER)
        return batcher.call(digest)

    def _ask(self, member: Member, wanted: Sequence[Digest]) -> list[bytes | None]:
        found = self._workers.fetch(member, list(dict.fromkeys(wanted)))
        return [found.get(digest) for digest in wanted]
