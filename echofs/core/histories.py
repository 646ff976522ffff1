"""Which history of a file the manifests found on the workers tell, when the catalog can no longer say.

The catalog moves a head by compare-and-swap, so of all versions with one number exactly one was ever committed, and
every later version was made on top of it and names its manifest. What no later version vouches for is in doubt: it
may be the head, or have lost its race, or have been stored just before a crash. ADR 0007 has the rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from echofs.core.models import Digest, Kind, Timestamp
from echofs.core.names import MAX_PART_BYTES, MAX_PATH_BYTES, parent_of

Bytes = tuple[int, Digest]
"""A size and a digest: what tells the bytes of two files apart."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What deciding needs to know of a manifest; ``content`` names the bytes of the version."""

    manifest: Digest
    number: int
    parent_manifest: Digest
    kind: Kind
    content: Bytes
    created_at: Timestamp


@dataclass(frozen=True, slots=True)
class History:
    """``versions`` in ascending order, perhaps with gaps; ``rivals`` are versions in doubt whose bytes would be lost
    if they were passed over; ``passed_over`` counts the others."""

    versions: tuple[Candidate, ...]
    rivals: tuple[Candidate, ...]
    passed_over: int


def decide(candidates: Sequence[Candidate]) -> History:
    """The history of one file, from all its manifests that were found; there is at least one."""
    by_number: dict[int, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        by_number[candidate.number].append(candidate)
    chosen: list[Candidate] = []
    doubtful: list[Candidate] = []
    for number, same in sorted(by_number.items()):
        vouched = {later.parent_manifest for later in by_number.get(number + 1, ())}
        possible = [each for each in same if each.manifest in vouched] if vouched else same
        if possible:
            chosen.append(max(possible, key=_preference))
            doubtful += [each for each in possible if each is not chosen[-1]]
    kept = bytes_of(chosen)
    rivals = tuple(each for each in doubtful if each.kind is not Kind.TOMBSTONE and each.content not in kept)
    return History(tuple(chosen), rivals, len(candidates) - len(chosen) - len(rivals))


def bytes_of(versions: Iterable[Candidate]) -> set[Bytes]:
    """The contents that a history holds."""
    return {version.content for version in versions if version.kind is not Kind.TOMBSTONE}


def _preference(candidate: Candidate) -> tuple[bool, Timestamp, Digest]:
    """Deleted stays deleted; otherwise the last word counts. The digest only makes the choice the same every time."""
    return candidate.kind is Kind.TOMBSTONE, candidate.created_at, candidate.manifest


def recovered_path(path: str, manifest: Digest) -> str:
    """Where a version goes that cannot have its own path: ``folder/name (recovered 1a2b3c4d).ext``.

    The same for the same manifest, so that rebuilding again finds what an earlier attempt made. A name too long is
    cut; a path too long loses its folders.
    """
    folder, name = parent_of(path), path.rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    mark = f" (recovered {manifest[:8]})"
    tail = f"{mark}{dot}{extension}"
    if len(tail.encode()) > MAX_PART_BYTES // 2:
        stem, tail = name, mark
    room = MAX_PART_BYTES - len(tail.encode())
    name = stem.encode()[:room].decode(errors="ignore") + tail
    moved = f"{folder}/{name}" if folder else name
    return moved if len(moved.encode()) <= MAX_PATH_BYTES else name
