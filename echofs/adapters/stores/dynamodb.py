"""Values in one table of DynamoDB.

Two kinds of items make a value: its *parts* (``value:PREFIX/SPACE/NAME``, number), since an item has at most 400 KB,
and its *stat* (``list:PREFIX/SPACE``, name), small and in the order of names, so that listing reads no values. All
items of a value change in one transaction, on condition of the stat's etag: a value is never half there, and of writers
who expect the same etag one succeeds. A transaction takes 4 MB, and costs twice what its writes would cost singly.

An etag is random and new with every write, so a value that goes away and comes back has another one.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from echofs.adapters.dynamodb import ITEMS_AT_ONCE, ConditionFailed, DynamoDB
from echofs.adapters.dynamodb_values import Item, packed
from echofs.core.errors import NotFound, PreconditionFailed, StoreUnavailable, ValueTooLarge
from echofs.ports.object_store import Condition, Limits, ObjectStore, Stat, Value, check_key, check_space

PART_BYTES = 380 << 10
"""Leaves 20 KB of an item's 400 for keys, and for the names of attributes, which count too."""
Writes = list[dict[str, Any]]
MAX_PARTS = 9
"""Leaves half a megabyte of a transaction's four for all but the values."""


class DynamodbStore(ObjectStore):
    """``table`` is one that :func:`~echofs.adapters.stores.dynamodb_table.create_table` made; ``prefix`` separates
    several stores in it. ``client`` was made in this process; ``store_id`` is what the identity in the table says."""

    def __init__(
        self, client: Any, table: str, prefix: str, store_id: str, *, max_value_bytes: int, deadline_seconds: float
    ) -> None:
        self.limits = Limits(min(max_value_bytes, MAX_PARTS * PART_BYTES), exclusive_create=True)
        self._client = client
        self._dynamodb = DynamoDB(client, StoreUnavailable, deadline_seconds=deadline_seconds)
        self._table = table
        self._base = f"{prefix}/" if prefix else ""
        self._store_id = store_id

    @property
    def store_id(self) -> str:
        return self._store_id

    def put(self, key: str, value: Value, *, only_if: Condition | str | None = None) -> Stat:
        check_key(key)
        data = self._whole(value)
        etag = uuid.uuid4().hex
        patience = self._dynamodb.patience()
        while True:
            present = self._dynamodb.get(self._table, self._stat_key(key))
            if present and present["etag"] == etag:
                break  # an attempt of ours whose answer was lost
            _require(only_if, present)
            try:
                self._dynamodb.write_all(self._puts(key, data, etag, present, only_if is not None))
                break
            except ConditionFailed as rival:
                patience.wait(rival)
        return Stat(key, len(data), etag)

    def put_many(self, values: Mapping[str, Value]) -> None:
        keys = list(values)
        for key in keys:
            check_key(key)
        whole = {key: self._whole(value) for key, value in values.items()}
        present = self._stats(keys)
        for group in _groups(whole, present):
            writes = [self._puts(key, whole[key], uuid.uuid4().hex, present.get(key), False) for key in group]
            try:
                self._dynamodb.write_all(list(itertools.chain.from_iterable(writes)))
            except ConditionFailed:
                for key in group:
                    self.put(key, whole[key])

    def get(self, key: str) -> tuple[bytes, Stat]:
        check_key(key)
        patience = self._dynamodb.patience()
        while True:
            parts = list(
                self._dynamodb.query(
                    self._table, "#pk = :pk", {":pk": self._part_key(key, 0)["pk"]}, names={"#pk": "pk"}
                )
            )
            if not parts:
                raise _not_found()
            if _is_whole(parts):
                return _joined(parts), Stat(key, parts[0]["size"], parts[0]["etag"])
            patience.wait()  # it is being replaced at this moment

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        for key in keys:
            check_key(key)
        firsts = [self._part_key(key, 0) for key in dict.fromkeys(keys)]
        found: dict[str, list[Item]] = {i["pk"]: [i] for i in self._dynamodb.get_many(self._table, firsts)}
        rest = [{"pk": pk, "sk": f"{n}"} for pk, (part,) in found.items() for n in range(1, part["parts"])]
        for part in self._dynamodb.get_many(self._table, rest):
            found[part["pk"]].append(part)
        values: dict[str, bytes] = {}
        for key in keys:
            parts = sorted(found.get(self._part_key(key, 0)["pk"], ()), key=lambda part: part["sk"])
            if parts:
                values[key] = _joined(parts) if _is_whole(parts) else self.get(key)[0]
        return values

    def stat(self, key: str) -> Stat:
        check_key(key)
        found = self._dynamodb.get(self._table, self._stat_key(key))
        if found is None:
            raise _not_found()
        return Stat(key, found["size"], found["etag"])

    def stat_many(self, keys: Sequence[str]) -> dict[str, Stat]:
        for key in keys:
            check_key(key)
        found = self._stats(keys)
        return {key: Stat(key, found[key]["size"], found[key]["etag"]) for key in keys if key in found}

    def delete(self, key: str, *, only_if: str | None = None) -> None:
        check_key(key)
        patience = self._dynamodb.patience()
        while True:
            present = self._dynamodb.get(self._table, self._stat_key(key))
            _require(only_if, present)
            if present is None:
                return
            stat = {"TableName": self._table, "Key": packed(self._stat_key(key)), **_still(present["etag"])}
            try:
                return self._dynamodb.write_all([{"Delete": stat}, *self._part_deletes(key, 0, present["parts"])])
            except ConditionFailed as rival:
                patience.wait(rival)

    def list(self, space: str, *, prefix: str = "", after: str = "", limit: int = 1000) -> list[Stat]:
        check_space(space)
        if limit < 1:
            return []
        items = itertools.takewhile(
            lambda item: item["sk"].startswith(prefix), self._from(space, max(prefix, after), after >= prefix, limit)
        )
        return [Stat(f"{space}/{i['sk']}", i["size"], i["etag"]) for i in itertools.islice(items, limit)]

    def _from(self, space: str, start: str, exclusive: bool, at_once: int) -> Iterator[Item]:
        """Stats in the order of names, from ``start`` on."""
        condition, names = "#pk = :pk", {"#pk": "pk"}
        values = {":pk": f"list:{self._base}{space}"}
        if start:
            condition += " AND #sk > :start" if exclusive else " AND #sk >= :start"
            names["#sk"], values[":start"] = "sk", start
        return self._dynamodb.query(self._table, condition, values, names=names, at_once=at_once)

    def free_bytes(self) -> int | None:
        return None

    def close(self) -> None:
        self._client.close()

    def _whole(self, value: Value) -> bytes:
        data = bytes(value)
        if len(data) > self.limits.max_value_bytes:
            raise ValueTooLarge(f"A value may have at most {self.limits.max_value_bytes} bytes.", field="value")
        return data

    def _stats(self, keys: Sequence[str]) -> dict[str, Item]:
        by_place = {tuple(self._stat_key(key).values()): key for key in keys}
        items = self._dynamodb.get_many(self._table, [self._stat_key(key) for key in dict.fromkeys(keys)])
        return {by_place[item["pk"], item["sk"]]: item for item in items}

    def _stat_key(self, key: str) -> dict[str, str]:
        space, _, name = key.partition("/")
        return {"pk": f"list:{self._base}{space}", "sk": name}

    def _part_key(self, key: str, number: int) -> dict[str, str]:
        return {"pk": f"value:{self._base}{key}", "sk": f"{number}"}

    def _puts(self, key: str, data: bytes, etag: str, present: Item | None, exact: bool) -> Writes:
        """The writes that put a value in the place of what is present."""
        parts = _part_count(data)
        about = {"etag": etag, "size": len(data), "parts": parts}
        stat = {"TableName": self._table, "Item": packed({**self._stat_key(key), **about})}
        if present is None:
            stat["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            stat.update(_still(present["etag"]) if exact else _as_many(present["parts"]))
        puts = [
            {**self._part_key(key, number), **about, "data": data[number * PART_BYTES : (number + 1) * PART_BYTES]}
            for number in range(parts)
        ]
        return [
            {"Put": stat},
            *({"Put": {"TableName": self._table, "Item": packed(part)}} for part in puts),
            *self._part_deletes(key, parts, present["parts"] if present else 0),
        ]

    def _part_deletes(self, key: str, first: int, stop: int) -> Writes:
        keys = [packed(self._part_key(key, number)) for number in range(first, stop)]
        return [{"Delete": {"TableName": self._table, "Key": part}} for part in keys]


def _part_count(data: bytes) -> int:
    return max(1, -(-len(data) // PART_BYTES))


def _groups(values: Mapping[str, bytes], present: Mapping[str, Item]) -> Iterator[list[str]]:
    """Keys whose values fit one transaction together."""
    group: list[str] = []
    size = writes = 0
    for key, data in values.items():
        more = 1 + max(_part_count(data), present[key]["parts"] if key in present else 0)
        if group and (size + len(data) > MAX_PARTS * PART_BYTES or writes + more > ITEMS_AT_ONCE):
            yield group
            group, size, writes = [], 0, 0
        group.append(key)
        size, writes = size + len(data), writes + more
    if group:
        yield group


def _is_whole(parts: Sequence[Item]) -> bool:
    """Whether these are all the parts of one write."""
    return len(parts) == parts[0]["parts"] and len({part["etag"] for part in parts}) == 1


def _joined(parts: Sequence[Item]) -> bytes:
    return b"".join(part["data"] for part in parts)


def _still(etag: str) -> dict[str, Any]:
    return _where("etag", etag)


def _as_many(parts: int) -> dict[str, Any]:
    """Writers who expect nothing need only know how many parts they replace."""
    return _where("parts", parts)


def _where(attribute: str, value: str | int) -> dict[str, Any]:
    return {
        "ConditionExpression": "#attribute = :value",
        "ExpressionAttributeNames": {"#attribute": attribute},
        "ExpressionAttributeValues": packed({":value": value}),
    }


def _require(only_if: Condition | str | None, present: Item | None) -> None:
    if only_if is None:
        return
    holds = present is None if isinstance(only_if, Condition) else present is not None and present["etag"] == only_if
    if not holds:
        raise PreconditionFailed(
            "The value under this key is not the one expected; nothing was changed.", field="only_if"
        )


def _not_found() -> NotFound:
    return NotFound("Nothing is stored under this key.", field="key")
