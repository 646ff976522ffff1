"""How one write goes along its plan."""

from __future__ import annotations

from echofs.core.choosing import Plan
from echofs.core.errors import CatalogUnavailable, ClusterFull, EchoError, TooFewReplicas
from echofs.core.goals import stronger
from echofs.core.models import Level
from echofs.services.setbacks import Setbacks

_DEMANDED = "The catalog does not answer, and the level demanded here needs it; nothing was stored. Try again soon."


class Course:
    """At which level a write stands now, and why not at a stronger one. Not thread-safe: it belongs to one request."""

    def __init__(self, plan: Plan, setbacks: Setbacks | None = None) -> None:
        self._plan = plan
        self._setbacks = setbacks
        self._left = list(plan.levels)
        self._reasons = [plan.reason] if plan.reason else []
        self._loosest = Level.STRONG
        self.provisional = False
        """Whether the write goes on without the catalog."""
        self._left_because = ""

    @property
    def level(self) -> Level:
        """What is to be met now."""
        return self._left[0]

    @property
    def weakest(self) -> Level:
        """What it may come to."""
        return self._left[-1]

    @property
    def has_fallback(self) -> bool:
        """Whether a weaker level is left."""
        return len(self._left) > 1

    @property
    def may_be_provisional(self) -> bool:
        """Whether the version may be accepted without the catalog."""
        return Level.AVAILABLE in self._left

    @property
    def degraded(self) -> bool:
        """Whether the level is weaker than the one that was wanted first."""
        return stronger(self.level, self._plan.wanted) is not self.level

    @property
    def decision_id(self) -> str:
        """The decision of the controller that was followed, if one was."""
        return self._plan.decision_id

    @property
    def reason(self) -> str:
        """Sentences about how it came to this level."""
        return " ".join(self._reasons)

    def descend(self, error: EchoError) -> None:
        """The present level cannot be met: go on at the next. Raises the error where there is none."""
        if not self.has_fallback:
            raise error
        failed = self._left.pop(0)
        if self._setbacks is not None and isinstance(error, (TooFewReplicas, ClusterFull)):
            self._setbacks.missed(failed)
        self._reasons.append(f"{failed.capitalize()} was not possible: {_why(error)}.")

    def met(self) -> None:
        """The write is as durable as its level demands."""
        if self._setbacks is not None:
            self._setbacks.met(self.level)

    def leave_catalog(self, reason: str, error: EchoError | None = None) -> None:
        """Go on without the catalog. Raises the error unless the plan allows that."""
        if not self.may_be_provisional:
            raise error or CatalogUnavailable(reason)
        self._left = [Level.AVAILABLE]
        if not self.provisional:
            self._reasons.append(reason)
            self._left_because = reason
        self.provisional = True

    def let_go(self) -> None:
        """A chunk was found safe enough for the present level and no stronger one; it cannot be made safer now."""
        self._loosest = self.level

    def replan(self, plan: Plan) -> None:
        """More is known of what the client wants, or where, than before: follow the new plan from now on.

        Raises :class:`TooFewReplicas` when it demands more than the chunks that were let go of already have, and
        :class:`CatalogUnavailable` when it needs the catalog that this course had to leave.
        """
        self._plan = plan
        self._left = [level for level in plan.levels if stronger(self._loosest, level) is self._loosest]
        if not self._left:
            raise TooFewReplicas(
                f"{plan.wanted.capitalize()} was asked for after the file's bytes had come, and fewer workers than it "
                "needs made all of them durable. Ask in the header X-EchoFS-Consistency or try again.",
                field="consistency",
            )
        self._reasons = [plan.reason] if plan.reason else []
        if self.provisional:
            self.provisional = False
            self.leave_catalog(self._left_because, CatalogUnavailable(_DEMANDED))


def _why(error: EchoError) -> str:
    if isinstance(error, ClusterFull):
        return "all workers that answered are full"
    if isinstance(error, TooFewReplicas):
        return "too few workers made the data durable in time"
    return "replication broke off"
