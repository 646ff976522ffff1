"""The tests' own servers answer as what they claim to be, and leave nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import psycopg2
import pytest
import redis

from tests.cluster.cluster import eventually
from tests.servers import lifeline, postgresql

HOLD = """
import sys
from tests.servers import lifeline
with lifeline.started(sys.argv[1]) as address:
    print(address, flush=True)
    sys.stdin.read()
"""


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_new_database_is_empty(postgresql_server: str) -> None:
    with (
        closing(psycopg2.connect(postgresql.create_database(postgresql_server))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert cursor.fetchone() == (0,)


def test_a_database_can_be_copied(postgresql_server: str) -> None:
    original = postgresql.create_database(postgresql_server)
    with closing(psycopg2.connect(original)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 7 AS value")
    copy = postgresql.create_database(postgresql_server, template=urlsplit(original).path[1:])
    with closing(psycopg2.connect(copy)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT value FROM kept")
        assert cursor.fetchone() == (7,)


def test_valkey_keeps_values(valkey_addr: str) -> None:
    host, port = valkey_addr.split(":")
    with redis.Redis(host, int(port)) as client:
        client.set("tests/servers", "kept")
        assert client.get("tests/servers") == b"kept"
        client.delete("tests/servers")


@pytest.mark.parametrize(("service", "call"), [("s3", "list_buckets"), ("dynamodb", "list_tables")])
def test_aws_answers(aws_endpoint: str, service: str, call: str) -> None:
    client = boto3.client(
        service, "eu-central-1", endpoint_url=aws_endpoint, aws_access_key_id="any", aws_secret_access_key="any"
    )
    assert getattr(client, call)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_server_ends_with_tests_that_are_killed(tmp_path: Path) -> None:
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}
    tests = subprocess.Popen(
        [sys.executable, "-c", HOLD, "tests.servers.valkey"],
        cwd=lifeline.REPOSITORY,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with tests:
        assert tests.stdout is not None
        port = int(tests.stdout.readline().rpartition(":")[2])
        assert answers(port)
        tests.kill()
    eventually(lambda: not answers(port), "the server is gone")
    eventually(lambda: not list(tmp_path.iterdir()), "its folder is removed")
