"""Merging the contents of two versions of a file, where their owner asked for it."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core import merging
from echofs.core.conflicts import MergeContents
from echofs.core.merging import MAX_BYTES, NotMergeable
from echofs.core.models import Content
from echofs.ports.chunks import ChunkCodec
from echofs.services.intake import Intake
from echofs.services.shipping import Shipment
from echofs.services.streaming import FileReader


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged content on its way to where chunks are kept."""

    content: Content
    intake: Intake


class Merger:
    """Thread-safe."""

    def __init__(self, reader: FileReader, codec: ChunkCodec, *, chunk_size: int) -> None:
        self._reader = reader
        self._codec = codec
        self._chunk_size = chunk_size

    def merge(self, wanted: MergeContents, shipment: Shipment) -> Merged | None:
        """The merged content, sent with ``shipment``; None if the two cannot be merged.

        Raises :class:`ChunkUnavailable` while one of the three contents cannot be read, and what the shipment raises.
        """
        contents = (wanted.base, wanted.mine, wanted.theirs)
        if max(content.size for content in contents) > MAX_BYTES:
            return None
        try:
            merged = merging.merge(*map(self._read, contents), as_json=wanted.as_json)
        except NotMergeable:
            return None
        intake = Intake(shipment, self._codec, chunk_size=self._chunk_size, max_size=0)
        intake.write(merged)
        return Merged(intake.finish(len(merged), None), intake)

    def _read(self, content: Content) -> bytes:
        return b"".join(self._reader.stream(content, 0, content.size - 1))
