"""What a master's journal says of one write that was accepted without the catalog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from echofs.core.fields import Fields, canonical
from echofs.core.manifest import version_fields, version_of
from echofs.core.models import ChunkRecord, Digest, Dot, IdempotencyRecord, Kind, Version

FORMAT = 1


class OnConflict(StrEnum):
    """What the owner wants when somebody else changed the same thing meanwhile."""

    KEEP_BOTH = "keep-both"
    """The later one to arrive becomes a file of its own beside the other."""
    MERGE = "merge"
    """Contents whose type allows it are merged; the others are kept both."""
    ASK = "ask"
    """Nothing is done until the owner decides."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One provisional version, with all that committing it takes.

    ``version.number`` is its parent's plus one as its writer saw it; ``version.dot`` is final. ``parent_dot`` is the
    dot of the version it follows, which may be provisional itself, None for a new file; ``parent_manifest`` the digest
    of that version's manifest, ``""`` for a new file. ``chunks`` are those it brings, manifest and lists included, with
    the replicas acknowledged when it was written down.
    """

    owner_id: str
    owner_name: str
    version: Version
    parent_dot: Dot | None
    parent_manifest: Digest
    chunks: tuple[ChunkRecord, ...]
    on_conflict: OnConflict = OnConflict.KEEP_BOTH
    idempotency: IdempotencyRecord | None = None

    @property
    def deletes(self) -> bool:
        """Whether the version is a tombstone."""
        return self.version.kind is Kind.TOMBSTONE


@dataclass(frozen=True, slots=True)
class Delivered:
    """A chunk that a quorum of workers holds now: ``replicas``, and ``owed`` what is still missing of the wanted
    number; both hold worker ids."""

    digest: Digest
    replicas: tuple[str, ...]
    owed: tuple[str, ...] = ()


def placed(entry: JournalEntry, delivered: Mapping[Digest, Delivered]) -> JournalEntry:
    """The entry as it would be had its chunks been delivered before; replicas known already stay."""
    return replace(entry, chunks=tuple(_placed(chunk, delivered.get(chunk.digest)) for chunk in entry.chunks))


def _placed(chunk: ChunkRecord, delivered: Delivered | None) -> ChunkRecord:
    if delivered is None:
        return chunk
    replicas = tuple(dict.fromkeys((*chunk.replicas, *delivered.replicas)))
    return replace(chunk, replicas=replicas, owed=tuple(one for one in delivered.owed if one not in replicas))


def encode(entry: JournalEntry) -> bytes:
    """The stored form: canonical JSON."""
    return canonical(
        {
            "echofs": "journal entry",
            "format": FORMAT,
            "owner": entry.owner_id,
            "owner_name": entry.owner_name,
            "version": {**version_fields(entry.version), "manifest": entry.version.manifest},
            "parent_dot": [entry.parent_dot.origin, entry.parent_dot.counter] if entry.parent_dot else [],
            "parent_manifest": entry.parent_manifest,
            "chunks": [_chunk_fields(chunk) for chunk in entry.chunks],
            "on_conflict": entry.on_conflict.value,
            "idempotency": _answer_fields(entry.idempotency),
        }
    )


def decode(raw: bytes) -> JournalEntry:
    """Inverse of :func:`encode`.

    Whatever lies on a disk or a worker is distrusted: raises ValueError, and nothing else, unless ``raw`` is an entry
    of a known format whose fields have their types and agree with each other.
    """
    fields = Fields.parsed(raw, "journal entry")
    if fields.text("echofs") != "journal entry" or fields.number("format") != FORMAT:
        raise ValueError("not a journal entry of a known format")
    version = fields.within("version")
    parent_dot = _dot(fields)
    if (parent_dot is None) != (version.number("parent") == 0):
        raise ValueError("a journal entry names the dot of the version it follows, if there is one")
    return JournalEntry(
        owner_id=fields.text("owner"),
        owner_name=fields.text("owner_name"),
        version=version_of(version, version.digest("manifest")),
        parent_dot=parent_dot,
        parent_manifest=fields.digest("parent_manifest") if parent_dot else "",
        chunks=tuple(_chunk(chunk) for chunk in fields.objects("chunks")),
        on_conflict=OnConflict(fields.text("on_conflict")),
        idempotency=_answer(fields),
    )


def _chunk_fields(chunk: ChunkRecord) -> dict[str, object]:
    return {"digest": chunk.digest, "size": chunk.size, "replicas": list(chunk.replicas), "owed": list(chunk.owed)}


def _chunk(fields: Fields) -> ChunkRecord:
    return ChunkRecord(fields.digest("digest"), fields.number("size"), fields.texts("replicas"), fields.texts("owed"))


def _dot(fields: Fields) -> Dot | None:
    match fields.items("parent_dot"):
        case []:
            return None
        case [str(origin), counter]:
            origin.encode()
            return Dot(origin, fields.integer(counter, "parent_dot"))
    raise ValueError("a journal entry's parent_dot is an origin and a counter, or nothing")


def _answer_fields(record: IdempotencyRecord | None) -> Mapping[str, object]:
    if record is None:
        return {}
    return {
        "key": record.key,
        "fingerprint": record.fingerprint,
        "answer": record.answer,
        "created_at": record.created_at,
    }


def _answer(fields: Fields) -> IdempotencyRecord | None:
    answer = fields.within("idempotency")
    if answer.empty:
        return None
    return IdempotencyRecord(
        owner_id=fields.text("owner"),
        key=answer.text("key"),
        fingerprint=answer.text("fingerprint"),
        answer=answer.text("answer"),
        created_at=answer.number("created_at"),
    )
