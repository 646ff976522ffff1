"""What DynamoDB was found to hold when one commit was looked at, and what follows from that. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from echofs.adapters.catalog.records_accounts import Account
from echofs.adapters.catalog.records_items import Chunk, Key
from echofs.adapters.catalog.verdicts import Head, Seen
from echofs.adapters.dynamodb_values import Item
from echofs.core.errors import EchoError, TooLarge
from echofs.core.models import Digest, File, Kind
from echofs.core.names import ancestors_of
from echofs.ports.catalog import Commit

_LONGEST_LISTS = 300_000
"""Bytes of digests in one version: an item has at most 400 KB."""


@dataclass(slots=True)
class Look:
    """What the catalog held when one commit was looked at. ``repeated`` is the version that has the commit's dot."""

    seen: Seen
    repeated: Key | None = None
    folders: set[str] = field(default_factory=set)
    chunks: dict[Digest, Chunk] = field(default_factory=dict)
    conflict_known: bool = False
    account: Account = field(default_factory=Account)


def head_of(item: Item) -> Head:
    """The head in a version's item."""
    return Head(
        file_id=item["file"],
        owner_id=item["owner_id"],
        path=item["path"],
        number=item["number"],
        deleted=item["kind"] == Kind.TOMBSTONE,
        created_at=item["file_created_at"],
        size=item["size"],
    )


def head_lost(commit: Commit) -> Head:
    """The head of a file that would begin with this commit but has begun before, as far as it must be known."""
    version = commit.version
    return Head(version.file_id, commit.owner_id, version.path, 1, deleted=True, created_at=version.created_at, size=0)


def new_ancestors(commit: Commit) -> list[str]:
    """The folders above a path that is new to its file, the outermost first."""
    # Content comes with another path than its parent's only where a conflict brought both together.
    moved = commit.version.kind is Kind.MOVE or commit.conflict is not None
    changed = commit.version.parent == 0 or moved or commit.revives
    return ancestors_of(commit.version.path) if changed else []


def missing_folders(commit: Commit, look: Look) -> list[str]:
    """Those of the folders above a commit's path that are not there yet, the outermost first."""
    return [path for path in new_ancestors(commit) if path not in look.folders]


def file_made(commit: Commit, look: Look) -> File:
    """The file as the commit leaves it."""
    version = commit.version
    head = look.seen.heads.get(version.file_id)
    return File(version.file_id, commit.owner_id, version, head.created_at if head else version.created_at)


def unwieldy(commit: Commit) -> EchoError | None:
    """Why the version does not fit an item, or None."""
    content = commit.version.content
    if len(content.inline) + len(content.lists) <= _LONGEST_LISTS:
        return None
    return TooLarge("This file has more chunks than the catalog can list; choose a larger CHUNK_SIZE.", field="file")
