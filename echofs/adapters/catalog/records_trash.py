"""The trash and old versions on DynamoDB, as far as they need no scan."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

from echofs.adapters.catalog import cursor
from echofs.adapters.catalog.records_items import Key, addressable, begun_key, dot_key, part_of, version_key, version_of
from echofs.adapters.catalog.records_tables import BY_UPDATED, PARTS, TableNames
from echofs.adapters.catalog.records_usage import USAGE, Operation, usage_keys, usage_of, usage_writes
from echofs.adapters.catalog.trashing import NEWEST_FIRST, not_in_trash
from echofs.adapters.dynamodb import ITEMS_AT_ONCE, ConditionFailed, DynamoDB
from echofs.adapters.dynamodb_values import Item, packed
from echofs.core.models import Timestamp, Version
from echofs.core.usage import Usage
from echofs.ports.trash import Trash, Trashed, TrashPage

TRASH, EXPIRING = "trash:", "expiring:"


def trash_key(owner_id: str, file_id: str) -> Key:
    return {"pk": f"{TRASH}{owner_id}", "sk": file_id}


def trash_items(trashed: Trashed) -> tuple[Item, Item]:
    """The item in its owner's trash, in the order of the time by the local index, and the one among all that expire."""
    place = _place(trashed.deleted_at, trashed.file_id)
    own = {
        **trash_key(trashed.owner_id, trashed.file_id),
        BY_UPDATED: place,
        "owner_id": trashed.owner_id,
        "path": trashed.path,
        "number": trashed.number,
        "size": trashed.size,
        "deleted_at": trashed.deleted_at,
    }
    return own, {**_expiring_key(trashed), "owner_id": trashed.owner_id, "file": trashed.file_id}


def trashed_of(item: Item) -> Trashed:
    return Trashed(item["sk"], item["owner_id"], item["path"], item["number"], item["size"], item["deleted_at"])


def _expiring_key(trashed: Trashed) -> Key:
    part = part_of(trashed.file_id)
    return {"pk": f"{EXPIRING}{part}", "sk": _place(trashed.deleted_at, trashed.file_id)}


def _place(at: Timestamp, file_id: str) -> str:
    return f"{at:016x}:{file_id}"


def put_writes(table: str, trashed: Trashed) -> list[Operation]:
    """Puts a deleted file into the trash."""
    return [{"Put": {"TableName": table, "Item": packed(item)}} for item in trash_items(trashed)]


def take_writes(table: str, trashed: Trashed) -> list[Operation]:
    """Takes a file out of the trash, on condition that it is still there and was not deleted anew since."""
    own = {"TableName": table, "Key": packed(trash_key(trashed.owner_id, trashed.file_id))}
    there = {
        "ConditionExpression": "#number = :number",
        "ExpressionAttributeNames": {"#number": "number"},
        "ExpressionAttributeValues": packed({":number": trashed.number}),
    }
    return [
        {"Delete": {**own, **there}},
        {"Delete": {"TableName": table, "Key": packed(_expiring_key(trashed))}},
    ]


