"""What a worker does with chunks: verify, keep, hand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from echofs.core.errors import NotFound, StoreFull, StoreUnavailable
from echofs.core.models import Digest
from echofs.ports.chunks import ChunkCodec
from echofs.ports.object_store import ObjectStore
from echofs.ports.runtime import Meters

SPACE = "chunk"


@dataclass(frozen=True, slots=True)
class StoreResult:
    """Which chunks of a batch are durable now, and why the others are not."""

    stored: tuple[Digest, ...]
    failed: dict[Digest, str]
    full: bool = False


class ChunkKeeper:
    """Chunks of one worker in its store. Thread-safe."""

    def __init__(self, store: ObjectStore, codec: ChunkCodec, meters: Meters, worker_id: str) -> None:
        self._store = store
        self._codec = codec
        self._meters = meters
        self._worker_id = worker_id

    def store(self, body: bytes | memoryview) -> StoreResult:
        """Make every chunk of a batch durable, in order. Idempotent.

        The checksums are verified first: nothing of a batch with a :class:`CorruptFrame` is stored.
        """
        frames = self._codec.split(body)
        digests = tuple(frame.digest for frame in frames)
        try:
            self._store.put_many({key_of(frame.digest): frame.parts[0] for frame in frames})
        except StoreUnavailable as error:
            return StoreResult((), dict.fromkeys(digests, error.message), full=isinstance(error, StoreFull))
        self._meters.add("chunks_stored", len(digests), worker=self._worker_id)
        return StoreResult(digests, {})

    def fetch(self, digests: Sequence[Digest]) -> list[bytes | None]:
        """Frames as stored, in the order asked for; None for one that is missing, unreadable or rotten."""
        try:
            found = self._store.get_many([key_of(digest) for digest in digests])
        except StoreUnavailable:
            found = self._fetch_singly(digests)
        return [found.get(key_of(digest)) for digest in digests]

    def present(self, digests: Sequence[Digest]) -> list[bool]:
        """Which chunks are held, without reading them. Raises :class:`StoreUnavailable`."""
        held = self._store.stat_many([key_of(digest) for digest in digests])
        return [key_of(digest) in held for digest in digests]

    def _fetch_singly(self, digests: Sequence[Digest]) -> dict[str, bytes]:
        """One unreadable chunk must not hide its readable neighbours."""
        found: dict[str, bytes] = {}
        for digest in digests:
            try:
                found[key_of(digest)] = self._store.get(key_of(digest))[0]
            except (NotFound, StoreUnavailable):
                continue
        return found


def key_of(digest: Digest) -> str:
    """Where a chunk lies in a store."""
    return f"{SPACE}/{digest}"
