"""Time, randomness and secrets, so that tests can hold them still."""

from __future__ import annotations

from abc import ABC, abstractmethod

from echofs.core.models import Timestamp


class Clock(ABC):
    """Two clocks: one for people, one for waiting."""

    @abstractmethod
    def now(self) -> Timestamp:
        """Wall-clock time in microseconds since the Unix epoch. May jump; safety never depends on it."""

    @abstractmethod
    def monotonic(self) -> float:
        """Seconds that only ever grow, from an arbitrary start."""


class Ids(ABC):
    """Unique names."""

    @abstractmethod
    def new(self) -> str:
        """A fresh id: 32 hexadecimal digits that sort by creation time (UUID version 7, RFC 9562)."""


class PasswordHasher(ABC):
    """Slow, salted password hashes."""

    @abstractmethod
    def hash(self, password: str) -> str:
        """A self-describing hash with a fresh salt."""

    @abstractmethod
    def verify(self, password: str, password_hash: str) -> bool:
        """Whether the password belongs to the hash, in time that does not depend on where they differ."""

    @abstractmethod
    def verify_nobody(self, password: str) -> None:
        """Spend the time of one :meth:`verify`, so that an unknown user cannot be told from a wrong password."""

    @abstractmethod
    def is_common(self, password: str) -> bool:
        """Whether the password stands on a list of those guessed first."""


class Meters(ABC):
    """Counters people watch. Unknown names are a programming error and raise KeyError."""

    @abstractmethod
    def add(self, name: str, amount: float = 1, **labels: str) -> None:
        """Increase a counter."""
