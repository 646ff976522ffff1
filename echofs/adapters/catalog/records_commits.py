"""Moving heads on DynamoDB: one transaction for each commit, and several at a time.

A living file's *entry* is its head and its claim on the path in one item, which makes a commit's compare-and-swap one
condition: the entry still names the file and the parent. The transaction also puts the version and its dot, neither of
which may exist, and the idempotency record, missing folders and chunks.

What does not fit a transaction goes ahead of it, where that shows nothing: chunks (they may be recorded before the
commit that refers to them) and the deeper ones of many new folders (the outermost, by which they are reached, goes with
the head).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from echofs.adapters.catalog import records_accounts, records_chunks
from echofs.adapters.catalog.records_chunks import Change, ChunkItems
from echofs.adapters.catalog.records_disputes import conflict_item, conflict_key
from echofs.adapters.catalog.records_items import (
    Chunk,
    Key,
    answer_item,
    answer_key,
    begun_key,
    chunk_key,
    chunk_of,
    dot_item,
    dot_key,
    entry_item,
    entry_key,
    file_of,
    folder_key,
    version_item,
    version_key,
)
from echofs.adapters.catalog.records_look import (
    Look,
    file_made,
    head_lost,
    head_of,
    missing_folders,
    new_ancestors,
    unwieldy,
)
from echofs.adapters.catalog.records_tables import TableNames
from echofs.adapters.catalog.verdicts import Head, Seen, claims, earlier_chunks, refusal
from echofs.adapters.dynamodb import ITEMS_AT_ONCE, ConditionFailed, DynamoDB
from echofs.adapters.dynamodb_values import Item, packed
from echofs.core.errors import EchoError, Unavailable
from echofs.core.models import ChunkState, Digest, File, Kind, Timestamp
from echofs.ports.catalog import Commit
from echofs.ports.runtime import Clock

Answer = File | EchoError
Together = Callable[[Callable[[Commit], Answer], Sequence[Commit]], list[Answer]]
"""Applies a function to several commits at a time."""

CHUNKS_WITH_HEAD = 64
"""If a commit changes more chunks than this, they are recorded ahead of it."""
FOLDERS_WITH_HEAD = 16
_HEAD_ATTRIBUTES = (
    *("pk", "sk", "file", "owner_id", "number", "kind", "path", "size", "file_created_at"),
    *("deleted_at", "files", "bytes", "trash_bytes"),
)
"""What is asked of an item of the files table, be it a version's or one of the trash or the usage."""


