"""At which levels a write is tried: the client's wish, the floors, the controller's advice and what this master sees,
put together."""

from __future__ import annotations

from typing import Protocol

from echofs.core.advice import write_class
from echofs.core.choosing import Obstacle, OwnView, Plan, choose
from echofs.core.consistency import quorum_met
from echofs.core.errors import CatalogUnavailable, TooFewReplicas
from echofs.core.floors import FloorFound
from echofs.core.goals import Ask, stronger
from echofs.core.models import Level
from echofs.ports.gate import Gate
from echofs.services.advice import Adviser
from echofs.services.cluster import MemberView
from echofs.services.course import Course
from echofs.services.latencies import Latencies
from echofs.services.parents import Place
from echofs.services.setbacks import Setbacks

_ALL = frozenset(Level)


class Floors(Protocol):
    """The least that owners demand."""

    def floor(self, place: Place) -> FloorFound:
        """What holds for a write there. Raises :class:`CatalogUnavailable` when it cannot be known."""


class Levels:
    """Thread-safe. Without an ``adviser`` the controller is not heard."""

    def __init__(
        self,
        gate: Gate,
        members: MemberView,
        floors: Floors,
        latencies: Latencies,
        setbacks: Setbacks,
        adviser: Adviser | None = None,
    ) -> None:
        self._gate = gate
        self._members = members
        self._floors = floors
        self._latencies = latencies
        self._setbacks = setbacks
        self._adviser = adviser

    def course(
        self, ask: Ask, place: Place, *, size: int | None = None, conditional: bool = False, stores: bool = True
    ) -> Course:
        """A write's way along its plan. Like :meth:`plan`."""
        plan = self.plan(ask, place, size=size, conditional=conditional, stores=stores)
        return Course(plan, self._setbacks)

    def plan(
        self, ask: Ask, place: Place, *, size: int | None = None, conditional: bool = False, stores: bool = True
    ) -> Plan:
        """The levels at which to try a write now.

        ``size`` is that of the body, as far as known; a write that ``stores`` nothing that must be kept needs no
        workers. Raises :class:`CatalogUnavailable` or :class:`TooFewReplicas` when no level can be met.
        """
        op_class = write_class(size)
        # Only a wish that names a time asks what levels take.
        timed = any(goal.within is not None for goal in ask.goals)
        own = OwnView(
            self._gate.reachable,
            self._possible() if stores else _ALL,
            self._setbacks.avoided() if len(ask.goals) != 1 else frozenset(),
            self._latencies.expected(op_class) if timed else {},
        )
        decision = self._adviser.current(op_class, place.file_id) if self._adviser else None
        plan = choose(ask, self._floors.floor(place), decision, own, conditional=conditional)
        if plan.obstacle is Obstacle.CATALOG:
            raise CatalogUnavailable(
                f"The catalog does not answer, and a {plan.wanted} write needs it; nothing was stored. Try again soon."
            )
        if plan.obstacle is Obstacle.WORKERS:
            raise self._too_few(plan.wanted)
        return plan

    def hold(
        self,
        course: Course,
        ask: Ask,
        place: Place,
        *,
        size: int | None = None,
        conditional: bool = False,
        stores: bool = True,
    ) -> None:
        """Now it is known which file is written: plan anew if the course could end below that file's floor.

        Raises what :meth:`plan` raises, and what :meth:`Course.replan` does.
        """
        floor = self._floors.floor(place).level
        if stronger(course.weakest, floor) is not course.weakest:
            course.replan(self.plan(ask, place, size=size, conditional=conditional, stores=stores))

    def _possible(self) -> frozenset[Level]:
        zones = self._members.zones()
        up = self._members.takers()
        if quorum_met(up, zones):
            return _ALL
        return frozenset(level for level in Level if quorum_met(up, zones, level))

    def _too_few(self, level: Level) -> TooFewReplicas:
        zones = self._members.zones()
        up = self._members.takers()
        needed = "two in different zones" if level is Level.STRONG else "one"
        return TooFewReplicas(
            f"{len(up)} of {len(zones)} workers are up; a {level} write needs {needed}; nothing was stored.",
            retry_after=2,
        )
