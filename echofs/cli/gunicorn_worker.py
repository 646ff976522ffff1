"""Gunicorn's threaded worker, sparing small requests the way through its main thread."""

from __future__ import annotations

import select
import threading
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

STAY_MILLISECONDS = 50


class StayingThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A thread that answered a request waits a moment for the next one on the same connection.

    Gunicorn hands every connection back to the main thread, which polls it and hands it to a thread again: two wake-ups
    and ten system calls a request, a tenth of a master's processor time and a fifth of a worker's under many small
    requests. At most half of the threads wait like this, and none while a request waits for a thread, so idle
    connections never keep others from being served.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = threading.BoundedSemaphore(max(self.cfg.threads // 2, 1))

    def handle(self, conn: Any) -> Any:
        """Serve a connection until it falls silent; gunicorn's own verdict on what to do with it then."""
        verdict = super().handle(conn)
        # Anything but True is gunicorn's mark for a connection that is done with or waits for its first byte.
        while verdict is True and self.alive and not conn.is_http2 and self._more_comes(conn):
            verdict = super().handle(conn)
        return verdict

    def _more_comes(self, conn: Any) -> bool:
        if conn.parser.unreader.buf.getvalue():
            return False
        if not self.tpool._work_queue.empty() or not self._places.acquire(blocking=False):
            return False
        try:
            poller = select.poll()
            poller.register(conn.sock, select.POLLIN)
            return bool(poller.poll(STAY_MILLISECONDS))
        finally:
            self._places.release()
