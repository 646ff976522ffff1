"""Entries and frames to try journals with."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from echofs.adapters.frames import Lz4Codec
from echofs.core.entries import JournalEntry
from echofs.core.models import ChunkKind, ChunkRecord, Digest, Dot, IdempotencyRecord, Kind
from echofs.ports.chunks import Frame
from tests.contracts.catalog_values import ALICE, CREATED, chunk, first, fresh

_CODEC = Lz4Codec(1 << 20)


def entry(path: str = "a.txt", *, owner: str = ALICE, key: str = "", brings: tuple[Frame, ...] = ()) -> JournalEntry:
    """A new file that waits for the catalog; its chunks are those of the frames it ``brings``, if any."""
    commit = first(path, owner=owner)
    chunks = tuple(ChunkRecord(frame.digest, frame.size, (), ("w1", "w2", "w3")) for frame in brings)
    remembered = IdempotencyRecord(owner, key, "fingerprint", '{"é": 1}', CREATED) if key else None
    return JournalEntry(owner, "änna", commit.version, None, "", chunks or commit.chunks, idempotency=remembered)


def after(before: JournalEntry, **changes: object) -> JournalEntry:
    """The next version of the same file."""
    number, version = fresh(), before.version
    manifest = chunk(("manifest", number))
    made = replace(
        version,
        number=version.number + 1,
        parent=version.number,
        manifest=manifest.digest,
        dot=Dot("master-1", number),
        created_at=version.created_at + 1,
    )
    made = replace(made, **changes)  # type: ignore[arg-type]
    return replace(
        before,
        version=made,
        parent_dot=version.dot,
        parent_manifest=version.manifest,
        chunks=(manifest,),
        idempotency=None,
    )


def moved(before: JournalEntry, path: str) -> JournalEntry:
    """The same bytes elsewhere."""
    return after(before, kind=Kind.MOVE, path=path)


def deleted(before: JournalEntry) -> JournalEntry:
    """The end of the file."""
    return after(before, kind=Kind.TOMBSTONE)


def frame(plain: bytes = b"", kind: ChunkKind = ChunkKind.CONTENT) -> Frame:
    """A frame of these bytes, or of some that no other has."""
    return _CODEC.encode(plain or b"bytes %d" % fresh(), kind=kind)


def bulky() -> Frame:
    """A frame of 80,000 bytes."""
    return frame(Random(fresh()).randbytes(80_000))


def raw(one: Frame) -> bytes:
    """All bytes of a frame."""
    return b"".join(one.parts)


def plain(one: Frame, digest: Digest) -> bytes:
    """What a frame carries, verified."""
    return _CODEC.decode(raw(one), digest, check_digest=True)
