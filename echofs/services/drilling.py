"""An operator's drill from beginning to end: break something, watch, mend it, watch on, and say what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from echofs.core.errors import EchoError
from echofs.core.faults import Fault
from echofs.ports.runtime import Clock
from echofs.ports.steering import Steering

LOOK_SECONDS = 1.0
MOST_AFTERWARDS_SECONDS = 60.0
"""How long the cluster is watched after the fault, if it does not become well before."""


@dataclass(frozen=True, slots=True)
class Harm:
    """Something that can be done and undone. Undoing is safe to repeat, and what ``begin`` did not do it undoes too."""

    what: str
    begin: Callable[[], None]
    end: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look showed: the worst of all masters. ``journal`` and ``owed`` are None where nobody knew; ``level`` is
    what small writes are tried at first, ``""`` without a controller."""

    at: float
    health: str
    journal: int | None
    owed: int | None
    level: str

    @property
    def well(self) -> bool:
        return self.health == "ok" and not self.journal and not self.owed

    def line(self, harmed: bool) -> str:
        """One line for people."""
        journal, owed = ("?" if value is None else value for value in (self.journal, self.owed))
        mark = "!" if harmed else " "
        return f"{self.at:5.0f} s {mark} {self.health:11} level {self.level or '?':9} journal {journal} owed {owed}"


def link_harm(steering: Steering, fault: Fault) -> Harm:
    """A fault that masters play until its time is over."""
    lasting = f"{fault.kind} {fault.target}" + (f" by {fault.seconds:g} s" if fault.seconds else "")
    return Harm(lasting, lambda: steering.inject(fault), lambda: steering.withdraw(fault.id))


class Drilling:
    """``masters`` gives what each master says of its health: the data of ``GET /health``, or nothing."""

    def __init__(
        self,
        steering: Steering,
        masters: Callable[[], Sequence[Mapping[str, object]]],
        clock: Clock,
        sleep: Callable[[float], None],
    ) -> None:
        self._steering = steering
        self._masters = masters
        self._clock = clock
        self._sleep = sleep

    def run(self, harm: Harm, seconds: float) -> Iterator[str]:
        """Lines for people, each when it is true. Whatever happens meanwhile, the harm is ended. Raises what ``begin``
        raises."""
        began = self._clock.monotonic()
        during: list[Sight] = []
        after: list[Sight] = []
        yield f"{harm.what} for {seconds:g} s"
        try:
            try:
                harm.begin()
                yield from self._watch(during, began, seconds, harmed=True)
            finally:
                harm.end()
            yield "healed"
            yield from self._watch(after, began, MOST_AFTERWARDS_SECONDS, harmed=False)
        except KeyboardInterrupt:
            yield "interrupted; the fault is over"
        yield from report(during, after)

    def _watch(self, sights: list[Sight], began: float, seconds: float, *, harmed: bool) -> Iterator[str]:
        end = self._clock.monotonic() + seconds
        while (left := end - self._clock.monotonic()) > 0:
            self._sleep(min(LOOK_SECONDS, left))
            sights.append(self._look(began))
            yield sights[-1].line(harmed)
            if not harmed and sights[-1].well:
                return

    def _look(self, began: float) -> Sight:
        reports = self._masters()
        details = [found for each in reports if isinstance(found := each.get("details"), Mapping)]
        order = ("ok", "degraded", "unavailable")
        states = [str(each.get("status", "silent")) for each in reports]
        health = max(states, key=lambda state: order.index(state) if state in order else len(order), default="silent")
        journal = _most(each.get("journal_depth") for each in details)
        owed = _most(each.get("replicas_owed") for each in details)
        return Sight(self._clock.monotonic() - began, health, journal, owed, self._level())

    def _level(self) -> str:
        try:
            levels = self._steering.status().get("levels")
        except EchoError:
            return ""
        return str(levels.get("write_small", "")) if isinstance(levels, Mapping) else ""


def report(during: Sequence[Sight], after: Sequence[Sight]) -> Iterator[str]:
    """What a drill showed, in a few lines."""
    everything = [*during, *after]
    if not everything:
        return
    bad = sum(sight.health != "ok" for sight in during)
    yield f"health: not ok in {bad} of {len(during)} looks while the fault lasted"
    levels = [sight.level for sight in everything if sight.level]
    path = [level for at, level in enumerate(levels) if at == 0 or levels[at - 1] != level]
    yield f"level of small writes: {' → '.join(path) or 'unknown'}"
    yield f"journal: at most {max((sight.journal or 0 for sight in everything), default=0)} versions"
    yield f"replicas owed: at most {max((sight.owed or 0 for sight in everything), default=0)}"
    if after and after[-1].well:
        healed = after[-1].at - (during[-1].at if during else 0.0)
        yield f"well {healed:.0f} s after healing: journal empty, nothing owed"
    elif after:
        yield f"not well {after[-1].at - (during[-1].at if during else 0.0):.0f} s after healing: see /health"


def _most(values: Iterator[object]) -> int | None:
    return max((value for value in values if isinstance(value, int)), default=None)
