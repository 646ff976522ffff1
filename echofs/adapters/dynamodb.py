"""How the catalog and the store reach DynamoDB: one client, retries with a bound, and the one place where the vendor's
errors become ours.

A client belongs to one process: make it after forking, never at import.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from echofs.adapters.dynamodb_values import Item, packed, plain
from echofs.core.errors import EchoError, InvalidSetting, Unavailable

Key = Mapping[str, str]
"""The attributes that make an item's key."""

ITEMS_AT_ONCE = 100
"""DynamoDB's own limit on the items of a BatchGetItem and of a TransactWriteItems."""
ATTEMPTS = 8
"""How often a call is made that meets throttling, another writer's transaction or a lost connection."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.025, 1.0
DEADLINE_SECONDS = 8.0
"""After which no further attempt is made, however few there were, unless a caller has less time."""
_CONNECT_SECONDS = 1.0
READ_SECONDS = 5.0
_CONNECTIONS = 32

_PASSING = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
_REFUSED = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
_CONDITION_FAILED = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
_NO_TABLE = "ResourceNotFoundException"
_FULL = frozenset({"ItemCollectionSizeLimitExceeded", "ItemCollectionSizeLimitExceededException"})


def open_client(*, region: str | None, endpoint_url: str | None, read_seconds: float = READ_SECONDS) -> Any:
    """A client whose credentials are found as by other programs on AWS. Nothing is sent yet.

    ``read_seconds`` is how long one call may take. Raises :class:`InvalidSetting` when no region is known.
    """
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=read_seconds,
        max_pool_connections=_CONNECTIONS,
        # Attempts are counted in one place, below: botocore's own pauses are longer than our callers wait.
        retries={"total_max_attempts": 1},
        tcp_keepalive=True,
        # A fifth of a call's processor time; what is sent comes from our own few functions.
        parameter_validation=False,
    )
    try:
        # A session of its own: boto3's default one is not safe to share between threads.
        return boto3.session.Session().client("dynamodb", region_name=region, endpoint_url=endpoint_url, config=config)
    except NoRegionError:
        raise InvalidSetting(
            "AWS_REGION is not set: DynamoDB needs a region, such as eu-central-1.", field="AWS_REGION"
        ) from None


def operators_fault(error: EchoError) -> str | None:
    """What is wrong with credentials or tables when a call was refused for that, and None when waiting may help."""
    cause = error.__cause__
    if isinstance(cause, NoCredentialsError | PartialCredentialsError):
        return "no AWS credentials were found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the host a role"
    code = _code(cause) if isinstance(cause, ClientError) else ""
    if code in _REFUSED:
        return f"DynamoDB refuses the credentials ({code}): check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    return "there is no such table" if code == _NO_TABLE else None


class ConditionFailed(Exception):
    """A condition of a write does not hold; nothing was changed. ``present`` has, by the number of the write in its
    call, the item found instead; it is empty where the write did not ask for it or there is none."""

    def __init__(self, present: Mapping[int, Item]) -> None:
        super().__init__("a condition of this write does not hold")
        self.present = present


class Patience:
    """How long one piece of work goes on against throttling and rivals: a number of attempts, and a deadline."""

    def __init__(
        self,
        give_up: Callable[[], Unavailable],
        pause: Callable[[float], None],
        monotonic: Callable[[], float],
        deadline_seconds: float,
    ) -> None:
        self._give_up = give_up
        self._pause = pause
        self._monotonic = monotonic
        self._until = monotonic() + deadline_seconds
        self._failed = 0

    def wait(self, error: BaseException | None = None) -> None:
        """Pause before the next attempt, or raise what ``give_up`` makes. Full jitter (Brooker, "Exponential Backoff
        And Jitter", 2015): rivals do not meet again."""
        self._failed += 1
        if self._failed == ATTEMPTS or self._monotonic() >= self._until:
            raise self._give_up() from error
        self._pause(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**self._failed)))


