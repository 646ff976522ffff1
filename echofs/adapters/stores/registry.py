"""Stores by URL: the one place that knows which kinds there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from echofs.adapters.stores.disk import RESERVE_BYTES, DiskStore
from echofs.adapters.stores.memory import MemoryStore
from echofs.core.errors import InvalidSetting
from echofs.ports.object_store import ObjectStore

SETTING = "CHUNK_STORE"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """What stores are told besides their URL; each kind takes what concerns it.

    ``reserve_bytes`` is the free space below which new values are refused, ``threads`` how many call the store at a
    time, ``deadline_seconds`` how long a call may take, with everything it tries again.
    """

    reserve_bytes: int = RESERVE_BYTES
    threads: int = 16
    deadline_seconds: float = 8.0
    aws_region: str | None = None
    s3_endpoint_url: str | None = None
    s3_bucket_name: str | None = None
    s3_checksums: str = "when_supported"
    dynamodb_endpoint_url: str | None = None


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """What a kind of store is opened with; ``rest`` is the part of the URL after the scheme."""

    rest: str
    owner: str
    max_value_bytes: int
    options: StoreOptions


def _open_disk(request: StoreRequest) -> ObjectStore:
    if not request.rest or "\0" in request.rest:
        raise InvalidSetting(f"{SETTING}: disk: needs a folder, such as disk:/var/lib/echofs.", field=SETTING)
    return DiskStore(
        Path(request.rest),
        max_value_bytes=request.max_value_bytes,
        owner=request.owner,
        reserve_bytes=request.options.reserve_bytes,
    )


def _open_memory(request: StoreRequest) -> ObjectStore:
    if request.rest:
        raise InvalidSetting(f"{SETTING}: memory: takes nothing after the colon.", field=SETTING)
    return MemoryStore(max_value_bytes=request.max_value_bytes)


def _open_s3(request: StoreRequest) -> ObjectStore:
    # Loaded only where it is used: it would double the memory of a worker on a disk.
    from echofs.adapters.stores.s3 import open_s3
    from echofs.adapters.stores.s3_client import S3Access, place_of

    options = request.options
    access = S3Access(
        region=options.aws_region,
        endpoint_url=options.s3_endpoint_url,
        checksums=options.s3_checksums,
        threads=options.threads,
        deadline_seconds=options.deadline_seconds,
    )
    place = place_of(request.rest, options.s3_bucket_name)
    return open_s3(place, access, owner=request.owner, max_value_bytes=request.max_value_bytes)


def _open_dynamodb(request: StoreRequest) -> ObjectStore:
    # Loaded only where it is used: it would double the memory of a worker on a disk.
    from echofs.adapters.stores.dynamodb_table import TableAccess, open_dynamodb

    options = request.options
    access = TableAccess(options.aws_region, options.dynamodb_endpoint_url, options.deadline_seconds)
    return open_dynamodb(request.rest, access, owner=request.owner, max_value_bytes=request.max_value_bytes)


SCHEMES: dict[str, Callable[[StoreRequest], ObjectStore]] = {
    "disk": _open_disk,
    "dynamodb": _open_dynamodb,
    "memory": _open_memory,
    "s3": _open_s3,
}
"""Each opener gets the size it must be able to hold, and may offer less if its medium cannot."""


def open_store(url: str, *, owner: str, max_value_bytes: int, options: StoreOptions | None = None) -> ObjectStore:
    """Open the store a ``CHUNK_STORE`` URL names: ``disk:PATH``, ``dynamodb:TABLE/PREFIX``, ``memory:`` or
    ``s3://BUCKET/PREFIX``.

    ``owner`` is the worker that owns the medium, ``max_value_bytes`` the largest value it must hold (a whole chunk
    frame). To be called in the process that uses the store, after any fork.
    Raises :class:`InvalidSetting` for an unknown scheme, an unusable medium, or one whose limit is too small.
    """
    scheme, colon, rest = url.partition(":")
    if not colon or scheme not in SCHEMES:
        known = ", ".join(f"{name}:" for name in sorted(SCHEMES))
        raise InvalidSetting(f"{SETTING}: unknown kind of store in '{url}'. Known are {known}.", field=SETTING)
    store = SCHEMES[scheme](StoreRequest(rest, owner, max_value_bytes, options or StoreOptions()))
    limit = store.limits.max_value_bytes
    if limit < max_value_bytes:
        raise InvalidSetting(
            f"{SETTING}: this store takes at most {limit} bytes in one value, but a chunk needs {max_value_bytes}. "
            "Lower CHUNK_SIZE or choose another store.",
            field=SETTING,
        )
    return store
