"""Whether the catalog can be reached from here, known without asking it."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Gate(ABC):
    """What one process knows of its way to the catalog. Advice, never safety: a commit may be tried although the gate
    is shut, and may fail although it is open. Thread-safe; no method waits."""

    @property
    @abstractmethod
    def reachable(self) -> bool:
        """Whether the catalog answered when it was last heard of."""

    @abstractmethod
    def latencies(self) -> tuple[float, ...]:
        """Seconds of the last calls that were answered, oldest first; a few hundred at most."""

    @abstractmethod
    def failures(self) -> int:
        """How many calls were not answered, since the process started."""

    @abstractmethod
    def impose(self, *, cut_seconds: float = 0.0, delay: float = 0.0, delay_seconds: float = 0.0) -> None:
        """An operator's drill: behave for ``cut_seconds`` as if the catalog did not answer, and for ``delay_seconds``
        as if each call took ``delay`` seconds more. Takes the place of the order before; zeros end it."""
