"""Making a version a file's head: its manifest on the workers first, then one catalog transaction; or an entry in this
host's journal, while the catalog is away and the write's level allows that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from echofs.core.advice import OpClass, write_class
from echofs.core.consistency import STALENESS_SECONDS, Guarantee, Receipt
from echofs.core.entries import JournalEntry, OnConflict
from echofs.core.errors import CatalogUnavailable, EchoError, HeadMoved, NameTaken
from echofs.core.goals import Ask
from echofs.core.models import ChunkRecord, Dot, File, IdempotencyRecord, Kind, Version
from echofs.core.read_plan import line_of
from echofs.core.session_tokens import Line
from echofs.core.usage import change
from echofs.ports.catalog import Catalog, Commit
from echofs.ports.chunks import ChunkCodec, Frame
from echofs.ports.journal import Journal
from echofs.ports.runtime import Clock, Ids, Meters
from echofs.services.batching import Batcher
from echofs.services.drafting import Draft, Drafting
from echofs.services.heads import Heads
from echofs.services.intake import Intake
from echofs.services.latencies import Latencies
from echofs.services.parents import AWAY, Parents, Place
from echofs.services.quotas import Quotas
from echofs.services.replays import answer_of
from echofs.services.shipping import Shipment

COMMITS_TOGETHER = 64
ATTEMPTS = 50
"""How often a write without a precondition may lose against others before its client is asked to try again."""
LAGGING = (
    f"The shared cache did not answer: for {STALENESS_SECONDS:g} s hybrid reads through other masters may still find "
    "the version before."
)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who asks for what beside the bytes. ``started`` is the request's arrival on the monotonic clock, in seconds;
    ``user_name`` stands in the manifest; ``fingerprint`` identifies the request for its ``idempotency_key``;
    ``on_conflict`` is what a provisional version does when it meets another one later; ``quota_bytes`` is how much the
    user may have stored, None for any; ``dot`` names the version where that was decided before, so that it is made once
    however often it is asked for."""

    ask: Ask
    started: float
    user_name: str
    idempotency_key: str = ""
    fingerprint: str = ""
    on_conflict: OnConflict = OnConflict.KEEP_BOTH
    quota_bytes: int | None = None
    dot: Dot | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """A version and what it got. ``replayed`` marks an answer repeated for an Idempotency-Key; ``line`` is what it
    contains of its file's past; ``ended`` is a file that was deleted in the same step."""

    file: File
    receipt: Receipt
    line: Line
    replayed: bool = False
    ended: File | None = None


@dataclass(frozen=True, slots=True)
class _Write:
    """A version with its parent and everything that goes into the catalog, or the journal, with it."""

    owner_id: str
    wish: Wish
    parent: File | None
    version: Version
    content: tuple[ChunkRecord, ...]
    manifest: tuple[ChunkRecord, ...]
    shipment: Shipment

    @property
    def file(self) -> File:
        """The file with this version as its head."""
        version = self.version
        created_at = self.parent.created_at if self.parent else version.created_at
        return File(version.file_id, self.owner_id, version, created_at)

    @property
    def commit(self) -> Commit:
        """The version as it goes to the catalog, yet without what is remembered for its client's key."""
        revives = self.parent is not None and self.parent.deleted
        chunks = (*self.content, *self.manifest)
        return Commit(self.owner_id, self.version, chunks, revives=revives, quota_bytes=self.wish.quota_bytes)

    @property
    def growth(self) -> int:
        """By how many bytes more its owner has stored with this version."""
        living = self.parent is not None and not self.parent.deleted
        return change(self.version, self.parent.head.content.size if self.parent and living else None).total


