"""Bringing a version to the catalog that cannot be taken as it was written down.

The state of the catalog is looked at, ``echofs.core.conflicts`` decides, and the decision is carried out by one
commit, which holds only if nothing has changed since; otherwise all begins anew. Whoever does this for an entry, and
however often, the catalog ends up with one outcome: the entry's dot is in it, or a record of the conflict.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from echofs.core import manifest
from echofs.core.choosing import Plan
from echofs.core.chunking import digest_of
from echofs.core.conflict_names import conflict_id
from echofs.core.conflict_records import open_record, resolved_record
from echofs.core.conflicts import Base, MergeContents, Merging, Open, Publish, Resolution, Rule, Scene, Settled
from echofs.core.entries import JournalEntry
from echofs.core.errors import EchoError, HeadMoved, IdempotencyKeyReused, NameTaken, NotFound
from echofs.core.manifest import Manifest
from echofs.core.models import (
    ChunkKind,
    ChunkRecord,
    ConflictRecord,
    ConflictState,
    Content,
    Digest,
    Dot,
    File,
    Level,
    Version,
)
from echofs.core.placement import owing
from echofs.ports.catalog import Catalog, Commit
from echofs.ports.chunks import ChunkCodec
from echofs.ports.runtime import Clock, Ids, Meters
from echofs.services.cluster import MemberView
from echofs.services.course import Course
from echofs.services.heads import Heads
from echofs.services.merging import Merged, Merger
from echofs.services.reading import ChunkReader
from echofs.services.replays import dot_answered
from echofs.services.shipping import Shipment, Shipping

ATTEMPTS = 12
"""How often one entry may find the catalog changed under it before it waits for the next round."""
Decide = Callable[[JournalEntry, Scene, frozenset[str], Merging | None], Resolution]

_log = logging.getLogger(__name__)


class Fate(StrEnum):
    """What became of an entry."""

    COMMITTED = "committed"
    """Its version is in the catalog, with nothing else that happened in its way."""
    RESOLVED = "resolved"
    """A rule decided what to do with it, and that is done."""
    OPEN = "open"
    """It waits for its owner."""


@dataclass(frozen=True, slots=True)
class Brought:
    """An entry that the catalog has now; ``kept`` says where its version is, or what stands for it."""

    fate: Fate
    kept: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class _Case:
    """One entry on its way, with what was learnt about it."""

    entry: JournalEntry
    shipment: Shipment
    taken: set[str] = field(default_factory=set)
    merged_with: Dot | None = None
    merged: Merged | None = None
    brings: list[ChunkRecord] = field(default_factory=list)

    def merging(self, head: Version | None) -> Merging | None:
        """What came of merging with exactly this head, if that was tried."""
        if head is None or self.merged_with != head.dot:
            return None
        return Merging(self.merged.content if self.merged else None)


class Resolver:
    """Thread-safe."""

    def __init__(
        self,
        catalog: Catalog,
        heads: Heads,
        members: MemberView,
        shipping: Shipping,
        merger: Merger,
        chunks: ChunkReader,
        codec: ChunkCodec,
        clock: Clock,
        ids: Ids,
        meters: Meters,
        *,
        wanted: int,
    ) -> None:
        self._catalog = catalog
        self._heads = heads
        self._members = members
        self._shipping = shipping
        self._merger = merger
        self._chunks = chunks
        self._codec = codec
        self._clock = clock
        self._ids = ids
        self._meters = meters
        self._wanted = wanted

    def bring(self, entry: JournalEntry, decide: Decide, *, by_owner: bool = False) -> Brought:
        """Bring one entry to the catalog in the way that ``decide`` finds. Idempotent: an entry that the catalog has
        already, in whatever form, is left as it is; as an open conflict it is for its owner alone to decide on.

        Raises :class:`HeadMoved` when others kept changing the same files, :class:`Unavailable` while the catalog, a
        chunk or the spool cannot be used, and :class:`SpoolFull`; nothing is lost then.
        """
        case = _Case(entry, self._shipping.open(Course(Plan((Level.AVAILABLE,), Level.AVAILABLE))))
        for _ in range(ATTEMPTS):
            dots = [entry.version.dot, *((entry.parent_dot,) if entry.parent_dot else ())]
            committed = self._catalog.by_dot(entry.owner_id, dots)
            brought = self._brought(entry, committed)
            if brought is None or (brought.fate is Fate.OPEN and by_owner):
                brought = self._attempt(case, committed, decide, by_owner)
            if brought is not None:
                return brought
        raise HeadMoved("Other writers kept changing this file; its provisional version waits for the next round.")

    def open(self, entry: JournalEntry, rule: Rule) -> Brought:
        """Leave an entry to its owner as an open conflict. Idempotent. Raises :class:`Unavailable`."""
        self._catalog.record_chunks(self.with_owed(entry.chunks))
        self._catalog.record_conflict(open_record(entry, rule, self._clock.now()))
        self._count(rule)
        return Brought(Fate.OPEN)

    def with_owed(self, chunks: tuple[ChunkRecord, ...]) -> tuple[ChunkRecord, ...]:
        """The chunks, each owing what it lacks of the wanted replicas, so that repair makes them."""
        members = self._members.members()
        return tuple(owing(chunk, members, self._wanted) for chunk in chunks)

    def _brought(self, entry: JournalEntry, committed: Mapping[Dot, File]) -> Brought | None:
        if file := committed.get(entry.version.dot):
            return Brought(Fate.COMMITTED, ((file.id, file.head.number),))
        record = self._record_of(entry.owner_id, entry.version.dot)
        if record is None:
            return None
        return Brought(Fate.OPEN if record.state is ConflictState.OPEN else Fate.RESOLVED, record.kept)

    def _record_of(self, owner_id: str, dot: Dot) -> ConflictRecord | None:
        try:
            return self._catalog.conflict(owner_id, conflict_id(dot))
        except NotFound:
            return None

    def _attempt(self, case: _Case, committed: Mapping[Dot, File], decide: Decide, by_owner: bool) -> Brought | None:
        """One look and one step; None when it has to be looked again."""
        asked = case.entry.idempotency
        if asked and (answered := self._catalog.idempotency(asked.owner_id, asked.key)):
            same = answered.fingerprint == asked.fingerprint and not by_owner
            if same and (kept := self._done_before(case.entry, dot_answered(answered))):
                return self._settle(case.entry, Settled(Rule.IDENTICAL, kept))
            # Other bytes under the same key count as a write like any other.
            case.entry = replace(case.entry, idempotency=None)
        entry = case.entry
        scene = self._scene(entry, committed, by_owner)
        if scene is None:
            return self.open(entry, Rule.ASK)
        head = scene.head.head if scene.head else None
        match decide(entry, scene, frozenset(case.taken), case.merging(head)):
            case Open(rule):
                return self.open(entry, rule)
            case Settled() as settled:
                return self._settle(entry, settled)
            case MergeContents() as wanted:
                case.merged = self._merger.merge(wanted, case.shipment)
                case.merged_with = head.dot if head else None
                return None
            case Publish() as publish:
                return self._publish(case, publish)

    def _settle(self, entry: JournalEntry, settled: Settled) -> Brought:
        self._catalog.record_conflict(resolved_record(entry, settled, self._clock.now()))
        self._count(settled.rule)
        return Brought(Fate.RESOLVED, settled.kept)

    def _done_before(self, entry: JournalEntry, dot: Dot) -> tuple[tuple[str, int], ...]:
        """The version that the same request made when it was answered elsewhere too: done again, it would undo what
        came after it. Empty if that brought other bytes."""
        file = self._catalog.by_dot(entry.owner_id, [dot]).get(dot)
        same = file is not None and file.head.content.digest == entry.version.content.digest
        return ((file.id, file.head.number),) if file and same else ()

    def _scene(self, entry: JournalEntry, committed: Mapping[Dot, File], by_owner: bool) -> Scene | None:
        """What the catalog has where this entry belongs; None where the version it follows is an open conflict, with
        which it waits unless its owner has decided."""
        if entry.parent_dot is None:
            return Scene(self._at_path(entry) or self._head(entry.owner_id, entry.version.file_id))
        parent = committed.get(entry.parent_dot)
        if parent is None:
            record = self._record_of(entry.owner_id, entry.parent_dot)
            if record is not None and record.state is ConflictState.OPEN and not by_owner:
                return None
            parent = self._standing_for(record)
        if parent is None:
            return Scene(self._head(entry.owner_id, entry.version.file_id))
        seen = self._as_seen(entry.parent_manifest, parent.head)
        return Scene(self._head(entry.owner_id, parent.id), Base(seen, parent.head.path) if seen else None)

    def _standing_for(self, record: ConflictRecord | None) -> File | None:
        """The file and version that an earlier conflict named as what became of a version."""
        if record is None or not record.kept:
            return None
        file_id, number = record.kept[0]
        head = self._head(record.owner_id, file_id)
        if head is None or head.head.number == number:
            return head
        history = self._catalog.versions(record.owner_id, file_id)
        version = next((version for version in history if version.number == number), None)
        return replace(head, head=version) if version else None

    def _as_seen(self, parent_manifest: Digest, parent: Version) -> Content | None:
        """The bytes of the parent as the entry's writer saw it: others than the catalog's where it was merged or gave
        way to one that stands for it. None if nobody can tell any more."""
        if parent.manifest == parent_manifest:
            return parent.content
        try:
            plain = self._chunks.read([parent_manifest])[parent_manifest]
            return manifest.decode(plain, parent_manifest).version.content
        except (EchoError, ValueError) as error:
            _log.warning("a provisional version's parent cannot be read", extra={"why": str(error)})
            return None

    def _at_path(self, entry: JournalEntry) -> File | None:
        try:
            return self._catalog.file_at(entry.owner_id, entry.version.path)
        except NotFound:
            return None

    def _head(self, owner_id: str, file_id: str) -> File | None:
        try:
            return self._catalog.head(owner_id, file_id)
        except NotFound:
            return None

    def _publish(self, case: _Case, publish: Publish) -> Brought | None:
        entry = case.entry
        version, brings = self._described(case, publish)
        followed = publish.rule is Rule.FAST_FORWARD
        record = None if followed else resolved_record(entry, publish, self._clock.now())
        chunks = self.with_owed((*entry.chunks, *brings))
        commit = Commit(entry.owner_id, version, chunks, entry.idempotency, publish.revives, record)
        (answer,) = self._catalog.commit([commit])
        match answer:
            case File():
                self._heads.superseded(answer)
                self._count(publish.rule)
                return Brought(Fate.COMMITTED if followed else Fate.RESOLVED, publish.kept)
            case NameTaken():
                case.taken.add(version.path)
            case HeadMoved():
                if version.parent == 0:
                    case.taken.add(version.path)
            case NotFound() | IdempotencyKeyReused():
                pass
            case _:
                raise answer
        return None

    def _described(self, case: _Case, publish: Publish) -> tuple[Version, tuple[ChunkRecord, ...]]:
        """The version with a manifest that describes it, and the chunks that are new with it."""
        version, entry, merged = publish.version, case.entry, case.merged
        if version.manifest:
            return version, ()
        described = manifest.encode(
            Manifest(version, entry.owner_id, entry.owner_name, publish.parent_manifest, self._ids.new())
        )
        frame = self._codec.encode(described, digest_of(described), ChunkKind.MANIFEST)
        brings_content = merged is not None and publish.rule is Rule.MERGED
        sent = merged.intake.send_behind(frame) if merged and brings_content else case.shipment.send_last(frame)
        case.shipment.spool(case.shipment.close(sent))
        case.brings += case.shipment.records()
        return replace(version, manifest=frame.digest), (*case.brings, sent.chunk.record())

    def _count(self, rule: Rule) -> None:
        if rule is not Rule.FAST_FORWARD:
            self._meters.add("conflicts", rule=rule.value)
