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
_numbers = itertools.count()


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
    """Three empty tables that are gone afterwards."""
    made = names()
    create_tables(client, made)
    try:
        yield made
    finally:
        for name in made.by_setting().values():
            client.delete_table(TableName=name)
