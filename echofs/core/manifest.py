"""The manifest: one version described for whoever finds it on a worker without a catalog.

It is canonical JSON (sorted keys, no spaces, UTF-8), stored as a chunk of its own before the version is committed.
``docs/formats.md`` documents the fields; ``FORMAT`` grows when an old reader could not read a new manifest.
"""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core.chunking import (
    DIGEST_BYTES,
    DIGESTS_PER_LIST,
    chunk_count,
    unpack_digests,
)
from echofs.core.fields import Fields, canonical
from echofs.core.models import Content, Digest, Dot, Kind, Version

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Manifest:
    """A version and what only its manifest says.

    ``parent_manifest`` is the digest of the manifest of the version before, ``""`` for the first: of two versions with
    one number, the one a later version follows was the committed one. ``salt`` is nobody's to guess, so that no user
    can upload bytes that have the digest of a manifest.
    """

    version: Version
    owner_id: str
    owner_name: str
    parent_manifest: Digest
    salt: str


def encode(manifest: Manifest) -> bytes:
    """The stored form; the manifest's own digest, ``version.manifest``, is not part of it."""
    return canonical(
        {
            "echofs": "manifest",
            "format": FORMAT,
            "owner": manifest.owner_id,
            "owner_name": manifest.owner_name,
            "parent_manifest": manifest.parent_manifest,
            "salt": manifest.salt,
            **version_fields(manifest.version),
        }
    )


def version_fields(version: Version) -> dict[str, object]:
    """A version as JSON has it; its ``manifest`` is not part of it."""
    content = version.content
    return {
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
    }


def decode(raw: bytes, digest: Digest) -> Manifest:
    """Inverse of :func:`encode`; ``digest`` is that of ``raw``.

    Whatever a worker hands out is distrusted: raises ValueError, and nothing else, unless ``raw`` is a manifest of a
    known format whose fields have their types and agree with each other.
    """
    fields = Fields.parsed(raw, "manifest")
    if fields.text("echofs") != "manifest" or fields.number("format") != FORMAT:
        raise ValueError("not a manifest of a known format")
    return Manifest(
        version_of(fields, digest),
        owner_id=fields.text("owner"),
        owner_name=fields.text("owner_name"),
        parent_manifest=_parent(fields),
        salt=fields.text("salt"),
    )


def version_of(fields: Fields, manifest: Digest) -> Version:
    """Inverse of :func:`version_fields`. Raises ValueError unless the fields agree with each other."""
    return Version(
        file_id=fields.text("file"),
        number=fields.number("version", least=1),
        parent=fields.number("parent"),
        kind=Kind(fields.text("kind")),
        path=fields.path("path"),
        content=_content(fields),
        content_type=fields.text("content_type"),
        content_version=fields.number("content_version", least=1),
        manifest=manifest,
        dot=_dot(fields),
        created_at=fields.number("created_at"),
    )


def _content(fields: Fields) -> Content:
    """The description of the bytes, if its numbers agree with its digests."""
    content = Content(
        size=fields.number("size"),
        digest=fields.digest("digest"),
        chunk_size=fields.number("chunk_size", least=1),
        inline=fields.digests("chunks"),
        lists=fields.digests("lists"),
    )
    chunks, lists = chunk_count(content), len(content.lists) // DIGEST_BYTES
    if lists != (0 if content.inline else -(-chunks // DIGESTS_PER_LIST)):
        raise ValueError("a manifest lists all its chunks, in one way")
    if content.inline and len(content.inline) != chunks * DIGEST_BYTES:
        raise ValueError("a manifest has a digest for every chunk")
    return content


def _parent(fields: Fields) -> Digest:
    first = fields.number("parent") == 0 and fields.text("parent_manifest") == ""
    return "" if first else fields.digest("parent_manifest")


def _dot(fields: Fields) -> Dot:
    match fields.items("dot"):
        case [str(origin), counter]:
            origin.encode()
            return Dot(origin, fields.integer(counter, "dot"))
    raise ValueError("a manifest's dot is an origin and a counter")
