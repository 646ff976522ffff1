"""Where each class of requests stands: what the policy remembers of it, and the decision that holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from echofs.core.advice import Decision, OpClass
from echofs.core.advice_json import encode_decision
from echofs.core.fields import Fields
from echofs.core.models import Level, Timestamp
from echofs.core.orders import Override, ordered
from echofs.core.policies import Outcome, Params, Policy, PolicyState, Snapshot


@dataclass(slots=True)
class Course:
    """One class. ``outcome`` is what the policy last said, ``override`` the id of the order that holds or ``""``."""

    params: Params
    state: PolicyState
    decision: Decision
    outcome: Outcome
    override: str = ""

    @property
    def held(self) -> str:
        """Why the policy's wish is not followed yet."""
        return self.outcome.held


@dataclass(frozen=True, slots=True)
class Change:
    """A decision that differs from the one before it, which was for ``before``."""

    decision: Decision
    before: Level
    emergency: bool
    override: str


class Courses:
    """Not thread-safe. ``wall`` gives the time of day, for people."""

    def __init__(
        self, policy: Policy, wall: Callable[[], Timestamp], now: float, *, goal: float, replicas: int
    ) -> None:
        self._policy = policy
        self._wall = wall
        self._number = 0
        self.epoch = 1
        self.classes = {
            op_class: Course(
                Params(op_class, goal=goal, replicas=replicas),
                PolicyState(Level.STRONG, since=now),
                self._decide(op_class, Level.STRONG, Outcome(Level.STRONG, "the controller begins"), None),
                Outcome(Level.STRONG, "the controller begins"),
            )
            for op_class in OpClass
        }

    def tick(self, snapshot: Snapshot) -> None:
        """Ask the policy about every class; :meth:`settle` makes decisions of it. Without any report there is nothing
        to ask about."""
        if not snapshot.masters:
            return
        for course in self.classes.values():
            course.outcome, course.state = self._policy(snapshot, course.state, course.params)

    def settle(self, holding: Callable[[OpClass], Override | None]) -> list[Change]:
        """Decide by the policy's outcomes and the orders that hold; only what differs becomes a decision of its own."""
        changes = []
        for op_class, course in self.classes.items():
            override = holding(op_class)
            level = override.level if override else course.outcome.level
            order = override.id if override else ""
            if level is course.decision.level and order == course.override:
                continue
            before, course.override = course.decision.level, order
            course.decision = self._decide(op_class, level, course.outcome, override)
            emergency = course.outcome.emergency and not order
            changes.append(Change(course.decision, before, emergency, order))
        return changes

    def rise(self, epoch: int) -> None:
        """Go on under a higher epoch; all decisions that hold get new names."""
        self.epoch = epoch
        for op_class, course in self.classes.items():
            self._number += 1
            name = _name(epoch, op_class, self._number)
            course.decision = replace(course.decision, id=name, epoch=epoch, number=self._number)

    def introduced(self) -> list[Change]:
        """The decisions that hold, as if each had just been made: those of a new epoch have new names."""
        return [
            Change(course.decision, course.decision.level, emergency=False, override=course.override)
            for course in self.classes.values()
        ]

    def entry(self, change: Change) -> dict[str, object]:
        """What the account of decisions says of a change."""
        course = self.classes[change.decision.op_class or OpClass.READ]
        return {
            "kind": "decision",
            **encode_decision(change.decision),
            "before": change.before.value,
            "emergency": change.emergency,
            "override": change.override or None,
            "goal": course.params.goal,
            "fault": course.state.fault,
            "switches": course.state.switches,
        }

    def kept(self, now: float) -> dict[str, object]:
        """What outlives the process: ages instead of times, as every process has a clock of its own."""
        return {
            "epoch": self.epoch,
            "classes": {
                op_class: {
                    "level": course.state.level.value,
                    "age": max(0.0, now - course.state.since),
                    "fault": course.state.fault,
                    "switches": course.state.switches,
                    "calm_needed": course.state.calm_needed,
                }
                for op_class, course in self.classes.items()
            },
        }

    def resume(self, fields: Fields, now: float) -> None:
        """Go on from what :meth:`kept` gave, under the next epoch. Raises ValueError for what makes no sense, and
        changes nothing then."""
        classes = fields.within("classes")
        epoch = fields.number("epoch", least=1)
        states = {op_class: _state(classes.within(op_class), now) for op_class in OpClass if classes.has(op_class)}
        for op_class, state in states.items():
            course = self.classes[op_class]
            course.state = state
            course.outcome = Outcome(state.level, "the controller resumes where the one before it ended")
            course.decision = self._decide(op_class, state.level, course.outcome, None)
        self.rise(epoch + 1)

    def _decide(self, op_class: OpClass, level: Level, outcome: Outcome, override: Override | None) -> Decision:
        self._number += 1
        return Decision(
            id=_name(self.epoch, op_class, self._number),
            op_class=op_class,
            level=level,
            number=self._number,
            epoch=self.epoch,
            made_at=self._wall(),
            reason=ordered(override) if override else outcome.reason,
            predictions=outcome.predictions,
            forced=override is not None,
        )


def _name(epoch: int, op_class: OpClass, number: int) -> str:
    return f"{epoch}-{op_class}-{number}"


def _state(fields: Fields, now: float) -> PolicyState:
    return PolicyState(
        level=Level(fields.text("level")),
        since=now - fields.decimal("age"),
        fault=fields.number("fault"),
        switches=fields.number("switches"),
        calm_needed=fields.decimal("calm_needed"),
    )
