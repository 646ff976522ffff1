"""Listing a user's files, also while the catalog does not answer."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from echofs.core.consistency import Guarantee, ReadReceipt
from echofs.core.errors import CatalogUnavailable
from echofs.core.goals import Ask
from echofs.core.models import Level
from echofs.core.read_plan import plan_read
from echofs.core.session_tokens import Line, Session, Unmet
from echofs.ports.catalog import Catalog
from echofs.ports.listing import ListedPage, ListQuery
from echofs.services.floors import Floors
from echofs.services.local_heads import LocalHeads

_AWAY = "The catalog does not answer: these are the files that this master knows."
_PARTIAL = "There may be others, which were not changed lately."


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of files, and what it is worth to the session that asked; ``session`` is what the client has seen after
    it. ``folders`` are those directly inside the folder, on its first page. The files were as listed at most ``age``
    seconds ago."""

    page: ListedPage
    session: Session
    folders: list[str] = field(default_factory=list)
    level: Level = Level.STRONG
    guarantee: Guarantee = Guarantee.LINEARIZABLE
    age: float = 0.0
    provisional: bool = False
    degraded: bool = False
    reason: str = ""

    def receipt(self, ask: Ask, token: str) -> ReadReceipt:
        """For the client; ``token`` is that of its session."""
        staleness = math.ceil(self.age * 1000)
        return ReadReceipt(
            ask.text,
            self.level,
            None,
            staleness,
            guarantee=self.guarantee,
            provisional=self.provisional,
            degraded=self.degraded,
            reason=self.reason,
            session=token,
        )


class Listings:
    """Thread-safe. The catalog is asked first at every level; strong listings come from nothing else."""

    def __init__(self, catalog: Catalog, local: LocalHeads, floors: Floors) -> None:
        self._catalog = catalog
        self._local = local
        self._floors = floors

    def page(self, query: ListQuery, ask: Ask, session: Session) -> FoundPage:
        """One page of living files.

        Raises :class:`InvalidRequest` for a malformed cursor, and :class:`CatalogUnavailable` when no level that was
        asked for can be met.
        """
        try:
            # Asked first: what is committed by then is in the listing.
            lacking = self._uncommitted(query.owner_id, session)
            page, folders = self._catalog.listed(query), self._folders(query)
        except CatalogUnavailable as error:
            return self._without(query, ask, session, error)
        self._floors.remember(query.owner_id)
        return FoundPage(page, session, folders, degraded=lacking, reason=Unmet.WAITING.value if lacking else "")

    def _uncommitted(self, owner_id: str, session: Session) -> bool:
        """Whether the catalog lacks a version that the session wrote or saw while it was away."""
        waiting = {each.dot for seen in session.sightings for each in seen.waiting}
        return bool(waiting) and waiting != set(self._catalog.by_dot(owner_id, waiting))

    def _folders(self, query: ListQuery) -> list[str]:
        first = query.folder is not None and not query.after
        return self._catalog.folders(query.owner_id, query.folder or "") if first else []

    def _without(self, query: ListQuery, ask: Ask, session: Session, error: CatalogUnavailable) -> FoundPage:
        floor = self._floors.find(query.owner_id, path=_inside(query.folder if query.below == "" else query.below))
        plan = plan_read(ask, floor)
        if plan.levels == (Level.STRONG,):
            raise error
        found = self._local.page(query)
        if found is None:
            raise error
        (page, age, whole, position), provisional = found
        unmet = self._unmet(query.owner_id, session, position)
        hybrid = age <= plan.within and unmet is None and not provisional
        level = Level.HYBRID if hybrid and Level.HYBRID in plan.levels else Level.AVAILABLE
        if level not in plan.levels:
            raise error
        promised = _promised(level, session, unmet)
        reasons = [_AWAY, "" if whole else _PARTIAL, unmet.value if unmet else ""]
        first = query.folder is not None and not query.after
        return FoundPage(
            ListedPage.of(page),
            replace(session, position=max(session.position, position)),
            self._local.folders(query.owner_id, query.folder or "") if first else [],
            level,
            promised,
            age,
            provisional,
            degraded=level is not plan.wanted or unmet is not None or not whole,
            reason=" ".join(filter(None, reasons)),
        )

    def _unmet(self, owner_id: str, session: Session, position: int) -> Unmet | None:
        """What a listing made here lacks of what the session has seen."""
        for seen in session.sightings:
            own = self._local.journaled(owner_id, seen.file_id)
            copy = self._local.copy(owner_id, seen.file_id)
            line = own.line if own else Line.of(copy.file.head) if copy else Line(0)
            unmet = session.unmet(seen.file_id, line)
            if unmet is not None:
                return unmet
        return Unmet.BEHIND if position < session.position else None


def _inside(folder: str | None) -> str:
    """A path in the folder that is listed; ``""``, which is any, for a listing of all files."""
    return "" if folder is None else f"{folder}/*".removeprefix("/")


def _promised(level: Level, session: Session, unmet: Unmet | None) -> Guarantee:
    if unmet is not None or (level is Level.AVAILABLE and not session.seen_any):
        return Guarantee.NONE
    if level is Level.HYBRID:
        return Guarantee.BOUNDED if session.seen_any else Guarantee.LAGGING
    return Guarantee.SESSION
