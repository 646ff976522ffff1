"""What a worker does with chunks: verify, keep, hand out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from echofs.core.chunking import is_digest
from echofs.core.errors import InvalidRequest, NotFound, StoreFull, StoreUnavailable
from echofs.core.models import ChunkKind, Digest
from echofs.ports.chunks import ChunkCodec
from echofs.ports.object_store import ObjectStore, Stat
from echofs.ports.runtime import Meters

SPACES = {
    ChunkKind.CONTENT: "chunk",
    ChunkKind.MANIFEST: "manifest",
    ChunkKind.LIST: "list",
    ChunkKind.ENTRY: "entry",
}
"""Where each kind lies in a store. Apart, so that manifests are found by a listing, and so that a user who uploads the
bytes of a manifest or list takes nothing's place. In the order in which a chunk is looked for: most are content."""
LISTED_TOGETHER = 4096


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
            self._store.put_many({key_of(frame.digest, frame.kind): frame.parts[0] for frame in frames})
        except StoreUnavailable as error:
            return StoreResult((), dict.fromkeys(digests, error.message), full=isinstance(error, StoreFull))
        self._meters.add("chunks_stored", len(digests), worker=self._worker_id)
        return StoreResult(digests, {})

    def fetch(self, digests: Sequence[Digest]) -> list[bytes | None]:
        """Frames as stored, in the order asked for; None for one that is missing, unreadable or rotten."""
        found: dict[Digest, bytes] = {}
        for kind in SPACES:
            missing = {key_of(digest, kind): digest for digest in digests if digest not in found}
            if missing:
                found.update((missing[key], frame) for key, frame in self._get(list(missing)).items())
        return [found.get(digest) for digest in digests]

    def present(self, digests: Sequence[Digest]) -> list[bool]:
        """Which chunks are held, without reading them. Raises :class:`StoreUnavailable`."""
        held: set[Digest] = set()
        for kind in SPACES:
            missing = {key_of(digest, kind): digest for digest in digests if digest not in held}
            if missing:
                held.update(missing[key] for key in self._store.stat_many(list(missing)))
        return [digest in held for digest in digests]

    def listed(self, kind: ChunkKind, after: Digest = "") -> list[Digest]:
        """A page of the chunks of one kind, in order, after the given one; empty when there are no more. Raises
        :class:`StoreUnavailable`."""
        found: list[Digest] = []
        more = True
        while more and not found:
            names = [stat.key.partition("/")[2] for stat in self._page(kind, after)]
            more = len(names) == LISTED_TOGETHER
            after = names[-1] if names else after
            # Whatever else somebody laid there is no chunk.
            found = [name for name in names if is_digest(name)]
        return found

    def remove(self, kind: ChunkKind, digests: Sequence[Digest]) -> None:
        """Forget chunks of a kind, durably. Idempotent. Raises :class:`InvalidRequest` for any kind but copies of
        journal entries, and :class:`StoreUnavailable`."""
        if kind is not ChunkKind.ENTRY:
            raise InvalidRequest("Only copies of journal entries can be removed.")
        for digest in digests:
            self._store.delete(key_of(digest, kind))

    def _page(self, kind: ChunkKind, after: str) -> list[Stat]:
        return self._store.list(SPACES[kind], after=after, limit=LISTED_TOGETHER)

    def _get(self, keys: Sequence[str]) -> dict[str, bytes]:
        try:
            return self._store.get_many(keys)
        except StoreUnavailable:
            # A single key was tried just now; a store that is slow to fail would only keep masters waiting longer.
            return self._get_singly(keys) if len(keys) > 1 else {}

    def _get_singly(self, keys: Sequence[str]) -> dict[str, bytes]:
        """One unreadable chunk must not hide its readable neighbours."""
        found: dict[str, bytes] = {}
        for key in keys:
            with suppress(NotFound, StoreUnavailable):
                found[key] = self._store.get(key)[0]
        return found


def key_of(digest: Digest, kind: ChunkKind = ChunkKind.CONTENT) -> str:
    """Where a chunk lies in a store."""
    return f"{SPACES[kind]}/{digest}"
