"""Conflicts and floors on DynamoDB. A user has few of either: a page of conflicts reads all and sorts them here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from echofs.adapters.catalog import cursor
from echofs.adapters.catalog.records_items import Key, addressable
from echofs.adapters.dynamodb import ConditionFailed, DynamoDB
from echofs.adapters.dynamodb_values import Item, packed
from echofs.core.errors import NotFound
from echofs.core.models import ConflictRecord, ConflictState, Floor, FloorScope, Level, Timestamp
from echofs.ports.disputes import ConflictPage

CONFLICT, FLOOR = "conflict:", "floor:"
_WHOLE = "*"
"""Stands where the key of a floor for everything would, as no sort key may be empty."""


def conflict_key(owner_id: str, conflict_id: str) -> Key:
    return {"pk": f"{CONFLICT}{owner_id}", "sk": conflict_id}


def floor_key(owner_id: str, scope: FloorScope, key: str) -> Key:
    return {"pk": f"{FLOOR}{scope}:{owner_id}", "sk": key or _WHOLE}


def conflict_item(record: ConflictRecord) -> Item:
    return {
        **conflict_key(record.owner_id, record.id),
        "owner_id": record.owner_id,
        "file": record.file_id,
        "path": record.path,
        "rule": record.rule,
        "state": record.state.value,
        "entry": record.entry,
        "kept": [[file, number] for file, number in record.kept],
        "created_at": record.created_at,
        **({} if record.resolved_at is None else {"resolved_at": record.resolved_at}),
    }


def conflict_of(item: Item) -> ConflictRecord:
    return ConflictRecord(
        id=item["sk"],
        owner_id=item["owner_id"],
        file_id=item["file"],
        path=item["path"],
        rule=item["rule"],
        state=ConflictState(item["state"]),
        created_at=item["created_at"],
        entry=item["entry"],
        kept=tuple((file, int(number)) for file, number in item["kept"]),
        resolved_at=item.get("resolved_at"),
    )


def floor_item(floor: Floor) -> Item:
    return {
        **floor_key(floor.owner_id, floor.scope, floor.key),
        "owner_id": floor.owner_id,
        "scope": floor.scope.value,
        "key": floor.key,
        "level": floor.level.value,
        "critical": int(floor.critical),
    }


def floor_of(item: Item) -> Floor:
    scope, level = FloorScope(item["scope"]), Level(item["level"])
    return Floor(item["owner_id"], scope, item["key"], level, bool(item["critical"]))


class Disputes:
    """Safe to share between threads."""

    def __init__(self, dynamodb: DynamoDB, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def record(self, record: ConflictRecord) -> None:
        """Idempotent: one of that id is left as it is."""
        try:
            self._dynamodb.call(
                "put_item",
                TableName=self._table,
                Item=packed(conflict_item(record)),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except ConditionFailed:
            return

    def page(self, owner_id: str, state: ConflictState | None, after: str, limit: int) -> ConflictPage:
        """The newest first. Raises :class:`InvalidRequest` for a malformed cursor."""
        place = cursor.decode(after, CONFLICT) if after else None
        found = [conflict_of(item) for item in self._all(conflict_key(owner_id, "")["pk"])]
        found = [record for record in found if state in (None, record.state)]
        found.sort(key=lambda record: (record.created_at, record.id), reverse=True)
        found = [record for record in found if place is None or (record.created_at, record.id) < place]
        last = found[limit - 1] if len(found) > limit else None
        return ConflictPage(tuple(found[:limit]), cursor.encode((last.created_at, last.id), CONFLICT) if last else "")

    def one(self, owner_id: str, conflict_id: str) -> ConflictRecord:
        """Raises :class:`NotFound`."""
        key = conflict_key(owner_id, conflict_id)
        item = self._dynamodb.get(self._table, key) if addressable(owner_id, conflict_id) else None
        if item is None:
            raise NotFound("There is no such conflict.")
        return conflict_of(item)

    def close(self, owner_id: str, conflict_id: str, kept: Sequence[tuple[str, int]], now: Timestamp) -> ConflictRecord:
        """Idempotent. Raises :class:`NotFound`."""
        self.one(owner_id, conflict_id)
        with suppress(ConditionFailed):  # Somebody decided before.
            self._dynamodb.call(
                "update_item",
                TableName=self._table,
                Key=packed(conflict_key(owner_id, conflict_id)),
                UpdateExpression="SET #state = :resolved, #entry = :nothing, #kept = :kept, #resolved_at = :now",
                ConditionExpression="#state = :open",
                ExpressionAttributeNames={f"#{name}": name for name in ("state", "entry", "kept", "resolved_at")},
                ExpressionAttributeValues=packed(
                    {
                        ":resolved": ConflictState.RESOLVED.value,
                        ":open": ConflictState.OPEN.value,
                        ":nothing": "",
                        ":kept": [[file, number] for file, number in kept],
                        ":now": now,
                    }
                ),
            )
        return self.one(owner_id, conflict_id)

    def floors(self, owner_id: str) -> list[Floor]:
        """By scope and key."""
        scopes = sorted(FloorScope)
        items = [item for scope in scopes for item in self._all(floor_key(owner_id, scope, "")["pk"])]
        return sorted(map(floor_of, items), key=lambda floor: (floor.scope, floor.key))

    def set_floor(self, floor: Floor) -> None:
        """Idempotent."""
        self._dynamodb.call("put_item", TableName=self._table, Item=packed(floor_item(floor)))

    def drop_floor(self, owner_id: str, scope: FloorScope, key: str) -> None:
        """Idempotent."""
        if addressable(owner_id, key or _WHOLE):
            self._dynamodb.call("delete_item", TableName=self._table, Key=packed(floor_key(owner_id, scope, key)))

    def _all(self, pk: str) -> Iterator[Item]:
        return self._dynamodb.query(self._table, "#pk = :pk", {":pk": pk}, names={"#pk": "pk"})
