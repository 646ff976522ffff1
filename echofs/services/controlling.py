"""The controller's decisions: made each second, given to masters as advice, kept, and accounted for."""

from __future__ import annotations

import copy
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from echofs.core import orders as spelling
from echofs.core.advice import Advice, Decision, OpClass, Report
from echofs.core.errors import InvalidRequest, NotFound, StoreUnavailable
from echofs.core.faults import Fault
from echofs.core.fields import Fields
from echofs.core.models import Level, Member
from echofs.core.orders import Override, Wanted
from echofs.core.policies import POLICIES, Snapshot
from echofs.core.policies.traces import fields_of, line_of
from echofs.core.policies.values import LEVELS
from echofs.ports.runtime import Clock, Ids, Meters
from echofs.ports.steering import Answer, ControllerMemory, DecisionLog, Steering
from echofs.services.books import Books
from echofs.services.courses import Change, Courses
from echofs.services.file_decisions import hinted, of_files
from echofs.services.history import page
from echofs.services.orders import Orders
from echofs.services.reports import Reports

FORMAT = 1
TICK_SECONDS = 1.0
HIGHEST_EPOCH = 2**53
"""Far beyond any number of starts: a report that claims more is damaged."""

_log = logging.getLogger(__name__)


class Controlling(Steering):
    """Thread-safe; belongs in one process. ``policy`` is one of ``core.policies.POLICIES``, ``goal`` the latency goal
    in seconds, ``replicas`` the number of workers a chunk is sent to.

    What it decided and what it was told survives a crash: a controller resumes at the levels it left, under a higher
    epoch, so that masters can tell its advice from that of the one before. One that has lost its memory learns from the
    first master that heard of an epoch which one must be the next.
    """

    def __init__(
        self,
        members: Callable[[], Sequence[Member]],
        memory: ControllerMemory,
        audit: DecisionLog,
        clock: Clock,
        ids: Ids,
        meters: Meters,
        *,
        policy: str,
        goal: float,
        replicas: int,
    ) -> None:
        self._members = members
        self._books = Books(memory, audit)
        self._clock = clock
        self._ids = ids
        self._meters = meters
        self._policy = policy
        self._goal = goal
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._reports = Reports()
        self._orders = Orders()
        now = clock.monotonic()
        self._snapshot = Snapshot(now)
        self._courses = Courses(POLICIES[policy], clock.now, now, goal=goal, replicas=replicas)
        self._resume(now)

    def report(self, report: Report) -> Advice:
        """Take in what a master has seen; what it is advised. Idempotent. Raises :class:`InvalidRequest` for an epoch
        that cannot be."""
        with self._lock:
            # What it advised itself comes back: that may be beyond the limit by a few starts.
            if report.epoch > max(HIGHEST_EPOCH, self._courses.epoch):
                raise InvalidRequest("The report has an epoch that no controller ever had.", field="epoch")
            now = self._clock.monotonic()
            new = self._reports.add(report, now)
            # A process that is new here and knows an epoch heard it from the controller before.
            risen = report.epoch > self._courses.epoch or (new and report.epoch == self._courses.epoch)
            if risen:
                self._courses.rise(report.epoch + 1)
            advice = self._advice(now)
            entries = self._entries(self._courses.introduced()) if risen else []
        if risen:
            self._books.account(entries)
            self._save()
        return advice

    def tick(self) -> None:
        """Decide anew about every class; the action of a loop, each second. Never raises for an expected failure."""
        members = self._members()
        with self._lock:
            now = self._clock.monotonic()
            self._snapshot = self._reports.snapshot(now, members, self._orders.leaning(now))
            self._courses.tick(self._snapshot)
            trace = line_of(self._snapshot) if self._snapshot.masters else b""
        if trace:
            self._books.trace(trace)
        self._settle()

    def status(self) -> Answer:
        with self._lock:
            return {
                "policy": self._policy,
                "latency_goal_ms": round(self._goal * 1000, 3),
                "epoch": self._courses.epoch,
                "masters": len(self._reports.fresh(self._clock.monotonic())),
                "levels": {
                    op_class.value: course.decision.level.value for op_class, course in self._courses.classes.items()
                },
            }

    def levels(self) -> Mapping[str, float]:
        """The level of each class as a number: 0 strong, 1 hybrid, 2 available."""
        with self._lock:
            return {
                op_class.value: float(LEVELS.index(course.decision.level))
                for op_class, course in self._courses.classes.items()
            }

    def mode(self, object_id: str) -> Answer:
        with self._lock:
            now = self._clock.monotonic()
            own = of_files(self._orders, self._courses.epoch, now).get(object_id) if object_id else None
            critical = object_id in self._orders.critical
            classes = {op_class.value: self._told(op_class, own, critical) for op_class in OpClass}
            return {
                "object_id": object_id or None,
                "mode": classes[OpClass.WRITE_SMALL]["level"],
                "critical": critical,
                "policy": self._policy,
                "epoch": self._courses.epoch,
                "classes": classes,
            }

    def hint(self, wanted: Wanted) -> Answer:
        with self._lock:
            hint = self._orders.hint(wanted, self._clock.monotonic(), self._clock.now())
            return hinted(hint, self._courses.epoch)

    def override(self, wanted: Wanted) -> Answer:
        made_at = self._clock.now()
        expires_at = made_at + round(wanted.seconds * 1_000_000)
        override = Override(
            id=self._ids.new(),
            level=wanted.level,
            author=wanted.author,
            reason=wanted.reason,
            made_at=made_at,
            expires_at=expires_at,
            op_class=wanted.op_class,
            object_id=wanted.object_id,
        )
        with self._keeping() as now:
            self._orders.add(override, now + wanted.seconds)
        told = spelling.encode(override)
        self._books.account([{"kind": "override", "at": made_at, **told}])
        self._settle()
        return told

    def overrides(self) -> Answer:
        with self._lock:
            holding = self._orders.overrides(self._clock.monotonic())
        return {"overrides": [spelling.encode(override) for override in holding]}

    def clear_override(self, override_id: str, author: str) -> None:
        with self._keeping() as now:
            if override_id not in {override.id for override in self._orders.overrides(now)}:
                raise NotFound("There is no such override: it may have expired.", field="override_id")
            self._orders.clear(override_id)
        self._books.account(
            [{"kind": "override cleared", "id": override_id, "at": self._clock.now(), "author": author}]
        )
        self._settle()

    def critical_keys(self) -> Answer:
        with self._lock:
            return {"critical_keys": sorted(self._orders.critical)}

    def set_critical(self, object_id: str, author: str, *, critical: bool) -> None:
        with self._keeping():
            self._orders.mark(object_id, critical=critical)
        kind = "critical" if critical else "critical no more"
        self._note(kind, object_id, author)

    def explain(self, decision_id: str) -> Answer:
        with self._lock:
            for hint in self._orders.hints(self._clock.monotonic()):
                if decision_id == hint.id:
                    return hinted(hint, self._courses.epoch)
        entry = self._books.find(decision_id)
        if entry is None:
            raise NotFound("There is no such decision: it may be older than what is kept.", field="decision_id")
        return entry

    def history(self, after: str, limit: int) -> Answer:
        return page(self._books.newest(), after, limit)

    def inject(self, fault: Fault) -> None:
        with self._lock:
            self._orders.inject(fault, self._clock.monotonic())
        _log.warning("a drill begins", extra={"target": fault.target, "kind": fault.kind, "seconds": fault.until})

    def withdraw(self, fault_id: str) -> None:
        with self._lock:
            self._orders.withdraw(fault_id)

    def _note(self, kind: str, entry_id: str, author: str) -> None:
        self._books.account([{"kind": kind, "id": entry_id, "at": self._clock.now(), "author": author}])

    def _settle(self) -> None:
        """Turn outcomes and orders into decisions; keep and account for those that are new."""
        with self._lock:
            now = self._clock.monotonic()
            changes = self._courses.settle(lambda op_class: self._orders.holding(op_class, now))
            entries = self._entries(changes)
        for change in changes:
            decision = change.decision
            self._meters.add("consistency_switches", op_class=str(decision.op_class), level=decision.level)
            _log.info(
                "another consistency level",
                extra={"class": decision.op_class, "chosen": decision.level, "why": decision.reason, "id": decision.id},
            )
        if changes:
            self._books.account(entries)
            self._save()

    def _advice(self, now: float) -> Advice:
        return Advice(
            epoch=self._courses.epoch,
            decisions={op_class: course.decision for op_class, course in self._courses.classes.items()},
            files=of_files(self._orders, self._courses.epoch, now),
            critical=self._orders.critical,
            faults=self._orders.faults(now),
        )

    def _told(self, op_class: OpClass, own: Decision | None, critical: bool) -> dict[str, object]:
        course = self._courses.classes[op_class]
        decision = course.decision if own is None or (course.decision.forced and not own.forced) else own
        return {
            "level": (Level.STRONG if critical else decision.level).value,
            "decision": decision.id,
            "reason": "the file is critical" if critical else decision.reason,
            "forced": critical or decision.forced,
            "held": course.held,
            "predictions": {level.value: share for level, share in course.outcome.predictions.items()},
        }

    def _entries(self, changes: Iterable[Change]) -> list[dict[str, object]]:
        inputs = fields_of(self._snapshot)
        return [{**self._courses.entry(change), "policy": self._policy, "inputs": inputs} for change in changes]

    @contextmanager
    def _keeping(self) -> Iterator[float]:
        """Around a change of the orders: it is kept durably, or it does not hold."""
        with self._saving:
            with self._lock:
                before = copy.copy(self._orders)
                now = self._clock.monotonic()
                yield now
                fields = self._kept(now)
            try:
                self._books.keep_or_refuse(fields)
            except StoreUnavailable:
                with self._lock:
                    self._orders = before
                raise

    def _save(self) -> None:
        with self._saving:
            with self._lock:
                fields = self._kept(self._clock.monotonic())
            self._books.keep(fields)

    def _kept(self, now: float) -> dict[str, object]:
        return {"format": FORMAT, **self._courses.kept(now), **self._orders.kept(now)}

    def _resume(self, now: float) -> None:
        kept = self._books.kept()
        if kept is not None:
            try:
                fields = Fields(kept, "controller's memory")
                self._courses.resume(fields, now)
                self._orders.resume(fields, now, self._clock.now())
            except ValueError as error:
                _log.error("what the controller before kept makes no sense", extra={"why": str(error)})
        self._save()
        self._books.account(self._entries(self._courses.introduced()))
        self._settle()