class RecordsTrash(Trash):
    """The part of the catalog that needs no scan. Safe to share between threads."""

    def __init__(self, dynamodb: DynamoDB, names: TableNames) -> None:
        self._dynamodb = dynamodb
        self._names = names

    def trash(self, owner_id: str, after: str = "", limit: int = 100) -> TrashPage:
        start = None
        if after:
            at, file_id = cursor.decode(after, NEWEST_FIRST)
            if at < 0 or not addressable(file_id):
                raise cursor.malformed()
            start = {**trash_key(owner_id, file_id), BY_UPDATED: _place(at, file_id)}
        if not addressable(owner_id):
            return TrashPage(())
        found = self._dynamodb.query(
            self._names.files,
            "#pk = :pk",
            {":pk": trash_key(owner_id, "")["pk"]},
            names={"#pk": "pk"},
            index=BY_UPDATED,
            descending=True,
            after=start,
            at_once=limit + 1,
        )
        places = list(islice(found, limit + 1))
        shown = self._in_trash([(owner_id, item["sk"]) for item in places[:limit]])
        if len(places) <= limit:
            return TrashPage(shown)
        at_text, _, file_id = places[limit - 1][BY_UPDATED].partition(":")
        return TrashPage(shown, cursor.encode((int(at_text, 16), file_id), NEWEST_FIRST))

    def trashed(self, owner_id: str, file_id: str) -> Trashed:
        key = trash_key(owner_id, file_id)
        item = self._dynamodb.get(self._names.files, key) if addressable(owner_id, file_id) else None
        if item is None:
            raise not_in_trash()
        return trashed_of(item)

    def purge(self, owner_id: str, seen: Collection[Trashed]) -> int:
        """The versions go first: whoever is stopped in between leaves the file in the trash and can begin again. A
        file that is revived at the same moment lives on without what went before."""
        wanted = {each.file_id: each.number for each in seen}
        present = self._in_trash([(owner_id, file_id) for file_id in sorted(wanted)]) if addressable(owner_id) else ()
        return sum(self._purge_one(each) for each in present if each.number == wanted[each.file_id])

    def _purge_one(self, trashed: Trashed) -> bool:
        history = self.past(trashed.file_id)
        self._delete_versions([version for version in history if version.number <= trashed.number])
        change = Usage(trash_bytes=-trashed.size)
        table = self._names.files
        counted = usage_writes(table, trashed.owner_id, trashed.file_id, change)
        try:
            self._dynamodb.write_all([*take_writes(table, trashed), *counted])
        except ConditionFailed:
            return False
        return True

    def past(self, file_id: str) -> list[Version]:
        """All versions of a file, whoever owns it, the newest first."""
        values = {":pk": version_key(file_id, 0)["pk"]}
        found = self._dynamodb.query(self._names.files, "#pk = :pk", values, names={"#pk": "pk"}, descending=True)
        return [version_of(item) for item in found]

    def _delete_versions(self, versions: Iterable[Version]) -> None:
        """Delete versions and their dots, of which none may be left behind: a dot is free again without its version.
        Of a first version it stays known that there was one."""
        rest = iter(versions)
        table = self._names.files
        while some := list(islice(rest, (ITEMS_AT_ONCE - 1) // 2)):
            keys = [key for each in some for key in (dot_key(each.dot), version_key(each.file_id, each.number))]
            begun = [begun_key(each.file_id) for each in some if each.parent == 0]
            writes = [{"Delete": {"TableName": table, "Key": packed(key)}} for key in keys]
            self._dynamodb.write_all([*writes, *({"Put": {"TableName": table, "Item": packed(key)}} for key in begun)])

    def expired(self, before: Timestamp, limit: int) -> list[Trashed]:
        found = [self._expiring(part, before, limit) for part in range(PARTS)]
        oldest = list(islice(heapq.merge(*found, key=lambda item: str(item["sk"])), limit))
        return sorted(
            self._in_trash([(item["owner_id"], item["file"]) for item in oldest]), key=lambda each: each.deleted_at
        )

    def _expiring(self, part: int, before: Timestamp, limit: int) -> list[Item]:
        values = {":pk": f"{EXPIRING}{part}", ":before": _place(before, "")}
        names = {"#pk": "pk", "#sk": "sk"}
        condition = "#pk = :pk AND #sk < :before"
        return list(
            islice(self._dynamodb.query(self._names.files, condition, values, names=names, at_once=limit), limit)
        )

    def _in_trash(self, named: list[tuple[str, str]]) -> tuple[Trashed, ...]:
        """Those of the files that are in the trash, in the same order; each is named by owner and id."""
        items = self._dynamodb.get_many(self._names.files, [trash_key(*each) for each in named])
        found = {item["sk"]: trashed_of(item) for item in items}
        return tuple(found[file_id] for _, file_id in named if file_id in found)

    def usage(self, owner_id: str) -> Usage:
        if not addressable(owner_id):
            return Usage()
        found = self._dynamodb.get_many(self._names.files, usage_keys(owner_id))
        return sum(map(usage_of, found), Usage())

    def usages(self, owner_ids: Collection[str]) -> Mapping[str, Usage]:
        found = dict.fromkeys(owner_ids, Usage())
        keys = [key for owner_id in filter(addressable, found) for key in usage_keys(owner_id)]
        for item in self._dynamodb.get_many(self._names.files, keys):
            found[item["pk"].removeprefix(USAGE)] += usage_of(item)
        return found

    def drop_versions(self, file_id: str, numbers: Collection[int]) -> int:
        history = self.past(file_id) if addressable(file_id) else []
        doomed = [version for version in history[1:] if version.number in numbers]
        self._delete_versions(doomed)
        return len(doomed)
