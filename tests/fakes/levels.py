"""What decides about levels, set by the test."""

from __future__ import annotations

from echofs.core.floors import FloorFound
from echofs.core.models import Level
from echofs.services.parents import Place


class FakeFloors:
    """One floor for everything, and others by path and by file."""

    def __init__(self) -> None:
        self.least = Level.AVAILABLE
        self.by_path: dict[str, Level] = {}
        self.by_file: dict[str, Level] = {}

    def floor(self, place: Place) -> FloorFound:
        return FloorFound(self.by_file.get(place.file_id) or self.by_path.get(place.path, self.least))