class Commits:
    """Makes commits in the three tables. Safe to share between threads; ``together`` runs them side by side."""

    def __init__(
        self, dynamodb: DynamoDB, names: TableNames, chunks: ChunkItems, clock: Clock, together: Together
    ) -> None:
        self._dynamodb = dynamodb
        self._names = names
        self._chunks = chunks
        self._clock = clock
        self._together = together

    def make(self, commits: Sequence[Commit]) -> list[Answer]:
        """Answers in the order of ``commits``. Those that depend on each other are made one after the other."""
        answers: dict[int, Answer] = {}
        waiting = list(enumerate(commits))
        while waiting:
            heads = self._heads(commit for _, commit in waiting if commit.version.kind is Kind.MOVE)
            ready: list[tuple[int, Commit]] = []
            later: list[tuple[int, Commit]] = []
            claimed: set[tuple[str, ...]] = set()
            for place, commit in waiting:
                wanted = claims(commit, heads.get(commit.version.file_id)) | records_accounts.claims(commit)
                (ready if claimed.isdisjoint(wanted) else later).append((place, commit))
                claimed |= wanted
            made = self._together(self._make_one, [commit for _, commit in ready])
            answers.update(zip((place for place, _ in ready), made, strict=True))
            waiting = later
        return [answers[place] for place in range(len(commits))]

    def _make_one(self, commit: Commit) -> Answer:
        """The answer to one commit. If DynamoDB does not answer for it, that is said of this commit alone: others of
        the batch may have been made."""
        try:
            return self._decided(commit)
        except Unavailable as error:
            return error

    def _decided(self, commit: Commit) -> Answer:
        if refused := unwieldy(commit):
            return refused
        patience = self._dynamodb.patience()
        while True:
            look = self.look(commit)
            if repeated := self.repeated(commit, look):
                return repeated
            if refused := refusal(commit, look.seen) or records_accounts.refusal(commit, look.seen, look.account):
                return refused
            try:
                made = self._write(commit, look)
            except ConditionFailed as rival:
                patience.wait(rival)
            else:
                self.keep_folders([commit])
                return made

    def keep_folders(self, commits: Sequence[Commit]) -> None:
        """Make folders anew that ended after the commits had found them. Whoever ended them looks for files behind it,
        as this looks for folders behind its files: one of both sees the other."""
        above = {(commit.owner_id, tuple(new_ancestors(commit))) for commit in commits}
        for owner_id, folders in sorted(above):
            if folders and not self._dynamodb.get(self._names.files, folder_key(owner_id, folders[-1])):
                puts = [self._put(self._names.files, folder_key(owner_id, path)) for path in folders]
                for start in range(0, len(puts), ITEMS_AT_ONCE):
                    self._dynamodb.write_all(puts[start : start + ITEMS_AT_ONCE])

    def repeated(self, commit: Commit, look: Look) -> File | None:
        """The file as the commit left it, if it was made before."""
        found = self._dynamodb.get(self._names.files, look.repeated) if look.repeated else None
        return file_of(found) if found and found["owner_id"] == commit.owner_id else None

    def _heads(self, commits: Iterable[Commit]) -> dict[str, Head]:
        """The heads that these commits follow, as far as they are heads still."""
        parents = sorted({(commit.version.file_id, commit.version.parent) for commit in commits})
        keys = [version_key(file_id, number) for file_id, number in parents]
        found = self._dynamodb.get_many(self._names.files, keys, _HEAD_ATTRIBUTES)
        return {item["file"]: head_of(item) for item in found}

    def look(self, commit: Commit) -> Look:
        """What there is of all that the commit concerns."""
        version = commit.version
        entry, dot = entry_key(commit.owner_id, version.path), dot_key(version.dot)
        numbers = {1, version.parent, version.parent + 1} - {0}
        folders = {path: folder_key(commit.owner_id, path) for path in new_ancestors(commit)}
        versions = [version_key(version.file_id, number) for number in numbers]
        earlier = earlier_chunks(commit)
        wanted: list[tuple[str, Key]] = [(self._names.files, key) for key in (entry, dot, *versions, *folders.values())]
        wanted += [
            (self._names.chunks, chunk_key(digest)) for digest in earlier | {chunk.digest for chunk in commit.chunks}
        ]
        if commit.idempotency:
            wanted.append((self._names.sessions, answer_key(commit.idempotency.owner_id, commit.idempotency.key)))
        dispute = conflict_key(commit.owner_id, commit.conflict.id) if commit.conflict else None
        if dispute:
            wanted.append((self._names.files, dispute))
        wanted += [(self._names.files, key) for key in records_accounts.keys(commit)]
        begun = begun_key(version.file_id)
        if version.parent == 0:
            wanted.append((self._names.files, begun))
        found = {
            (table, item["pk"], item.get("sk")): item
            for table, item in self._dynamodb.get_each(wanted, {self._names.files: _HEAD_ATTRIBUTES})
        }

        def at(key: Key) -> Item | None:
            return found.get((self._names.files, key["pk"], key["sk"]))

        look = Look(self._seen(commit, at(entry), [item for key in versions if (item := at(key))]))
        if at(begun):
            look.seen.heads = {version.file_id: head_lost(commit), **look.seen.heads}
        if named := at(dot):
            look.repeated = version_key(named["file"], named["number"])
        look.conflict_known = dispute is not None and at(dispute) is not None
        look.account = records_accounts.found(commit, look.seen, at)
        look.folders = {path for path, key in folders.items() if at(key)}
        look.chunks = {pk: chunk_of(item) for (table, pk, _), item in found.items() if table == self._names.chunks}
        if commit.idempotency and any(table == self._names.sessions for table, _, _ in found):
            look.seen.used_keys = {(commit.idempotency.owner_id, commit.idempotency.key)}
        leaving = {digest for digest, chunk in look.chunks.items() if chunk.state is ChunkState.DELETING}
        look.seen.lost_chunks = leaving | (earlier - look.chunks.keys())
        return look

    @staticmethod
    def _seen(commit: Commit, holder: Item | None, versions: list[Item]) -> Seen:
        """The head, as far as the commit could follow it, and who holds the path."""
        version = commit.version
        heads = {version.file_id: head_of(max(versions, key=lambda item: item["number"]))} if versions else {}
        return Seen(heads, {(commit.owner_id, version.path): holder["file"]} if holder else {})

    def _write(self, commit: Commit, look: Look) -> File:
        chunks = self._chunk_writes(commit, look)
        missing = missing_folders(commit, look)
        folders = [self._put(self._names.files, folder_key(commit.owner_id, path)) for path in missing]
        while len(folders) > FOLDERS_WITH_HEAD:
            ahead = max(FOLDERS_WITH_HEAD, len(folders) - ITEMS_AT_ONCE)
            self._dynamodb.write_all(folders[ahead:])
            folders = folders[:ahead]
        account = records_accounts.writes(self._names.files, commit, look.seen, look.account)
        self._dynamodb.write_all([*self.version_writes(commit, look), *account, *folders, *chunks])
        return file_made(commit, look)

    def version_writes(self, commit: Commit, look: Look) -> list[dict[str, Any]]:
        """The writes that make the version its file's head, without its chunks, its folders and what its owner has
        stored."""
        version = commit.version
        made = file_made(commit, look)
        operations = [
            *self._entry_writes(commit, look.seen.heads.get(version.file_id)),
            self._put(self._names.files, version_item(commit.owner_id, version, made.created_at), new=True),
            self._put(self._names.files, dot_item(version), new=True),
        ]
        if commit.idempotency:
            operations.append(self._put(self._names.sessions, answer_item(commit.idempotency), new=True))
        if commit.conflict and not look.conflict_known:
            operations.append(self._put(self._names.files, conflict_item(commit.conflict), new=True))
        return operations

    def record_ahead(self, commits: Sequence[Commit]) -> None:
        """Record the chunks of several commits, and see that those they refer to are live. Raises
        :class:`Unavailable`."""
        digests = sorted({digest for commit in commits for digest in _digests(commit)})
        change = _change_of(commits, self._clock.now())
        for start in range(0, len(digests), ITEMS_AT_ONCE):
            self._chunks.change(digests[start : start + ITEMS_AT_ONCE], change)

    def _chunk_writes(self, commit: Commit, look: Look) -> list[dict[str, Any]]:
        """The writes of the commit's chunks, or none when they were too many and are recorded now."""
        change = _change_of([commit], self._clock.now())
        writes = self._chunks.operations(sorted(_digests(commit)), change, look.chunks)
        if len(writes) <= CHUNKS_WITH_HEAD:
            return writes
        self.record_ahead([commit])
        return []

    def _entry_writes(self, commit: Commit, head: Head | None) -> list[dict[str, Any]]:
        """Moves the head, on condition that it is still the parent."""
        version, table = commit.version, self._names.files
        if head is None or head.deleted:
            # A tombstone left no entry; that it is still the newest version, the one to come asserts by being new.
            return [self._put(table, entry_item(commit.owner_id, version), new=True)]
        still = {
            "TableName": table,
            "ConditionExpression": "#file = :file AND #number = :parent",
            "ExpressionAttributeNames": {"#file": "file", "#number": "number"},
            "ExpressionAttributeValues": packed({":file": version.file_id, ":parent": version.parent}),
        }
        leave = {"Delete": {**still, "Key": packed(entry_key(commit.owner_id, head.path))}}
        if version.kind is Kind.TOMBSTONE:
            return [leave]
        if version.path != head.path:
            return [leave, self._put(table, entry_item(commit.owner_id, version), new=True)]
        return [{"Put": {**still, "Item": packed(entry_item(commit.owner_id, version))}}]

    def _put(self, table: str, item: Item | Key, *, new: bool = False) -> dict[str, Any]:
        put: dict[str, Any] = {"TableName": table, "Item": packed(item)}
        if new:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        return {"Put": put}


def _digests(commit: Commit) -> set[Digest]:
    return {chunk.digest for chunk in commit.chunks} | earlier_chunks(commit)


def _change_of(commits: Sequence[Commit], now: Timestamp) -> Change:
    """What becomes of each chunk that the commits record or refer to."""
    recorded = [chunk for commit in commits for chunk in commit.chunks]
    record, own = records_chunks.recorded(recorded, now), {chunk.digest for chunk in recorded}

    def change(digest: Digest, chunk: Chunk | None) -> Chunk | None:
        if digest in own:
            return record(digest, chunk)
        return records_chunks.touched(chunk, now) if chunk else None

    return change
