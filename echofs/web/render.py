"""How files, versions and receipts look in JSON."""

from __future__ import annotations

import mimetypes
from dataclasses import asdict
from datetime import UTC, datetime

from echofs.core.consistency import Receipt
from echofs.core.models import File, Timestamp, Version
from echofs.core.names import parent_of
from echofs.services.files import ReplicaCount

JsonDict = dict[str, object]
DEFAULT_TYPE = "application/octet-stream"


def moment(value: Timestamp) -> str:
    """A timestamp in RFC 3339, UTC, with microseconds."""
    return datetime.fromtimestamp(value / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def file_json(file: File) -> JsonDict:
    """A file as clients see it."""
    return {"id": file.id, **version_json(file.head), "created_at": moment(file.created_at)}


def place_json(path: str) -> JsonDict:
    """Where a file is."""
    return {"path": path, "name": path.rpartition("/")[2], "folder": parent_of(path)}


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
    return {**asdict(receipt), "provisional": receipt.provisional}


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
    return version.content_type or mimetypes.guess_type(version.path, strict=False)[0] or DEFAULT_TYPE
