"""When a thread stays with its connection, and when it hands it back."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import ThreadWorker

from echofs.cli import gunicorn_worker
from echofs.cli.gunicorn_worker import StayingThreadWorker


class Served:
    """A worker whose requests are single bytes on one connection; ``verdicts`` says what becomes of it after each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, threads: int = 4) -> None:
        self.worker = StayingThreadWorker.__new__(StayingThreadWorker)
        monkeypatch.setattr(ThreadWorker, "__init__", lambda worker: None)
        self.worker.cfg = SimpleNamespace(threads=threads)
        self.worker.__init__()  # type: ignore[misc]
        self.worker.alive = True
        self.waiting: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.worker.tpool = SimpleNamespace(_work_queue=self.waiting)
        self.client, server = socket.socketpair()
        self.ahead = SimpleNamespace(getvalue=lambda: b"")
        self.connection = SimpleNamespace(
            sock=server, is_http2=False, parser=SimpleNamespace(unreader=SimpleNamespace(buf=self.ahead))
        )
        self.verdicts: list[object] = []
        self.answered = 0
        monkeypatch.setattr(ThreadWorker, "handle", lambda _, connection: self._answer(connection))

    def _answer(self, connection: SimpleNamespace) -> object:
        connection.sock.recv(1)
        self.answered += 1
        return self.verdicts.pop(0) if self.verdicts else True

    def handle(self, requests: int) -> object:
        """Serve the connection on which that many requests wait; what the main thread is told."""
        self.client.sendall(b"x" * requests)
        return self.worker.handle(self.connection)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(gunicorn_worker, "STAY_MILLISECONDS", 0)
    served = Served(monkeypatch)
    yield served
    served.client.close()
    served.connection.sock.close()


def test_requests_that_follow_each_other_are_served_by_one_thread(served: Served) -> None:
    assert served.handle(3) is True
    assert served.answered == 3


def test_a_connection_that_is_done_with_is_not_waited_for(served: Served) -> None:
    served.verdicts = [True, False]
    assert served.handle(3) is False
    assert served.answered == 2


def test_a_connection_that_was_put_off_is_not_waited_for(served: Served) -> None:
    deferred = object()
    served.verdicts = [deferred]
    assert served.handle(2) is deferred
    assert served.answered == 1


def test_a_thread_goes_where_a_request_waits_for_one(served: Served) -> None:
    served.waiting.put("request")
    assert served.handle(2) is True
    assert served.answered == 1


def test_a_stopping_process_stays_with_nobody(served: Served) -> None:
    served.worker.alive = False
    assert served.handle(2) is True
    assert served.answered == 1


def test_bytes_read_ahead_are_left_to_gunicorn(served: Served) -> None:
    served.ahead.getvalue = lambda: b"GET"
    assert served.handle(2) is True
    assert served.answered == 1


def test_at_most_half_of_the_threads_stay(served: Served) -> None:
    staying = 0
    while served.worker._places.acquire(blocking=False):
        staying += 1
    assert staying == served.worker.cfg.threads // 2
    assert served.handle(2) is True
    assert served.answered == 1
    served.worker._places.release()
    assert served.handle(1) is True
    assert served.answered == 3
