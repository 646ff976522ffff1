"""What a controller writes down, and that it goes on while it cannot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

from echofs.core.errors import StoreUnavailable
from echofs.ports.steering import ControllerMemory, DecisionLog

_log = logging.getLogger(__name__)


class Books:
    """Masters need advice also while the controller's disk is full: only :meth:`keep_or_refuse`, :meth:`find` and
    :meth:`newest` raise :class:`StoreUnavailable`. Other trouble is logged once, until it has ended."""

    def __init__(self, memory: ControllerMemory, audit: DecisionLog) -> None:
        self._memory = memory
        self._audit = audit
        self._troubles: set[str] = set()

    def kept(self) -> dict[str, object] | None:
        """What was last kept."""
        return self._memory.load()

    def keep(self, fields: Mapping[str, object]) -> None:
        """Keep what must outlive the process."""
        self._carefully("memory", partial(self._memory.save, fields))

    def keep_or_refuse(self, fields: Mapping[str, object]) -> None:
        """Keep what must outlive the process, or raise."""
        self._memory.save(fields)

    def account(self, entries: Iterable[Mapping[str, object]]) -> None:
        """Add to the account of decisions."""
        for entry in entries:
            self._carefully("account", partial(self._audit.append, entry))

    def trace(self, line: bytes) -> None:
        """Add to the trace."""
        self._carefully("trace", partial(self._audit.trace, line))

    def find(self, entry_id: str) -> dict[str, object] | None:
        """The newest entry of that id in the account, if it is still there."""
        return self._audit.find(entry_id)

    def newest(self) -> Iterator[dict[str, object]]:
        """The entries of the account, the newest first."""
        return self._audit.newest()

    def _carefully(self, what: str, action: Callable[[], None]) -> None:
        try:
            action()
        except StoreUnavailable as error:
            if what not in self._troubles:
                _log.error("the controller cannot write", extra={"what": what, "why": error.message})
            self._troubles.add(what)
        else:
            self._troubles.discard(what)
