"""The store contract over DynamoDB, and what only this store has to do."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from echofs.adapters.dynamodb_values import plain
from echofs.adapters.stores import registry
from echofs.adapters.stores.dynamodb import MAX_PARTS, PART_BYTES, DynamodbStore
from echofs.adapters.stores.dynamodb_table import TableAccess, create_table, open_dynamodb
from echofs.adapters.stores.registry import StoreOptions, open_store
from echofs.core.errors import InvalidSetting, NotFound, PreconditionFailed
from echofs.ports.object_store import ABSENT, ObjectStore
from tests.contracts.object_store_contract import MAX_VALUE_BYTES, ObjectStoreContract
from tests.tables import REGION, client_of, names

_prefixes = itertools.count()


@pytest.fixture(scope="module")
def client(aws_endpoint: str) -> Any:
    return client_of(aws_endpoint)


@pytest.fixture(scope="module")
def access(client: Any, aws_endpoint: str) -> TableAccess:
    return TableAccess(REGION, aws_endpoint, deadline_seconds=60)


@pytest.fixture(scope="module")
def table(access: TableAccess) -> str:
    name = names().chunks
    create_table(name, access)
    create_table(name, access)
    return name


@pytest.fixture
def prefix() -> str:
    """A part of the table that no other test uses."""
    return f"here/{next(_prefixes)}"


@pytest.fixture
def store(client: Any, table: str, prefix: str) -> ObjectStore:
    """A store like those that :func:`open_dynamodb` opens, but for its identity; a client for each test takes long."""
    return DynamodbStore(client, table, prefix, "id", max_value_bytes=MAX_VALUE_BYTES, deadline_seconds=60)


class TestDynamodbStore(ObjectStoreContract):
    TURNS = 3

    @pytest.fixture
    def store(self, store: ObjectStore) -> ObjectStore:  # type: ignore[override]
        return store

    @pytest.fixture
    def on_medium(self, client: Any, table: str, prefix: str) -> Callable[[str], bytes | None]:
        def look(key: str) -> bytes | None:
            wanted = {":pk": {"S": f"value:{prefix}/{key}"}}
            query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": wanted}
            found = client.get_paginator("query").paginate(TableName=table, **query)
            parts = [plain(item)["data"] for page in found for item in page["Items"]]
            return b"".join(parts) if parts else None

        return look


def parts(client: Any, table: str, prefix: str) -> int:
    """How many parts the value ``s/a`` has on the medium."""
    wanted = {":pk": {"S": f"value:{prefix}/s/a"}}
    query = {"KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": wanted, "Select": "COUNT"}
    return sum(page["Count"] for page in client.get_paginator("query").paginate(TableName=table, **query))


def test_a_shorter_value_leaves_no_part_of_the_longer_one(
    client: Any, table: str, prefix: str, store: ObjectStore
) -> None:
    store.put("s/a", bytes(3 * PART_BYTES))
    assert parts(client, table, prefix) == 3
    store.put("s/a", b"short")
    assert store.get("s/a")[0] == b"short"
    assert parts(client, table, prefix) == 1
    store.delete("s/a")
    assert parts(client, table, prefix) == 0


def test_a_group_larger_than_one_transaction_is_stored_whole(store: ObjectStore) -> None:
    values = {f"s/{number}": bytes([number]) * (2 * PART_BYTES) for number in range(6)}
    store.put_many(values)
    assert store.get_many(list(values)) == values


@pytest.mark.parametrize("condition", [None, ABSENT])
def test_a_write_whose_answer_was_lost_is_recognised_as_its_own(
    store: ObjectStore, condition: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    dynamodb = store._dynamodb  # type: ignore[attr-defined]
    write = dynamodb.write_all

    def write_twice(operations: list[dict[str, Any]]) -> None:
        write(operations)
        write(operations)

    monkeypatch.setattr(dynamodb, "write_all", write_twice)
    stat = store.put("s/a", b"once", only_if=condition)
    assert store.get("s/a") == (b"once", stat)
    with pytest.raises(PreconditionFailed):
        store.put("s/a", b"twice", only_if=ABSENT)


def test_stores_with_different_prefixes_share_a_table_and_nothing_else(
    table: str, prefix: str, access: TableAccess
) -> None:
    one = open_dynamodb(f"{table}/{prefix}", access, owner="w1", max_value_bytes=100)
    other = open_dynamodb(f"{table}/{prefix}/deeper", access, owner="w2", max_value_bytes=100)
    one.put("s/a", b"here")
    with pytest.raises(NotFound):
        other.get("s/a")
    assert other.list("s") == []
    assert other.store_id != one.store_id
    for opened in (one, other):
        opened.close()


def test_a_part_of_a_table_belongs_to_one_worker_and_keeps_its_identity(
    table: str, prefix: str, access: TableAccess
) -> None:
    one, again = (open_dynamodb(f"{table}/{prefix}", access, owner="w1", max_value_bytes=100) for _ in range(2))
    assert again.store_id == one.store_id
    with pytest.raises(InvalidSetting, match="worker w1, not to w2") as told:
        open_dynamodb(f"{table}/{prefix}", access, owner="w2", max_value_bytes=100)
    assert told.value.field == registry.SETTING


@pytest.mark.parametrize("place", ["", "ab", "/prefix", "table/", "table//x", "table/a/b/c/d/e", "ta ble", "//table"])
def test_a_place_that_is_no_table_is_refused(place: str) -> None:
    with pytest.raises(InvalidSetting, match=r"dynamodb:echofs") as told:
        open_store(f"dynamodb:{place}", owner="w1", max_value_bytes=1)
    assert told.value.field == registry.SETTING


def test_a_missing_table_is_refused_by_name(access: TableAccess) -> None:
    with pytest.raises(InvalidSetting, match=r"the table absent-table .* no such table"):
        open_dynamodb("absent-table/x", access, owner="w1", max_value_bytes=1)


def test_a_chunk_size_that_no_transaction_can_hold_is_refused(table: str, aws_endpoint: str) -> None:
    options = StoreOptions(aws_region=REGION, dynamodb_endpoint_url=aws_endpoint)
    opened = open_store(f"dynamodb:{table}", owner="w1", max_value_bytes=MAX_PARTS * PART_BYTES, options=options)
    assert opened.limits.max_value_bytes == MAX_PARTS * PART_BYTES
    with pytest.raises(InvalidSetting, match="Lower CHUNK_SIZE"):
        open_store(f"dynamodb:{table}", owner="w1", max_value_bytes=MAX_PARTS * PART_BYTES + 1, options=options)
