"""What calls to DynamoDB do about throttling, rivals, lost connections and an operator's mistakes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError

from echofs.adapters.dynamodb import ATTEMPTS, ConditionFailed, DynamoDB, open_client
from echofs.adapters.dynamodb_values import packed, plain
from echofs.core.errors import CatalogUnavailable, InvalidSetting


def refused(code: str, status: int = 400, **more: Any) -> ClientError:
    """What boto3 raises for an error that DynamoDB answers with."""
    response = {"Error": {"Code": code, "Message": "the secret is hunter2"}, **more}
    return ClientError({**response, "ResponseMetadata": {"HTTPStatusCode": status}}, "GetItem")


def canceled(*codes: str) -> ClientError:
    return refused("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


class ScriptedClient:
    """Fails with each of its errors once, or with the last one for ever, and then answers."""

    def __init__(self, *errors: Exception, forever: bool = False) -> None:
        self.errors = list(errors)
        self.forever = forever
        self.calls = 0

    def get_item(self, **_: Any) -> dict[str, Any]:
        self.calls += 1
        if self.forever:
            raise self.errors[0]
        if self.errors:
            raise self.errors.pop(0)
        return {"Item": {"pk": {"S": "a"}, "n": {"N": "3"}}}

    transact_write_items = get_item

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        (table,) = RequestItems
        first, *rest = RequestItems[table]["Keys"]
        left = {table: {**RequestItems[table], "Keys": rest}} if rest else {}
        return {"Responses": {table: [first]}, "UnprocessedKeys": left}


def calling(client: ScriptedClient) -> tuple[DynamoDB, list[float]]:
    """DynamoDB without waiting, and the pauses it would have made."""
    pauses: list[float] = []
    return DynamoDB(client, CatalogUnavailable, pause=pauses.append, monotonic=lambda: 0.0), pauses


@pytest.mark.parametrize(
    "error",
    [
        refused("ProvisionedThroughputExceededException"),
        refused("ThrottlingException"),
        refused("TransactionInProgressException"),
        refused("InternalServerError", 500),
        refused("Unknown", 503),
        canceled("None", "TransactionConflict", "ThrottlingError"),
        EndpointConnectionError(endpoint_url="http://x"),
    ],
)
def test_what_may_pass_is_tried_again_after_a_pause(error: Exception) -> None:
    client = ScriptedClient(error, error)
    dynamodb, pauses = calling(client)
    assert dynamodb.get("t", {"pk": "a"}) == {"pk": "a", "n": 3}
    assert client.calls == 3
    assert len(pauses) == 2


def test_attempts_have_a_bound_and_the_error_keeps_its_cause_to_itself() -> None:
    error = refused("ThrottlingException")
    client = ScriptedClient(error, forever=True)
    dynamodb, pauses = calling(client)
    with pytest.raises(CatalogUnavailable) as given_up:
        dynamodb.get("t", {"pk": "a"})
    assert client.calls == ATTEMPTS
    assert given_up.value.__cause__ is error
    assert given_up.value.retry_after
    assert "hunter2" not in given_up.value.message
    assert max(pauses) <= 1


def test_attempts_end_when_the_time_is_over() -> None:
    ticks = iter([0.0, 100.0])
    client = ScriptedClient(refused("ThrottlingException"), forever=True)
    dynamodb = DynamoDB(client, CatalogUnavailable, pause=lambda _: None, monotonic=lambda: next(ticks))
    with pytest.raises(CatalogUnavailable):
        dynamodb.get("t", {"pk": "a"})
    assert client.calls == 1


@pytest.mark.parametrize(
    "error",
    [
        refused("ResourceNotFoundException"),
        refused("UnrecognizedClientException"),
        refused("AccessDeniedException"),
        canceled("None", "ItemCollectionSizeLimitExceeded"),
        NoCredentialsError(),
    ],
)
def test_what_an_operator_has_to_correct_is_not_tried_again(error: Exception) -> None:
    client = ScriptedClient(error)
    dynamodb, _ = calling(client)
    with pytest.raises(CatalogUnavailable) as told:
        dynamodb.get("t", {"pk": "a"})
    assert client.calls == 1
    assert "hunter2" not in told.value.message


def test_a_condition_that_fails_beside_a_conflict_is_told_with_the_item_found() -> None:
    reasons = [{"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed", "Item": {"pk": {"S": "x"}}}]
    dynamodb, _ = calling(ScriptedClient(refused("TransactionCanceledException", CancellationReasons=reasons)))
    with pytest.raises(ConditionFailed) as told:
        dynamodb.write_all([])
    assert told.value.present == {1: {"pk": "x"}}


def test_keys_that_were_not_processed_are_asked_for_again() -> None:
    dynamodb, pauses = calling(ScriptedClient())
    found = list(dynamodb.get_many("t", [{"pk": str(number)} for number in range(3)]))
    assert found == [{"pk": "0"}, {"pk": "1"}, {"pk": "2"}]
    assert len(pauses) == 2


def test_values_come_back_as_they_were() -> None:
    item = {"text": "ä", "number": 2**60, "bytes": b"", "list": ["a", 1], "map": {"w": ["r", 2]}, "empty": ""}
    assert plain(packed(item)) == item


def test_without_a_region_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(InvalidSetting) as told:
        open_client(region=None, endpoint_url=None)
    assert told.value.field == "AWS_REGION"