class Publisher:
    """Thread-safe. Concurrent commits of one process share a catalog transaction."""

    def __init__(
        self,
        catalog: Catalog,
        journal: Journal,
        parents: Parents,
        heads: Heads,
        quotas: Quotas,
        codec: ChunkCodec,
        latencies: Latencies,
        clock: Clock,
        ids: Ids,
        meters: Meters,
        *,
        wanted: int,
    ) -> None:
        self._journal = journal
        self._parents = parents
        self._heads = heads
        self._quotas = quotas
        self._latencies = latencies
        self._clock = clock
        self._meters = meters
        self._wanted = wanted
        self._drafting = Drafting(codec, clock, ids)
        self._commits: Batcher[Commit, File | EchoError] = Batcher(catalog.commit, COMMITS_TOGETHER)

    def publish(
        self,
        place: Place,
        draft: Callable[[File | None], Draft],
        wish: Wish,
        shipment: Shipment,
        *,
        intake: Intake | None = None,
        check: Callable[[File | None], None] = lambda head: None,
    ) -> Published:
        """Commit the version that ``draft`` makes of the head at ``place``, or write it down as provisional where the
        course of the shipment allows that.

        When another writer moves the head meanwhile, both are asked again; ``check`` raises if the client's condition
        does not hold of a head. ``intake`` brings the chunks of new content; the manifest travels right behind the last
        of them. What follows a deleted head revives its file. Raises :class:`HeadMoved` after too many lost races, and
        what the callables, replication, the spool, the journal and the catalog raise.
        """
        course = shipment.course
        content: tuple[ChunkRecord, ...] | None = None
        unwritten: list[Frame] = []
        for _ in range(ATTEMPTS):
            parent = self._parents.find(place, course)
            check(parent)
            version, frame = self._drafting.version(parent, draft(parent), place.owner_id, wish.user_name, wish.dot)
            manifest_records, frames = _ship(frame, version, shipment, intake)
            if content is None:
                content = tuple(shipment.records())
            write = _Write(place.owner_id, wish, parent, version, content, manifest_records, shipment)
            if course.provisional:
                self._quotas.check_provisional(place.owner_id, write.growth, wish.quota_bytes)
                unwritten += frames
                published = self._write_down(write, unwritten)
            else:
                published = self._commit(write)
            if published is not None:
                return published
        raise HeadMoved("Other writers kept changing this file; nothing was changed. Try again.")

    def acknowledge(self, published: Published) -> Published:
        """The last step before a committed write is answered, for the first time or again: reads through any master
        must see it, and the receipt says so where that cannot be promised."""
        if self._heads.superseded(published.file):
            return published
        reasons = filter(None, (published.receipt.reason, LAGGING))
        return replace(published, receipt=replace(published.receipt, reason=" ".join(reasons)))

    def _commit(self, write: _Write) -> Published | None:
        """The committed version, or the provisional one it became; None if another writer was faster."""
        receipt = self._receipt(write)
        try:
            outcome = self._commits.call(replace(write.commit, idempotency=self._remember(write, receipt)))
        except CatalogUnavailable as error:
            outcome = error
        if isinstance(outcome, CatalogUnavailable):
            # It may have been committed all the same: the journal's replay knows it by its dot.
            write.shipment.course.leave_catalog(AWAY, outcome)
            return self._write_down(write, ())
        self._meters.add("commits", result="refused" if isinstance(outcome, EchoError) else "committed")
        if isinstance(outcome, HeadMoved):
            return None
        if isinstance(outcome, EchoError):
            raise outcome
        self._count(write, receipt)
        return self.acknowledge(Published(outcome, receipt, Line.of(outcome.head)))

    def _write_down(self, write: _Write, frames: Sequence[Frame]) -> Published | None:
        """Accept a version without the catalog, with the frames that go into the spool in the same step. None if
        another writer on this host was faster."""
        version, parent = write.version, write.parent
        if version.kind is Kind.MOVE:
            there = self._parents.known(Place(write.owner_id, path=version.path))
            if there is not None and there.id != version.file_id:
                raise NameTaken("Another file has this path; nothing was changed.", field="path")
        write.shipment.spooled = write.shipment.spooled or bool(frames)
        receipt = replace(self._receipt(write), committed=False, guarantee=Guarantee.CAUSAL)
        entry = JournalEntry(
            owner_id=write.owner_id,
            owner_name=write.wish.user_name,
            version=version,
            parent_dot=parent.head.dot if parent else None,
            parent_manifest=parent.head.manifest if parent else "",
            chunks=(*write.content, *write.manifest),
            on_conflict=write.wish.on_conflict,
            idempotency=self._remember(write, receipt),
        )
        try:
            self._journal.append(entry, frames)
        except HeadMoved:
            return None
        self._meters.add("provisional_versions")
        self._count(write, receipt)
        before = self._journal.of_file(write.owner_id, version.file_id)
        return Published(write.file, receipt, line_of(entry, before))

    def _receipt(self, write: _Write) -> Receipt:
        """What the write got, if it is committed."""
        course = write.shipment.course
        tally = write.shipment.tally.including(write.manifest)
        missing = _missing(tally.replicas, self._wanted, spooled=write.shipment.spooled)
        return tally.receipt(
            write.version,
            course.level,
            asked=write.wish.ask.text,
            wanted=self._wanted,
            seconds=self._clock.monotonic() - write.wish.started,
            reason=" ".join(filter(None, (course.reason, missing))),
            spooled=write.shipment.spooled,
            decision=course.decision_id,
            degraded=course.degraded,
        )

    def _remember(self, write: _Write, receipt: Receipt) -> IdempotencyRecord | None:
        key = write.wish.idempotency_key
        if not key:
            return None
        answer = answer_of(write.file, receipt)
        return IdempotencyRecord(write.owner_id, key, write.wish.fingerprint, answer, self._clock.now())

    def _count(self, write: _Write, receipt: Receipt) -> None:
        level = receipt.mode_used
        write.shipment.course.met()
        self._meters.add("writes", level=level.value)
        if receipt.degraded:
            self._meters.add("degraded_writes", level=level.value)
        op_class = write_class(write.version.content.size)
        started = write.wish.started if op_class is OpClass.WRITE_SMALL else write.shipment.closed_at
        self._latencies.observe(op_class, level, self._clock.monotonic() - started)


def _ship(
    frame: Frame, version: Version, shipment: Shipment, intake: Intake | None
) -> tuple[tuple[ChunkRecord, ...], Sequence[Frame]]:
    """Send the manifest and make all chunks as safe as the level demands: the manifest's record, and the frames that
    are still to be made durable here together with a provisional version."""
    # A tombstone frees room and must be possible when there is none: at worst the catalog alone carries it. A copy that
    # was made is recorded, so that repair can make the others of it.
    dispensable = version.kind is Kind.TOMBSTONE
    sent = intake.send_behind(frame) if intake else shipment.send_last(frame)
    frames = shipment.close(sent, optional=dispensable)
    if not shipment.course.provisional:
        shipment.spool(frames, optional=dispensable)
    kept = not dispensable or sent.chunk.write.acknowledged or shipment.spooled or shipment.course.provisional
    return ((sent.chunk.record(),) if kept else (), frames)


def _missing(replicas: int, wanted: int, *, spooled: bool) -> str:
    if replicas >= wanted:
        return ""
    rest = "this master's disk holds the bytes, and the rest are" if spooled else "the rest are"
    return f"{replicas} of {wanted} replicas were durable when this was answered; {rest} being made."
