"""Faults that an operator puts into the own cluster for a while, to see what it does (``echofs drill``)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from echofs.core.errors import InvalidRequest
from echofs.core.fields import Fields
from echofs.core.membership import CONTROLLER, WORKER_ID

CATALOG = "catalog"
WORKER = "worker:"
LONGEST_SECONDS = 3600.0
LONGEST_DELAY_SECONDS = 30.0
_ID = re.compile(r"[\x21-\x7e]{1,64}")


class FaultKind(StrEnum):
    """What happens to calls to the target."""

    CUT = "cut"
    """They go unanswered."""
    DELAY = "delay"
    """Each takes longer."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``target`` is ``catalog``, ``controller`` or ``worker:<id>``. ``seconds`` is what a delayed call takes more, 0
    for a cut. ``until`` is when it ends, in seconds from now as it travels and by the monotonic clock of the process
    that holds it."""

    id: str
    target: str
    kind: FaultKind
    until: float
    seconds: float = 0.0

    @property
    def worker_id(self) -> str | None:
        """The worker that it concerns, if it is one."""
        return self.target.removeprefix(WORKER) if self.target.startswith(WORKER) else None


def encode(fault: Fault) -> dict[str, object]:
    """The fault as JSON has it."""
    return {
        "id": fault.id,
        "target": fault.target,
        "kind": fault.kind.value,
        "until": fault.until,
        "seconds": fault.seconds,
    }


def decode(parsed: object) -> Fault:
    """Inverse of :func:`encode`. Raises :class:`InvalidRequest` naming what is missing or impossible: a fault lasts an
    hour at most and delays a call by 30 seconds at most."""
    try:
        fields = Fields(parsed, "fault")
        fault = Fault(
            id=fields.text("id"),
            target=fields.text("target"),
            kind=_kind(fields.text("kind")),
            until=fields.decimal("until", most=LONGEST_SECONDS),
            seconds=fields.decimal("seconds", most=LONGEST_DELAY_SECONDS),
        )
    except ValueError as error:
        raise InvalidRequest(f"The fault makes no sense: {error}.", field="fault") from None
    _check(fault)
    return fault


def _kind(name: str) -> FaultKind:
    if name not in set(FaultKind):
        raise InvalidRequest(f"A fault's kind is one of {', '.join(FaultKind)}.", field="kind")
    return FaultKind(name)


def _check(fault: Fault) -> None:
    if not _ID.fullmatch(fault.id):
        raise InvalidRequest("A fault's id is 1 to 64 printable characters.", field="id")
    worker_id = fault.worker_id
    known = fault.target in (CATALOG, CONTROLLER) if worker_id is None else bool(WORKER_ID.fullmatch(worker_id))
    if not known:
        raise InvalidRequest("A fault's target is catalog, controller or worker:<id>.", field="target")
    if (fault.kind is FaultKind.DELAY) != (fault.seconds > 0):
        raise InvalidRequest("A delay has seconds above 0, and a cut has none.", field="seconds")
