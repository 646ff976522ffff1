"""Which workers should hold a chunk: weighted rendezvous hashing, spread over zones.

Rendezvous hashing (Thaler and Ravishankar, 1998) with the logarithmic weights of Schindelhauer and Schomaker (2005):
every master computes the same order from the same members, and a worker that joins or leaves moves only its own share.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from echofs.core.models import ChunkRecord, Digest, Member, MemberState


def _uniform(worker_id: str, digest: Digest) -> float:
    """A number in (0, 1) fixed by worker and chunk."""
    raw = hashlib.blake2b(f"{worker_id}\0{digest}".encode(), digest_size=8).digest()
    # 52 bits and a half are what a float holds exactly: more would round up to 1 now and then, whose logarithm is 0.
    return ((int.from_bytes(raw, "big") >> 12) + 0.5) / 2**52


def score(member: Member, digest: Digest) -> float:
    """Rank of a worker for a chunk; the highest holds it first. Its chance of being first is its share of the
    weights."""
    return -member.weight / math.log(_uniform(member.worker_id, digest))


def order(members: Iterable[Member], digest: Digest) -> list[Member]:
    """All workers that take new chunks in the order in which they should hold this one.

    The best worker of every zone comes before the second best of any, so the first R entries lie in as many zones as
    can be; entries after them are the stand-ins (handoff) for those that fail, those that are only joining at the end.
    Ties fall to the worker id.
    """
    ranked = sorted(
        (member for member in members if member.takes_chunks),
        key=lambda member: (-score(member, digest), member.worker_id),
    )
    settled = [member for member in ranked if member.state is not MemberState.JOINING]
    joining = [member for member in ranked if member.state is MemberState.JOINING]
    return _spread(settled) + _spread(joining)


def _spread(ranked: Sequence[Member]) -> list[Member]:
    seen: dict[str, int] = {}
    rounds: list[tuple[int, int]] = []
    for rank, member in enumerate(ranked):
        seen[member.zone] = seen.get(member.zone, 0) + 1
        rounds.append((seen[member.zone], rank))
    return [ranked[rank] for _, rank in sorted(rounds)]


def zones_of(members: Sequence[Member], worker_ids: Iterable[str]) -> set[str]:
    """The failure domains in which the given workers lie; a worker nobody knows any more counts for none."""
    zone = {member.worker_id: member.zone for member in members}
    return {zone[worker_id] for worker_id in worker_ids if worker_id in zone}


def owing(chunk: ChunkRecord, members: Iterable[Member], wanted: int) -> ChunkRecord:
    """The chunk, owing what it lacks of ``wanted`` replicas to the workers that should hold it next."""
    known = (*chunk.replicas, *chunk.owed)
    if len(known) >= wanted:
        return chunk
    others = [member.worker_id for member in order(members, chunk.digest) if member.worker_id not in known]
    return replace(chunk, owed=(*chunk.owed, *others[: wanted - len(known)]))
