"""Making a version a file's head: its manifest on the workers first, then one catalog transaction."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from echofs.core import manifest
from echofs.core.chunking import digest_of
from echofs.core.consistency import STALENESS_SECONDS, Receipt
from echofs.core.errors import ClusterFull, EchoError, HeadMoved, TooFewReplicas
from echofs.core.goals import Ask
from echofs.core.manifest import Manifest
from echofs.core.models import ChunkKind, ChunkRecord, Content, Dot, File, IdempotencyRecord, Kind, Level, Version
from echofs.ports.catalog import Catalog, Commit
from echofs.ports.chunks import ChunkCodec
from echofs.ports.runtime import Clock, Ids, Meters
from echofs.services.batching import Batcher
from echofs.services.heads import Heads
from echofs.services.intake import Intake, Tally
from echofs.services.pending import PendingChunk
from echofs.services.replication import Replicator

COMMITS_TOGETHER = 64
ATTEMPTS = 50
"""How often a write without a precondition may lose against others before its client is asked to try again."""
_LAGGING = (
    f"The shared cache did not answer: for {STALENESS_SECONDS:g} s hybrid reads through other masters may still find "
    "the version before."
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new version should say, given the head it follows (None: the file does not exist yet)."""

    kind: Kind
    path: str
    content: Content
    content_type: str


@dataclass(frozen=True, slots=True)
class Wish:
    """Who asks for what beside the bytes. ``started`` is the request's arrival on the monotonic clock, in seconds;
    ``user_name`` stands in the manifest; ``fingerprint`` identifies the request for its ``idempotency_key``."""

    ask: Ask
    started: float
    user_name: str
    idempotency_key: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """A committed version and what it got. ``replayed`` marks an answer repeated for an Idempotency-Key."""

    file: File
    receipt: Receipt
    replayed: bool = False


class Publisher:
    """Thread-safe. Concurrent commits of one process share a catalog transaction."""

    def __init__(
        self,
        catalog: Catalog,
        heads: Heads,
        replicator: Replicator,
        codec: ChunkCodec,
        clock: Clock,
        ids: Ids,
        meters: Meters,
    ) -> None:
        self._heads = heads
        self._replicator = replicator
        self._codec = codec
        self._clock = clock
        self._ids = ids
        self._meters = meters
        self._origin = ids.new()
        self._counter = itertools.count(1)
        self._commits: Batcher[Commit, File | EchoError] = Batcher(catalog.commit, COMMITS_TOGETHER)

    def publish(
        self,
        owner_id: str,
        find: Callable[[], File | None],
        draft: Callable[[File | None], Draft],
        wish: Wish,
        tally: Tally,
        intake: Intake | None = None,
    ) -> Published:
        """Commit the version that ``draft`` makes of the head that ``find`` sees.

        When another writer moves the head meanwhile, both are asked again: ``find`` raises if the client's condition no
        longer holds. ``intake`` brings the chunks of new content; the manifest travels right behind the last of them.
        Raises :class:`HeadMoved` after too many lost races, and what the callables, replication and the catalog raise.
        """
        chunks: tuple[ChunkRecord, ...] | None = None
        for _ in range(ATTEMPTS):
            head = find()
            version, described = self._version(head, draft(head), owner_id, wish.user_name)
            frame = self._codec.encode(described, version.manifest, ChunkKind.MANIFEST)
            pending = intake.submit_behind(frame) if intake else self._replicator.submit(frame)
            if chunks is None:
                chunks = tuple(intake.records()) if intake else ()
            manifest_records = _await_manifest(pending, version)
            receipt = self._receipt(version, wish, tally.including(manifest_records))
            remembered = self._remember(owner_id, version, wish, receipt)
            commit = Commit(owner_id, version, (*chunks, *manifest_records), remembered)
            outcome = self._commits.call(commit)
            self._meters.add("commits", result="refused" if isinstance(outcome, EchoError) else "committed")
            if isinstance(outcome, File):
                return self.acknowledge(Published(outcome, receipt))
            if not isinstance(outcome, HeadMoved):
                raise outcome
        raise HeadMoved("Other writers kept changing this file; nothing was changed. Try again.")

    def acknowledge(self, published: Published) -> Published:
        """The last step before a write is answered, for the first time or again: reads through any master must see it,
        and the receipt says so where that cannot be promised."""
        if self._heads.superseded(published.file):
            return published
        reasons = filter(None, (published.receipt.reason, _LAGGING))
        return replace(published, receipt=replace(published.receipt, reason=" ".join(reasons)))

    def _version(self, head: File | None, draft: Draft, owner_id: str, owner_name: str) -> tuple[Version, bytes]:
        """The version that follows ``head``, and its manifest."""
        number = head.head.number + 1 if head else 1
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
            dot=Dot(self._origin, next(self._counter)),
            created_at=self._clock.now(),
        )
        parent = head.head.manifest if head else ""
        described = manifest.encode(Manifest(version, owner_id, owner_name, parent, self._ids.new()))
        return replace(version, manifest=digest_of(described)), described

    def _receipt(self, version: Version, wish: Wish, tally: Tally) -> Receipt:
        return Receipt(
            mode_requested=wish.ask.text,
            mode_used=Level.STRONG,
            version=version.number,
            dot=f"{version.dot.origin}:{version.dot.counter}",
            replicas=tally.replicas,
            replicas_wanted=self._replicator.wanted,
            zones=tally.zones,
            workers=tuple(sorted(tally.workers)),
            owed=tally.owed,
            committed=True,
            latency_ms=round((self._clock.monotonic() - wish.started) * 1000, 1),
            reason=_reason(tally, self._replicator.wanted),
        )

    def _remember(self, owner_id: str, version: Version, wish: Wish, receipt: Receipt) -> IdempotencyRecord | None:
        if not wish.idempotency_key:
            return None
        answer = json.dumps({"file": version.file_id, "version": version.number, "receipt": asdict(receipt)})
        return IdempotencyRecord(owner_id, wish.idempotency_key, wish.fingerprint, answer, self._clock.now())


def _await_manifest(pending: PendingChunk, version: Version) -> tuple[ChunkRecord, ...]:
    try:
        pending.wait()
    except (ClusterFull, TooFewReplicas):
        # A tombstone frees room and must be possible when there is none: at worst the catalog alone carries it. A copy
        # that was made is recorded, so that repair can make the others of it.
        if version.kind is not Kind.TOMBSTONE:
            raise
        if not pending.write.acknowledged:
            return ()
    return (pending.record(),)


def _reason(tally: Tally, wanted: int) -> str:
    if tally.replicas >= wanted:
        return ""
    return f"{tally.replicas} of {wanted} replicas were durable when this was answered; the rest are being made."
