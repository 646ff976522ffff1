"""A master's part in an operator's drill (``echofs drill``): what concerns its own way to the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from echofs.core.faults import CATALOG, Fault, FaultKind
from echofs.ports.gate import Gate
from echofs.ports.runtime import Clock


class Drills:
    """Belongs to one loop. ``faults`` are those of the moment, as the controller gave them; they end by themselves."""

    def __init__(self, faults: Callable[[], Sequence[Fault]], gate: Gate, clock: Clock) -> None:
        self._faults = faults
        self._gate = gate
        self._clock = clock
        self._imposed = False

    def run_once(self) -> None:
        """Tell the gate what it has to play, and once when that is over."""
        now = self._clock.monotonic()
        found = [fault for fault in self._faults() if fault.target == CATALOG]
        if not found and not self._imposed:
            return
        self._imposed = bool(found)
        cuts = [fault.until - now for fault in found if fault.kind is FaultKind.CUT]
        delays = [fault for fault in found if fault.kind is FaultKind.DELAY]
        self._gate.impose(
            cut_seconds=max(cuts, default=0.0),
            delay=max((fault.seconds for fault in delays), default=0.0),
            delay_seconds=max((fault.until - now for fault in delays), default=0.0),
        )
