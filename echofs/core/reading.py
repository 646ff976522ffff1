"""From which workers to read a group of chunks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from echofs.core.models import Digest


def assign(candidates: Mapping[Digest, Sequence[str]], likely: int, turn: int) -> dict[str, list[Digest]]:
    """Share a group of chunks out to few workers: one request that brings four chunks costs little more than one for
    one.

    ``candidates`` lists for each chunk the workers worth asking, the best first; the first ``likely`` of them probably
    hold it. The worker that holds most of the group is asked for all it holds, then the next for the rest; ``turn``
    rotates between equally good ones, so that a long download loads all workers. Chunks without candidates are left
    out.
    """
    left = {digest: list(workers[:likely]) for digest, workers in candidates.items() if workers}
    shares: dict[str, list[Digest]] = {}
    while left:
        held = Counter(worker for workers in left.values() for worker in workers)
        most = max(held.values())
        best = sorted(worker for worker, count in held.items() if count == most)
        chosen = best[turn % len(best)]
        shares[chosen] = [digest for digest, workers in left.items() if chosen in workers]
        left = {digest: workers for digest, workers in left.items() if chosen not in workers}
    return shares
