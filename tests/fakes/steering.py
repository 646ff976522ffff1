"""A controller's disk in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from echofs.core.errors import StoreUnavailable
from echofs.ports.steering import ControllerMemory, DecisionLog

FULL = StoreUnavailable("The disk is full.")


class KeptInMemory(ControllerMemory):
    """Keeps the JSON it was given; set ``broken`` to make saving fail."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.broken = False

    def load(self) -> dict[str, object] | None:
        fields: dict[str, object] | None = None if self.text is None else json.loads(self.text)
        return fields

    def save(self, fields: Mapping[str, object]) -> None:
        if self.broken:
            raise FULL
        self.text = json.dumps(fields)


class DecisionsInMemory(DecisionLog):
    """Keeps all entries; set ``broken`` to make adding fail."""

    def __init__(self) -> None:
        self.entries: list[dict[str, object]] = []
        self.lines: list[bytes] = []
        self.broken = False

    def append(self, entry: Mapping[str, object]) -> None:
        if self.broken:
            raise FULL
        self.entries.append(json.loads(json.dumps(entry)))

    def find(self, entry_id: str) -> dict[str, object] | None:
        return next((entry for entry in reversed(self.entries) if entry.get("id") == entry_id), None)

    def newest(self) -> Iterator[dict[str, object]]:
        return reversed(self.entries)

    def trace(self, line: bytes) -> None:
        if self.broken:
            raise FULL
        self.lines.append(line)
