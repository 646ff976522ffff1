"""Not waiting again for a catalog that was just waited for in vain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from echofs.adapters.catalog.races import LostRace
from echofs.core.errors import CatalogUnavailable

LONG_SECONDS = 1.0
"""After a failure this slow, the next call would wait just as long."""
REST_SECONDS = 1.0
"""How long calls are refused then, and how far apart those are that try again."""


class CatalogBusy(CatalogUnavailable):
    """The catalog is alive, but this call ran into one of its limits."""


class Standstill:
    """A circuit breaker (Nygard, *Release It!*): when a call failed after a long wait, those behind it are refused at
    once instead of waiting for their turn to fail. One call in :data:`REST_SECONDS` goes ahead to see whether the
    catalog moves again, and the first success opens the way. Thread-safe.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._until: float | None = None

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Around one call. Raises :class:`CatalogUnavailable` while the catalog stands still."""
        self._admit()
        started = self._monotonic()
        answered = True
        try:
            yield
        except CatalogUnavailable as error:
            answered = isinstance(error, LostRace | CatalogBusy)
            raise
        finally:
            self._note(answered, started)

    def _admit(self) -> None:
        if self._until is None:
            return
        with self._lock:
            now = self._monotonic()
            if self._until is not None and now < self._until:
                raise CatalogUnavailable("The catalog does not answer; try again shortly.")
            # This call goes ahead; the others wait for its outcome, or for their own turn.
            self._until = now + REST_SECONDS

    def _note(self, answered: bool, started: float) -> None:
        with self._lock:
            now = self._monotonic()
            if answered:
                self._until = None
            elif now - started >= LONG_SECONDS:
                self._until = now + REST_SECONDS
