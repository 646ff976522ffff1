"""What the end of a resumable upload was answered with, kept so that it can be said again. ``docs/formats.md``
documents the fields."""

from __future__ import annotations

import json
from dataclasses import asdict

from echofs.core.consistency import Receipt
from echofs.core.fields import Fields
from echofs.core.models import Content, Dot, File, Kind, Version


def encode(file: File, receipt: Receipt) -> str:
    """A file with its head, but without the digests of the chunks, and the receipt."""
    head = file.head
    return json.dumps(
        {
            "file": head.file_id,
            "since": file.created_at,
            "version": head.number,
            "kind": head.kind.value,
            "path": head.path,
            "size": head.content.size,
            "digest": head.content.digest,
            "chunk_size": head.content.chunk_size,
            "content_type": head.content_type,
            "content_version": head.content_version,
            "manifest": head.manifest,
            "dot": [head.dot.origin, head.dot.counter],
            "created_at": head.created_at,
            "receipt": asdict(receipt),
        },
        ensure_ascii=False,
    )


def decode(answer: str, owner_id: str) -> tuple[File, Receipt]:
    """Inverse of :func:`encode`; the content's digests of chunks are missing. Raises ValueError."""
    parsed = json.loads(answer)
    fields = Fields(parsed, "answer")
    number = fields.number("version", least=1)
    origin, counter = parsed["dot"]
    version = Version(
        file_id=fields.text("file"),
        number=number,
        parent=number - 1,
        kind=Kind(fields.text("kind")),
        path=fields.text("path"),
        content=Content(fields.number("size"), fields.digest("digest"), fields.number("chunk_size", least=1)),
        content_type=fields.text("content_type"),
        content_version=fields.number("content_version", least=1),
        manifest=fields.digest("manifest"),
        dot=Dot(origin, counter),
        created_at=fields.number("created_at"),
    )
    return File(version.file_id, owner_id, version, fields.number("since")), Receipt.parsed(parsed["receipt"])
