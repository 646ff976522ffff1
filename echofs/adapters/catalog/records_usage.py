"""How much users have stored, on DynamoDB.

It is spread over ``PARTS`` items, by file: commits of one user that go on at once change different ones and need not
wait for each other. Only a commit that grows under a quota has to know all of them: it asserts that none has grown
since it looked, so that such commits of one user do wait for each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from echofs.adapters.catalog.records_items import Key, part_of
from echofs.adapters.catalog.records_tables import PARTS
from echofs.adapters.dynamodb_values import Item, packed
from echofs.core.usage import Usage

USAGE = "usage:"
Operation = dict[str, Any]
"""One of the writes of a transaction."""
Parts = Mapping[str, Usage]
"""What a user has stored, by part; one without an item is missing."""


def usage_key(owner_id: str, part: str) -> Key:
    return {"pk": f"{USAGE}{owner_id}", "sk": part}


def usage_keys(owner_id: str) -> list[Key]:
    """The keys of all parts."""
    return [usage_key(owner_id, str(part)) for part in range(PARTS)]


def usage_of(item: Item) -> Usage:
    return Usage(item["files"], item["bytes"], item["trash_bytes"])


def usage_item(owner_id: str, part: str, usage: Usage) -> Item:
    counts = {"files": usage.files, "bytes": usage.bytes, "trash_bytes": usage.trash_bytes}
    return {**usage_key(owner_id, part), **counts}


def usage_writes(table: str, owner_id: str, file_id: str, change: Usage, seen: Parts | None = None) -> list[Operation]:
    """Counts a change in; where ``seen`` is given on condition that no part has grown since."""
    if change == Usage():
        return []
    own = part_of(file_id)
    parts = {} if seen is None else {str(part): seen.get(str(part)) for part in range(PARTS)}
    demand = _no_more(parts[own]) if parts else {}
    update = {
        "TableName": table,
        "Key": packed(usage_key(owner_id, own)),
        "UpdateExpression": "ADD #files :files, #bytes :bytes, #trash :trash",
        **demand,
        "ExpressionAttributeNames": {
            "#files": "files",
            "#bytes": "bytes",
            "#trash": "trash_bytes",
        },
        "ExpressionAttributeValues": {
            **packed({":files": change.files, ":bytes": change.bytes, ":trash": change.trash_bytes}),
            **demand.get("ExpressionAttributeValues", {}),
        },
    }
    checks = [
        {"ConditionCheck": {"TableName": table, "Key": packed(usage_key(owner_id, part)), **_no_more(usage)}}
        for part, usage in parts.items()
        if part != own
    ]
    return [{"Update": update}, *checks]


def _no_more(usage: Usage | None) -> dict[str, Any]:
    if usage is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "#bytes <= :seen_bytes AND #trash <= :seen_trash",
        "ExpressionAttributeNames": {"#bytes": "bytes", "#trash": "trash_bytes"},
        "ExpressionAttributeValues": packed({":seen_bytes": usage.bytes, ":seen_trash": usage.trash_bytes}),
    }
