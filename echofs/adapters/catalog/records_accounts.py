"""What a commit on DynamoDB does with its owner's trash and usage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from echofs.adapters.catalog.records_items import Key
from echofs.adapters.catalog.records_trash import put_writes, take_writes, trash_key, trashed_of
from echofs.adapters.catalog.records_usage import Operation, usage_keys, usage_of, usage_writes
from echofs.adapters.catalog.verdicts import Seen, ended, revives, usage_change
from echofs.adapters.dynamodb_values import Item
from echofs.core import usage
from echofs.core.errors import QuotaExceeded
from echofs.core.models import Kind
from echofs.core.usage import Usage
from echofs.ports.catalog import Commit
from echofs.ports.trash import Trashed


@dataclass(frozen=True, slots=True)
class Account:
    """What was found: the file in the trash that the commit brings back, and the usage by part if that was asked."""

    trashed: Trashed | None = None
    parts: Mapping[str, Usage] = field(default_factory=dict)


def claims(commit: Commit) -> set[tuple[str, ...]]:
    """A claim on its owner's room, where the commit may grow under a quota."""
    return {("room", commit.owner_id)} if _may_grow(commit) else set()


def keys(commit: Commit) -> list[Key]:
    """The items to look at."""
    back = [trash_key(commit.owner_id, commit.version.file_id)] if commit.revives else []
    return [*back, *(usage_keys(commit.owner_id) if _may_grow(commit) else ())]


def found(commit: Commit, seen: Seen, at: Callable[[Key], Item | None]) -> Account:
    """What the items say; what is in the trash becomes known to ``seen`` as well."""
    file_id = commit.version.file_id
    item = at(trash_key(commit.owner_id, file_id))
    trashed = trashed_of(item) if item and revives(commit, seen.heads.get(file_id)) else None
    if trashed:
        seen.trashed = {file_id: trashed.size}
    parts = {key["sk"]: usage_of(item) for key in usage_keys(commit.owner_id) if (item := at(key))}
    return Account(trashed, parts)


def refusal(commit: Commit, seen: Seen, account: Account) -> QuotaExceeded | None:
    """Why the owner's quota forbids the commit, or None."""
    return usage.refusal(_sum(account.parts), usage_change(commit, seen).total, commit.quota_bytes)


def writes(table: str, commit: Commit, seen: Seen, account: Account) -> list[Operation]:
    """Moves the file into the trash or out of it, and counts in what changes."""
    return writes_together(table, [(commit, seen, account)])


def writes_together(table: str, looked: Sequence[tuple[Commit, Seen, Account]]) -> list[Operation]:
    """The same for commits of one step, which count in together what they change. Raises :class:`QuotaExceeded`."""
    made = [each for one in looked for each in _trash_writes(table, *one)]
    for owner_id in {commit.owner_id for commit, _, _ in looked}:
        own = [one for one in looked if one[0].owner_id == owner_id]
        change = sum((usage_change(commit, seen) for commit, seen, _ in own), Usage())
        limited = [(commit.quota_bytes, account.parts) for commit, _, account in own if _may_grow(commit)]
        parts = limited[0][1] if limited and change.total > 0 else None
        if parts is not None and (over := usage.refusal(_sum(parts), change.total, limited[0][0])):
            raise over
        made += usage_writes(table, owner_id, own[0][0].version.file_id, change, parts)
    return made


def _trash_writes(table: str, commit: Commit, seen: Seen, account: Account) -> list[Operation]:
    made = []
    if trashed := ended(commit, seen):
        made += put_writes(table, trashed)
    if account.trashed:
        made += take_writes(table, account.trashed)
    return made


def _sum(parts: Mapping[str, Usage]) -> Usage:
    return sum(parts.values(), Usage())


def _may_grow(commit: Commit) -> bool:
    return commit.quota_bytes is not None and commit.version.kind is not Kind.TOMBSTONE
