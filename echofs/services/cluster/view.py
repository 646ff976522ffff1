"""The cluster as one master or jobs process sees it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

from echofs.core.errors import EchoError, StoreUnavailable
from echofs.core.membership import Lasting, lasting
from echofs.core.models import Intent, Member, MemberState
from echofs.ports.cluster import ControllerClient, MemberList
from echofs.ports.runtime import Clock
from echofs.services.cluster.links import Call, Links

SILENT_AFTER_SECONDS = 5.0
"""Without word from the controller for this long its last verdicts are too old to keep anybody from being tried."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Picture:
    """Everything derived from one list of members, so that questions cost no computing. Replaced, never changed."""

    members: tuple[Member, ...]
    """All but those an operator has removed."""
    zones: Mapping[str, str]
    down: frozenset[str]
    takers: frozenset[str]
    gone: tuple[Member, ...]

    @classmethod
    def of(cls, members: Iterable[Member]) -> _Picture:
        everybody = sorted(members, key=lambda member: member.worker_id)
        ordered = tuple(member for member in everybody if member.intent is not Intent.GONE)
        gone = tuple(member for member in everybody if member.intent is Intent.GONE)
        zones = MappingProxyType({member.worker_id: member.zone for member in ordered})
        down = frozenset(member.worker_id for member in ordered if member.state is MemberState.DOWN)
        takers = frozenset(member.worker_id for member in ordered if member.takes_chunks)
        return cls(ordered, zones, down, takers, gone)


