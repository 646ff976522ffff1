"""Gunicorn's threaded worker, sparing small requests the way through its main thread, and sharing them out evenly among
the processes of a role."""

from __future__ import annotations

import mmap
import select
import socket
import threading
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

STAY_MILLISECONDS = 50
GIVE_WAY_MILLISECONDS = 5
"""How long at most a new connection is left to a process that serves fewer."""
_SMALL_BYTES = 16 << 10


class Shares:
    """How many connections each process of one gunicorn serves, in memory that they share from before the fork.

    Only advice: a process that ended without a word costs others a moment at each new connection.
    """

    PLACES = 64
    """More processes share places, and wait for each other a little less."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, self.PLACES * 4)).cast("i")

    def tell(self, number: int, connections: int) -> None:
        """The process of that number serves so many."""
        self._counts[number % self.PLACES] = connections + 1

    def leave(self, number: int) -> None:
        """The process of that number is gone."""
        self._counts[number % self.PLACES] = 0

    def fewer_elsewhere(self, connections: int) -> bool:
        """Whether another process serves less than so many."""
        return any(0 < count <= connections for count in self._counts)


SHARES = Shares()


class StayingThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A thread that answered a request waits a moment for the next one on the same connection.

    Gunicorn hands every connection back to the main thread, which polls it and hands it to a thread again: two wake-ups
    and ten system calls a request, a tenth of a master's processor time and a fifth of a worker's under many small
    requests. At most half of the threads wait like this, and none while a request waits for a thread, so idle
    connections never keep others from being served.

    Processes that listen on one socket take connections as they happen to wake up, and some clients keep theirs for
    long: one could serve six of eight clients, held up by its interpreter's lock, while the other idles. So a process
    that serves more than another leaves it a moment to be first.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = threading.BoundedSemaphore(max(self.cfg.threads // 2, 1))

    def accept(self, listener: socket.socket) -> None:
        """Take a new connection, unless a process that serves fewer takes it first."""
        if SHARES.fewer_elsewhere(self.nr_conns) and not self._still_waits(listener):
            return
        super().accept(listener)
        SHARES.tell(self.age, self.nr_conns)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """One turn of the main thread."""
        if self.alive:
            SHARES.tell(self.age, self.nr_conns)
        else:
            SHARES.leave(self.age)
        super().wait_for_and_dispatch_events(timeout)

    def handle(self, conn: Any) -> Any:
        """Serve a connection until it falls silent; gunicorn's own verdict on what to do with it then."""
        verdict = super().handle(conn)
        # Anything but True is gunicorn's mark for a connection that is done with or waits for its first byte.
        while verdict is True and self.alive and not conn.is_http2 and self._more_comes(conn):
            verdict = super().handle(conn)
        return verdict

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Serve one request; its answer's head leaves together with the first bytes of its body."""
        answering = _Answering(conn)
        verdict = super().handle_request(req, answering)
        answering.sock.flush()
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

    def _still_waits(self, listener: socket.socket) -> bool:
        """Whether a connection is there after all the time in which others could have taken it."""
        poller = select.poll()
        poller.register(listener, select.POLLIN)
        for _ in range(GIVE_WAY_MILLISECONDS):
            time.sleep(0.001)
            if not poller.poll(0):
                return False
        return True


class _Answering:
    """A connection as gunicorn sees it while it makes an answer."""

    def __init__(self, conn: Any) -> None:
        self.sock = HeldHead(conn.sock)
        self.client = conn.client
        self.server = conn.server


class HeldHead:
    """A socket that holds back what is written first, an answer's head, until more comes.

    Two small writes are two system calls here, two packets, and two wake-ups of the one who reads. Whatever else is
    done with the socket comes after the head.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._head: bytes | None = None
        self._begun = False

    def sendall(self, data: bytes) -> None:
        """Send everything, but for the first piece, which is kept. Raises OSError."""
        if not self._begun:
            self._begun, self._head = True, data
            return
        head = self._head
        if head is not None and len(data) <= _SMALL_BYTES:
            self._head, data = None, head + data
        self.flush()
        self._sock.sendall(data)

    def flush(self) -> None:
        """Send what is still kept. Idempotent. Raises OSError."""
        if self._head is not None:
            head, self._head = self._head, None
            self._sock.sendall(head)

    def __getattr__(self, name: str) -> Any:
        self.flush()
        return getattr(self._sock, name)