class DynamoDB:
    """Calls in plain Python values. Safe to share between threads.

    Reads are consistent unless they go through a global index. Each call happens within ``passing``. Every method
    raises ``unavailable``, a kind of :class:`Unavailable`, when DynamoDB does not answer in time, has no such table or
    refuses the credentials.
    """

    def __init__(
        self,
        client: Any,
        unavailable: type[Unavailable],
        *,
        pause: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        deadline_seconds: float = DEADLINE_SECONDS,
        passing: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._client = client
        self._passing = passing
        self._unavailable = unavailable
        self._pause = pause
        self._monotonic = monotonic
        self._deadline = deadline_seconds

    def patience(self, message: str = "Too many writers want the same at once; try again shortly.") -> Patience:
        """For work that starts again when a rival was quicker; ends with ``unavailable`` and this message."""
        return Patience(lambda: self._unavailable(message), self._pause, self._monotonic, self._deadline)

    def get(self, table: str, key: Key) -> Item | None:
        """An item, or None."""
        found = self.call("get_item", TableName=table, Key=packed(key), ConsistentRead=True).get("Item")
        return plain(found) if found else None

    def get_many(self, table: str, keys: Sequence[Key], attributes: Sequence[str] = ()) -> Iterator[Item]:
        """Those of the items that exist, in no order; only some of their attributes if any are named."""
        wanted = [(table, key) for key in keys]
        return (item for _, item in self.get_each(wanted, {table: attributes}))

    def get_each(
        self, wanted: Sequence[tuple[str, Key]], attributes: Mapping[str, Sequence[str]]
    ) -> Iterator[tuple[str, Item]]:
        """The same over several tables; each item comes with its table."""
        for at in range(0, len(wanted), ITEMS_AT_ONCE):
            rest: dict[str, Any] = {}
            for table, key in wanted[at : at + ITEMS_AT_ONCE]:
                rest.setdefault(table, _wish(attributes.get(table, ())))["Keys"].append(packed(key))
            patience = self.patience("DynamoDB is busy; try again shortly.")
            while rest:
                answer = self.call("batch_get_item", RequestItems=rest)
                for table, items in answer["Responses"].items():
                    yield from ((table, plain(item)) for item in items)
                rest = answer.get("UnprocessedKeys") or {}
                if rest:
                    patience.wait()

    def query(
        self,
        table: str,
        condition: str,
        values: Mapping[str, str | int],
        *,
        names: Mapping[str, str],
        index: str | None = None,
        consistent: bool = True,
        descending: bool = False,
        after: Key | None = None,
        at_once: int | None = None,
        only: str | None = None,
    ) -> Iterator[Item]:
        """The items of one partition in the order of the sort key, ``at_once`` fetched when they are asked for.

        ``condition`` is a key condition over ``names`` and ``values``. ``after`` is the key of the item before the
        first; that item need not exist. ``only`` names the one attribute that is wanted.
        """
        optional = {
            "IndexName": index,
            "Limit": at_once,
            "ExclusiveStartKey": packed(after) if after else None,
            "ProjectionExpression": only,
        }
        arguments = {name: value for name, value in optional.items() if value is not None}
        while True:
            answer = self.call(
                "query",
                TableName=table,
                KeyConditionExpression=condition,
                ExpressionAttributeValues=packed(values),
                ExpressionAttributeNames=dict(names),
                ConsistentRead=consistent,
                ScanIndexForward=not descending,
                **arguments,
            )
            yield from (plain(item) for item in answer["Items"])
            if not answer.get("LastEvaluatedKey"):
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def write_all(self, operations: Sequence[Mapping[str, Any]]) -> None:
        """At most ``ITEMS_AT_ONCE`` writes that happen together or not at all. Raises :class:`ConditionFailed`.

        When an answer is lost the call is repeated. Not every endpoint recognises that by the token, so a condition
        may fail because of the very same write: callers recognise their own.
        """
        token = uuid.uuid4().hex  # the same for all attempts: DynamoDB answers for a success that was not heard of
        self.call("transact_write_items", TransactItems=list(operations), ClientRequestToken=token)

    def call(self, operation: str, **arguments: Any) -> Any:
        """One operation of boto3's client, made again while it fails in a way that may pass. Raises
        :class:`ConditionFailed`."""
        with self._passing():
            return self._attempts(operation, arguments)

    def _attempts(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        patience = self.patience("DynamoDB does not answer in time; try again shortly.")
        while True:
            try:
                return getattr(self._client, operation)(**arguments)
            except ClientError as error:
                if not _may_pass(error):
                    raise self._translated(error) from error
                patience.wait(error)
            except (NoCredentialsError, PartialCredentialsError) as error:
                raise self._unavailable("DynamoDB has no credentials to be called with.") from error
            except BotoCoreError as error:
                patience.wait(error)

    def _translated(self, error: Any) -> Any:
        codes = {_code(error), *_reasons(error)}
        if codes & _CONDITION_FAILED:
            reasons = error.response.get("CancellationReasons") or [error.response]
            return ConditionFailed({at: plain(each["Item"]) for at, each in enumerate(reasons) if each.get("Item")})
        if _NO_TABLE in codes:
            return self._unavailable("A table of DynamoDB is missing; the operator has to make it.")
        if codes & _REFUSED:
            return self._unavailable("DynamoDB refuses the credentials it is called with.")
        if codes & _FULL:
            return self._unavailable("DynamoDB holds as much for this user as it can.")
        return error


def _wish(attributes: Sequence[str]) -> dict[str, Any]:
    """What a BatchGetItem says of a table, without keys yet."""
    names = {f"#a{number}": name for number, name in enumerate(attributes)}
    some = {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names} if names else {}
    return {"Keys": [], "ConsistentRead": True, **some}


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def _reasons(error: ClientError) -> set[str]:
    """Why a transaction was cancelled."""
    return {reason["Code"] for reason in error.response.get("CancellationReasons", ()) if reason.get("Code") != "None"}


def _may_pass(error: ClientError) -> bool:
    if reasons := _reasons(error):
        return reasons <= _PASSING
    return _code(error) in _PASSING or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
