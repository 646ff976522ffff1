"""Fresh prefixes on the S3 servers of the tests, and what lies there seen by another road than the store's."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from echofs.adapters.stores.s3 import S3Store
from echofs.adapters.stores.s3_bucket import S3Bucket
from echofs.adapters.stores.s3_calls import S3Calls
from echofs.adapters.stores.s3_client import S3Access, S3Place, open_client
from echofs.adapters.stores.s3_root import Abilities
from tests.servers import rclone

BUCKET = "echofs-tests"
KEYS = {"AWS_ACCESS_KEY_ID": rclone.ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": rclone.SECRET_KEY}
"""What rclone was started with; moto takes anything."""


@cache
def vendor_client(endpoint: str) -> Any:
    """A client as anybody makes it, with the credentials of the tests, and ``BUCKET`` made."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        config=Config(response_checksum_validation="when_required", request_checksum_calculation="when_required"),
    )
    client.create_bucket(Bucket=BUCKET)
    return client


def fresh_place(endpoint: str) -> S3Place:
    """A prefix nobody has used, in a bucket that exists."""
    vendor_client(endpoint)
    return S3Place(BUCKET, f"tests/{uuid.uuid4()}/")


def access_to(endpoint: str, **more: Any) -> S3Access:
    return S3Access(**{"endpoint_url": endpoint, "checksums": "when_required", **more})


@cache
def _bucket(endpoint: str) -> S3Bucket:
    """Making a client takes longer than most tests, and no test changes one."""
    access = access_to(endpoint)
    calls = S3Calls(deadline_seconds=access.deadline_seconds, attempt_seconds=access.attempt_seconds)
    return S3Bucket(open_client(access), BUCKET, calls, crc32=True, etags_are_md5=True)


def opened(endpoint: str, place: S3Place, max_value_bytes: int, *, conditions: bool) -> S3Store:
    """The store of a place; ``conditions`` says whether the endpoint keeps them and is trusted with them."""
    return S3Store(
        _bucket(endpoint),
        place,
        store_id=str(uuid.uuid4()),
        abilities=Abilities(
            conditional_create=conditions, conditional_replace=conditions, verifies_digests=True, etags_are_md5=True
        ),
        atomic=conditions,
        max_value_bytes=max_value_bytes,
        threads=16,
    )


def looking_with(endpoint: str, place: S3Place) -> Callable[[str], bytes | None]:
    """Reads what lies under a key with a client of its own."""
    client = vendor_client(endpoint)

    def look(key: str) -> bytes | None:
        try:
            body: bytes = client.get_object(Bucket=place.bucket, Key=place.prefix + key)["Body"].read()
        except ClientError:
            return None
        return body

    return look
