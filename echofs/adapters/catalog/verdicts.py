"""Whether one commit may move its head, given what the catalog holds. Pure: whoever calls has looked things up."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from echofs.core.chunking import unpack_digests
from echofs.core.errors import (
    EchoError,
    HeadMoved,
    IdempotencyKeyReused,
    InvalidRequest,
    NameTaken,
    NotFound,
    Unavailable,
)
from echofs.core.models import Digest, Kind, Timestamp
from echofs.core.usage import Usage, change
from echofs.ports.catalog import Commit
from echofs.ports.trash import Trashed

OwnPath = tuple[str, str]
"""An owner's id and a path, or a key of theirs."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a row of ``files`` says."""

    file_id: str
    owner_id: str
    path: str
    number: int
    deleted: bool
    created_at: Timestamp
    size: int


@dataclass(slots=True)
class Seen:
    """What the catalog held when it was looked at: heads by file id, the living file at each path, idempotency keys in
    use, chunks that cannot be referred to, and the sizes in the trash of files to be revived."""

    heads: Mapping[str, Head]
    holders: Mapping[OwnPath, str]
    used_keys: Set[OwnPath] = field(default=frozenset())
    lost_chunks: Set[Digest] = field(default=frozenset())
    trashed: Mapping[str, int] = field(default_factory=dict)


def refusal(commit: Commit, seen: Seen) -> EchoError | None:
    """Why the commit must be refused, or None."""
    return _stale(commit, seen) or _taken(commit, seen) or _key_in_use(commit, seen) or _dangling(commit, seen)


def _stale(commit: Commit, seen: Seen) -> EchoError | None:
    version = commit.version
    if version.number != version.parent + 1:
        return InvalidRequest("A version's number must be its parent's plus one.", field="number")
    head = seen.heads.get(version.file_id)
    if version.parent == 0:
        return _moved() if head is not None else None
    if head is None or head.owner_id != commit.owner_id:
        return NotFound("There is no such file.")
    gone = head.deleted and not commit.revives
    return _moved() if gone or head.number != version.parent else None


def _moved() -> HeadMoved:
    return HeadMoved("Another version was committed first; fetch the file again and retry.")


def _taken(commit: Commit, seen: Seen) -> EchoError | None:
    version = commit.version
    holder = seen.holders.get((commit.owner_id, version.path), version.file_id)
    if version.kind is Kind.TOMBSTONE or holder == version.file_id:
        return None
    if version.parent == 0:
        return HeadMoved("Another file was created at this path first; fetch it and retry.")
    return NameTaken("Another file has this path; choose another or delete that file first.", field="path")


def _key_in_use(commit: Commit, seen: Seen) -> EchoError | None:
    record = commit.idempotency
    if record is None or (record.owner_id, record.key) not in seen.used_keys:
        return None
    return IdempotencyKeyReused("This Idempotency-Key was used already; take a fresh one.", field="Idempotency-Key")


def _dangling(commit: Commit, seen: Seen) -> EchoError | None:
    recorded = {chunk.digest for chunk in commit.chunks}
    if not seen.lost_chunks or seen.lost_chunks.isdisjoint(recorded | earlier_chunks(commit)):
        return None
    return Unavailable("A chunk of this file is no longer stored; send the file again.")


def earlier_chunks(commit: Commit) -> set[Digest]:
    """Chunks the version refers to without recording them: they must have been recorded before and still be live.

    Moves and tombstones refer to the bytes of the version before, which keeps those chunks alive.
    """
    if commit.version.kind is not Kind.CONTENT:
        return set()
    content = commit.version.content
    return {*unpack_digests(content.inline), *unpack_digests(content.lists)} - {chunk.digest for chunk in commit.chunks}


def revives(commit: Commit, head: Head | None) -> bool:
    """Whether the commit brings a deleted file back."""
    return commit.revives and head is not None and head.deleted and commit.version.kind is not Kind.TOMBSTONE


def ended(commit: Commit, seen: Seen) -> Trashed | None:
    """What the commit puts into the trash, if it deletes a living file."""
    version = commit.version
    head = seen.heads.get(version.file_id)
    if version.kind is not Kind.TOMBSTONE or head is None or head.deleted:
        return None
    return Trashed(head.file_id, head.owner_id, head.path, head.number, head.size, version.created_at)


def usage_change(commit: Commit, seen: Seen) -> Usage:
    """What the commit changes in what its owner has stored."""
    file_id = commit.version.file_id
    head = seen.heads.get(file_id)
    replaced = None if head is None or head.deleted else head.size
    return change(commit.version, replaced, seen.trashed.get(file_id, 0))


def dependent() -> InvalidRequest:
    """The error for commits of one step that would have to be decided one after the other."""
    return InvalidRequest("Two versions of one step concern the same file or path; nothing was changed.")


def claims(commit: Commit, head: Head | None) -> set[tuple[str, ...]]:
    """What the commit changes: two commits with a claim in common must be decided one after the other."""
    claimed: set[tuple[str, ...]] = {
        ("file", commit.version.file_id),
        ("path", commit.owner_id, commit.version.path),
    }
    if head is not None:
        claimed.add(("path", head.owner_id, head.path))
    if commit.idempotency is not None:
        claimed.add(("key", commit.idempotency.owner_id, commit.idempotency.key))
    return claimed
