"""From settings to a bucket that can be called: URL, credentials, endpoint. Nothing here connects."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from echofs.core.errors import InvalidSetting

SETTING = "CHUNK_STORE"
CONNECT_SECONDS = 2.0
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()-]{1,200}(/[A-Za-z0-9!_.*'()-]{1,200})*")
_PREFIX_BYTES = 700
"""S3 takes keys of 1,024 bytes; a space and a name come to 264."""
_AWS = (".amazonaws.com", ".amazonaws.com.cn")


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket, and what all keys begin with: empty, or ending in a slash."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """How the endpoint is reached. ``threads`` is how many requests may be under way, ``deadline_seconds`` how long a
    call may take with all its attempts, ``checksums`` botocore's ``when_supported`` or ``when_required``."""

    region: str | None = None
    endpoint_url: str | None = None
    checksums: str = "when_supported"
    threads: int = 16
    deadline_seconds: float = 8.0

    @property
    def attempt_seconds(self) -> float:
        """How long an attempt may wait for the endpoint to move; leaves time for a second one."""
        return self.deadline_seconds / 2


def place_of(rest: str, default_bucket: str | None) -> S3Place:
    """The place that ``CHUNK_STORE=s3:REST`` names: ``//bucket/prefix``, ``///prefix`` or nothing, with the bucket of
    S3_BUCKET_NAME where it has none. Raises :class:`InvalidSetting`."""
    if rest and not rest.startswith("//"):
        raise _wrong(f"s3:{rest} is not allowed: use s3://BUCKET/PREFIX, or s3: with S3_BUCKET_NAME.")
    named, _, prefix = rest[2:].partition("/")
    bucket = named or default_bucket
    if not bucket:
        raise InvalidSetting(
            f"{SETTING}=s3:{rest} names no bucket and S3_BUCKET_NAME is not set: set one of them.",
            field="S3_BUCKET_NAME",
        )
    if not _BUCKET.fullmatch(bucket):
        raise InvalidSetting(
            f"{SETTING if named else 'S3_BUCKET_NAME'}: no bucket can have this name: use 3 to 63 of a-z, 0-9, . and -",
            field=SETTING if named else "S3_BUCKET_NAME",
        )
    prefix = prefix.rstrip("/")
    dots = any(part in (".", "..") for part in prefix.split("/"))
    if prefix and (dots or len(prefix) > _PREFIX_BYTES or not _PREFIX.fullmatch(prefix)):
        raise _wrong("the prefix may have letters, digits, ! _ . * ' ( ) - and single slashes between them.")
    return S3Place(bucket, f"{prefix}/" if prefix else "")


def open_client(access: S3Access) -> Any:
    """A client that makes one attempt per call: attempts, pauses and deadlines are :class:`S3Calls`' own.

    Addresses of endpoints in AWS's own configuration are ignored: where chunks go is said by EchoFS's settings alone.
    To be made in the process that uses it. Raises :class:`InvalidSetting` for a broken AWS profile or configuration.
    """
    config = Config(
        connect_timeout=min(CONNECT_SECONDS, access.attempt_seconds),
        read_timeout=access.attempt_seconds,
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=access.threads,
        request_checksum_calculation=access.checksums,
        response_checksum_validation=access.checksums,
        s3={"addressing_style": "path"} if access.endpoint_url else None,
        ignore_configured_endpoint_urls=True,
        user_agent_extra="echofs",
    )
    try:
        # A session of its own: boto3's default one may not be used by several threads while it makes clients.
        session = boto3.Session(region_name=access.region)
        region = session.region_name or ("us-east-1" if access.endpoint_url else None)
        return session.client("s3", endpoint_url=access.endpoint_url, region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise InvalidSetting(
            f"AWS_PROFILE: the AWS configuration cannot be used ({type(error).__name__}). Correct AWS_PROFILE and"
            " AWS_REGION, or the files in ~/.aws.",
            field="AWS_PROFILE",
        ) from error


def is_aws(client: Any) -> bool:
    """Whether a client speaks to Amazon's own S3."""
    return (urlsplit(client.meta.endpoint_url).hostname or "").endswith(_AWS)


def _wrong(message: str) -> InvalidSetting:
    return InvalidSetting(f"{SETTING}: {message}", field=SETTING)
