"""Kept-alive connections against real sockets: reuse, replacement, and peers that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from echofs.adapters import http_pool
from echofs.adapters.http_answers import Answer
from echofs.adapters.http_pool import Exchange, HttpPool, address_of, head
from echofs.core.errors import StoreUnavailable
from tests.adapters.scripted_server import Peer, Script, ScriptedServer, refused_port

Serve = Callable[[Script], ScriptedServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ScriptedServer] = []

    def start(script: Script) -> ScriptedServer:
        servers.append(ScriptedServer(script))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def pool() -> HttpPool:
    return HttpPool(connect_timeout=5, timeout=5)


def echo(peer: Peer) -> None:
    while (body := peer.read_request()) is not None:
        peer.answer(b"echo " + body)


def once(data: bytes) -> Script:
    """Answer every request of every connection with the same bytes and hang up."""

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.raw(data)

    return script


def test_one_connection_serves_many_requests(serve: Serve, pool: HttpPool) -> None:
    server = serve(echo)
    for number in range(5):
        assert pool.call(server.url, "POST", "/x", body=b"%d" % number) == Answer(200, b"echo %d" % number)
    assert server.connections == 1


def test_the_request_carries_its_headers_and_length(serve: Serve, pool: HttpPool) -> None:
    server = serve(echo)
    pool.call(server.url, "POST", "/a/b?c=d", headers={"X-One": "1"}, body=b"abc")
    [(_, request_head, body)] = server.requests
    assert request_head.split(b"\r\n") == [
        b"POST /a/b?c=d HTTP/1.1",
        f"Host: 127.0.0.1:{server.port}".encode(),
        b"Content-Length: 3",
        b"X-One: 1",
        b"",
        b"",
    ]
    assert body == b"abc"


def test_concurrent_calls_have_connections_of_their_own(serve: Serve, pool: HttpPool) -> None:
    together = threading.Barrier(2, timeout=10)

    def meet(peer: Peer) -> None:
        peer.read_request()
        together.wait()
        peer.answer(b"met")

    server = serve(meet)
    answers: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: answers.append(pool.call(server.url, "GET", "/").body)) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [b"met", b"met"]
    assert server.connections == 2


def test_a_kept_connection_that_was_closed_meanwhile_is_not_used(serve: Serve, pool: HttpPool) -> None:
    closed = threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.answer(b"%d" % peer.number)
        peer.hang_up()
        closed.set()

    server = serve(script)
    assert pool.call(server.url, "GET", "/").body == b"0"
    assert closed.wait(10)
    assert pool.call(server.url, "GET", "/").body == b"1"
    assert len(server.requests) == 2


def test_a_kept_connection_that_dies_on_the_next_request_is_replaced_by_one_fresh_one(
    serve: Serve, pool: HttpPool
) -> None:
    together = threading.Barrier(3, timeout=10)

    def script(peer: Peer) -> None:
        peer.read_request()
        if peer.number < 3:
            together.wait()
        peer.answer(b"%d" % peer.number)
        peer.read_request()

    server = serve(script)
    threads = [threading.Thread(target=pool.call, args=(server.url, "GET", "/")) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.connections == 3, "three idle connections that will all die"
    assert pool.call(server.url, "GET", "/again").body == b"3"
    again = [number for number, request_head, _ in server.requests if b"/again" in request_head]
    assert len(again) == 2, "asked once on a kept connection and once on the fresh one"


def test_a_fresh_connection_that_dies_is_not_tried_again(serve: Serve, pool: HttpPool) -> None:
    server = serve(lambda peer: (peer.read_request(), None)[1])
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{server.port}"):
        pool.call(server.url, "GET", "/")
    assert server.connections == 1


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"SSH-2.0-OpenSSH\r\n\r\n", b""]
)
def test_half_an_answer_or_none_at_all_is_an_error(data: bytes, serve: Serve, pool: HttpPool) -> None:
    server = serve(once(data))
    with pytest.raises(StoreUnavailable):
        pool.call(server.url, "GET", "/")
    assert server.connections == 1


def test_a_silent_peer_is_given_up_after_the_limit(serve: Serve, pool: HttpPool) -> None:
    server = serve(Peer.stay_silent)
    with pytest.raises(StoreUnavailable, match="timed out"):
        pool.call(server.url, "GET", "/", timeout=0.05)
    assert server.connections == 1


def test_a_kept_connection_on_which_the_peer_falls_silent_is_not_tried_again(serve: Serve, pool: HttpPool) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.answer()
        peer.stay_silent()

    server = serve(script)
    pool.call(server.url, "GET", "/")
    with pytest.raises(StoreUnavailable):
        pool.call(server.url, "GET", "/", timeout=0.05)
    assert server.connections == 1


def test_a_refused_connection_is_an_error(pool: HttpPool) -> None:
    port = refused_port()
    with pytest.raises(StoreUnavailable, match=rf"127\.0\.0\.1:{port}.*refused"):
        pool.call(f"http://127.0.0.1:{port}", "GET", "/")


@pytest.mark.parametrize("host", ["a..b", "x" * 70 + ".invalid"])
def test_an_impossible_host_is_an_error(host: str, pool: HttpPool) -> None:
    with pytest.raises(StoreUnavailable):
        pool.call(f"http://{host}:1", "GET", "/")


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\nto the end",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nto the end",
    ],
    ids=["HTTP/1.0", "connection: close"],
)
def test_an_answer_after_which_the_connection_cannot_be_trusted_is_read_and_it_is_closed(
    data: bytes, serve: Serve, pool: HttpPool
) -> None:
    server = serve(once(data))
    assert pool.call(server.url, "GET", "/").body == b"to the end"
    assert pool.take(address_of(server.url)) is None


def test_a_connection_with_bytes_left_over_is_never_reused(serve: Serve, pool: HttpPool) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        peer.read_request()

    server = serve(script)
    for _ in range(2):
        assert pool.call(server.url, "GET", "/").body == b"ok"
    assert server.connections == 2


def test_a_connection_on_which_something_came_unasked_is_never_reused(serve: Serve, pool: HttpPool) -> None:
    waiting, sent = threading.Event(), threading.Event()

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.answer(b"ok")
        if peer.number == 0:
            waiting.wait(10)
            peer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            sent.set()
        peer.stay_silent()

    server = serve(script)
    assert pool.call(server.url, "GET", "/").body == b"ok"
    waiting.set()
    assert sent.wait(10)
    assert pool.call(server.url, "GET", "/").body == b"ok"
    assert server.connections == 2


def test_a_connection_idle_for_too_long_is_dropped(
    serve: Serve, pool: HttpPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(echo)
    pool.call(server.url, "GET", "/")
    monkeypatch.setattr(http_pool, "IDLE_SECONDS", -1.0)
    pool.call(server.url, "GET", "/")
    assert server.connections == 2


def test_only_so_many_idle_connections_are_kept(serve: Serve, pool: HttpPool) -> None:
    server = serve(echo)
    address = address_of(server.url)
    connections = [pool.connect(address, 5) for _ in range(http_pool.MAX_IDLE + 2)]
    for connection in connections:
        pool.give_back(connection, keep=True)
    assert [connection.socket.fileno() >= 0 for connection in connections] == [True] * http_pool.MAX_IDLE + [False] * 2
    kept = [pool.take(address) for _ in range(http_pool.MAX_IDLE)]
    assert pool.take(address) is None
    for connection in kept:
        assert connection is not None
        connection.close()


def test_a_large_answer_comes_whole(serve: Serve, pool: HttpPool) -> None:
    large = bytes(range(256)) * (16 << 10)

    def script(peer: Peer) -> None:
        peer.read_request()
        peer.answer(large)

    assert pool.call(serve(script).url, "GET", "/").body == large


def test_failed_calls_leave_no_descriptor_open(serve: Serve, pool: HttpPool, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    connect = socket.create_connection

    def remember(*args: object, **kwargs: object) -> socket.socket:
        made.append(connect(*args, **kwargs))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(http_pool.socket, "create_connection", remember)
    server = serve(once(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"))
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            pool.call(server.url, "GET", "/")
    assert [sock.fileno() for sock in made] == [-1, -1, -1]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://10.0.0.1:8091", ("10.0.0.1", 8091)),
        ("http://worker1:80/", ("worker1", 80)),
        ("http://worker1", ("worker1", 80)),
        ("http://[::1]:8091", ("::1", 8091)),
    ],
)
def test_addresses(url: str, address: tuple[str, int]) -> None:
    assert address_of(url) == address


def test_an_ipv6_address_stands_in_brackets_in_the_host_header() -> None:
    assert b"Host: [::1]:8091\r\n" in head("GET", "/", ("::1", 8091), {}, 0)


def begin(pool: HttpPool, server: ScriptedServer, *, timeout: float = 5) -> Exchange | None:
    return pool.begin(server.url, "POST", "/x", headers={}, body=b"2", timeout=timeout)


def kept(pool: HttpPool, server: ScriptedServer, *, timeout: float = 5) -> Exchange:
    """A request begun on the connection of the one before."""
    pool.call(server.url, "POST", "/x", body=b"1")
    exchange = begin(pool, server, timeout=timeout)
    assert exchange is not None
    return exchange


def test_a_request_is_begun_only_on_a_kept_connection_and_its_answer_keeps_it(serve: Serve, pool: HttpPool) -> None:
    server = serve(echo)
    assert begin(pool, server) is None
    assert kept(pool, server).within(5) == Answer(200, b"echo 2")
    exchange = begin(pool, server)
    assert exchange is not None
    assert exchange.answer() == Answer(200, b"echo 2")
    assert server.connections == 1


def test_an_answer_that_is_late_can_still_be_waited_for(serve: Serve, pool: HttpPool) -> None:
    released = threading.Event()

    def slow(peer: Peer) -> None:
        peer.read_request()
        peer.answer(b"first")
        peer.read_request()
        peer.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla")
        released.wait(10)
        peer.raw(b"te")

    exchange = kept(pool, serve(slow))
    assert exchange.within(0) is None
    assert exchange.within(0.01) is None
    released.set()
    assert exchange.answer() == Answer(200, b"late")


def test_a_begun_request_moves_to_a_fresh_connection_when_its_own_was_stale(serve: Serve, pool: HttpPool) -> None:
    def hang_up(peer: Peer) -> None:
        peer.read_request()
        peer.answer(b"first")
        peer.read_request()

    server = serve(hang_up)
    exchange = kept(pool, server)
    assert exchange.within(5) is None
    assert exchange.answer() == Answer(200, b"first")
    assert server.connections == 2


def test_a_peer_that_falls_silent_is_given_up_by_either_way_of_waiting(serve: Serve, pool: HttpPool) -> None:
    def silent(peer: Peer) -> None:
        peer.read_request()
        peer.answer(b"first")
        peer.read_request()
        peer.read_request()

    for wait in (lambda exchange: exchange.within(5), lambda exchange: exchange.answer()):
        exchange = kept(pool, serve(silent), timeout=0.02)
        with pytest.raises(StoreUnavailable, match="timed out"):
            wait(exchange)
