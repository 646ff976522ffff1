"""The controller's advice as one master process holds it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace

from echofs.core.advice import Advice, Decision, OpClass
from echofs.core.faults import Fault
from echofs.core.models import Level
from echofs.ports.runtime import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Held:
    advice: Advice
    heard_at: float


class Adviser:
    """What the controller last said, for as long as it holds. Thread-safe; nothing waits.

    All ages are counted on the monotonic clock from when a report was *sent*, so advice never lasts longer than the
    controller meant it to, whatever the hosts' clocks say. Without fresh advice a master decides alone.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: _Held | None = None
        self._refused = 0

    def adopt(self, advice: Advice, *, asked_at: float) -> bool:
        """Take the answer to a report that was sent at the monotonic time ``asked_at``; whether it was taken.

        Advice of a lower epoch than was heard before is refused: it is forged, or from a controller that has been
        replaced. So is an answer overtaken by a later one.
        """
        with self._lock:
            held = self._held
            if held is not None and advice.epoch < held.advice.epoch:
                if advice.epoch != self._refused:
                    _log.warning(
                        "advice of an old controller is refused",
                        extra={"epoch": advice.epoch, "newest_epoch": held.advice.epoch},
                    )
                self._refused = advice.epoch
                return False
            if held is not None and asked_at < held.heard_at:
                return False
            ends = {fault.id: asked_at + fault.until for fault in advice.faults}
            faults = tuple(replace(fault, until=ends[fault.id]) for fault in advice.faults)
            self._held = _Held(replace(advice, faults=faults), asked_at)
            return True

    def current(self, op_class: OpClass, file_id: str = "") -> Decision | None:
        """The decision to follow for such a request, the most particular one first: a critical file, an operator's
        order for the file, one for the class, a hint for the file, the policy. None without fresh advice."""
        held = self._held
        if held is None:
            return None
        general = self._fresh(held, held.advice.decisions.get(op_class))
        own = self._fresh(held, held.advice.files.get(file_id)) if file_id else None
        if general is not None and file_id in held.advice.critical:
            return replace(general, level=Level.STRONG, reason="the file is critical", forced=True)
        if own is not None and general is not None and general.forced and not own.forced:
            return general
        return own or general

    def critical(self) -> frozenset[str]:
        """Ids of the files that an operator called critical, by the last advice however old: a mark that protects does
        not wear off with silence."""
        return self._held.advice.critical if self._held else frozenset()

    def faults(self) -> tuple[Fault, ...]:
        """The drills under way; ``until`` is by this process's monotonic clock. They end by themselves, also when the
        controller is gone."""
        if self._held is None:
            return ()
        now = self._clock.monotonic()
        return tuple(fault for fault in self._held.advice.faults if fault.until > now)

    @property
    def epoch(self) -> int:
        """The highest that was heard; 0 before any advice."""
        return self._held.advice.epoch if self._held else 0

    @property
    def age(self) -> float | None:
        """Seconds since the last advice was asked for; None before any."""
        return self._clock.monotonic() - self._held.heard_at if self._held else None

    def _fresh(self, held: _Held, decision: Decision | None) -> Decision | None:
        if decision is None or self._clock.monotonic() - held.heard_at >= decision.ttl:
            return None
        return decision
