"""What a reader was shown."""

from __future__ import annotations

import math
from dataclasses import dataclass

from echofs.core.consistency import Guarantee, ReadReceipt
from echofs.core.goals import Ask
from echofs.core.models import File, Level
from echofs.core.session_tokens import Session


@dataclass(frozen=True, slots=True)
class Found:
    """A version, and what it is worth to the session that asked.

    It was the file's head at most ``age`` seconds before it was looked up; None where that cannot be told. ``session``
    is what the client has seen once it was shown this.
    """

    file: File
    level: Level
    guarantee: Guarantee
    session: Session
    age: float | None = 0.0
    provisional: bool = False
    degraded: bool = False
    reason: str = ""

    def receipt(self, ask: Ask, token: str) -> ReadReceipt:
        """For the client; ``token`` is that of the session."""
        return ReadReceipt(
            mode_requested=ask.text,
            mode_used=self.level,
            version=self.file.head.number,
            staleness_ms=None if self.age is None else math.ceil(self.age * 1000),
            guarantee=self.guarantee,
            provisional=self.provisional,
            degraded=self.degraded,
            reason=self.reason,
            session=token,
        )
