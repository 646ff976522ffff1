"""When a thread stays with its connection, and when it hands it back."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.workers.gthread import ThreadWorker

from echofs.cli import gunicorn_worker
from echofs.cli.gunicorn_worker import HeldHead, Shares, StayingThreadWorker


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


class Listening:
    """Two processes of one gunicorn, by their main threads, and a connection that waits for one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.accepted: list[int] = []
        monkeypatch.setattr(gunicorn_worker, "SHARES", Shares())
        monkeypatch.setattr(ThreadWorker, "__init__", lambda worker: None)
        monkeypatch.setattr(ThreadWorker, "accept", lambda worker, _: self.accepted.append(worker.age))
        monkeypatch.setattr(ThreadWorker, "wait_for_and_dispatch_events", lambda worker, timeout: None)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.client = socket.create_connection(self.listener.getsockname())

    def process(self, number: int, connections: int, *, alive: bool = True) -> StayingThreadWorker:
        worker = StayingThreadWorker.__new__(StayingThreadWorker)
        worker.cfg = SimpleNamespace(threads=4)
        worker.__init__()  # type: ignore[misc]
        worker.age, worker.nr_conns, worker.alive = number, connections, alive
        worker.wait_for_and_dispatch_events(0)
        return worker


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[Listening]:
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    listening = Listening(monkeypatch)
    yield listening
    listening.client.close()
    listening.listener.close()


def test_a_process_that_serves_more_leaves_a_connection_to_one_that_serves_fewer(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = listening.process(1, 3)
    idle = listening.process(2, 2)
    monkeypatch.setattr("time.sleep", lambda seconds: listening.listener.accept()[0].close())
    busy.accept(listening.listener)
    assert listening.accepted == []
    idle.accept(listening.listener)
    assert listening.accepted == [2]


def test_nobody_leaves_a_connection_waiting_for_a_process_that_does_not_come(listening: Listening) -> None:
    busy = listening.process(1, 3)
    listening.process(2, 0)
    busy.accept(listening.listener)
    assert listening.accepted == [1]


@pytest.mark.parametrize(("others", "alive"), [(3, True), (0, False)])
def test_nobody_waits_for_processes_as_busy_or_about_to_stop(
    listening: Listening, monkeypatch: pytest.MonkeyPatch, others: int, alive: bool
) -> None:
    monkeypatch.setattr("time.sleep", lambda seconds: pytest.fail("waited"))
    mine = listening.process(1, 3)
    listening.process(2, others, alive=alive)
    mine.accept(listening.listener)
    assert listening.accepted == [1]


def test_a_process_that_is_gone_has_no_share() -> None:
    shares = Shares()
    shares.tell(2, 0)
    assert shares.fewer_elsewhere(1)
    shares.leave(2)
    assert not shares.fewer_elsewhere(1)


class Sent:
    """A socket that notes what is asked of it."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.pieces.append(data)

    def close(self) -> None:
        self.pieces.append(b"closed")


def test_a_head_leaves_with_a_small_body_and_before_a_large_one() -> None:
    small, large = Sent(), Sent()
    for sent, body in ((small, b"body"), (large, b"x" * 100_000)):
        held = HeldHead(sent)
        held.sendall(b"head;")
        assert sent.pieces == []
        held.sendall(body)
        held.sendall(b"more")
        held.flush()
    assert small.pieces == [b"head;body", b"more"]
    assert large.pieces == [b"head;", b"x" * 100_000, b"more"]


def test_an_answer_without_a_body_leaves_at_its_end() -> None:
    sent = Sent()
    held = HeldHead(sent)
    held.sendall(b"head;")
    held.flush()
    held.flush()
    assert sent.pieces == [b"head;"]


def test_nothing_overtakes_a_head() -> None:
    sent = Sent()
    held = HeldHead(sent)
    held.sendall(b"head;")
    held.close()
    assert sent.pieces == [b"head;", b"closed"]
