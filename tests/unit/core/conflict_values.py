"""Versions and entries to try the rules of conflicts with."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

from echofs.core.chunking import EMPTY_DIGEST, digest_of, pack_digests
from echofs.core.entries import JournalEntry, OnConflict
from echofs.core.models import ChunkRecord, Content, Dot, File, Kind, Version

OWNER = "owner-1"
NAME = "anna"
CREATED = 1_795_520_000_000_000
"""24 November 2026."""
NOTHING = Content(0, EMPTY_DIGEST, 64)
_counters = count(1)


def content(text: str) -> Content:
    """Bytes that are this text, in one chunk."""
    digest = digest_of(text.encode())
    return Content(len(text), digest, 64, pack_digests([digest]))


def a_file(text: str = "base", path: str = "a.txt", file_id: str = "f") -> File:
    """A file with its first version."""
    version = Version(
        file_id, 1, 0, Kind.CONTENT, path, content(text), "", 1, _manifest(), Dot("there", next(_counters)), CREATED
    )
    return File(file_id, OWNER, version, CREATED)


def _manifest() -> str:
    return digest_of(b"manifest %d" % next(_counters))


def written(file: File, text: str) -> File:
    """The file with other bytes."""
    number = file.head.number + 1
    return _next(file, kind=Kind.CONTENT, content=content(text), content_version=number)


def moved(file: File, path: str) -> File:
    """The file elsewhere."""
    return _next(file, kind=Kind.MOVE, path=path)


def deleted(file: File) -> File:
    """The file's end."""
    return _next(file, kind=Kind.TOMBSTONE, content=NOTHING)


def _next(file: File, **changes: object) -> File:
    head = replace(
        file.head,
        number=file.head.number + 1,
        parent=file.head.number,
        manifest=_manifest(),
        dot=Dot("there", next(_counters)),
    )
    return replace(file, head=replace(head, **changes))  # type: ignore[arg-type]


def entry_of(file: File, parent: File | None, on_conflict: OnConflict = OnConflict.KEEP_BOTH) -> JournalEntry:
    """The head of a file as an entry that follows ``parent``."""
    chunks = [ChunkRecord(file.head.manifest, 100, ("a", "b", "c"))]
    if file.head.kind is Kind.CONTENT:
        chunks.append(ChunkRecord(file.head.content.digest, file.head.content.size, ("a", "b", "c")))
    return JournalEntry(
        OWNER,
        NAME,
        file.head,
        parent.head.dot if parent else None,
        parent.head.manifest if parent else "",
        tuple(chunks),
        on_conflict,
    )
