"""A version's fields by the names under which every catalog keeps them."""

from __future__ import annotations

from typing import Any

from echofs.core.models import Version


def version_fields(version: Version) -> dict[str, Any]:
    """All fields but the file's id, which each engine keeps in its own way."""
    content = version.content
    return {
        "number": version.number,
        "parent": version.parent,
        "kind": version.kind.value,
        "path": version.path,
        "size": content.size,
        "digest": content.digest,
        "chunk_size": content.chunk_size,
        "inline": content.inline,
        "lists": content.lists,
        "content_type": version.content_type,
        "content_version": version.content_version,
        "manifest": version.manifest,
        "dot_origin": version.dot.origin,
        "dot_counter": version.dot.counter,
        "created_at": version.created_at,
    }
