"""Who belongs to the cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod

from echofs.core.advice import Advice, Report
from echofs.core.jobs_report import JobsReport
from echofs.core.models import Intent, Member


class ControllerClient(ABC):
    """Calls to the controller. Methods raise :class:`Unavailable` when it does not answer, and
    :class:`AuthenticationFailed` when it takes them for a stranger's."""

    @abstractmethod
    def heartbeat(self, member: Member) -> None:
        """Tell the controller that this worker lives. Idempotent; the first one registers it.

        Raises :class:`InvalidRequest` for a member that may not join, and :class:`Conflict` while another live worker
        has its id.
        """

    @abstractmethod
    def leave(self, worker_id: str) -> None:
        """Tell the controller that this worker is stopping. Idempotent."""

    @abstractmethod
    def members(self) -> list[Member]:
        """All workers the controller has ever heard of, with their present state."""

    @abstractmethod
    def report(self, report: Report) -> Advice:
        """Tell the controller what this process has seen and hear what it advises. Idempotent; once a second.

        Raises :class:`InvalidRequest` for a report that makes no sense.
        """

    @abstractmethod
    def set_intent(self, worker_id: str, intent: Intent) -> None:
        """Tell the controller that the operator wants a worker to be emptied, removed or taken back. Idempotent; kept
        across restarts.

        Raises :class:`NotFound` for an unknown worker, and :class:`Conflict` for one that may not be removed yet.
        """

    @abstractmethod
    def tell_jobs(self, report: JobsReport) -> None:
        """Tell the controller how the jobs are. Idempotent; every few seconds."""

    @abstractmethod
    def jobs(self) -> tuple[JobsReport, float] | None:
        """What the jobs last told, and how many seconds ago; None if nothing since the controller started."""


class MemberList(ABC):
    """A small list of members kept across restarts."""

    @abstractmethod
    def load(self) -> list[Member]:
        """The list last saved; empty at first or when it cannot be read."""

    @abstractmethod
    def save(self, members: list[Member]) -> None:
        """Replace the list atomically. Raises :class:`StoreUnavailable`."""


class CallSigner(ABC):
    """Proof that an internal call comes from this cluster, made from the shared secret and bound to one route."""

    @abstractmethod
    def sign(self, audience: str, method: str, path: str) -> str:
        """A token for one method and path of one process (``controller``, or a worker's id); good for less than a
        minute."""

    @abstractmethod
    def verify(self, token: str, audience: str, method: str, path: str) -> None:
        """Raise :class:`AuthenticationFailed` unless the token was signed for exactly this call and has not expired."""
