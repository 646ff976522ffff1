"""The sessions table of DynamoDB: what was answered to clients' keys, and leases."""

from __future__ import annotations

from echofs.adapters.catalog.records_items import addressable, answer_key, answer_of, lease_key
from echofs.adapters.catalog.records_tables import OLD
from echofs.adapters.dynamodb import ConditionFailed, DynamoDB
from echofs.adapters.dynamodb_values import packed
from echofs.core.models import IdempotencyRecord, Timestamp


class SessionItems:
    """Safe to share between threads."""

    def __init__(self, dynamodb: DynamoDB, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def answer(self, owner_id: str, key: str) -> IdempotencyRecord | None:
        """What was answered to this key, if anything."""
        if not addressable(owner_id, key):
            return None
        found = self._dynamodb.get(self._table, answer_key(owner_id, key))
        return answer_of(found) if found else None

    def forget(self, before: Timestamp, part: int) -> int:
        """Drop the answers of one part that were made before; how many."""
        names = {"#part": "part", "#created_at": "created_at"}
        old = self._dynamodb.query(
            self._table,
            "#part = :part AND #created_at < :before",
            {":part": str(part), ":before": before},
            names=names,
            index=OLD,
            consistent=False,
        )
        return sum(self._delete(item["pk"], "created_at", "<", before) for item in old)

    def acquire(self, name: str, holder: str, now: Timestamp, until: Timestamp) -> bool:
        """Take or extend a lease that is free, expired or one's own; whether it was."""
        try:
            self._dynamodb.call(
                "put_item",
                TableName=self._table,
                Item=packed({**lease_key(name), "holder": holder, "until": until}),
                ConditionExpression="attribute_not_exists(pk) OR #holder = :holder OR #until <= :now",
                ExpressionAttributeNames={"#holder": "holder", "#until": "until"},
                ExpressionAttributeValues=packed({":holder": holder, ":now": now}),
            )
        except ConditionFailed:
            return False
        return True

    def release(self, name: str, holder: str) -> None:
        """Give a lease back. Idempotent."""
        self._delete(lease_key(name)["pk"], "holder", "=", holder)

    def holder(self, name: str, now: Timestamp) -> str:
        """Who holds a lease that has not expired; ``""`` for nobody."""
        found = self._dynamodb.get(self._table, lease_key(name))
        return str(found["holder"]) if found and found["until"] > now else ""

    def _delete(self, key: str, attribute: str, comparison: str, value: str | int) -> bool:
        """Delete an item; False if there is none that compares so."""
        try:
            self._dynamodb.call(
                "delete_item",
                TableName=self._table,
                Key=packed({"pk": key}),
                ConditionExpression=f"#attribute {comparison} :value",
                ExpressionAttributeNames={"#attribute": attribute},
                ExpressionAttributeValues=packed({":value": value}),
            )
        except ConditionFailed:
            return False
        return True
