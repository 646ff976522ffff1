"""The manifest: one version described for whoever finds it on a worker without a catalog.

It is canonical JSON (sorted keys, no spaces, UTF-8), stored as a chunk of its own before the version is committed.
``docs/architecture.md``
documents the fields; ``FORMAT`` grows when an old reader could not read a new manifest.
"""

from __future__ import annotations

import json

from echofs.core.chunking import pack_digests, unpack_digests
from echofs.core.models import Content, Dot, Kind, Version

FORMAT = 1


def encode(version: Version, owner_id: str) -> bytes:
    """The manifest of ``version``; its own digest, ``version.manifest``, is not part of it."""
    content = version.content
    return json.dumps(
        {
            "echofs": "manifest",
            "format": FORMAT,
            "owner": owner_id,
            "file": version.file_id,
            "version": version.number,
            "parent": version.parent,
            "kind": version.kind.value,
            "path": version.path,
            "size": content.size,
            "digest": content.digest,
            "chunk_size": content.chunk_size,
            "chunks": unpack_digests(content.inline),
            "lists": unpack_digests(content.lists),
            "content_type": version.content_type,
            "content_version": version.content_version,
            "dot": [version.dot.origin, version.dot.counter],
            "created_at": version.created_at,
        },
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


def decode(raw: bytes, digest: str) -> tuple[Version, str]:
    """The version and its owner's id; ``digest`` is that of ``raw``. Raises ValueError when ``raw`` is no manifest of
    a known format."""
    try:
        fields = json.loads(raw)
        if fields["echofs"] != "manifest" or fields["format"] != FORMAT:
            raise ValueError("not a manifest of a known format")
        content = Content(
            size=fields["size"],
            digest=fields["digest"],
            chunk_size=fields["chunk_size"],
            inline=pack_digests(fields["chunks"]),
            lists=pack_digests(fields["lists"]),
        )
        version = Version(
            file_id=fields["file"],
            number=fields["version"],
            parent=fields["parent"],
            kind=Kind(fields["kind"]),
            path=fields["path"],
            content=content,
            content_type=fields["content_type"],
            content_version=fields["content_version"],
            manifest=digest,
            dot=Dot(*fields["dot"]),
            created_at=fields["created_at"],
        )
    except (KeyError, TypeError, UnicodeDecodeError) as error:
        raise ValueError("not a manifest") from error
    return version, fields["owner"]
