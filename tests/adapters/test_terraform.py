"""What Terraform makes at AWS is what the code needs there: the same tables, and no right too few or too many."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import hcl2
import pytest

from echofs.settings.model import VARIABLES
from tests.tables import catalog_tables, client_of

ROOT = Path(__file__).parents[2]
ADAPTERS = ROOT / "echofs" / "adapters"
TABLES = ("files", "chunks", "sessions")
_MADE_BY_TERRAFORM = {"CreateTable", "UpdateTimeToLive", "TransactWriteItems"}
"""The last is no right of its own: each of its writes needs the right to that."""
_OPERATORS_CALLS = {"BatchWriteItem", "DescribeTimeToLive", "Scan"}
_S3_RIGHTS = {
    "put_object": "PutObject",
    "get_object": "GetObject",
    "head_object": "GetObject",
    "delete_object": "DeleteObject",
    "list_objects_v2": "ListBucket",
    "head_bucket": "ListBucket",
}


def plain(value: Any) -> Any:
    """What was parsed, without the quotes the parser keeps and its own marks."""
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.strip('"') if isinstance(value, str) else value


def declared(kind: str) -> dict[str, dict[str, Any]]:
    """Everything of a kind in all files, by ``type.name``, or by name where there is no type."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((ROOT / "config" / "terraform").glob("*.tf")):
        for block in plain(hcl2.loads(path.read_text(encoding="utf-8"))).get(kind, ()):
            ((first, inner),) = block.items()
            if kind in ("resource", "data"):
                ((name, body),) = inner.items()
                found[f"{first}.{name}"] = body
            else:
                found[first] = inner
    return found


def rights(role: str) -> set[str]:
    """The actions a role is allowed."""
    document = declared("data")[f"aws_iam_policy_document.{role}"]
    return {action.partition(":")[2] for statement in document["statement"] for action in statement["actions"]}


def called(*paths: Path) -> set[str]:
    """The operations of DynamoDB that some modules call by name, and the writes of their transactions, as rights."""
    found: set[str] = set()
    for tree in (ast.parse(path.read_text(encoding="utf-8")) for path in paths):
        for place in ast.walk(tree):
            if isinstance(place, ast.Call) and isinstance(place.func, ast.Attribute) and place.func.attr == "call":
                operation = place.args[0]
                if isinstance(operation, ast.Constant):
                    found.add("".join(word.title() for word in operation.value.split("_")))
            elif isinstance(place, ast.Dict):
                keys = {key.value for key in place.keys if isinstance(key, ast.Constant)}
                found |= {f"{write}Item" for write in keys & {"Put", "Delete", "Update", "ConditionCheck"}}
    return found


def index(block: dict[str, Any], partition: str) -> tuple[Any, ...]:
    keys = (block.get("hash_key", partition), block["range_key"])
    return block["name"], keys, block["projection_type"], sorted(block.get("non_key_attributes", ()))


def described_indexes(table: dict[str, Any], kind: str) -> list[tuple[Any, ...]]:
    return sorted(
        (
            each["IndexName"],
            tuple(key["AttributeName"] for key in each["KeySchema"]),
            each["Projection"]["ProjectionType"],
            sorted(each["Projection"].get("NonKeyAttributes", ())),
        )
        for each in table.get(kind, ())
    )


def test_tables_are_those_the_code_makes(aws_endpoint: str) -> None:
    client = client_of(aws_endpoint)
    with catalog_tables(client) as names:
        for kind, name in zip(TABLES, names.by_setting().values(), strict=True):
            block = declared("resource")[f"aws_dynamodb_table.{kind}"]
            table = client.describe_table(TableName=name)["Table"]
            keys = [block["hash_key"], *([block["range_key"]] if "range_key" in block else [])]
            assert keys == [key["AttributeName"] for key in table["KeySchema"]]
            assert sorted((each["name"], each["type"]) for each in block["attribute"]) == sorted(
                (each["AttributeName"], each["AttributeType"]) for each in table["AttributeDefinitions"]
            )
            for ours, theirs in (
                ("local_secondary_index", "LocalSecondaryIndexes"),
                ("global_secondary_index", "GlobalSecondaryIndexes"),
            ):
                made = sorted(index(each, block["hash_key"]) for each in block.get(ours, ()))
                assert made == described_indexes(table, theirs)
            assert block["billing_mode"] == table["BillingModeSummary"]["BillingMode"]
            told = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            assert [each["attribute_name"] for each in block.get("ttl", ())] == (
                [told["AttributeName"]] if "AttributeName" in told else []
            )


def test_tables_can_be_brought_back_to_any_second() -> None:
    for kind in TABLES:
        block = declared("resource")[f"aws_dynamodb_table.{kind}"]
        assert block["point_in_time_recovery"] == [{"enabled": True}]
        assert block["deletion_protection_enabled"] is True


def test_roles_on_dynamodb_may_do_what_the_code_calls_and_no_more() -> None:
    calls = called(ADAPTERS / "dynamodb.py", *(ADAPTERS / "catalog").glob("records*.py")) - _MADE_BY_TERRAFORM
    assert rights("operator") == _OPERATORS_CALLS
    assert rights("master") == calls - _OPERATORS_CALLS


def test_only_moving_a_catalog_scans_it_and_writes_in_bulk() -> None:
    others = [path for path in (ADAPTERS / "catalog").glob("records*.py") if path.name != "records_transfer.py"]
    assert not called(ADAPTERS / "dynamodb.py", *others) & {"Scan", "BatchWriteItem"}


def test_a_worker_on_s3_may_do_what_the_code_calls_and_no_more() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ADAPTERS / "stores").glob("s3*.py"))
    calls = set(re.findall(r"_client\.([a-z_0-9]+)\(", source)) - {"close"}
    assert rights("worker") == {_S3_RIGHTS[call] for call in calls}


def test_a_worker_reaches_only_its_own_part_of_the_bucket() -> None:
    bucket, chunks = declared("data")["aws_iam_policy_document.worker"]["statement"]
    assert bucket["actions"] == ["s3:ListBucket"]
    assert chunks["resources"] == ["${aws_s3_bucket.chunks.arn}/${each.key}/*"]
    assert "s3://${aws_s3_bucket.chunks.bucket}/${worker}" in json.dumps(declared("output")["worker_environment"])


def test_nothing_is_public_or_plain() -> None:
    resources = declared("resource")
    assert set(resources["aws_s3_bucket_public_access_block.chunks"].values()) == {True, "${aws_s3_bucket.chunks.id}"}
    assert "aws_s3_bucket_server_side_encryption_configuration.chunks" in resources
    database = resources["aws_db_instance.catalog"]
    assert database["storage_encrypted"] is True
    assert database["publicly_accessible"] is False
    assert declared("variable")["database_password"]["sensitive"] is True


@pytest.mark.parametrize("output", ["master_environment", "worker_environment"])
def test_outputs_are_settings(output: str) -> None:
    names = set(re.findall(r"\b[A-Z][A-Z0-9_]{4,}\b", json.dumps(declared("output")[output]["value"])))
    assert names
    assert names <= set(VARIABLES)
