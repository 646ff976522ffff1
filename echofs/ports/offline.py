"""What a host remembers of the user directory and of floors, for a while without the catalog."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from echofs.core.models import Floor, Role, Timestamp
from echofs.ports.sessions import Ended


@dataclass(frozen=True, slots=True)
class Right:
    """Who bore an access token when the directory was last asked about it."""

    user_id: str
    name: str
    role: Role
    jti: str
    sid: str
    expires_at: Timestamp
    quota_bytes: int | None = None


class OfflineRights(ABC):
    """One for all processes of a host, and safe to lose. Ages are seconds on the monotonic clock since the sending of
    the question. Methods never raise; what cannot be read is not remembered."""

    @abstractmethod
    def keep(self, token: str, right: Right, asked_at: float) -> None:
        """Remember what the directory answered to a question sent at ``asked_at``. Ignored when the session, or all of
        the user's, was forgotten after that."""

    @abstractmethod
    def recall(self, token: str) -> tuple[Right, float] | None:
        """What was remembered of a token, and its age."""

    @abstractmethod
    def refuse(self, token: str) -> None:
        """The directory does not know this token any longer. Idempotent."""

    @abstractmethod
    def forget(self, ended: Ended) -> None:
        """One login has ended, or all of a user. Idempotent."""


class OfflineFloors(ABC):
    """Floors of users, kept like rights."""

    @abstractmethod
    def keep(self, owner_id: str, floors: Sequence[Floor], asked_at: float) -> None:
        """Remember what the catalog answered, unless a later answer is there."""

    @abstractmethod
    def recall(self, owner_id: str) -> tuple[tuple[Floor, ...], float] | None:
        """What was remembered, and its age."""
