"""What people ask of the controller and tell it, and what it keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping

from echofs.core.faults import Fault
from echofs.core.orders import Wanted

Answer = Mapping[str, object]
"""JSON as the controller gives it and masters hand it on; docs/api.md has the fields."""


class Steering(ABC):
    """The controller as operators see it. Masters reach it by signed calls. Methods raise :class:`Unavailable` when it
    does not answer, and :class:`StoreUnavailable` when an order cannot be kept; then it does not hold either."""

    @abstractmethod
    def status(self) -> Answer:
        """What anybody may know: the policy and the level of each class."""

    @abstractmethod
    def mode(self, object_id: str) -> Answer:
        """The level for every class of requests, for one file or (``""``) for all that have none of their own."""

    @abstractmethod
    def hint(self, wanted: Wanted) -> Answer:
        """Note which level somebody would like. A later hint for the same file takes its place."""

    @abstractmethod
    def override(self, wanted: Wanted) -> Answer:
        """Order a level. Takes the place of an earlier order for the same file or class. Raises :class:`Conflict` when
        there are too many."""

    @abstractmethod
    def overrides(self) -> Answer:
        """The orders that hold."""

    @abstractmethod
    def clear_override(self, override_id: str, author: str) -> None:
        """End an order early. Raises :class:`NotFound` for one that is unknown or has expired."""

    @abstractmethod
    def critical_keys(self) -> Answer:
        """Ids of the critical files."""

    @abstractmethod
    def set_critical(self, object_id: str, author: str, *, critical: bool) -> None:
        """Mark a file as critical, or take the mark away. Idempotent. Raises :class:`Conflict` when there are too
        many."""

    @abstractmethod
    def explain(self, decision_id: str) -> Answer:
        """Why a decision was made: its inputs and predictions. Raises :class:`NotFound` for one that is unknown or was
        made too long ago."""

    @abstractmethod
    def history(self, after: str, limit: int) -> Answer:
        """The decisions and orders of late, the newest first, without their inputs; ``after`` is the cursor of the
        page before. About ``limit`` are given: those of one moment come together. Raises :class:`InvalidRequest` for a
        malformed cursor."""

    @abstractmethod
    def inject(self, fault: Fault) -> None:
        """Begin a drill. Idempotent by the fault's id; a later one for the same target takes its place."""

    @abstractmethod
    def withdraw(self, fault_id: str) -> None:
        """End a drill early. Idempotent."""


class ControllerMemory(ABC):
    """What a controller must know again after a crash."""

    @abstractmethod
    def load(self) -> dict[str, object] | None:
        """What was last saved; None at first, or when it cannot be read."""

    @abstractmethod
    def save(self, fields: Mapping[str, object]) -> None:
        """Replace it atomically and durably. Raises :class:`StoreUnavailable`."""


class DecisionLog(ABC):
    """An account of decisions that is only ever added to. Bounded: the oldest entries go."""

    @abstractmethod
    def append(self, entry: Mapping[str, object]) -> None:
        """Add an entry that has an ``id``. Raises :class:`StoreUnavailable`."""

    @abstractmethod
    def find(self, entry_id: str) -> dict[str, object] | None:
        """The newest entry of that id, if it is still kept."""

    @abstractmethod
    def newest(self) -> Iterator[dict[str, object]]:
        """The entries that are kept, the newest first. Raises :class:`StoreUnavailable`."""

    @abstractmethod
    def trace(self, line: bytes) -> None:
        """Add one tick's line to the trace that policies can be replayed on. Raises :class:`StoreUnavailable`."""
