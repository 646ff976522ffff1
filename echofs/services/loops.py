"""Work done again and again in the background of a process. Threads start on :meth:`start`, so never at import and,
as gunicorn's hooks call it, never before a fork."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence

from echofs.core.errors import EchoError

JITTER = 0.1
"""Share by which a pause varies, so that processes started together do not keep in step."""
STOP_SECONDS = 5.0

_log = logging.getLogger(__name__)


class Loop:
    """Calls ``action``, waits about ``interval_seconds``, and so on until stopped.

    An action that fails never ends the loop: each kind of exception is logged once until a round succeeds.
    """

    def __init__(self, name: str, interval_seconds: float, action: Callable[[], object]) -> None:
        self.name = name
        self._interval = interval_seconds
        self._action = action
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._failures: set[type[Exception]] = set()

    def start(self) -> None:
        """Begin, with the first round at once. Idempotent; works again after :meth:`stop`."""
        with self._lock:
            if self._thread is not None:
                return
            self._stopping = threading.Event()
            self._thread = threading.Thread(target=self._run, args=(self._stopping,), name=self.name, daemon=True)
            self._thread.start()

    def stop(self, timeout: float = STOP_SECONDS) -> bool:
        """Ask for the end and wait for it, at most ``timeout`` seconds; whether it came. Idempotent.

        A round under way is not interrupted. One that outlasts the time is left to end by itself; no other follows it.
        """
        self.ask_to_stop()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is None or thread is threading.current_thread():
            return True
        thread.join(timeout)
        if thread.is_alive():
            _log.warning("background work did not end in time", extra={"loop": self.name})
        return not thread.is_alive()

    def ask_to_stop(self) -> None:
        """Begin to stop without waiting."""
        self._stopping.set()

    def turn(self) -> bool:
        """One round, in the caller's thread; whether the action succeeded. Never raises."""
        try:
            self._action()
        except Exception as error:
            self._note(error)
            return False
        if self._failures:
            _log.info("background work goes on as usual", extra={"loop": self.name})
            self._failures.clear()
        return True

    def _run(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            self.turn()
            stopping.wait(self._interval * random.uniform(1 - JITTER, 1 + JITTER))

    def _note(self, error: Exception) -> None:
        if type(error) in self._failures:
            return
        self._failures.add(type(error))
        if isinstance(error, EchoError):
            _log.warning("background work failed", extra={"loop": self.name, "why": error.message})
        else:
            _log.error("background work failed", extra={"loop": self.name}, exc_info=error)


class Loops:
    """All a process does besides answering: its loops, and the last steps once they have stopped, in order."""

    def __init__(self, *loops: Loop, on_stop: Sequence[Callable[[], object]] = ()) -> None:
        self._loops = loops
        self._on_stop = tuple(on_stop)
        self._lock = threading.Lock()
        self._running = False

    def start(self) -> None:
        """Start every loop. Idempotent."""
        with self._lock:
            self._running = True
            for loop in self._loops:
                loop.start()

    def stop(self) -> None:
        """Stop every loop, then take the last steps; one that fails is logged and the next follows. Idempotent; without
        :meth:`start` it does nothing."""
        with self._lock:
            if not self._running:
                return
            self._running = False
            for loop in self._loops:
                loop.ask_to_stop()
            for loop in self._loops:
                loop.stop()
            for step in self._on_stop:
                try:
                    step()
                except Exception as error:
                    _log.error("a last step failed", exc_info=error)
