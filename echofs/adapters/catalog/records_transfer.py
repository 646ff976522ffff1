"""Reading a whole catalog on DynamoDB and filling an empty one: the only place that scans. No request comes
here, but jobs go through all chunks."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from typing import Any

from echofs.adapters.catalog import cursor
from echofs.adapters.catalog.records_disputes import (
    CONFLICT,
    FLOOR,
    conflict_item,
    conflict_of,
    floor_item,
    floor_of,
)
from echofs.adapters.catalog.records_items import (
    FOLDER,
    Chunk,
    Key,
    answer_item,
    answer_of,
    begun_key,
    chunk_of,
    dot_item,
    entry_item,
    file_of,
    folder_key,
    part_of,
    version_item,
    version_of,
)
from echofs.adapters.catalog.records_tables import TableNames
from echofs.adapters.catalog.records_trash import EXPIRING, TRASH, trash_items, trash_key
from echofs.adapters.catalog.records_usage import USAGE, usage_item
from echofs.adapters.dynamodb import DynamoDB
from echofs.adapters.dynamodb_values import Item, packed, plain
from echofs.core.models import ChunkState, ConflictRecord, File, Floor, IdempotencyRecord, Timestamp, Version
from echofs.core.names import ancestors_of
from echofs.core.retention import Kept
from echofs.core.usage import Usage
from echofs.ports.catalog import ChunkEntry, ChunkPage, DumpPage, Entry, FolderEntry, PastVersion
from echofs.ports.trash import History, HistoryPage, Trashed

_WRITES_AT_ONCE = 25
"""DynamoDB's own limit on a BatchWriteItem."""
Placed = tuple[str, Item]
"""An item and its table."""


