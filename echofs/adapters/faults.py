"""The way to workers with an operator's faults in it (``echofs drill``), for a process whose links are well."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from echofs.core.errors import StoreUnavailable
from echofs.core.faults import Fault, FaultKind
from echofs.core.models import ChunkKind, Digest, Member
from echofs.ports.chunks import Fetch, Frame, StoreExchange, StoreReply, WorkerClient

_LOOK_SECONDS = 0.05
"""How often a call that is held looks whether its fault is over."""
_HEALTH_SECONDS = 1.0

Faults = Callable[[], Sequence[Fault]]
"""The faults of the moment."""


class FaultyWorkers(WorkerClient):
    """Passes calls on to ``workers`` unless a fault concerns the worker: a cut holds them until it is over or
    ``timeout`` seconds have passed, as a lost network does; a delay holds each for its time."""

    def __init__(
        self,
        workers: WorkerClient,
        faults: Faults,
        *,
        timeout: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._workers = workers
        self._faults = faults
        self._timeout = timeout
        self._monotonic = monotonic
        self._sleep = sleep

    def exchange(self) -> StoreExchange:
        return _FaultyExchange(self._workers.exchange(), self._faults, self._timeout, self._monotonic)

    def fetch(self, member: Member, digests: Sequence[Digest]) -> dict[Digest, bytes | memoryview]:
        self._hold(member, self._timeout)
        return self._workers.fetch(member, digests)

    def begin_fetch(self, member: Member, digests: Sequence[Digest]) -> Fetch | None:
        faulty = _fault_of(self._faults(), member.worker_id) is not None
        return None if faulty else self._workers.begin_fetch(member, digests)

    def present(self, member: Member, digests: Iterable[Digest]) -> set[Digest]:
        self._hold(member, self._timeout)
        return self._workers.present(member, digests)

    def listed(self, member: Member, kind: ChunkKind, after: Digest = "") -> list[Digest]:
        self._hold(member, self._timeout)
        return self._workers.listed(member, kind, after)

    def remove(self, member: Member, kind: ChunkKind, digests: Sequence[Digest]) -> None:
        self._hold(member, self._timeout)
        self._workers.remove(member, kind, digests)

    def health(self, member: Member) -> dict[str, object]:
        self._hold(member, _HEALTH_SECONDS)
        return self._workers.health(member)

    def _hold(self, member: Member, patience: float) -> None:
        """Raises :class:`StoreUnavailable` when the patience ends before the fault."""
        began = self._monotonic()
        while (fault := _fault_of(self._faults(), member.worker_id)) is not None:
            held = self._monotonic() - began
            if fault.kind is FaultKind.DELAY and held >= fault.seconds:
                return
            if held >= patience:
                raise StoreUnavailable(f"{member.worker_id} is cut off by a drill.")
            self._sleep(_LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class _Held:
    """A batch that was not sent yet: ``due`` is when a delayed one is, or when a cut off one is given up."""

    batch: int
    member: Member
    frames: Sequence[Frame]
    due: float
    cut: bool


class _FaultyExchange(StoreExchange):
    """Numbers its batches itself, since those it holds have no number of the exchange behind it."""

    def __init__(self, exchange: StoreExchange, faults: Faults, timeout: float, monotonic: Callable[[], float]) -> None:
        self._exchange = exchange
        self._faults = faults
        self._timeout = timeout
        self._monotonic = monotonic
        self._count = 0
        self._ours: dict[int, int] = {}
        self._held: list[_Held] = []
        self._given_up: list[_Held] = []

    def send(self, member: Member, frames: Sequence[Frame]) -> int:
        self._count += 1
        fault = _fault_of(self._faults(), member.worker_id)
        if fault is None:
            self._pass_on(self._count, member, frames)
        else:
            cut = fault.kind is FaultKind.CUT
            due = self._monotonic() + (self._timeout if cut else fault.seconds)
            self._held.append(_Held(self._count, member, frames, due, cut))
        return self._count

    def wait(self, timeout: float) -> list[StoreReply]:
        self._release()
        if self._held and not self._given_up:
            timeout = min(timeout, _LOOK_SECONDS)
        answered = self._exchange.wait(0 if self._given_up else timeout)
        replies = [replace(reply, batch=self._ours.pop(reply.batch)) for reply in answered]
        given_up, self._given_up = self._given_up, []
        return [*replies, *map(_unreachable, given_up)]

    def wake(self) -> None:
        self._exchange.wake()

    @property
    def pending(self) -> bool:
        return bool(self._held or self._given_up) or self._exchange.pending

    def abandon(self, worker_id: str) -> None:
        self._given_up += [held for held in self._held if held.member.worker_id == worker_id]
        self._held = [held for held in self._held if held.member.worker_id != worker_id]
        self._exchange.abandon(worker_id)

    def close(self) -> None:
        self._held.clear()
        self._exchange.close()

    def _release(self) -> None:
        """Send what is due or no longer concerned, and give up what was cut off for too long."""
        now, faults = self._monotonic(), self._faults()
        waiting, self._held = self._held, []
        for held in waiting:
            if _fault_of(faults, held.member.worker_id) is None or (now >= held.due and not held.cut):
                self._pass_on(held.batch, held.member, held.frames)
            elif now >= held.due:
                self._given_up.append(held)
            else:
                self._held.append(held)

    def _pass_on(self, batch: int, member: Member, frames: Sequence[Frame]) -> None:
        self._ours[self._exchange.send(member, frames)] = batch


def _fault_of(faults: Sequence[Fault], worker_id: str) -> Fault | None:
    """The fault that concerns a worker; a cut before a delay."""
    found = [fault for fault in faults if fault.worker_id == worker_id]
    return next((fault for fault in found if fault.kind is FaultKind.CUT), found[0] if found else None)


def _unreachable(held: _Held) -> StoreReply:
    reason = f"{held.member.worker_id} is cut off by a drill."
    return StoreReply(
        held.batch, held.member.worker_id, (), {frame.digest: reason for frame in held.frames}, unreachable=True
    )
