"""Servers for whichever test asks, started then, one of each per test process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import lifeline, postgresql
from tests.servers import rclone as rclone_server


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


@pytest.fixture(scope="session")
def rclone() -> Iterator[tuple[str, Path]]:
    """The URL of another S3 server of this test process, and the folder where it keeps buckets as folders."""
    with lifeline.started("tests.servers.rclone") as address:
        url, _, folder = address.partition(" ")
        yield url, Path(folder)


@pytest.fixture
def s3_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials where boto3 looks for them, and nothing of the machine's own."""
    nowhere = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    given = {"AWS_ACCESS_KEY_ID": rclone_server.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": rclone_server.SECRET_KEY}
    for name, value in {**nowhere, **given}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