class Transfer:
    """Safe to share between threads. ``created_at`` says when a file that is in the catalog already was created,
    ``past`` which versions it has, the newest first."""

    def __init__(
        self,
        dynamodb: DynamoDB,
        names: TableNames,
        created_at: Callable[[str], Timestamp],
        past: Callable[[str], list[Version]],
    ) -> None:
        self._dynamodb = dynamodb
        self._names = names
        self._tables = tuple(names.by_setting().values())
        self._created_at = created_at
        self._past = past

    def dump(self, after: str, limit: int) -> DumpPage:
        """One page; the order is that of DynamoDB's partitions, table after table. Raises :class:`InvalidRequest` for
        a cursor nobody made."""
        number, start = _decode(after) if after else (0, None)
        # The versions of a file stand together, the newest last: what follows one tells whether it is the head.
        items = list(islice(self._scan(self._tables[number], start, limit + 1), limit + 1))
        shown, more = items[:limit], len(items) > limit
        following = [*items[1:], None]
        entries = [entry for item, next_ in zip(shown, following, strict=False) if (entry := _entry(item, next_))]
        if more:
            return DumpPage(tuple(entries), _encode(number, _key_of(shown[-1])))
        return DumpPage(tuple(entries), _encode(number + 1, None) if number + 1 < len(self._tables) else "")

    def chunk_page(self, after: str, limit: int) -> ChunkPage:
        """One page of the live chunks, in the order of DynamoDB's partitions. Raises :class:`InvalidRequest`."""
        start = _decode(after)[1] if after else None
        items = list(islice(self._scan(self._names.chunks, start, limit + 1), limit + 1))
        shown, more = items[:limit], len(items) > limit
        live = (item for item in shown if item["state"] == ChunkState.LIVE.value)
        next_ = _encode(self._tables.index(self._names.chunks), _key_of(shown[-1])) if more else ""
        return ChunkPage(tuple(map(_chunk_entry, live)), next_)

    def histories(self, after: str, limit: int) -> HistoryPage:
        """One page of histories, as far as they begin among the next ``limit`` items. Raises
        :class:`InvalidRequest`."""
        start = _decode(after)[1] if after else None
        items = list(islice(self._scan(self._names.files, start, limit + 1), limit + 1))
        shown, more = items[:limit], len(items) > limit
        # The page before has read all of the file in which it ended.
        begun = start["pk"] if start else ""
        versions = [item for item in shown if item["pk"].startswith("file:") and item["pk"] != begun]
        counts = Counter(item["file"] for item in versions)
        last = versions[-1]["file"] if versions and more else ""
        found = [_history(self._past(file_id)) for file_id, count in counts.items() if count > 1 or file_id == last]
        found = [self._with_trash(each, versions) for each in found if len(each.versions) > 1]
        return HistoryPage(tuple(found), _encode(0, _key_of(shown[-1])) if more else "")

    def _with_trash(self, history: History, items: list[Item]) -> History:
        """The history, with the version that is in the trash among those that are needed."""
        owner_id = next(item["owner_id"] for item in items if item["file"] == history.file_id)
        trashed = self._dynamodb.get(self._names.files, trash_key(owner_id, history.file_id))
        return replace(history, needed=history.needed | {trashed["number"]}) if trashed else history

    def recount(self) -> None:
        """Put the items of the trash and the usage anew. Idempotent."""
        kinds = (TRASH, EXPIRING, USAGE)
        table = self._names.files
        old = (item for item in self._scan(table, None, None) if item["pk"].startswith(kinds))
        self._write((table, {"DeleteRequest": {"Key": packed(_key_of(item))}}) for item in old)
        counted: dict[tuple[str, str], Usage] = {}
        items = self._accounts(counted)
        self._write((table, {"PutRequest": {"Item": packed(item)}}) for item in items)
        sums = (usage_item(owner_id, part, usage) for (owner_id, part), usage in counted.items())
        self._write((table, {"PutRequest": {"Item": packed(item)}}) for item in sums)

    def _accounts(self, counted: dict[tuple[str, str], Usage]) -> Iterator[Item]:
        """The items of the trash, while ``counted`` is filled with the usage by owner and part."""
        versions = (item for item in self._scan(self._names.files, None, None) if item["pk"].startswith("file:"))
        for _, group in groupby(versions, key=lambda item: str(item["pk"])):
            *past, newest = map(file_of, group)
            account = newest.owner_id, part_of(newest.id)
            last = next((each for each in reversed(past) if not each.deleted), None)
            if not newest.deleted:
                change = Usage(1, newest.head.content.size)
            elif last is not None:
                ended = newest.head.created_at
                trashed = Trashed(last.id, last.owner_id, newest.path, last.head.number, last.head.content.size, ended)
                change = Usage(trash_bytes=trashed.size)
                yield from trash_items(trashed)
            else:
                continue
            counted[account] = counted.get(account, Usage()) + change

    def empty(self) -> bool:
        """Whether there is nothing but leases."""
        if any(next(self._scan(table, None, 1), None) for table in (self._names.files, self._names.chunks)):
            return False
        return all(_is_lease(item) for item in self._scan(self._names.sessions, None, None))

    def clear(self) -> None:
        """Delete everything but leases. Idempotent."""
        for table in self._tables:
            doomed = (item for item in self._scan(table, None, None) if not _is_lease(item))
            self._write((table, {"DeleteRequest": {"Key": packed(_key_of(item))}}) for item in doomed)

    def restore(self, entries: Sequence[Entry]) -> None:
        """Put entries as they are. Idempotent."""
        created = {entry.id: entry.created_at for entry in entries if isinstance(entry, File)}
        past = {entry.version.file_id for entry in entries if isinstance(entry, PastVersion)}
        created.update({file_id: self._created_at(file_id) for file_id in past - created.keys()})
        placed = [each for entry in entries for each in self._items(entry, created)]
        # An entry may bring a folder that another brought; one call takes every key once.
        distinct = {(table, *sorted(_key_of(item).items())): (table, item) for table, item in placed}
        self._write((table, {"PutRequest": {"Item": packed(item)}}) for table, item in distinct.values())

    def _items(self, entry: Entry, created: dict[str, Timestamp]) -> Iterator[Placed]:
        if isinstance(entry, IdempotencyRecord):
            yield self._names.sessions, answer_item(entry)
        elif isinstance(entry, ChunkEntry):
            owed = {row.worker_id: row for row in entry.owed}
            chunk = Chunk(entry.digest, entry.size, entry.state, entry.touched_at, frozenset(entry.replicas), owed)
            yield self._names.chunks, chunk.item()
        elif isinstance(entry, ConflictRecord):
            yield self._names.files, conflict_item(entry)
        elif isinstance(entry, Floor):
            yield self._names.files, floor_item(entry)
        elif isinstance(entry, PastVersion):
            yield from self._version(entry.owner_id, entry.version, created)
        elif isinstance(entry, FolderEntry):
            yield from self._folders(entry.owner_id, [*ancestors_of(entry.path), entry.path])
        else:
            yield from self._version(entry.owner_id, entry.head, created)
            if entry.head.parent:
                yield self._names.files, dict(begun_key(entry.id))
            if not entry.deleted:
                yield self._names.files, entry_item(entry.owner_id, entry.head)
                yield from self._folders(entry.owner_id, ancestors_of(entry.path))

    def _version(self, owner_id: str, version: Version, created: dict[str, Timestamp]) -> Iterator[Placed]:
        yield self._names.files, version_item(owner_id, version, created[version.file_id])
        yield self._names.files, dot_item(version)

    def _folders(self, owner_id: str, paths: Sequence[str]) -> Iterator[Placed]:
        for path in paths:
            yield self._names.files, dict(folder_key(owner_id, path))

    def _scan(self, table: str, start: Key | None, at_once: int | None) -> Iterator[Item]:
        arguments: dict[str, Any] = {"Limit": at_once} if at_once else {}
        if start:
            arguments["ExclusiveStartKey"] = packed(start)
        while True:
            answer = self._dynamodb.call("scan", TableName=table, ConsistentRead=True, **arguments)
            yield from (plain(item) for item in answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _write(self, requests: Iterable[tuple[str, dict[str, Any]]]) -> None:
        rest = iter(requests)
        while some := list(islice(rest, _WRITES_AT_ONCE)):
            left: dict[str, list[dict[str, Any]]] = {}
            for table, request in some:
                left.setdefault(table, []).append(request)
            patience = self._dynamodb.patience("DynamoDB is busy; try again shortly.")
            while left := self._dynamodb.call("batch_write_item", RequestItems=left).get("UnprocessedItems") or {}:
                patience.wait()


def _history(versions: list[Version]) -> History:
    head = versions[0]
    kept = tuple(Kept(version.number, version.created_at) for version in versions)
    return History(head.file_id, kept, frozenset({head.content_version}))


def _entry(item: Item, following: Item | None) -> Entry | None:
    """What an item is for a dump; None for items that others bring with them."""
    pk: str = item["pk"]
    if pk.startswith("file:"):
        if following is None or following["pk"] != pk:
            return file_of(item)
        return PastVersion(item["owner_id"], version_of(item))
    if pk.startswith("answer:"):
        return answer_of(item)
    if pk.startswith(FOLDER):
        return FolderEntry(pk.split(":", 2)[1], item["sk"])
    if pk.startswith(CONFLICT):
        return conflict_of(item)
    if pk.startswith(FLOOR):
        return floor_of(item)
    if "revision" not in item:
        return None
    return _chunk_entry(item)


def _chunk_entry(item: Item) -> ChunkEntry:
    chunk = chunk_of(item)
    owed = tuple(chunk.owed[worker] for worker in sorted(chunk.owed))
    replicas = tuple(sorted(chunk.replicas))
    return ChunkEntry(chunk.digest, chunk.size, ChunkState(chunk.state), chunk.touched_at, replicas, owed)


def _is_lease(item: Item) -> bool:
    return bool(item["pk"].startswith("lease:"))


def _key_of(item: Item) -> Key:
    return {name: item[name] for name in ("pk", "sk") if name in item}


def _encode(table: int, after: Key | None) -> str:
    return urlsafe_b64encode(json.dumps([table, after]).encode()).decode()


def _decode(after: str) -> tuple[int, Key | None]:
    try:
        table, key = json.loads(urlsafe_b64decode(after.encode("ascii")))
    except (ValueError, TypeError, binascii.Error):
        raise cursor.malformed() from None
    if table not in range(3) or not isinstance(key, dict | None):
        raise cursor.malformed()
    return table, key
