"""A worker's sign of life."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from echofs.core.errors import Conflict, EchoError
from echofs.core.models import Member
from echofs.ports.cluster import ControllerClient

_log = logging.getLogger(__name__)


class Heartbeat:
    """Tells the controller every so often that this worker lives; :meth:`beat` is the action of a loop.

    ``member`` is what stays the same. ``free_bytes`` is asked for each beat; where it raises :class:`StoreUnavailable`
    the worker keeps silent, and so counts as down: without its store it is no use to anybody.
    """

    def __init__(
        self, controller: ControllerClient, member: Member, free_bytes: Callable[[], int | None] = lambda: None
    ) -> None:
        self._controller = controller
        self._member = member
        self._free_bytes = free_bytes
        self._trouble: str | None = None

    def beat(self) -> None:
        """Send one heartbeat. Never raises for an expected failure; each kind of trouble is logged once until it
        passes."""
        try:
            self._controller.heartbeat(replace(self._member, free_bytes=self._free_bytes()))
        except EchoError as error:
            if error.code != self._trouble:
                _log.warning("this worker is not in the cluster now", extra={"why": error.message})
            self._trouble = error.code
            return
        if self._trouble is not None:
            _log.info("this worker is back in the cluster")
        self._trouble = None

    def leave(self) -> None:
        """Tell the controller that this worker stops; stop beating first. Never raises: without the controller its
        silence will do."""
        if self._trouble == Conflict.code:
            return  # It would sign off the other worker of that id, which lives.
        try:
            self._controller.leave(self._member.worker_id)
        except EchoError as error:
            _log.info("the controller was not told that this worker stops", extra={"why": error.message})
