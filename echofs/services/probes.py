"""Questions that may hang, asked so that whoever wants to know never waits for long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from echofs.core.errors import EchoError, Unavailable
from echofs.ports.runtime import Clock

PATIENCE_SECONDS = 0.3

Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Asking(Generic[Answer]):
    started_at: float
    finished: threading.Event
    answer: Answer | None = None
    error: Exception | None = None


class Probe(Generic[Answer]):
    """Asks ``question`` at most once in ``every_seconds`` and shares the outcome between threads.

    The question runs in a thread of its own, one at a time: if it hangs, callers learn after ``patience_seconds`` that
    there is no answer, and no second thread gets stuck behind the first.
    """

    def __init__(
        self,
        question: Callable[[], Answer],
        clock: Clock,
        *,
        every_seconds: float,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._question = question
        self._clock = clock
        self._every = every_seconds
        self._patience = patience_seconds
        self._lock = threading.Lock()
        self._asking: _Asking[Answer] | None = None

    def ask(self) -> Answer:
        """The answer, no older than ``every_seconds``. Raises :class:`Unavailable` when the question fails or hangs."""
        asking = self._current()
        if not asking.finished.is_set():
            waited = self._clock.monotonic() - asking.started_at
            asking.finished.wait(max(self._patience - waited, 0))
        if not asking.finished.is_set():
            raise Unavailable("No answer yet.")
        if asking.error is not None:
            raise Unavailable(asking.error.message if isinstance(asking.error, EchoError) else "It failed.") from (
                asking.error
            )
        return asking.answer  # type: ignore[return-value]  # set whenever there is no error

    def _current(self) -> _Asking[Answer]:
        with self._lock:
            asking = self._asking
            now = self._clock.monotonic()
            if asking is None or (asking.finished.is_set() and now - asking.started_at >= self._every):
                asking = self._asking = _Asking(now, threading.Event())
                threading.Thread(target=self._run, args=(asking,), name="probe", daemon=True).start()
            return asking

    def _run(self, asking: _Asking[Answer]) -> None:
        try:
            asking.answer = self._question()
        except Exception as error:
            asking.error = error
        finally:
            asking.finished.set()
