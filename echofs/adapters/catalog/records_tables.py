"""The three tables of the catalog on DynamoDB: their keys and indexes, making them, and checking that they are right.

Files table, key ``pk`` and ``sk``:

* entry, a living file: ``owner:ID``, path. ``file`` and ``number`` are its head; the rest are the sort keys of the five
  local indexes.
* version: ``file:ID``, number. Everything of the version and of its file.
* dot: ``dot:ORIGIN:COUNTER``, ``dot``. ``file`` and ``number`` of the version that has this name.
* begun: ``begun:ID``, ``begun``. A file whose first version may be gone: it cannot begin again.
* folder: ``folder:OWNER:PARENT``, path.
* conflict: ``conflict:OWNER``, id. Everything of the conflict.
* floor: ``floor:SCOPE:OWNER``, key (``*`` where it is empty).
* trash: ``trash:OWNER``, file. Everything of a deleted file that may come back; in the local index by time.
* expiring: ``expiring:PART``, when the file was deleted and its id. ``owner_id`` and ``file`` of an item of the trash.
* usage: ``usage:OWNER``, part. What those of the owner's files count that fall into this part.

Chunks table, key ``pk``:

* chunk: the digest. ``size``, ``state``, ``touched_at``, ``replicas``, ``revision`` (grows with each change), and where
  anything is owed ``owed`` (by worker: reason, due time, attempts), ``owes`` (how many), ``due_at`` (the earliest) and
  ``part``.

Sessions table, key ``pk``:

* answer: ``answer:OWNER:KEY``. The idempotency record, with ``part``, and ``expires_at`` in seconds, when DynamoDB may
  delete it.
* lease: ``lease:NAME``. ``holder`` and ``until``.

The last three change in the same transaction as the head. A user's usage is spread over parts, as a single item would
make all their commits wait for each other; the expiring ones are, as a partition takes only a thousand writes a second.

Listings go through *local* indexes because only those can be read consistently: a file is in the listing as soon as
its upload is answered. Their price is DynamoDB's limit of 10 GB on all entries of one owner, some millions of living
files. The indexes of what is owed and of old answers are global ones, which lag a little: whoever finds something in
them looks at the item itself before changing it. They are spread over ``PARTS`` partitions, since one takes only a
thousand writes a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from echofs.adapters.dynamodb import DynamoDB, operators_fault
from echofs.core.errors import CatalogUnavailable, InvalidSetting

PARTS = 8
"""Partitions of a global index."""
BY_SIZE, BY_UPDATED = "by_size", "by_updated"
BY_FOLDER, BY_FOLDER_SIZE, BY_FOLDER_UPDATED = "by_folder", "by_folder_size", "by_folder_updated"
DUE, OLD = "due", "old"
TTL_ATTRIBUTE = "expires_at"
_LOCAL = (BY_SIZE, BY_UPDATED, BY_FOLDER, BY_FOLDER_SIZE, BY_FOLDER_UPDATED)


@dataclass(frozen=True, slots=True)
class TableNames:
    """What the three tables are called."""

    files: str
    chunks: str
    sessions: str

    def by_setting(self) -> dict[str, str]:
        """Each name by the variable it comes from."""
        return {
            "DYNAMODB_FILES_TABLE": self.files,
            "DYNAMODB_CHUNKS_TABLE": self.chunks,
            "DYNAMODB_SESSIONS_TABLE": self.sessions,
        }


def create_tables(client: Any, names: TableNames) -> None:
    """Make those tables that are missing, billed by request, and wait until they can be used. Idempotent, and safe to
    run from several processes at once.

    Raises :class:`InvalidSetting` for refused credentials and for tables of another shape, which are left alone;
    :class:`CatalogUnavailable` when there is no answer.
    """
    dynamodb = DynamoDB(client, CatalogUnavailable)
    for setting, name, shape in _shapes(names):
        if _describe(dynamodb, setting, name) is None:
            _create(dynamodb, setting, name, shape)
            _wait(client, name)
    lasting = {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
    told = dynamodb.call("describe_time_to_live", TableName=names.sessions)["TimeToLiveDescription"]
    if told.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        dynamodb.call("update_time_to_live", TableName=names.sessions, TimeToLiveSpecification=lasting)
    check_tables(client, names)


def check_tables(client: Any, names: TableNames) -> None:
    """Raise :class:`InvalidSetting` unless all tables are there and have the keys and indexes this EchoFS needs, and
    :class:`CatalogUnavailable` when there is no answer. Changes nothing."""
    dynamodb = DynamoDB(client, CatalogUnavailable)
    for setting, name, shape in _shapes(names):
        present = _describe(dynamodb, setting, name)
        if present is None:
            raise InvalidSetting(
                f"{setting}={name}: DynamoDB has no such table here. Correct AWS_REGION or the name, or run"
                " `echofs db create`.",
                field=setting,
            )
        if not _fits(present, shape):
            raise InvalidSetting(
                f"{setting}={name}: this table has other keys or indexes than EchoFS needs. Name another one, and"
                " `echofs db create` makes it.",
                field=setting,
            )


def _describe(dynamodb: DynamoDB, setting: str, name: str) -> dict[str, Any] | None:
    """What DynamoDB says of a table; None if it is missing."""
    try:
        described: dict[str, Any] = dynamodb.call("describe_table", TableName=name)["Table"]
    except CatalogUnavailable as error:
        if (reason := operators_fault(error)) is None:
            raise CatalogUnavailable(
                "DynamoDB does not answer: check AWS_REGION, DYNAMODB_ENDPOINT_URL and the network."
            ) from error
        if _is_missing(error):
            return None
        raise InvalidSetting(f"{setting}={name} cannot be used: {reason}.", field=setting) from error
    return described


def _is_missing(error: CatalogUnavailable) -> bool:
    response = getattr(error.__cause__, "response", {})
    return bool(response.get("Error", {}).get("Code") == "ResourceNotFoundException")


def _create(dynamodb: DynamoDB, setting: str, name: str, shape: dict[str, Any]) -> None:
    try:
        dynamodb.call("create_table", TableName=name, BillingMode="PAY_PER_REQUEST", **shape)
    except CatalogUnavailable as error:
        reason = operators_fault(error)
        if reason is None:
            raise
        raise InvalidSetting(f"{setting}={name} cannot be made: {reason}.", field=setting) from error
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":  # another process makes it at this moment
            raise


def _wait(client: Any, name: str) -> None:
    try:
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
    except WaiterError as error:
        raise CatalogUnavailable(f"DynamoDB is still making the table {name}; try again in a minute.") from error


def _fits(present: dict[str, Any], shape: dict[str, Any]) -> bool:
    if present["KeySchema"] != shape["KeySchema"]:
        return False
    return all(
        _index_keys(shape, kind).items() <= _index_keys(present, kind).items()
        for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
    )


def _index_keys(table: dict[str, Any], kind: str) -> dict[str, tuple[str, ...]]:
    return {
        index["IndexName"]: tuple(key["AttributeName"] for key in index["KeySchema"]) for index in table.get(kind, ())
    }


def _shapes(names: TableNames) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """For each table its setting, its name and its shape."""
    shapes = (_files(), _chunks(), _sessions())
    for (setting, name), shape in zip(names.by_setting().items(), shapes, strict=True):
        yield setting, name, shape


def _files() -> dict[str, Any]:
    head = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["file", "number"]}
    return {
        "AttributeDefinitions": _attributes("pk", "sk", *_LOCAL),
        "KeySchema": _keys("pk", "sk"),
        "LocalSecondaryIndexes": [
            {"IndexName": name, "KeySchema": _keys("pk", name), "Projection": head} for name in _LOCAL
        ],
    }


def _chunks() -> dict[str, Any]:
    owed = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["owed", "owes"]}
    return {
        "AttributeDefinitions": [*_attributes("pk", "part"), {"AttributeName": "due_at", "AttributeType": "N"}],
        "KeySchema": _keys("pk"),
        "GlobalSecondaryIndexes": [{"IndexName": DUE, "KeySchema": _keys("part", "due_at"), "Projection": owed}],
    }


def _sessions() -> dict[str, Any]:
    keys = {"ProjectionType": "KEYS_ONLY"}
    return {
        "AttributeDefinitions": [*_attributes("pk", "part"), {"AttributeName": "created_at", "AttributeType": "N"}],
        "KeySchema": _keys("pk"),
        "GlobalSecondaryIndexes": [{"IndexName": OLD, "KeySchema": _keys("part", "created_at"), "Projection": keys}],
    }


def _attributes(*names: str) -> list[dict[str, str]]:
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def _keys(partition: str, sort: str = "") -> list[dict[str, str]]:
    keys = [{"AttributeName": partition, "KeyType": "HASH"}]
    return [*keys, {"AttributeName": sort, "KeyType": "RANGE"}] if sort else keys
