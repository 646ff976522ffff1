"""What operators ordered and users hinted, for as long as it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from echofs.core.advice import OpClass
from echofs.core.errors import Conflict
from echofs.core.faults import Fault
from echofs.core.fields import Fields
from echofs.core.models import Level, Timestamp
from echofs.core.orders import Override, Wanted, encode

MOST_OVERRIDES = 100
MOST_CRITICAL = 1000
MOST_HINTS = 1000
MOST_FAULTS = 100
_WEIGHTS = {Level.STRONG: 0.0, Level.HYBRID: 0.5, Level.AVAILABLE: 1.0}


@dataclass(frozen=True, slots=True)
class Hint:
    """``wanted`` until ``until`` by the monotonic clock; ``number`` counts them."""

    wanted: Wanted
    until: float
    number: int
    made_at: Timestamp

    @property
    def id(self) -> str:
        """What ``explain`` takes, as long as the hint holds."""
        return f"hint-{self.number}"


@dataclass(frozen=True, slots=True)
class _Order:
    override: Override
    until: float


class Orders:
    """Not thread-safe. Overrides end by the monotonic clock while the process runs: a wall clock that jumps ends none.
    Across a restart they end by the wall clock, and never later than they would have by the monotonic one."""

    def __init__(self) -> None:
        self._overrides: dict[str, _Order] = {}
        self._hints: dict[str, Hint] = {}
        self._faults: dict[str, Fault] = {}
        self._hinted = 0
        self.critical: frozenset[str] = frozenset()

    def add(self, override: Override, until: float) -> None:
        """An order that holds until a monotonic time; one for the same file or class ends. Raises
        :class:`Conflict`."""
        kept = {known: order for known, order in self._overrides.items() if _scope(order.override) != _scope(override)}
        if len(kept) >= MOST_OVERRIDES:
            raise Conflict(f"There are {MOST_OVERRIDES} overrides already: clear some.")
        self._overrides = {**kept, override.id: _Order(override, until)}

    def clear(self, override_id: str) -> Override | None:
        """End an order; None if there was none."""
        order = self._overrides.get(override_id)
        self._overrides = {known: kept for known, kept in self._overrides.items() if known != override_id}
        return order.override if order else None

    def overrides(self, now: float) -> list[Override]:
        """The orders that hold, the newest last; those that have expired are forgotten."""
        if any(order.until <= now for order in self._overrides.values()):
            self._overrides = {known: order for known, order in self._overrides.items() if order.until > now}
        return [order.override for order in self._overrides.values()]

    def holding(self, op_class: OpClass, now: float) -> Override | None:
        """The order for a class: one for it alone before one for all."""
        covering = [override for override in self.overrides(now) if override.covers(op_class)]
        return max(covering, key=lambda override: override.op_class is not None, default=None)

    def mark(self, object_id: str, *, critical: bool) -> None:
        """Mark a file as critical, or take the mark away. Raises :class:`Conflict`."""
        if not critical:
            self.critical -= {object_id}
        elif object_id not in self.critical:
            if len(self.critical) >= MOST_CRITICAL:
                raise Conflict(f"There are {MOST_CRITICAL} critical files already: give a folder a floor instead.")
            self.critical |= {object_id}

    def hint(self, wanted: Wanted, now: float, wall: Timestamp) -> Hint:
        """Note a wish. Of too many the oldest goes: they are only wishes."""
        self._hinted += 1
        hint = Hint(wanted, now + wanted.seconds, self._hinted, wall)
        self._hints.pop(wanted.object_id, None)
        self._hints[wanted.object_id] = hint
        if len(self._hints) > MOST_HINTS:
            del self._hints[next(iter(self._hints))]
        return hint

    def hints(self, now: float) -> list[Hint]:
        """The wishes that hold."""
        if any(hint.until <= now for hint in self._hints.values()):
            self._hints = {key: hint for key, hint in self._hints.items() if hint.until > now}
        return list(self._hints.values())

    def leaning(self, now: float) -> float:
        """How much the hints that hold lean to availability, from 0 to 1; 0 without any."""
        weights = [_WEIGHTS[hint.wanted.level] for hint in self.hints(now)]
        return sum(weights) / len(weights) if weights else 0.0

    def inject(self, fault: Fault, now: float) -> None:
        """Begin a drill; ``until`` is in seconds from now. One on the same target ends. Raises :class:`Conflict`."""
        lasting = {known: other for known, other in self._faults.items() if other.until > now}
        kept = {known: other for known, other in lasting.items() if other.target != fault.target}
        if len(kept) >= MOST_FAULTS:
            raise Conflict(f"There are {MOST_FAULTS} drills under way already: wait until some are over.")
        self._faults = {**kept, fault.id: replace(fault, until=now + fault.until)}

    def withdraw(self, fault_id: str) -> None:
        """End a drill. Idempotent."""
        self._faults = {known: fault for known, fault in self._faults.items() if known != fault_id}

    def faults(self, now: float) -> tuple[Fault, ...]:
        """The drills under way; ``until`` is in seconds from now."""
        self._faults = {known: fault for known, fault in self._faults.items() if fault.until > now}
        return tuple(replace(fault, until=fault.until - now) for fault in self._faults.values())

    def kept(self, now: float) -> dict[str, object]:
        """What outlives the process."""
        overrides = [
            {**encode(order.override), "seconds_left": order.until - now}
            for order in self._overrides.values()
            if order.until > now
        ]
        return {"overrides": overrides, "critical": sorted(self.critical)}

    def resume(self, fields: Fields, now: float, wall: Timestamp) -> None:
        """Take back what :meth:`kept` gave. Raises ValueError for what makes no sense."""
        self.critical = frozenset(fields.texts("critical"))
        for entry in fields.objects("overrides"):
            override = _override(entry)
            left = min(entry.decimal("seconds_left"), (override.expires_at - wall) / 1_000_000)
            if left > 0:
                self._overrides[override.id] = _Order(override, now + left)


def _scope(override: Override) -> tuple[str, OpClass | None]:
    return override.object_id, override.op_class


def _override(fields: Fields) -> Override:
    return Override(
        id=fields.text("id"),
        level=Level(fields.text("level")),
        author=fields.text("author"),
        reason=fields.text("reason"),
        made_at=fields.number("made_at"),
        expires_at=fields.number("expires_at"),
        op_class=OpClass(fields.text("op_class")) if fields.has("op_class") else None,
        object_id=fields.text("object_id") if fields.has("object_id") else "",
    )
