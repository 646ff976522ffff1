"""The controller's list of workers, kept by their heartbeats."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, replace

from echofs.core.errors import Conflict, StoreUnavailable
from echofs.core.membership import DOWN_AFTER_SECONDS, check_member, lasting, state_after
from echofs.core.models import Member, MemberState
from echofs.ports.cluster import MemberList
from echofs.ports.runtime import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """A worker as anybody may see it. ``silent_seconds`` is the age of its last heartbeat, None if there was none since
    the controller started; ``store_changed`` says that it came back with another disk than it left with."""

    worker_id: str
    zone: str
    state: MemberState
    silent_seconds: float | None
    store_changed: bool


@dataclass(slots=True)
class _Entry:
    member: Member
    heard_at: float | None = None
    left: bool = False
    store_changed: bool = False
    refused: tuple[str, str] | None = None
    """Address and store of the last process that claimed the same id."""


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
            known = self._entries.get(member.worker_id)
            if known is not None:
                self._refuse_twin(known, member)
            entry = _Entry(member, self._clock.monotonic())
            if known is not None:
                entry.store_changed = known.store_changed or _store_changed(known.member, member)
                entry.refused = known.refused
            self._entries[member.worker_id] = entry
            if known is None or lasting(known.member) != lasting(member):
                self._unsaved = True
        self._report(known, entry)
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
                    store_changed=entry.store_changed,
                )
                for worker_id, entry in sorted(self._entries.items())
            ]

    def _state(self, entry: _Entry, now: float) -> MemberState:
        if entry.left:
            return MemberState.DOWN
        if entry.heard_at is None:
            # This controller has just started and cannot know; "down" would stop masters from using healthy workers.
            grace = now - self._started_at < DOWN_AFTER_SECONDS
            return MemberState.SUSPECT if grace else MemberState.DOWN
        return state_after(now - entry.heard_at)

    def _refuse_twin(self, known: _Entry, member: Member) -> None:
        if self._state(known, self._clock.monotonic()) is not MemberState.UP:
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

    def _report(self, known: _Entry | None, entry: _Entry) -> None:
        member = entry.member
        if known is None:
            _log.info("worker joined", extra={"worker": member.worker_id, "zone": member.zone, "url": member.url})
        elif _store_changed(known.member, member):
            _log.error(
                "worker came back with another store; what it held is gone from it",
                extra={"worker": member.worker_id, "old_store": known.member.store_id, "new_store": member.store_id},
            )

    def _save_if_changed(self) -> None:
        """Write the list unless another thread is at it, which then sees this change too. A slow disk must delay no
        heartbeat but the one that brought the change."""
        while self._unsaved and self._saving.acquire(blocking=False):
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
