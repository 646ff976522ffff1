"""A gate that a test opens and shuts."""

from __future__ import annotations

from echofs.ports.gate import Gate


class FakeGate(Gate):
    """Set ``open`` to what :attr:`reachable` should say; ``imposed`` has the last drill."""

    def __init__(self) -> None:
        self.open = True
        self.calls: list[float] = []
        self.unanswered = 0
        self.imposed: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def reachable(self) -> bool:
        return self.open

    def latencies(self) -> tuple[float, ...]:
        return tuple(self.calls)

    def failures(self) -> int:
        return self.unanswered

    def impose(self, *, cut_seconds: float = 0.0, delay: float = 0.0, delay_seconds: float = 0.0) -> None:
        self.imposed = (cut_seconds, delay, delay_seconds)
