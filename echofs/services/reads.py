"""Finding a file's version for a reader, at the level asked for, and saying exactly what was found."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from echofs.core.consistency import STALENESS_SECONDS, Guarantee
from echofs.core.errors import CatalogUnavailable, NotFound, Unavailable
from echofs.core.floors import FloorFound
from echofs.core.goals import Ask, Goal
from echofs.core.models import Dot, File, Level, Version
from echofs.core.read_plan import ReadPlan, plan_read
from echofs.core.session_tokens import Line, Session, Unmet
from echofs.ports.catalog import Catalog
from echofs.ports.follower import Copy
from echofs.ports.gate import Gate
from echofs.ports.runtime import Meters
from echofs.services.floors import Floors
from echofs.services.found import Found
from echofs.services.heads import Heads
from echofs.services.local_heads import Journaled, LocalHeads

_AWAY = "The catalog does not answer: this is what this master last knew."
_NOT_YET = "This version is not committed yet: it waits for the catalog in this master's journal."
_OVERTAKEN = "Another version was committed meanwhile; neither will be lost."
_RECENT_CALLS = 32


@dataclass(frozen=True, slots=True)
class _Want:
    """What one read is about."""

    owner_id: str
    file_id: str
    within: float
    session: Session

    def unmet(self, line: Line, position: int | None = None) -> Unmet | None:
        return self.session.unmet(self.file_id, line, position)


class Reads:
    """Thread-safe.

    Strong reads come from the catalog and from nothing else. Hybrid ones may come from the shared cache, or for a
    client with a session token from this host's copy, as long as that is young enough. Available ones come from this
    host's journal, else from the catalog if it answers, else from the copy.

    What a session has seen, written in its token, is checked against every answer. One that does not contain it is
    given only where nothing better can be had, and is marked as degraded.
    """

    def __init__(
        self, catalog: Catalog, heads: Heads, local: LocalHeads, floors: Floors, gate: Gate, meters: Meters
    ) -> None:
        self._catalog = catalog
        self._heads = heads
        self._local = local
        self._floors = floors
        self._gate = gate
        self._meters = meters

    def find(self, owner_id: str, file_id: str, ask: Ask, session: Session) -> Found:
        """A living file.

        Raises :class:`NotFound`, :class:`CatalogUnavailable` when no level that was asked for can be met, and
        :class:`Unavailable` for a file that the session saw and that is not committed yet.
        """
        within = STALENESS_SECONDS if ask.staleness is None else ask.staleness
        want = _Want(owner_id, file_id, within, session)
        found = self._automatic(want) if ask.automatic else self._planned(want, ask)
        if found.file.deleted:
            raise NotFound("There is no such file.")
        self._meters.add("reads", level=found.level.value)
        self._meters.add("staleness_seconds", found.age or 0.0, level=found.level.value)
        if found.degraded:
            self._meters.add("degraded_reads", level=found.level.value)
        return found

    def find_at(self, owner_id: str, path: str, ask: Ask, session: Session) -> Found:
        """The living file at a path. Raises like :meth:`find`."""
        found = self.find(owner_id, self._id_at(owner_id, path, ask), ask, session)
        if found.file.path != path:
            # It was moved since, or what lags knows it by another name still.
            ask = Ask(ask.text, (Goal(Level.STRONG),))
            found = self.find(owner_id, self._id_at(owner_id, path, ask), ask, session)
        if found.file.path != path:
            raise NotFound("There is no such file.")
        return found

    def _id_at(self, owner_id: str, path: str, ask: Ask) -> str:
        """Which file is there: by the catalog, by what waits for it on this host, and while it is away by the copy."""
        try:
            return self._catalog.file_at(owner_id, path).id
        except (NotFound, CatalogUnavailable) as error:
            known = self._local.at if isinstance(error, CatalogUnavailable) else self._local.journaled_at
            file_id = None if _only_strong(ask) else known(owner_id, path)
            if file_id is None:
                raise
            return file_id

    def _automatic(self, want: _Want) -> Found:
        """What the catalog says. Without it, or if that lacks what this host's journal has, as much as the floor
        allows; floors are looked up only then."""
        try:
            found = self._strong(want)
            problem: Unavailable | NotFound | None = None
        except (Unavailable, NotFound) as error:
            problem = error
        if problem is None and not found.degraded:
            self._floors.remember(want.owner_id)
            return found
        floor = self._floors.find(want.owner_id, want.file_id).level
        if isinstance(problem, CatalogUnavailable):
            if floor is Level.STRONG:
                raise problem
            weaker = self._at(floor, want)
            return replace(weaker, degraded=True, reason=weaker.reason or _AWAY)
        own = self._local.journaled(want.owner_id, want.file_id) if floor is Level.AVAILABLE else None
        if own is not None and want.unmet(own.line) is None:
            return replace(_provisional(want, own), degraded=True)
        if problem is not None:
            raise problem
        return found

    def _planned(self, want: _Want, ask: Ask) -> Found:
        plan = self._plan(want, ask)
        refusals: list[CatalogUnavailable] = []
        for level in plan.levels:
            try:
                return _explained(self._at(level, want), level, plan)
            except CatalogUnavailable as error:
                refusals.append(error)
        raise refusals[0]

    def _plan(self, want: _Want, ask: Ask) -> ReadPlan:
        if _only_strong(ask):
            return plan_read(ask, FloorFound(Level.STRONG))
        floor = self._floors.find(want.owner_id, want.file_id)
        recent = self._gate.latencies()[-_RECENT_CALLS:]
        return plan_read(ask, floor, statistics.median(recent) if recent else 0.0)

    def _at(self, level: Level, want: _Want) -> Found:
        match level:
            case Level.STRONG:
                return self._strong(want)
            case Level.HYBRID:
                return self._hybrid(want)
            case Level.AVAILABLE:
                return self._available(want)

    # --- strong ---

    def _strong(self, want: _Want) -> Found:
        return self._from_catalog(want, lambda: self._heads.find(want.owner_id, want.file_id))

    def _from_catalog(self, want: _Want, ask: Callable[[], File]) -> Found:
        """What ``ask`` got from the catalog, after it looked there for what the session waits for too."""
        try:
            file = ask()
        except NotFound:
            if self._uncommitted(want) - self._committed(want, None):
                raise Unavailable(
                    "This session saw the file while the catalog was away, and it is not committed yet. Try again "
                    "shortly."
                ) from None
            raise
        line = Line.of(file.head)
        session = want.session.settled(file.head, self._committed(want, file.head)).saw(file.head, line)
        waiting = bool(session.of(file.id).waiting)
        reason = Unmet.WAITING.value if waiting else ""
        return Found(file, Level.STRONG, Guarantee.LINEARIZABLE, session, degraded=waiting, reason=reason)

    def _uncommitted(self, want: _Want) -> set[Dot]:
        return {each.dot for each in want.session.of(want.file_id).waiting}

    def _committed(self, want: _Want, head: Version | None) -> set[Dot]:
        dots = self._uncommitted(want)
        if not dots or (head is not None and dots == {head.dot}):
            return dots
        return set(self._catalog.by_dot(want.owner_id, dots))

    # --- hybrid ---

    def _hybrid(self, want: _Want) -> Found:
        cached = self._heads.look(want.owner_id, want.file_id, want.within)
        if cached.file is not None and want.unmet(Line.of(cached.file.head)) is None:
            return _hybrid(want, cached.file, cached.age, Guarantee.BOUNDED)
        copy = self._local.copy(want.owner_id, want.file_id)
        if copy is not None and (copy.age > want.within or want.unmet(Line.of(copy.file.head), copy.position)):
            copy = None
        if copy is not None and want.session.seen_any:
            return _hybrid(want, copy.file, copy.age, Guarantee.BOUNDED, copy.position)
        try:
            return self._from_catalog(want, lambda: self._heads.ask(want.owner_id, want.file_id, cached))
        except CatalogUnavailable:
            # Whoever brings no token may have written a moment ago what the copy does not have yet.
            if copy is None:
                raise
            return _hybrid(want, copy.file, copy.age, Guarantee.LAGGING, copy.position)

    # --- available ---

    def _available(self, want: _Want) -> Found:
        own = self._local.journaled(want.owner_id, want.file_id)
        if own is not None and want.unmet(own.line) is None:
            return _provisional(want, own)
        if self._gate.reachable:
            try:
                return self._strong(want)
            except CatalogUnavailable:
                pass
        copy = self._local.copy(want.owner_id, want.file_id)
        unmet = copy and want.unmet(Line.of(copy.file.head), copy.position)
        if own is not None and (copy is None or unmet is not None):
            return _provisional(want, own)
        if copy is None:
            raise CatalogUnavailable(
                "The catalog does not answer, and this master does not know the file; try again shortly."
            )
        return _copied(want, copy)


def _only_strong(ask: Ask) -> bool:
    return bool(ask.goals) and all(goal.level is Level.STRONG for goal in ask.goals)


def _explained(found: Found, level: Level, plan: ReadPlan) -> Found:
    """What was found at a level of a plan, with all that must be said of it."""
    missed = level is not plan.wanted
    reasons = [plan.reason if level is plan.levels[0] or not missed else _AWAY, found.reason]
    # The catalog's own answer is as much as any level promises.
    degraded = found.degraded or (missed and found.level is not Level.STRONG)
    return replace(found, degraded=degraded, reason=" ".join(filter(None, reasons)))


def _hybrid(want: _Want, file: File, age: float, guarantee: Guarantee, position: int = 0) -> Found:
    session = want.session.saw(file.head, Line.of(file.head), position=position)
    return Found(file, Level.HYBRID, guarantee, session, age)


def _copied(want: _Want, copy: Copy) -> Found:
    line = Line.of(copy.file.head)
    unmet = want.unmet(line, copy.position)
    if unmet is not None and copy.file.deleted:
        raise CatalogUnavailable("The catalog does not answer, and this master does not know the file as it is now.")
    promised = Guarantee.SESSION if want.session.seen_any and unmet is None else Guarantee.NONE
    session = want.session.saw(copy.file.head, line, position=copy.position)
    return Found(
        copy.file,
        Level.AVAILABLE,
        promised,
        session,
        copy.age,
        degraded=unmet is not None,
        reason=unmet.value if unmet else "",
    )


def _provisional(want: _Want, own: Journaled) -> Found:
    unmet = want.unmet(own.line)
    reasons = [_NOT_YET, _OVERTAKEN if own.overtaken else "", unmet.value if unmet else ""]
    return Found(
        own.file,
        Level.AVAILABLE,
        Guarantee.CAUSAL if unmet is None else Guarantee.NONE,
        want.session.saw(own.file.head, own.line, provisional=True),
        own.age,
        provisional=True,
        degraded=own.overtaken or unmet is not None,
        reason=" ".join(filter(None, reasons)),
    )
