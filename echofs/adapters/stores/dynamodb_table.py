"""The table behind a store on DynamoDB: where it is, making it, and taking possession of a part of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from botocore.exceptions import ClientError

from echofs.adapters.dynamodb import ConditionFailed, DynamoDB, open_client, operators_fault
from echofs.adapters.dynamodb_values import packed
from echofs.adapters.stores.dynamodb import DynamodbStore
from echofs.adapters.stores.identity import Identity
from echofs.core.errors import InvalidSetting, StoreUnavailable

SETTING = "CHUNK_STORE"
_PLACE = re.compile(r"([A-Za-z0-9._-]{3,255})(?:/([A-Za-z0-9._-]{1,63}(?:/[A-Za-z0-9._-]{1,63}){0,3}))?")
_KEYS = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]


@dataclass(frozen=True, slots=True)
class TableAccess:
    """How the table is reached. ``deadline_seconds`` is how long a call may take with all its attempts."""

    region: str | None
    endpoint_url: str | None
    deadline_seconds: float


def open_dynamodb(place: str, access: TableAccess, *, owner: str, max_value_bytes: int) -> DynamodbStore:
    """The store in ``TABLE`` or ``TABLE/PREFIX``, given an identity if it has none yet.

    Raises :class:`InvalidSetting` for a malformed place, a missing table, refused credentials, or a store of another
    worker; :class:`StoreUnavailable` when there is no answer.
    """
    table, prefix = parse_place(place)
    client = open_client(region=access.region, endpoint_url=access.endpoint_url)
    dynamodb = DynamoDB(client, StoreUnavailable, deadline_seconds=access.deadline_seconds)
    try:
        described = dynamodb.call("describe_table", TableName=table)["Table"]
        if described["KeySchema"] != _KEYS:
            raise _refusal(table, "it has other keys than EchoFS needs. Name another one")
        identity = _claim(dynamodb, table, prefix, owner)
    except StoreUnavailable as error:
        if (reason := operators_fault(error)) is None:
            raise
        raise _refusal(table, reason) from error
    return DynamodbStore(
        client,
        table,
        prefix,
        identity.store_id,
        max_value_bytes=max_value_bytes,
        deadline_seconds=access.deadline_seconds,
    )


def create_table(place: str, access: TableAccess) -> None:
    """Make the table that a place names, billed by request, and wait until it can be used. Idempotent. Raises like
    :func:`open_dynamodb`."""
    table, _ = parse_place(place)
    client = open_client(region=access.region, endpoint_url=access.endpoint_url)
    dynamodb = DynamoDB(client, StoreUnavailable, deadline_seconds=access.deadline_seconds)
    attributes = [{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in _KEYS]
    try:
        dynamodb.call(
            "create_table",
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=attributes,
            KeySchema=_KEYS,
        )
    except StoreUnavailable as error:
        if (reason := operators_fault(error)) is None:
            raise
        raise _refusal(table, reason) from error
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceInUseException":  # it exists, or is being made
            raise
    client.get_waiter("table_exists").wait(TableName=table, WaiterConfig={"Delay": 2, "MaxAttempts": 60})
    client.close()


def parse_place(place: str) -> tuple[str, str]:
    """The table and the prefix (``""`` for none). Raises :class:`InvalidSetting`."""
    match = _PLACE.fullmatch(place)
    if not match:
        raise InvalidSetting(
            f"{SETTING}: dynamodb: needs a table, such as dynamodb:echofs or dynamodb:echofs/worker1.", field=SETTING
        )
    return match[1], match[2] or ""


def _claim(dynamodb: DynamoDB, table: str, prefix: str, owner: str) -> Identity:
    key = {"pk": f"identity:{prefix}", "sk": "identity"}
    fresh = Identity.new(owner)
    try:
        dynamodb.call(
            "put_item",
            TableName=table,
            Item=packed({**key, "data": fresh.write()}),
            ConditionExpression="attribute_not_exists(pk)",
        )
    except ConditionFailed:
        found = dynamodb.get(table, key)
        identity = Identity.read(found["data"]) if found else None
        if identity is None:
            raise _refusal(table, "its identity is damaged or of a newer EchoFS. Upgrade, or name another") from None
        if identity.owner != owner:
            raise _refusal(
                table,
                f"this part of it belongs to worker {identity.owner}, not to {owner}. Correct {SETTING} or WORKER_ID,"
                " or give each worker a prefix of its own",
            ) from None
        return identity
    return fresh


def _refusal(table: str, reason: str) -> InvalidSetting:
    return InvalidSetting(f"{SETTING}: the table {table} cannot be used: {reason}.", field=SETTING)