class MemberView:
    """Members by the controller's word and by this process's own experience. Thread-safe; only :meth:`refresh` waits
    for anything.

    The list of the last run is loaded at once, so a master that starts while the controller is away can work.
    ``on_return`` is called with a worker's id when it is up again after having been suspect or down; if it raises an
    expected error it is called again after the next refresh.
    """

    def __init__(
        self,
        controller: ControllerClient,
        saved: MemberList,
        clock: Clock,
        *,
        on_return: Callable[[str], None] = lambda worker_id: None,
    ) -> None:
        self.on_return = on_return
        self._controller = controller
        self._saved = saved
        self._clock = clock
        self.links = Links(clock)
        self._refreshing = threading.Lock()
        self._heard_at: float | None = None
        self._returned: dict[str, bool] = {}
        """Returns still to be announced, and whether it was logged that this failed."""
        self._trouble: str | None = None
        self._save_failed = False
        # What was true when the list was saved says nothing about now.
        self._picture = _Picture.of(replace(member, state=MemberState.SUSPECT) for member in saved.load())
        self._saved_fields = _lasting_fields(self._listed())

    def refresh(self) -> None:
        """Ask the controller once; keep the last list when it does not answer. The action of a loop.

        Never raises for an expected failure. Trouble is logged when it begins and when it ends.
        """
        with self._refreshing:
            try:
                members = self._controller.members()
            except EchoError as error:
                if error.code != self._trouble:
                    _log.warning(
                        "no word from the controller; going on with what is known", extra={"why": error.message}
                    )
                self._trouble = error.code
            else:
                if self._trouble is not None:
                    _log.info("the controller answers again")
                self._trouble = None
                self._adopt(members)
            self._announce_returns()

    def members(self) -> list[Member]:
        """All known workers that were not removed, by id, with their state as far as it can be told now.

        A worker that did not answer this process is suspect even if the controller hears it. Without the controller
        one that did not answer is down and one that the controller last called down is suspect.
        """
        picture = self._picture
        suspected = self.links.unavailable()
        if self.controller_heard:
            if not suspected:
                return list(picture.members)
            return [_doubted(member) if member.worker_id in suspected else member for member in picture.members]
        return [_unheard(member, member.worker_id in suspected) for member in picture.members]

    def everybody(self) -> list[Member]:
        """All workers ever heard of, by id: :meth:`members`, and those an operator removed."""
        return sorted([*self.members(), *self._picture.gone], key=lambda member: member.worker_id)

    def zones(self) -> Mapping[str, str]:
        """The zone of every known worker; the same mapping until the next refresh."""
        return self._picture.zones

    def gone(self) -> frozenset[str]:
        """The workers an operator has removed: they are in no other answer of this view."""
        return frozenset(member.worker_id for member in self._picture.gone)

    def unavailable(self) -> frozenset[str]:
        """Workers not worth trying first: down by the controller's word while that is fresh, or failing for this
        process lately."""
        return self._with_word(self.links.unavailable())

    def takers(self) -> frozenset[str]:
        """The workers that new chunks may be given to now."""
        return self._picture.takers - self.unavailable()

    def avoided(self, call: Call) -> frozenset[str]:
        """The workers a request that is about to choose should turn to last: unavailable ones, but for a trial now and
        then, and slow ones. Ask once for each request, and only then (:meth:`Links.avoided`)."""
        return self._with_word(self.links.avoided(call))

    def observe(self, worker_id: str, seconds: float, ok: bool, call: Call) -> None:
        """A request to the worker ended after so long; ``ok`` unless the connection failed or went silent. Refusals
        that a worker itself spoke are answers."""
        self.links.observe(worker_id, seconds, ok, call)

    @contextmanager
    def asking(self, worker_id: str, call: Call) -> Iterator[None]:
        """Observe the request made inside: it is over at the end, and failed with :class:`StoreUnavailable`."""
        begun = self._clock.monotonic()
        try:
            yield
        except StoreUnavailable:
            self.observe(worker_id, self._clock.monotonic() - begun, False, call)
            raise
        self.observe(worker_id, self._clock.monotonic() - begun, True, call)

    def hedge_after(self, worker_id: str) -> float:
        """After how many seconds another worker is asked as well (:meth:`Links.hedge_after`)."""
        return self.links.hedge_after(worker_id)

    def overdue_after(self, worker_id: str, call: Call) -> float:
        """How many seconds an answer may take before nobody should wait for it any longer."""
        return self.links.overdue_after(worker_id, call)

    def overdue(self, worker_id: str, seconds: float, call: Call) -> bool:
        """Whether an answer awaited for so long should be awaited no longer (:meth:`Links.overdue`)."""
        return self.links.overdue(worker_id, seconds, call)

    def _with_word(self, own: frozenset[str]) -> frozenset[str]:
        """What this process believes itself, and the controller's verdicts while they are fresh."""
        down = self._picture.down
        return down | own if down and self.controller_heard else own

    @property
    def controller_heard(self) -> bool:
        """Whether the controller answered within the last five seconds."""
        return self._heard_at is not None and self._clock.monotonic() - self._heard_at < SILENT_AFTER_SECONDS

    def _adopt(self, heard: list[Member]) -> None:
        before = {member.worker_id: member for member in self._listed()}
        # A controller that lost its list still knows nobody; the chunks lie where they lay.
        after = {worker_id: replace(member, state=MemberState.SUSPECT) for worker_id, member in before.items()}
        after.update((member.worker_id, member) for member in heard)
        self._picture = _Picture.of(after.values())
        self._heard_at = self._clock.monotonic()
        for worker_id, member in after.items():
            known = before.get(worker_id)
            if known and not known.state.serving and member.state.serving:
                self.links.forgive(worker_id)
                self._returned.setdefault(worker_id, False)
        self._save_if_changed()

    def _listed(self) -> list[Member]:
        return [*self._picture.members, *self._picture.gone]

    def _announce_returns(self) -> None:
        for worker_id, logged in list(self._returned.items()):
            try:
                self.on_return(worker_id)
            except EchoError as error:
                if not logged:
                    _log.warning("return not acted upon yet", extra={"worker": worker_id, "why": error.message})
                self._returned[worker_id] = True
            else:
                del self._returned[worker_id]

    def _save_if_changed(self) -> None:
        members = self._listed()
        fields = _lasting_fields(members)
        if fields == self._saved_fields:
            return
        try:
            self._saved.save(members)
        except StoreUnavailable as error:
            if not self._save_failed:
                _log.error("the list of workers cannot be saved", extra={"why": error.message})
            self._save_failed = True
            return
        self._save_failed = False
        self._saved_fields = fields


def _lasting_fields(members: Iterable[Member]) -> dict[str, Lasting]:
    return {member.worker_id: lasting(member) for member in members}


def _doubted(member: Member) -> Member:
    return replace(member, state=MemberState.SUSPECT) if member.state.serving else member


def _unheard(member: Member, suspected: bool) -> Member:
    if suspected:
        return replace(member, state=MemberState.DOWN)
    return replace(member, state=MemberState.SUSPECT) if member.state is MemberState.DOWN else member
