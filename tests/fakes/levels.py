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
        return self.find(place.owner_id, place.file_id, place.path)

    def remember(self, owner_id: str) -> None:
        """They are always known."""

    def find(self, owner_id: str, file_id: str = "", path: str = "") -> FloorFound:
        return FloorFound(self.by_file.get(file_id) or self.by_path.get(path, self.least))
