"""The chunks of one write on their way, until each is as safe as the write's level demands."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from echofs.core.consistency import needs_spool
from echofs.core.errors import CatalogUnavailable, ClusterFull, SpoolFull, TooFewReplicas, Unavailable
from echofs.core.models import ChunkRecord, Level
from echofs.ports.catalog import Catalog
from echofs.ports.chunks import Frame
from echofs.ports.journal import Journal
from echofs.ports.runtime import Clock
from echofs.services.course import Course
from echofs.services.pending import DEADLINE_SECONDS, PendingChunk
from echofs.services.replication import Replicator
from echofs.services.tally import Tally

MAX_UNSAFE = 20
"""Chunks of one upload that may be on their way, or held to be spooled, at once."""
RECORD_AHEAD = 1024
"""Chunks of a long upload are recorded in the catalog in groups of this size, so that memory stays bounded."""
FALLBACK_SECONDS = 1.0
"""How long a chunk may miss its quorum while a weaker level is left: a stand-in has then had half a second."""
BUDGET_SECONDS = 0.01
"""What an available write waits for workers at its end, for each chunk under way: then the spool is quicker."""
STALL_SECONDS = 0.25
"""How long an available upload whose bytes still come waits for workers: while they keep up, nothing is spooled."""


@dataclass(slots=True)
class Sent:
    """A chunk on its way. ``frame`` is kept while it may have to be spooled."""

    chunk: PendingChunk
    frame: Frame | None
    spooled: bool = False


class Shipping:
    """Begins shipments. Thread-safe."""

    def __init__(
        self,
        replicator: Replicator,
        journal: Journal,
        catalog: Catalog,
        clock: Clock,
        zones: Callable[[], Mapping[str, str]],
    ) -> None:
        self._parts = (replicator, journal, catalog, clock, zones)

    def open(self, course: Course) -> Shipment:
        """A shipment for one write."""
        return Shipment(*self._parts, course)


class Shipment:
    """Not thread-safe: it belongs to the request that writes."""

    def __init__(
        self,
        replicator: Replicator,
        journal: Journal,
        catalog: Catalog,
        clock: Clock,
        zones: Callable[[], Mapping[str, str]],
        course: Course,
    ) -> None:
        self.course = course
        self.tally = Tally(zones)
        self.spooled = False
        """Whether this master's disk holds what too few workers held."""
        self.closed_at = 0.0
        """When the last byte had come, on the monotonic clock."""
        self._replicator = replicator
        self._journal = journal
        self._catalog = catalog
        self._clock = clock
        self._zones = zones
        self._window: deque[Sent] = deque()
        self._safe: list[Sent] = []
        self._kept: list[ChunkRecord] = []
        self._closing = False

    def send(self, frame: Frame) -> None:
        """Send a chunk; blocks while as many as may be are on their way. Raises what replication, the spool and the
        catalog raise, once the course has no weaker level left."""
        self._window += self._submit((frame,))
        self._settle(MAX_UNSAFE)
        if len(self._safe) >= RECORD_AHEAD:
            self._record_ahead()

    def send_last(self, frame: Frame, *, behind: Frame | None = None) -> Sent:
        """Send a manifest, in one batch with the last chunk of content if there is one. Raises
        :class:`Unavailable`."""
        if behind is None:
            return self._submit((frame,))[0]
        last, manifest = self._submit((behind, frame))
        self._window.append(last)
        return manifest

    def close(self, manifest: Sent, *, optional: bool = False) -> list[Frame]:
        """Bring all that was sent to the course's level, or to the strongest that can be met.

        Returns the frames that this level wants on this master's disk and which are not there yet: before anything is
        acknowledged they go to :meth:`spool` or into the journal. Where the manifest is ``optional``, the version may
        do without. May be called again with another manifest.
        """
        if not self._closing:
            self._closing, self.closed_at = True, self._clock.monotonic()
        sent = [*self._window, manifest]
        if self.course.level is Level.HYBRID:
            self._spool_early(sent)
        if self.course.level is Level.AVAILABLE:
            self._linger(sent)
        self._settle(0)
        self._bring(manifest, optional=optional)
        if self.course.level is not Level.AVAILABLE:
            return []
        return [each.frame for each in (*self._safe, manifest) if each.frame is not None and self._exposed(each)]

    def spool(self, frames: Sequence[Frame], *, optional: bool = False) -> None:
        """Make what :meth:`close` returned durable on this master's disk. Raises :class:`SpoolFull`, unless a version
        may do without."""
        try:
            self._journal.spool(frames)
        except SpoolFull:
            if not optional:
                raise
        else:
            self.spooled = self.spooled or bool(frames)

    def bring(self, records: Iterable[ChunkRecord]) -> None:
        """Have the version record chunks that were made safe without this shipment. They are not counted."""
        self._kept += records

    def records(self) -> list[ChunkRecord]:
        """Where the chunks lie that are not recorded in the catalog yet, each counted in the tally."""
        records = [*self._kept, *self._take_records()]
        self._kept.clear()
        return records

    def _submit(self, frames: Sequence[Frame]) -> list[Sent]:
        level = self.course.level
        keep = level is not Level.STRONG or self.course.has_fallback
        chunks = self._replicator.submit_together(frames, level)
        return [Sent(chunk, frame if keep else None) for chunk, frame in zip(chunks, frames, strict=True)]

    def _settle(self, allowed: int) -> None:
        while self._window and (len(self._window) > allowed or self._settled(self._window[0])):
            sent = self._window.popleft()
            self._bring(sent)
            self._safe.append(sent)
            if not self._closing:
                sent.frame = None

    def _settled(self, sent: Sent) -> bool:
        """Whether a chunk can be let go of without waiting or writing."""
        return sent.chunk.resolved and (self.course.level is Level.STRONG or not self._exposed(sent))

    def _bring(self, sent: Sent, *, optional: bool = False) -> None:
        """Make one chunk as safe as the level demands, or the level as weak as the chunk's safety."""
        while True:
            try:
                return self._meet(sent)
            except (Unavailable, ClusterFull, SpoolFull) as error:
                if optional and isinstance(error, (TooFewReplicas, ClusterFull)):
                    return None
                self.course.descend(error)

    def _meet(self, sent: Sent) -> None:
        level = self.course.level
        if level is Level.STRONG or sent.frame is None:
            self._await(sent.chunk, Level.STRONG)
            return
        if level is Level.HYBRID:
            self._await(sent.chunk, level)
        elif self._closing:
            return
        elif self._exposed(sent):
            sent.chunk.wait_for(STALL_SECONDS)
        if self._exposed(sent):
            self._spool([sent, *self._window])
        if not sent.chunk.write.satisfied(self._zones(), Level.STRONG):
            self.course.let_go()

    def _await(self, chunk: PendingChunk, level: Level) -> None:
        patience = FALLBACK_SECONDS if self.course.has_fallback else DEADLINE_SECONDS * 2
        if chunk.write.level is level:
            chunk.wait(patience)
            return
        if not chunk.write.satisfied(self._zones(), level):
            chunk.wait_for(patience)
            if not chunk.write.satisfied(self._zones(), level):
                raise chunk.failure(level)

    def _linger(self, sent: Sequence[Sent]) -> None:
        """Give workers the moment in which they may save the spool the bytes."""
        exposed = [each for each in sent if self._exposed(each)]
        until = self._clock.monotonic() + BUDGET_SECONDS * len(exposed)
        for each in exposed:
            each.chunk.wait_for(until - self._clock.monotonic())

    def _exposed(self, sent: Sent) -> bool:
        """Whether the level wants a chunk on this master's disk, and it is not there."""
        return not sent.spooled and needs_spool(sent.chunk.write.acknowledged, self._zones(), self.course.level)

    def _spool_early(self, sent: Sequence[Sent]) -> None:
        """While the workers make theirs durable, so does this master."""
        try:
            self._spool(sent)
        except (Unavailable, SpoolFull) as error:
            self.course.descend(error)

    def _spool(self, sent: Sequence[Sent]) -> None:
        exposed = [(each, each.frame) for each in sent if each.frame is not None and self._exposed(each)]
        if exposed:
            self._journal.spool([frame for _, frame in exposed])
        for each, _ in exposed:
            each.spooled = self.spooled = True

    def _record_ahead(self) -> None:
        records = self._take_records()
        try:
            self._catalog.record_chunks(records)
        except CatalogUnavailable:
            if not self.course.may_be_provisional:
                raise
            self._kept += records

    def _take_records(self) -> list[ChunkRecord]:
        zones = self._zones()
        if not all(sent.chunk.write.satisfied(zones, Level.STRONG) for sent in self._safe):
            self.course.let_go()
        records = [sent.chunk.record() for sent in self._safe]
        self._safe.clear()
        for record in records:
            self.tally.add(record)
        return records
