"""What decides about levels, set by the test."""

from __future__ import annotations

from dataclasses import dataclass

from echofs.core.floors import FloorFound
from echofs.core.models import Level
from echofs.services.parents import Place


@dataclass
class FakeDecision:
    """A decision of the controller."""

    level: Level
    id: str = "decision-1"


class FakeFloors:
    """One floor for everything, and others by path."""

    def __init__(self) -> None:
        self.least = Level.AVAILABLE
        self.by_path: dict[str, Level] = {}

    def floor(self, place: Place) -> FloorFound:
        return FloorFound(self.by_path.get(place.path, self.least))
