"""Items of DynamoDB from values and back. What an item looks like is said in :mod:`records_tables`; only this module
knows how keys are written.

Numbers inside text keys have a fixed width, so that they sort as numbers. DynamoDB compares text by its UTF-8 bytes, as
the other catalogs do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from echofs.adapters.catalog.cursor import Place
from echofs.adapters.catalog.records_tables import (
    BY_FOLDER,
    BY_FOLDER_SIZE,
    BY_FOLDER_UPDATED,
    BY_SIZE,
    BY_UPDATED,
    PARTS,
    TTL_ATTRIBUTE,
)
from echofs.adapters.catalog.version_fields import version_fields
from echofs.adapters.dynamodb_values import Item
from echofs.core.models import (
    ChunkState,
    Content,
    Digest,
    Dot,
    File,
    IdempotencyRecord,
    Kind,
    OwedReplica,
    Timestamp,
    Version,
)
from echofs.core.names import parent_of
from echofs.ports.listing import SortKey

Key = dict[str, str]

FOLDER = "folder:"
"""What the keys of folders begin with."""
_SORT_KEY_BYTES = 1024
_ANSWER_SECONDS = 7 * 86_400
"""How long DynamoDB keeps an answer at most. The jobs forget it long before; this is for clusters that run none."""
INDEX: dict[tuple[SortKey, bool], str | None] = {
    (SortKey.NAME, False): None,
    (SortKey.SIZE, False): BY_SIZE,
    (SortKey.UPDATED, False): BY_UPDATED,
    (SortKey.NAME, True): BY_FOLDER,
    (SortKey.SIZE, True): BY_FOLDER_SIZE,
    (SortKey.UPDATED, True): BY_FOLDER_UPDATED,
}
"""The index for each order, of all files and of those in one folder; all files by name are the table itself."""


def addressable(*texts: str) -> bool:
    """Whether there can be an item under these names: DynamoDB refuses empty and overlong keys."""
    try:
        return all(0 < len(text.encode()) <= _SORT_KEY_BYTES for text in texts)
    except UnicodeEncodeError:
        return False


def entry_key(owner_id: str, path: str) -> Key:
    return {"pk": f"owner:{owner_id}", "sk": path}


def version_key(file_id: str, number: int) -> Key:
    return {"pk": f"file:{file_id}", "sk": f"{number:010d}"}


def dot_key(dot: Dot) -> Key:
    return {"pk": f"dot:{dot.origin}:{dot.counter}", "sk": "dot"}


def begun_key(file_id: str) -> Key:
    return {"pk": f"begun:{file_id}", "sk": "begun"}


def folder_key(owner_id: str, path: str) -> Key:
    return {"pk": f"{FOLDER}{owner_id}:{parent_of(path)}", "sk": path}


def chunk_key(digest: Digest) -> Key:
    return {"pk": digest}


def answer_key(owner_id: str, key: str) -> Key:
    return {"pk": f"answer:{owner_id}:{key}"}


def lease_key(name: str) -> Key:
    return {"pk": f"lease:{name}"}


def folder_mark(folder: str) -> str:
    """What the sort keys of all files in a folder begin with. A digest, because a folder's path and a file's name
    together would not leave room for a size."""
    return hashlib.sha256(folder.encode()).hexdigest()[:32]


def sort_key(index: str, place: Place) -> str:
    """Where an entry stands in an index: by size or time, then by path.

    Two paths of more than 1,008 bytes may have one sort key; DynamoDB then orders them by the key of the table.
    """
    value, path = place
    prefix = "" if index == BY_FOLDER else f"{value:016x}"
    if index in (BY_SIZE, BY_UPDATED):
        room = _SORT_KEY_BYTES - len(prefix)
        return prefix + path.encode()[:room].decode(errors="ignore")
    return folder_mark(parent_of(path)) + prefix + path.rpartition("/")[2]


def entry_item(owner_id: str, version: Version) -> Item:
    """The entry of a living file whose head this version is."""
    values = {BY_SIZE: version.content.size, BY_UPDATED: version.created_at, BY_FOLDER: 0}
    values |= {BY_FOLDER_SIZE: values[BY_SIZE], BY_FOLDER_UPDATED: values[BY_UPDATED]}
    return {
        **entry_key(owner_id, version.path),
        "file": version.file_id,
        "number": version.number,
        **{index: sort_key(index, (value, version.path)) for index, value in values.items()},
    }


def dot_item(version: Version) -> Item:
    return {**dot_key(version.dot), "file": version.file_id, "number": version.number}


def version_item(owner_id: str, version: Version, file_created_at: Timestamp) -> Item:
    return {
        **version_key(version.file_id, version.number),
        "file": version.file_id,
        "owner_id": owner_id,
        "file_created_at": file_created_at,
        **version_fields(version),
    }


def version_of(item: Item) -> Version:
    return Version(
        file_id=item["file"],
        number=item["number"],
        parent=item["parent"],
        kind=Kind(item["kind"]),
        path=item["path"],
        content=Content(item["size"], item["digest"], item["chunk_size"], item["inline"], item["lists"]),
        content_type=item["content_type"],
        content_version=item["content_version"],
        manifest=item["manifest"],
        dot=Dot(item["dot_origin"], item["dot_counter"]),
        created_at=item["created_at"],
    )


def file_of(item: Item) -> File:
    """The file whose head, or former head, this version is."""
    return File(item["file"], item["owner_id"], version_of(item), item["file_created_at"])


def answer_item(record: IdempotencyRecord) -> Item:
    return {
        **answer_key(record.owner_id, record.key),
        "owner_id": record.owner_id,
        "key": record.key,
        "fingerprint": record.fingerprint,
        "answer": record.answer,
        "created_at": record.created_at,
        "part": part_of(f"{record.owner_id}:{record.key}"),
        TTL_ATTRIBUTE: record.created_at // 1_000_000 + _ANSWER_SECONDS,
    }


def answer_of(item: Item) -> IdempotencyRecord:
    return IdempotencyRecord(item["owner_id"], item["key"], item["fingerprint"], item["answer"], item["created_at"])


def part_of(text: str) -> str:
    """The partition of a global index in which an item stands."""
    return str(hashlib.sha256(text.encode()).digest()[0] % PARTS)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk as the catalog knows it. ``owed`` is by worker. ``revision`` grows with every change; 0 is a chunk that
    is not in the catalog yet."""

    digest: Digest
    size: int
    state: ChunkState
    touched_at: Timestamp
    replicas: frozenset[str] = frozenset()
    owed: Mapping[str, OwedReplica] = field(default_factory=dict)
    revision: int = 0

    def item(self) -> Item:
        """The item of the next revision."""
        item: dict[str, Any] = {
            **chunk_key(self.digest),
            "size": self.size,
            "state": self.state.value,
            "touched_at": self.touched_at,
            "replicas": sorted(self.replicas),
            "revision": self.revision + 1,
        }
        if self.owed:
            item["owed"] = {row.worker_id: [row.reason, row.due_at, row.attempts] for row in self.owed.values()}
            item["part"] = part_of(self.digest)
            item["owes"] = len(self.owed)
            item["due_at"] = min(row.due_at for row in self.owed.values())
        return item

    def owing(self, row: OwedReplica) -> Chunk:
        """The chunk with one owed replica more, or another account of one."""
        return replace(self, owed={**self.owed, row.worker_id: row})


def chunk_of(item: Item) -> Chunk:
    return Chunk(
        digest=item["pk"],
        size=item["size"],
        state=ChunkState(item["state"]),
        touched_at=item["touched_at"],
        replicas=frozenset(item["replicas"]),
        owed={row.worker_id: row for row in owed_of(item)},
        revision=item["revision"],
    )


def owed_of(item: Item) -> list[OwedReplica]:
    """The outbox rows in a chunk's item, or in its entry of the index."""
    return [OwedReplica(item["pk"], worker, *row) for worker, row in item.get("owed", {}).items()]
