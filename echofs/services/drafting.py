"""Versions to be: what a write wants a file's next version to say, and the version it becomes, with its manifest."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from echofs.core import manifest
from echofs.core.chunking import digest_of
from echofs.core.hybrid_time import follow
from echofs.core.manifest import Manifest
from echofs.core.models import ChunkKind, Content, Dot, File, Kind, Version
from echofs.ports.chunks import ChunkCodec, Frame
from echofs.ports.runtime import Clock, Ids


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new version should say, given the head it follows (None: the file does not exist yet)."""

    kind: Kind
    path: str
    content: Content
    content_type: str


class Drafting:
    """Gives versions their names. Thread-safe; every one has dots of its own."""

    def __init__(self, codec: ChunkCodec, clock: Clock, ids: Ids) -> None:
        self._codec = codec
        self._clock = clock
        self._ids = ids
        self._origin = ids.new()
        self._counter = itertools.count(1)

    def version(
        self, head: File | None, draft: Draft, owner_id: str, owner_name: str, dot: Dot | None = None
    ) -> tuple[Version, Frame]:
        """The version that follows ``head``, and its manifest as it goes to the workers. It has a fresh dot unless one
        is given."""
        number = head.head.number + 1 if head else 1
        seen = (head.head.created_at,) if head else ()
        version = Version(
            file_id=head.id if head else self._ids.new(),
            number=number,
            parent=number - 1,
            kind=draft.kind,
            path=draft.path,
            content=draft.content,
            content_type=draft.content_type,
            content_version=number if head is None or draft.kind is Kind.CONTENT else head.head.content_version,
            manifest="",
            dot=dot or Dot(self._origin, next(self._counter)),
            created_at=follow(self._clock.now(), *seen),
        )
        parent = head.head.manifest if head else ""
        described = manifest.encode(Manifest(version, owner_id, owner_name, parent, self._ids.new()))
        digest = digest_of(described)
        return replace(version, manifest=digest), self._codec.encode(described, digest, ChunkKind.MANIFEST)
