"""Servers for whichever test asks, started then, one of each per test process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import lifeline, postgresql


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a PostgreSQL server, as its superuser."""
    with lifeline.started("tests.servers.postgresql") as address:
        yield address


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: str) -> str:
    """The address of an empty PostgreSQL database of this test process."""
    return postgresql.create_database(postgresql_server)


@pytest.fixture(scope="session")
def valkey_addr() -> Iterator[str]:
    """``HOST:PORT`` of a Valkey server of this test process."""
    with lifeline.started("tests.servers.valkey") as address:
        yield address


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """The URL of an S3 and DynamoDB server of this test process."""
    with lifeline.started("tests.servers.aws") as address:
        yield address
