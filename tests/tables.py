"""Fresh tables on DynamoDB for tests."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from echofs.adapters.catalog.records_tables import TableNames, create_tables
from echofs.adapters.dynamodb import open_client

REGION = "eu-central-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
"""The server of the tests takes any."""
READ_SECONDS = 60
"""The server of the tests answers one request at a time, and slowly."""
_FEW = 100
_AT_ONCE = 25
"""DynamoDB's own limit on the items of a BatchWriteItem."""
_numbers = itertools.count()
_spare: dict[str, list[TableNames]] = {}
"""Empty tables, by the server that has them."""
_keys: dict[str, list[str]] = {}
"""The attributes that make a table's key."""


def client_of(endpoint: str) -> Any:
    """A client of the tests' own server."""
    os.environ.update(CREDENTIALS)
    return open_client(region=REGION, endpoint_url=endpoint, read_seconds=READ_SECONDS)


def names() -> TableNames:
    """Names that no other test uses, in this process or another."""
    mark = f"{os.getpid()}-{next(_numbers)}"
    return TableNames(f"files-{mark}", f"chunks-{mark}", f"sessions-{mark}")


@contextmanager
def catalog_tables(client: Any) -> Iterator[TableNames]:
    """Three empty tables. Those that are emptied with little effort are used again: making some takes twelve calls."""
    spare = _spare.setdefault(client.meta.endpoint_url, [])
    made = spare.pop() if spare else _new(client)
    yield made
    if all(_emptied(client, name) for name in made.by_setting().values()):
        spare.append(made)
    else:
        for name in made.by_setting().values():
            client.delete_table(TableName=name)


def _new(client: Any) -> TableNames:
    made = names()
    create_tables(client, made)
    for name in made.by_setting().values():
        schema = client.describe_table(TableName=name)["Table"]["KeySchema"]
        _keys[name] = [part["AttributeName"] for part in schema]
    return made


def _emptied(client: Any, name: str) -> bool:
    """Whether a table had few enough items to be deleted one by one, and they were."""
    spelled = {f"#{number}": key for number, key in enumerate(_keys[name])}
    options = {"ProjectionExpression": ",".join(spelled), "ExpressionAttributeNames": spelled}
    items = client.scan(TableName=name, ConsistentRead=True, Limit=_FEW + 1, **options)["Items"]
    if len(items) > _FEW:
        return False
    for some in (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE)):
        client.batch_write_item(RequestItems={name: [{"DeleteRequest": {"Key": item}} for item in some]})
    return True
