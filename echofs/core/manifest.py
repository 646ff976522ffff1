"""The manifest: one version described for whoever finds it on a worker without a catalog.

It is canonical JSON (sorted keys, no spaces, UTF-8), stored as a chunk of its own before the version is committed.
``docs/formats.md`` documents the fields; ``FORMAT`` grows when an old reader could not read a new manifest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from echofs.core.chunking import (
    DIGEST_BYTES,
    DIGESTS_PER_LIST,
    chunk_count,
    is_digest,
    pack_digests,
    unpack_digests,
)
from echofs.core.errors import InvalidName
from echofs.core.models import Content, Digest, Dot, Kind, Version
from echofs.core.names import check_path

FORMAT = 1
_MOST = 2**63 - 1


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
    version, content = manifest.version, manifest.version.content
    return json.dumps(
        {
            "echofs": "manifest",
            "format": FORMAT,
            "owner": manifest.owner_id,
            "owner_name": manifest.owner_name,
            "file": version.file_id,
            "version": version.number,
            "parent": version.parent,
            "parent_manifest": manifest.parent_manifest,
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
            "salt": manifest.salt,
        },
        ensure_ascii=False,
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


def decode(raw: bytes, digest: Digest) -> Manifest:
    """Inverse of :func:`encode`; ``digest`` is that of ``raw``.

    Whatever a worker hands out is distrusted: raises ValueError, and nothing else, unless ``raw`` is a manifest of a
    known format whose fields have their types and agree with each other.
    """
    try:
        fields = _Fields(json.loads(raw))
    except RecursionError:
        raise ValueError("not a manifest") from None
    if fields.text("echofs") != "manifest" or fields.number("format") != FORMAT:
        raise ValueError("not a manifest of a known format")
    version = Version(
        file_id=fields.text("file"),
        number=fields.number("version", least=1),
        parent=fields.number("parent"),
        kind=Kind(fields.text("kind")),
        path=_path(fields.text("path")),
        content=_content(fields),
        content_type=fields.text("content_type"),
        content_version=fields.number("content_version", least=1),
        manifest=digest,
        dot=_dot(fields),
        created_at=fields.number("created_at"),
    )
    return Manifest(
        version,
        owner_id=fields.text("owner"),
        owner_name=fields.text("owner_name"),
        parent_manifest=_parent(fields, version.parent),
        salt=fields.text("salt"),
    )


class _Fields:
    """The fields of a manifest by name and type. Methods raise ValueError."""

    def __init__(self, parsed: object) -> None:
        if not isinstance(parsed, dict):
            raise ValueError("not a manifest")
        self._parsed: dict[str, object] = parsed

    def text(self, name: str) -> str:
        """A string that has an encoding: JSON can spell lone surrogates, which have none."""
        value = self._parsed.get(name)
        if not isinstance(value, str):
            raise ValueError(f"a manifest's {name} is a string")
        value.encode()
        return value

    def number(self, name: str, *, least: int = 0) -> int:
        """An integer that every catalog can hold."""
        return _integer(self._parsed.get(name), name, least)

    def items(self, name: str) -> list[object]:
        """A list."""
        value = self._parsed.get(name)
        if not isinstance(value, list):
            raise ValueError(f"a manifest's {name} is a list")
        return value

    def digests(self, name: str) -> bytes:
        """A list of digests, packed."""
        listed = self.items(name)
        return pack_digests([_digest(value, name) for value in listed])


def _content(fields: _Fields) -> Content:
    """The description of the bytes, if its numbers agree with its digests."""
    content = Content(
        size=fields.number("size"),
        digest=_digest(fields.text("digest"), "digest"),
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


def _parent(fields: _Fields, number: int) -> Digest:
    if number == 0 and fields.text("parent_manifest") == "":
        return ""
    return _digest(fields.text("parent_manifest"), "parent_manifest")


def _dot(fields: _Fields) -> Dot:
    match fields.items("dot"):
        case [str(origin), counter]:
            origin.encode()
            return Dot(origin, _integer(counter, "dot", 0))
    raise ValueError("a manifest's dot is an origin and a counter")


def _path(path: str) -> str:
    try:
        exact = check_path(path) == path
    except InvalidName as error:
        raise ValueError("a manifest's path obeys the rules of names") from error
    if not exact:
        raise ValueError("a manifest's path has no leading slash")
    return path


def _integer(value: object, name: str, least: int) -> int:
    # To Python, true is an integer too.
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
        raise ValueError(f"a manifest's {name} is a whole number of at least {least}")
    return value


def _digest(value: object, name: str) -> Digest:
    if not isinstance(value, str) or not is_digest(value):
        raise ValueError(f"a manifest's {name} is 64 lower-case hexadecimal digits")
    return value
