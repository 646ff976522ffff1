"""News of ended sessions, for masters that remember for a second what the user directory said of a token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """What has just been revoked: one login (``sid``), or every login of a user. The other one is empty."""

    sid: str = ""
    user_id: str = ""


class SessionNews(ABC):
    """A way to tell the other masters at once. Only news: what counts is in the user directory before it is told."""

    @abstractmethod
    def announce(self, ended: Ended) -> None:
        """Have every master that can be reached ask the directory again about these tokens.

        Returns when all of them do so, or after a fraction of a second; never raises.
        """
