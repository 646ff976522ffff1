"""How files, versions and receipts look in JSON."""

from __future__ import annotations

import mimetypes
from dataclasses import fields
from datetime import date, timedelta
from functools import lru_cache

from msgspec import Struct

from echofs.core.consistency import Receipt
from echofs.core.models import Digest, File, Kind, Timestamp, Version, etag_of
from echofs.core.names import name_of
from echofs.ports.listing import Listed
from echofs.services.files import ReplicaCount

JsonDict = dict[str, object]
DEFAULT_TYPE = "application/octet-stream"
_RECEIPT = [field.name for field in fields(Receipt)]


def moment(value: Timestamp) -> str:
    """A timestamp in RFC 3339, UTC, with microseconds."""
    minutes, rest = value // 60_000_000, value % 60_000_000
    return f"{_day(minutes // 1440)}{_MINUTES[minutes % 1440]}{_SECONDS[rest // 1_000_000]}{rest % 1_000_000:06}Z"


# Ready-made parts: a large folder has thousands of times, and :mod:`datetime` takes five times as long for each.
_MINUTES = [f"T{hour:02}:{minute:02}:" for hour in range(24) for minute in range(60)]
_SECONDS = [f"{second:02}." for second in range(60)]


@lru_cache(maxsize=4096)
def _day(days: int) -> str:
    return (date(1970, 1, 1) + timedelta(days=days)).isoformat()


class FileJson(Struct, gc=False):
    """A file as clients see it: a quarter of the memory of a dictionary, and nothing for the collector of cycles."""

    id: str
    path: str
    name: str
    folder: str
    version: int
    kind: Kind
    size: int
    digest: Digest
    content_type: str
    etag: str
    updated_at: str
    created_at: str


def file_json(file: File) -> FileJson:
    """A file as clients see it."""
    return listed_json(Listed.of(file))


def listed_json(listed: Listed) -> FileJson:
    """The same of a file among many."""
    file_id, path, number, kind, size, digest, given_type, content_version, changed, made = listed
    folder, _, name = path.rpartition("/")
    updated_at = moment(changed)
    return FileJson(
        file_id,
        path,
        name,
        folder,
        number,
        kind,
        size,
        digest,
        given_type or _guessed_type(path),
        etag_of(content_version, digest),
        updated_at,
        updated_at if made == changed else moment(made),
    )


def place_json(path: str) -> JsonDict:
    """Where a file is."""
    folder, _, name = path.rpartition("/")
    return {"path": path, "name": name, "folder": folder}


def version_json(version: Version) -> JsonDict:
    """One version of a file."""
    return {
        **place_json(version.path),
        "version": version.number,
        "kind": version.kind.value,
        "size": version.content.size,
        "digest": version.content.digest,
        "content_type": content_type(version),
        "etag": version.etag,
        "updated_at": moment(version.created_at),
    }


def receipt_json(receipt: Receipt) -> JsonDict:
    """What a write got."""
    return {**{name: getattr(receipt, name) for name in _RECEIPT}, "provisional": receipt.provisional}


def count_json(count: ReplicaCount) -> JsonDict:
    """The copies of a version as just counted."""
    return {
        "version": count.version.number,
        "chunks": count.chunks,
        "replicas": count.replicas or 0,
        "replicas_wanted": count.wanted,
        "zones": count.zones or 0,
        "complete": count.complete,
        "workers": [{"worker_id": worker, "chunks": chunks} for worker, chunks in sorted(count.held.items())],
        "unreachable": list(count.unreachable),
    }


def content_type(version: Version) -> str:
    """The type the client gave, or a guess from the name."""
    return version.content_type or _guessed_type(version.path)


def _guessed_type(path: str) -> str:
    _, *endings = name_of(path).rsplit(".", 2)
    return _type_of(".".join(["x", *endings]))


@lru_cache(maxsize=1024)
def _type_of(name: str) -> str:
    return mimetypes.guess_type(name, strict=False)[0] or DEFAULT_TYPE
