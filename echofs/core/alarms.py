"""What an administrator should look at, derived from facts. Pure: no fact is guessed, and what is not known raises no
alarm but the one that says so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from echofs.core.models import Member, MemberState
from echofs.core.placement import zones_of

SCARCE_BYTES = 64 << 20
"""Below this much room a worker is a few batches from refusing."""
LOW_BYTES = 1 << 30
LATE_SECONDS = 5400.0
"""A replica that has been due for so long should have been made. Urgent ones are due an hour before they are found
missing, so less says nothing."""
SILENT_SECONDS = 60.0
"""The jobs report every few seconds."""
FOLLOWER_SECONDS = 30.0
"""A copy of the heads as old as this is no longer kept up."""
FILLING, FULL = 0.5, 0.9
"""Shares of the journal's room."""


class Severity(StrEnum):
    """``critical``: promises are at risk or something does not work. ``warning``: it will, if nobody looks."""

    CRITICAL = "critical"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Alarm:
    """One sentence for people."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What one master knows. None stands for what is not known.

    ``late_seconds`` is how long the longest due replica has been due, 0 if none is. ``few`` counts chunks with fewer
    than two replicas, by the last pass of the sweep; ``jobs_silent`` is how long ago the jobs last reported.
    ``spool_share`` is how much of the journal's room is taken, from 0 to 1, ``waiting`` how many versions wait in it;
    ``follower_age`` is in seconds, None also where no copy is kept.
    """

    catalog: bool = True
    controller: bool = True
    can_write: bool = True
    redis: bool | None = None
    members: Sequence[Member] = ()
    avoided: Sequence[str] = ()
    late_seconds: float | None = 0.0
    jobs_holder: str | None = ""
    jobs_silent: float | None = None
    few: int | None = None
    journal: bool = True
    spool_share: float = 0.0
    waiting: int = 0
    follower_age: float | None = None


def alarms(facts: Facts) -> list[Alarm]:
    """The most severe first."""
    found = [*_services(facts), *_workers(facts), *_repair(facts), *_journal(facts)]
    return sorted(found, key=lambda alarm: alarm.severity is not Severity.CRITICAL)


def _services(facts: Facts) -> Iterator[Alarm]:
    if not facts.catalog:
        yield _critical("The catalog does not answer: look at the database.")
    if not facts.controller:
        yield _warning("The controller does not answer: workers cannot join or leave, and levels are not adapted.")
    if facts.redis is False:
        yield _warning("Redis does not answer: limits count for each process, and hybrid reads ask the catalog.")
    if facts.catalog and facts.follower_age is not None and facts.follower_age > FOLLOWER_SECONDS:
        yield _warning(f"This host's copy of the heads is {facts.follower_age:.0f} s old and is not kept up.")


def _workers(facts: Facts) -> Iterator[Alarm]:
    if not facts.members:
        yield _critical("No worker has joined yet: start at least two.")
        return
    if not facts.can_write and facts.catalog:
        yield _critical("Too few workers are up for strong writes: start the missing ones.")
    zones = zones_of(facts.members, [member.worker_id for member in facts.members if member.takes_chunks])
    if len(zones) == 1:
        yield _warning(
            f"All workers that take chunks are in one zone, {zones.pop()}: one failure can hit all replicas."
        )
    for member in facts.members:
        yield from _worker(member, avoided=member.worker_id in facts.avoided)


def _worker(member: Member, *, avoided: bool) -> Iterator[Alarm]:
    name = member.worker_id
    if member.state is MemberState.DOWN:
        yield _warning(f"The worker {name} is down: start it, or remove it for good.")
        return
    if member.state is MemberState.SUSPECT:
        yield _warning(f"The worker {name} has been silent for a while.")
    elif avoided:
        yield _warning(f"The worker {name} fails or is slow for this master, which avoids it.")
    if member.free_bytes is not None and member.free_bytes < LOW_BYTES:
        left = f"The worker {name} has {member.free_bytes >> 20} MiB left: add room or another worker."
        yield _critical(left) if member.free_bytes < SCARCE_BYTES else _warning(left)


def _repair(facts: Facts) -> Iterator[Alarm]:
    if facts.jobs_holder == "":
        yield _critical("No jobs process is at work, so nothing is repaired: start `echofs jobs`.")
    elif facts.controller and facts.jobs_silent is not None and facts.jobs_silent > SILENT_SECONDS:
        yield _warning(f"The jobs have not reported for {facts.jobs_silent:.0f} s: look at their log.")
    if facts.few:
        yield _critical(f"Chunks with fewer than two replicas: {facts.few}, as of the last sweep.")
    if facts.late_seconds is not None and facts.late_seconds > LATE_SECONDS:
        yield _warning(f"Repair is behind: a replica has been due for {facts.late_seconds / 60:.0f} minutes.")


def _journal(facts: Facts) -> Iterator[Alarm]:
    if not facts.journal:
        yield _critical("This host's journal cannot be used: look at its disk.")
        return
    if facts.spool_share >= FILLING:
        filled = f"This host's journal takes {facts.spool_share:.0%} of its room (SPOOL_SIZE)."
        yield _critical(filled) if facts.spool_share >= FULL else _warning(filled)
    if facts.waiting and facts.catalog:
        yield _warning(f"Versions that wait for the catalog on this host: {facts.waiting}.")


def _critical(text: str) -> Alarm:
    return Alarm(Severity.CRITICAL, text)


def _warning(text: str) -> Alarm:
    return Alarm(Severity.WARNING, text)
