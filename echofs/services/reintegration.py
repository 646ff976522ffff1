"""Bringing what was accepted without the catalog to the catalog, once it answers again.

Optimistic: every version is offered as it was written down, many at a time, and only those that are refused are looked
at one by one. A version may be offered as it is only if the one it follows was committed as it was written, because the
catalog compares numbers: where that one became something else, its number may be another's.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from echofs.core import conflicts
from echofs.core.conflict_names import conflict_id
from echofs.core.conflicts import Merging, Resolution, Rule, Scene
from echofs.core.entries import JournalEntry
from echofs.core.errors import CatalogUnavailable, EchoError, NotFound
from echofs.core.models import Dot, File
from echofs.ports.accounts import UserDirectory
from echofs.ports.catalog import Catalog, Commit
from echofs.ports.gate import Gate
from echofs.ports.journal import Journal
from echofs.ports.runtime import Meters
from echofs.services.heads import Heads
from echofs.services.resolving import Fate, Resolver

COMMITS_TOGETHER = 64
LOOK_AHEAD = 256
"""Entries among which those for one commit are sought."""
PAGE = 1024

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Replayed:
    """What became of entries: how many met each fate, which the catalog has now, and which have to wait."""

    fates: dict[Fate, int] = field(default_factory=lambda: dict.fromkeys(Fate, 0))
    settled: list[Dot] = field(default_factory=list)
    waiting: set[Dot] = field(default_factory=set)

    def add(self, dot: Dot, fate: Fate) -> None:
        """Count one that the catalog has now."""
        self.fates[fate] += 1
        self.settled.append(dot)


class Reintegration:
    """The action of a loop in every master process; one of the host does it at a time. Not thread-safe."""

    def __init__(
        self,
        journal: Journal,
        catalog: Catalog,
        gate: Gate,
        users: UserDirectory,
        heads: Heads,
        resolver: Resolver,
        meters: Meters,
    ) -> None:
        self._journal = journal
        self._catalog = catalog
        self._gate = gate
        self._users = users
        self._heads = heads
        self._resolver = resolver
        self._meters = meters
        self._told: set[Dot] = set()
        self._rights: dict[str, bool] = {}

    def run_once(self) -> dict[Fate, int]:
        """Bring all entries of the journal to the catalog and forget them there; how many met which fate.

        An entry that cannot be brought now stays, and so do those that follow it. Raises :class:`Unavailable` when the
        catalog or the journal fails. Safe to interrupt anywhere: what is done again is found done.
        """
        fates = dict.fromkeys(Fate, 0)
        if not self._gate.reachable or not self._journal.depth():
            return fates
        with self._journal.lead() as leads:
            if not leads:
                return fates
            after, waiting = 0, set[Dot]()
            while page := self._journal.pending(after, PAGE):
                after = page[-1][0]
                for replayed in self._replay([entry for _, entry in page], waiting):
                    self._journal.settle(replayed.settled)
                    for fate, number in replayed.fates.items():
                        fates[fate] += number
            self._told &= waiting
        return fates

    def replay(self, entries: Sequence[JournalEntry]) -> Replayed:
        """Bring entries, those that others follow first, to the catalog; whoever holds them may then forget the settled
        ones. Idempotent. Raises :class:`CatalogUnavailable`."""
        total = Replayed()
        for replayed in self._replay(entries, total.waiting):
            total.settled += replayed.settled
            for fate, number in replayed.fates.items():
                total.fates[fate] += number
        return total

    def _replay(self, entries: Iterable[JournalEntry], waiting: set[Dot]) -> Iterator[Replayed]:
        self._rights.clear()
        for batch in _batches(entries):
            replayed = Replayed(waiting=waiting)
            try:
                self._bring(batch, replayed)
            finally:
                self._report(replayed)
            yield replayed

    def _bring(self, batch: list[JournalEntry], replayed: Replayed) -> None:
        as_written = self._to_offer(batch)
        answers: dict[Dot, File | EchoError] = {}
        if as_written:
            commits = [
                Commit(entry.owner_id, entry.version, self._resolver.with_owed(entry.chunks), entry.idempotency)
                for entry in as_written
            ]
            dots = [entry.version.dot for entry in as_written]
            answers = dict(zip(dots, self._catalog.commit(commits), strict=True))
        for entry in batch:
            answer = answers.get(entry.version.dot)
            if isinstance(answer, File):
                self._heads.superseded(answer)
                replayed.add(entry.version.dot, Fate.COMMITTED)
            else:
                self._resolve(entry, replayed)

    def _to_offer(self, batch: list[JournalEntry]) -> list[JournalEntry]:
        """Entries whose parents lie in the catalog where their writers saw them, and whose writers may still write."""
        parents: dict[Dot, File] = {}
        allowed = [entry for entry in batch if self._may_write(entry.owner_id)]
        for owner_id in dict.fromkeys(entry.owner_id for entry in allowed):
            dots = [entry.parent_dot for entry in allowed if entry.owner_id == owner_id and entry.parent_dot]
            parents.update(self._catalog.by_dot(owner_id, dots) if dots else {})
        return [entry for entry in allowed if entry.parent_dot is None or _in_place(entry, parents)]

    def _resolve(self, entry: JournalEntry, replayed: Replayed) -> None:
        dot = entry.version.dot
        if entry.parent_dot in replayed.waiting:
            replayed.waiting.add(dot)
            return
        try:
            if self._may_write(entry.owner_id):
                fate = self._resolver.bring(entry, _by_the_rules).fate
            else:
                fate = self._resolver.bring(entry, _for_want_of_rights).fate
            replayed.add(dot, fate)
        except CatalogUnavailable:
            raise
        except EchoError as error:
            replayed.waiting.add(dot)
            self._tell(entry, error)

    def _may_write(self, owner_id: str) -> bool:
        """Whether the user is known and not disabled; asked once a round."""
        if owner_id not in self._rights:
            try:
                self._rights[owner_id] = not self._users.by_id(owner_id).disabled
            except NotFound:
                self._rights[owner_id] = False
        return self._rights[owner_id]

    def _tell(self, entry: JournalEntry, error: EchoError) -> None:
        dot = entry.version.dot
        if dot not in self._told:
            self._told.add(dot)
            where = {"file": entry.version.file_id, "dot": conflict_id(dot), "why": error.message}
            _log.warning("a provisional version has to wait", extra=where)

    def _report(self, replayed: Replayed) -> None:
        for fate, number in replayed.fates.items():
            if number:
                self._meters.add("reintegrated", number, result=fate.value)


def _by_the_rules(entry: JournalEntry, scene: Scene, taken: frozenset[str], merging: Merging | None) -> Resolution:
    return conflicts.resolve(entry, scene, taken=taken, merging=merging)


def _for_want_of_rights(
    entry: JournalEntry, scene: Scene, taken: frozenset[str], merging: Merging | None
) -> Resolution:
    return conflicts.Open(Rule.RIGHTS)


def _in_place(entry: JournalEntry, parents: Mapping[Dot, File]) -> bool:
    """Whether the version that an entry follows was committed as the entry's writer saw it."""
    parent = parents.get(entry.parent_dot) if entry.parent_dot else None
    return parent is not None and parent.head.manifest == entry.parent_manifest


def _batches(entries: Iterable[JournalEntry]) -> Iterator[list[JournalEntry]]:
    """Groups for one commit each. An entry comes in a later one than the entry it follows, and entries that have to do
    with the same file or path keep their order."""
    left = deque(entries)
    while left:
        batch: dict[Dot, JournalEntry] = {}
        later: list[JournalEntry] = []
        blocked: set[tuple[str, str]] = set()
        for entry in [left.popleft() for _ in range(min(LOOK_AHEAD, len(left)))]:
            touched = _touched(entry)
            follows = batch.get(entry.parent_dot) if entry.parent_dot else None
            if follows or len(batch) == COMMITS_TOGETHER or not blocked.isdisjoint(touched):
                # A move frees the path of the version it follows, and whoever wants that has to wait too.
                blocked |= touched | (_touched(follows) if follows else set())
                later.append(entry)
            else:
                batch[entry.version.dot] = entry
        left.extendleft(reversed(later))
        yield list(batch.values())


def _touched(entry: JournalEntry) -> set[tuple[str, str]]:
    return {("file", entry.version.file_id), (entry.owner_id, entry.version.path)}
