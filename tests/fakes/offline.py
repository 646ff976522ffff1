"""What a host remembers, in dictionaries."""

from __future__ import annotations

from collections.abc import Sequence

from echofs.core.models import Floor
from echofs.ports.offline import OfflineFloors, OfflineRights, Right
from echofs.ports.runtime import Clock
from echofs.ports.sessions import Ended


class MemoryRights(OfflineRights):
    """One for several sites stands for one host."""

    def __init__(self, clock: Clock) -> None:
        self.known: dict[str, tuple[Right, float]] = {}
        self._ended: dict[str, float] = {}
        self._clock = clock

    def keep(self, token: str, right: Right, asked_at: float) -> None:
        if max(self._ended.get(right.sid, -1.0), self._ended.get(right.user_id, -1.0)) < asked_at:
            self.known[token] = right, asked_at

    def recall(self, token: str) -> tuple[Right, float] | None:
        if token not in self.known:
            return None
        right, asked_at = self.known[token]
        return right, self._clock.monotonic() - asked_at

    def refuse(self, token: str) -> None:
        self.known.pop(token, None)

    def forget(self, ended: Ended) -> None:
        for name in filter(None, (ended.sid, ended.user_id)):
            self._ended[name] = self._clock.monotonic()
        self.known = {
            token: (right, asked_at)
            for token, (right, asked_at) in self.known.items()
            if right.sid != ended.sid and right.user_id != ended.user_id
        }


class MemoryFloors(OfflineFloors):
    """``kept`` counts how often something was kept."""

    def __init__(self, clock: Clock) -> None:
        self.kept = 0
        self._known: dict[str, tuple[tuple[Floor, ...], float]] = {}
        self._clock = clock

    def keep(self, owner_id: str, floors: Sequence[Floor], asked_at: float) -> None:
        self.kept += 1
        self._known[owner_id] = tuple(floors), asked_at

    def recall(self, owner_id: str) -> tuple[tuple[Floor, ...], float] | None:
        if owner_id not in self._known:
            return None
        floors, asked_at = self._known[owner_id]
        return floors, self._clock.monotonic() - asked_at
