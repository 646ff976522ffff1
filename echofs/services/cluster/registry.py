"""The controller's list of workers, kept by their heartbeats."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field, replace

from echofs.core.errors import Conflict, NotFound, StoreUnavailable, Unavailable
from echofs.core.membership import HEARTBEAT_SECONDS, SETTLED_BEATS, START_SECONDS, check_member, lasting, state_after
from echofs.core.models import Intent, Member, MemberState
from echofs.core.phi import HeartbeatWindow
from echofs.ports.cluster import MemberList
from echofs.ports.runtime import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """A worker as anybody may see it. ``silent_seconds`` is the age of its last heartbeat, None if there was none since
    the controller started, and ``phi`` how strongly that suggests that it is down; ``store_changed`` says that it came
    back with another disk than it left with."""

    worker_id: str
    zone: str
    state: MemberState
    silent_seconds: float | None
    phi: float | None
    store_changed: bool


@dataclass(slots=True)
class _Entry:
    member: Member
    heard_at: float | None = None
    rhythm: HeartbeatWindow = field(default_factory=lambda: HeartbeatWindow(HEARTBEAT_SECONDS))
    beats_to_settle: int = 0
    left: bool = False
    store_changed: bool = False
    refused: tuple[str, str] | None = None
    """Address and store of the last process that claimed the same id."""

    def hear(self, member: Member, now: float) -> None:
        """A heartbeat came. An interval after which the worker counted as down was an outage, not its rhythm."""
        if self.heard_at is not None and not self.left and self.liveness(now) is not MemberState.DOWN:
            self.rhythm.add(now - self.heard_at)
        self.store_changed = self.store_changed or _store_changed(self.member, member)
        self.member = replace(member, intent=self.member.intent)
        self.heard_at = now
        self.left = False
        self.beats_to_settle = max(self.beats_to_settle - 1, 0)

    def liveness(self, now: float) -> MemberState:
        """Whether a worker that has been heard is up, suspect or down."""
        if self.left or self.heard_at is None:
            return MemberState.DOWN
        return state_after(now - self.heard_at, self.rhythm)


class MemberRegistry:
    """Thread-safe; belongs in one process. A worker once heard of is never forgotten: chunks may lie on it."""

    def __init__(self, saved: MemberList, clock: Clock) -> None:
        self._saved = saved
        self._clock = clock
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._unsaved = False
        self._save_failed = False
        self._started_at = clock.monotonic()
        self._entries = {member.worker_id: _Entry(member) for member in saved.load()}

    def heartbeat(self, member: Member) -> None:
        """Register a worker or note that it lives. Idempotent.

        Raises :class:`InvalidRequest` for a claim no worker may make, and :class:`Conflict` while another live process
        has the same id: two stores behind one name would each hold half of what masters believe to be there.
        """
        check_member(member)
        with self._lock:
            now = self._clock.monotonic()
            known = self._entries.get(member.worker_id)
            before = known.member if known is not None else None
            if known is not None:
                self._refuse(known, member, now)
            else:
                known = _Entry(replace(member, intent=Intent.UP), beats_to_settle=SETTLED_BEATS)
                self._entries[member.worker_id] = known
            known.hear(member, now)
            if before is None or lasting(before) != lasting(known.member):
                self._unsaved = True
        self._report(before, member)
        self._save_if_changed()

    def leave(self, worker_id: str) -> None:
        """A worker stops: it counts as down from now on, not only when its silence is noticed. Idempotent; unknown
        workers are ignored."""
        with self._lock:
            entry = self._entries.get(worker_id)
            if entry is None or entry.left:
                return
            entry.left = True
        _log.info("worker left", extra={"worker": worker_id})

    def set_intent(self, worker_id: str, intent: Intent) -> None:
        """The operator wants a worker to be emptied, removed or taken back; kept across restarts. Idempotent.

        Raises :class:`NotFound` for a worker never heard of, :class:`Conflict` for one to be removed that serves
        requests and was not emptied first, and :class:`Unavailable` if it holds only until the controller stops,
        because the list cannot be saved.
        """
        with self._lock:
            entry = self._entries.get(worker_id)
            if entry is None:
                raise NotFound(f"There is no worker {worker_id!r}.", field="worker_id")
            member = entry.member
            serving = self._state(entry, self._clock.monotonic()) is not MemberState.DOWN
            if intent is Intent.GONE and member.intent is Intent.UP and serving:
                raise Conflict(
                    f"The worker {worker_id!r} serves requests: drain it first, and wait until nothing is owed.",
                    field="intent",
                )
            if member.intent is intent:
                return
            entry.member = replace(member, intent=intent)
            self._unsaved = True
        _log.info("the operator decided about a worker", extra={"worker": worker_id, "intent": intent.value})
        self._save_if_changed(wait=True)
        if self._unsaved:
            raise Unavailable(
                "This holds until the controller stops: its list of workers cannot be saved. See its log."
            )

    def members(self) -> list[Member]:
        """All workers ever heard of, by id, with their present state."""
        with self._lock:
            now = self._clock.monotonic()
            return [replace(entry.member, state=self._state(entry, now)) for _, entry in sorted(self._entries.items())]

    def status(self) -> list[MemberStatus]:
        """All workers by id, without their addresses."""
        with self._lock:
            now = self._clock.monotonic()
            return [
                MemberStatus(
                    worker_id=worker_id,
                    zone=entry.member.zone,
                    state=self._state(entry, now),
                    silent_seconds=None if entry.heard_at is None else now - entry.heard_at,
                    phi=None if entry.heard_at is None else entry.rhythm.phi(now - entry.heard_at),
                    store_changed=entry.store_changed,
                )
                for worker_id, entry in sorted(self._entries.items())
            ]

    def _state(self, entry: _Entry, now: float) -> MemberState:
        if entry.member.intent is Intent.GONE:
            return MemberState.GONE
        if entry.heard_at is None and not entry.left:
            # This controller has just started and cannot know; "down" would stop masters from using healthy workers.
            return MemberState.SUSPECT if now - self._started_at < START_SECONDS else MemberState.DOWN
        liveness = entry.liveness(now)
        if liveness is not MemberState.UP:
            return liveness
        if entry.member.intent is Intent.DRAINING:
            return MemberState.DRAINING
        return MemberState.JOINING if entry.beats_to_settle else MemberState.UP

    def _refuse(self, known: _Entry, member: Member, now: float) -> None:
        """Raise :class:`Conflict` if the heartbeat must not count."""
        if known.member.intent is Intent.GONE:
            raise Conflict(
                f"The worker {member.worker_id!r} was removed from the cluster: stop it, or take it back with "
                f"`echofs admin workers undrain {member.worker_id}`.",
                field="worker_id",
            )
        if known.liveness(now) is not MemberState.UP:
            return
        if known.member.url == member.url and not _store_changed(known.member, member):
            return
        newcomer = (member.url, member.store_id)
        if known.refused != newcomer:
            _log.error(
                "two live processes claim one worker id; the newcomer is refused",
                extra={"worker": member.worker_id, "known_url": known.member.url, "newcomer_url": member.url},
            )
        known.refused = newcomer
        raise Conflict(
            f"Another live worker has the id {member.worker_id!r}: give each its own WORKER_ID, or stop the other one.",
            field="worker_id",
        )

    def _report(self, known: Member | None, member: Member) -> None:
        if known is None:
            _log.info("worker joined", extra={"worker": member.worker_id, "zone": member.zone, "url": member.url})
        elif _store_changed(known, member):
            _log.error(
                "worker came back with another store; what it held is gone from it",
                extra={"worker": member.worker_id, "old_store": known.store_id, "new_store": member.store_id},
            )

    def _save_if_changed(self, *, wait: bool = False) -> None:
        """Write the list; unless told to ``wait`` leave it to another thread that is at it, which then sees this change
        too. A slow disk must delay no heartbeat but the one that brought the change."""
        while self._unsaved and self._saving.acquire(blocking=wait):
            try:
                if not self._save():
                    return
            finally:
                self._saving.release()

    def _save(self) -> bool:
        with self._lock:
            self._unsaved = False
            members = [entry.member for _, entry in sorted(self._entries.items())]
        try:
            self._saved.save(members)
        except StoreUnavailable as error:
            self._unsaved = True
            if not self._save_failed:
                _log.error("the list of workers cannot be saved", extra={"why": error.message})
            self._save_failed = True
            return False
        self._save_failed = False
        return True


def _store_changed(known: Member, member: Member) -> bool:
    return known.store_id != "" and known.store_id != member.store_id
