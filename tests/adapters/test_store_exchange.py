"""Several batches to several workers from one thread, against real sockets that behave and misbehave."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping

import pytest

from echofs.adapters import store_exchange
from echofs.adapters.http_pool import HttpPool, address_of
from echofs.adapters.store_exchange import HttpStoreExchange
from echofs.core.chunking import digest_of
from echofs.core.models import Member
from echofs.ports.chunks import Frame, StoreReply
from tests.adapters.scripted_server import Peer, Script, ScriptedServer, refused_port

PATH = "/internal/v1/chunks"
PATIENCE = 10.0
"""Far longer than anything here takes; a test that reaches it has failed."""
FOREVER = 3600.0
"""A wait that must end for another reason, or the test runs into its limit."""

Serve = Callable[..., ScriptedServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ScriptedServer] = []

    def start(script: Script, *, receive_buffer: int | None = None) -> ScriptedServer:
        servers.append(ScriptedServer(script, receive_buffer=receive_buffer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def pool() -> HttpPool:
    return HttpPool(connect_timeout=5, timeout=5)


@pytest.fixture
def exchange(pool: HttpPool) -> Iterator[HttpStoreExchange]:
    made = HttpStoreExchange(pool, authorize, PATH, PATIENCE)
    yield made
    made.close()


def authorize(worker_id: str, method: str, path: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {worker_id} {method} {path}"}


def frame(data: bytes) -> Frame:
    """Not a real frame: the exchange must not care."""
    return Frame(digest_of(data), len(data), (b"head", data))


def body_of(*frames: Frame) -> bytes:
    return b"".join(bytes(part) for one in frames for part in one.parts)


def storing(*frames: Frame) -> Script:
    """A worker that stores these chunks, whatever comes."""

    def script(peer: Peer) -> None:
        while peer.read_request() is not None:
            peer.answer_json({"stored": [one.digest for one in frames], "failed": {}})

    return script


def answering(raw: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.raw(raw)

    return script


def gather(exchange: HttpStoreExchange, count: int) -> list[StoreReply]:
    replies: list[StoreReply] = []
    end = time.monotonic() + PATIENCE
    while len(replies) < count and time.monotonic() < end:
        replies.extend(exchange.wait(end - time.monotonic()))
    assert len(replies) == count
    return replies


def test_a_batch_arrives_whole_and_signed_and_its_reply_names_it(serve: Serve, exchange: HttpStoreExchange) -> None:
    one, two = frame(b"one"), frame(b"two")
    server = serve(storing(one, two))
    number = exchange.send(server.member("w1"), [one, two])
    assert exchange.pending
    assert gather(exchange, 1) == [StoreReply(number, "w1", (one.digest, two.digest), {})]
    assert not exchange.pending
    [(_, request_head, body)] = server.requests
    assert request_head.startswith(b"POST /internal/v1/chunks HTTP/1.1\r\n")
    assert b"Authorization: Bearer w1 POST /internal/v1/chunks\r\n" in request_head
    assert body == body_of(one, two)


def test_the_fast_workers_reply_while_a_silent_one_is_awaited(serve: Serve, exchange: HttpStoreExchange) -> None:
    one = frame(b"one")
    servers = {
        name: serve(script) for name, script in (("w1", storing(one)), ("w2", Peer.stay_silent), ("w3", storing(one)))
    }
    for name, server in servers.items():
        exchange.send(server.member(name), [one])
    assert {reply.worker_id for reply in gather(exchange, 2)} == {"w1", "w3"}
    assert exchange.pending
    exchange.abandon("w2")
    [reply] = gather(exchange, 1)
    assert (reply.worker_id, reply.unreachable, reply.failed) == ("w2", True, {one.digest: "given up"})
    assert not exchange.pending


def test_a_silent_worker_is_given_up_by_itself_even_within_one_long_wait(serve: Serve, pool: HttpPool) -> None:
    exchange = HttpStoreExchange(pool, authorize, PATH, timeout=0.05)
    one = frame(b"one")
    exchange.send(serve(Peer.stay_silent).member("w1"), [one])
    [reply] = exchange.wait(FOREVER)
    assert reply.unreachable
    assert reply.failed == {one.digest: "no answer in time"}
    exchange.close()


@pytest.mark.parametrize("length", [0, 30, 70])
def test_a_worker_that_stops_within_its_answer_holds_up_nobody(
    length: int, serve: Serve, exchange: HttpStoreExchange
) -> None:
    one = frame(b"one")

    def stalling(peer: Peer) -> None:
        peer.read_request()
        body = json.dumps({"data": {"stored": [one.digest], "failed": {}}}).encode()
        peer.raw((b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)[:length])
        stalled.set()
        peer.stay_silent()

    stalled = threading.Event()
    exchange.send(serve(stalling).member("slow"), [one])
    while not stalled.is_set():
        assert exchange.wait(0.01) == []
    exchange.send(serve(storing(one)).member("fast"), [one])
    assert [reply.worker_id for reply in gather(exchange, 1)] == ["fast"]
    assert exchange.pending


def test_an_answer_that_comes_byte_by_byte_is_put_together(serve: Serve, exchange: HttpStoreExchange) -> None:
    one = frame(b"one")

    def dribbling(peer: Peer) -> None:
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.read_request()
        body = json.dumps({"data": {"stored": [one.digest], "failed": {}}}).encode()
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body:
            peer.raw(bytes([byte]))

    exchange.send(serve(dribbling).member("w1"), [one])
    assert gather(exchange, 1)[0].stored == (one.digest,)


def test_a_refused_connection_is_a_reply(exchange: HttpStoreExchange) -> None:
    one = frame(b"one")
    number = exchange.send(Member("w1", f"http://127.0.0.1:{refused_port()}", "z"), [one])
    [reply] = gather(exchange, 1)
    assert (reply.batch, reply.worker_id, reply.stored, reply.unreachable) == (number, "w1", (), True)
    assert "refused" in reply.failed[one.digest]


@pytest.mark.parametrize("host", ["a..b", "x" * 70, "nowhere.invalid"])
def test_a_host_that_cannot_be_found_is_a_reply(
    host: str, exchange: HttpStoreExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    if host.endswith("invalid"):

        def unknown(*_: object, **__: object) -> None:
            raise socket.gaierror(-2, "Name or service not known")

        monkeypatch.setattr(store_exchange.socket, "getaddrinfo", unknown)
    exchange.send(Member("w1", f"http://{host}:1", "z"), [frame(b"one")])
    assert exchange.pending
    [reply] = exchange.wait(0)
    assert reply.unreachable


def test_every_address_of_a_host_is_tried(
    serve: Serve, exchange: HttpStoreExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = frame(b"one")
    server = serve(storing(one))
    tcp = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
    monkeypatch.setattr(
        store_exchange.socket,
        "getaddrinfo",
        lambda *_, **__: [(*tcp, ("127.0.0.1", refused_port())), (*tcp, ("127.0.0.1", server.port))],
    )
    exchange.send(Member("w1", f"http://localhost:{server.port}", "z"), [one])
    assert gather(exchange, 1)[0].stored == (one.digest,)


@pytest.mark.parametrize("status", [413, 401, 503, 404, 500])
def test_a_refusal_is_a_reply_of_a_worker_that_is_reachable(
    status: int, serve: Serve, exchange: HttpStoreExchange
) -> None:
    one = frame(b"one")
    exchange.send(serve(answering(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)).member("w1"), [one])
    [reply] = gather(exchange, 1)
    assert (reply.stored, reply.unreachable, reply.full) == ((), False, False)
    assert reply.failed == {one.digest: f"answered {status}"}


@pytest.mark.parametrize("status", ["413 Content Too Large", "507 Insufficient Storage"])
@pytest.mark.parametrize("hang_up", [True, False])
def test_a_refusal_while_a_large_body_is_still_being_sent_is_understood(
    status: str, hang_up: bool, serve: Serve, exchange: HttpStoreExchange, pool: HttpPool
) -> None:
    large = frame(bytes(16 << 20))

    def refusing(peer: Peer) -> None:
        peer.read_head()
        peer.answer_json({"stored": [], "failed": {large.digest: "no"}}, status=status)
        if not hang_up:
            peer.stay_silent()

    server = serve(refusing, receive_buffer=64 << 10)
    exchange.send(server.member("w1"), [large])
    [reply] = gather(exchange, 1)
    if not hang_up:
        # After a reset the system may drop what the worker said; then the reply says only that it hung up.
        assert reply.unreachable is False
        assert reply.full is (status[:3] == "507")
    assert set(reply.failed) == {large.digest}
    assert pool.take(address_of(server.url)) is None, "half a request was sent on it"


def test_a_full_worker_says_which_chunks_it_has_no_room_for(serve: Serve, exchange: HttpStoreExchange) -> None:
    one, two = frame(b"one"), frame(b"two")

    def full(peer: Peer) -> None:
        peer.read_request()
        peer.answer_json({"stored": [one.digest], "failed": {two.digest: "full"}}, status="507 Full")

    number = exchange.send(serve(full).member("w1"), [one, two])
    assert gather(exchange, 1) == [StoreReply(number, "w1", (one.digest,), {two.digest: "full"}, full=True)]


def test_a_worker_is_believed_only_about_the_chunks_it_was_sent(serve: Serve, exchange: HttpStoreExchange) -> None:
    one, two = frame(b"one"), frame(b"two")

    def lying(peer: Peer) -> None:
        peer.read_request()
        peer.answer_json({"stored": [one.digest, "ff" * 32, ["x"], None], "failed": {"ee" * 32: 5}})

    exchange.send(serve(lying).member("w1"), [one, two])
    [reply] = gather(exchange, 1)
    assert (reply.stored, reply.failed) == ((one.digest,), {two.digest: "not acknowledged"})


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"5", b"\xff", b'{"data": null}', b'{"data": 5}', b'{"data": []}', b'{"data": {}}',
     b'{"data": {"stored": 5, "failed": {}}}', b'{"data": {"stored": [], "failed": 5}}', b"[" * 5000],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 507])
def test_a_worker_that_answers_nonsense_counts_as_unreachable(
    status: int, body: bytes, serve: Serve, exchange: HttpStoreExchange
) -> None:
    one = frame(b"one")
    raw = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(body)) + body
    exchange.send(serve(answering(raw)).member("w1"), [one])
    [reply] = gather(exchange, 1)
    assert reply.unreachable
    assert set(reply.failed) == {one.digest}


@pytest.mark.parametrize(
    "raw",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", b"HTTP/1.1 200 OK\r\nContent-Le", b"nonsense\r\n\r\n"],
)
def test_a_worker_that_hangs_up_within_its_answer_counts_as_unreachable(
    raw: bytes, serve: Serve, exchange: HttpStoreExchange
) -> None:
    server = serve(answering(raw))
    exchange.send(server.member("w1"), [frame(b"one")])
    assert gather(exchange, 1)[0].unreachable
    assert server.connections == 1


def test_a_connection_is_kept_for_the_next_batch(serve: Serve, exchange: HttpStoreExchange) -> None:
    one = frame(b"one")
    server = serve(storing(one))
    for _ in range(3):
        exchange.send(server.member("w1"), [one])
        assert gather(exchange, 1)[0].stored == (one.digest,)
    assert server.connections == 1


def test_a_kept_connection_that_dies_is_replaced_once_and_the_batch_sent_again(
    serve: Serve, exchange: HttpStoreExchange
) -> None:
    one = frame(b"one")

    def dying(peer: Peer) -> None:
        peer.read_request()
        peer.answer_json({"stored": [one.digest], "failed": {}})
        peer.read_request()

    server = serve(dying)
    exchange.send(server.member("w1"), [one])
    gather(exchange, 1)
    second = exchange.send(server.member("w1"), [one])
    assert gather(exchange, 1) == [StoreReply(second, "w1", (one.digest,), {})]
    assert [number for number, _, _ in server.requests] == [0, 0, 1]
    assert {body for _, _, body in server.requests} == {body_of(one)}


def test_several_batches_to_one_worker_are_under_way_at_once(serve: Serve, exchange: HttpStoreExchange) -> None:
    frames = [frame(b"%d" % number) for number in range(3)]
    together = threading.Barrier(3, timeout=PATIENCE)

    def meeting(peer: Peer) -> None:
        body = peer.read_request()
        together.wait()
        peer.answer_json({"stored": [one.digest for one in frames if body_of(one) == body], "failed": {}})

    member = serve(meeting).member("w1")
    sent = {exchange.send(member, [one]): one.digest for one in frames}
    assert {reply.batch: reply.stored[0] for reply in gather(exchange, 3)} == sent


def test_abandoning_a_worker_ends_all_its_batches_and_no_others(serve: Serve, exchange: HttpStoreExchange) -> None:
    server = serve(Peer.stay_silent)
    gone = {exchange.send(server.member("w1"), [frame(b"%d" % number)]) for number in range(3)}
    exchange.send(server.member("w2"), [frame(b"other")])
    exchange.abandon("w1")
    assert {reply.batch for reply in exchange.wait(0)} == gone
    assert exchange.pending
    exchange.abandon("unknown")
    assert exchange.wait(0) == []


def test_wake_ends_a_wait_from_another_thread(exchange: HttpStoreExchange) -> None:
    waker = threading.Timer(0.02, exchange.wake)
    waker.start()
    assert exchange.wait(FOREVER) == []
    waker.join()


def test_wake_before_a_wait_is_not_lost_and_many_count_as_one(exchange: HttpStoreExchange) -> None:
    for _ in range(4000):
        exchange.wake()
    assert exchange.wait(FOREVER) == []
    assert exchange.wait(0) == []


@pytest.mark.parametrize("parts", [1, 8, 1500])
def test_eight_mebibytes_arrive_through_a_narrow_pipe(parts: int, serve: Serve, exchange: HttpStoreExchange) -> None:
    data = random.Random(parts).randbytes(8 << 20)
    step = -(-len(data) // parts)
    frames = [frame(data[at : at + step]) for at in range(0, len(data), step)]
    server = serve(storing(*frames), receive_buffer=16 << 10)
    exchange.send(server.member("w1"), frames)
    assert len(gather(exchange, 1)[0].stored) == len(frames)
    assert server.requests[0][2] == body_of(*frames)


def test_closing_frees_every_descriptor_and_may_be_repeated(
    serve: Serve, pool: HttpPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[socket.socket] = []
    connecting, pair = store_exchange._connecting, socket.socketpair

    def remember(route: store_exchange.Route) -> socket.socket:
        made.append(connecting(route))
        return made[-1]

    def remember_pair() -> tuple[socket.socket, socket.socket]:
        made.extend(pair())
        return made[-2], made[-1]

    monkeypatch.setattr(store_exchange, "_connecting", remember)
    monkeypatch.setattr(store_exchange.socket, "socketpair", remember_pair)
    exchange = HttpStoreExchange(pool, authorize, PATH, PATIENCE)
    server = serve(Peer.stay_silent)
    for number in range(3):
        exchange.send(server.member("w1"), [frame(b"%d" % number)])
    exchange.abandon("w1")
    exchange.send(server.member("w1"), [frame(b"last")])
    exchange.close()
    exchange.close()
    exchange.wake()
    assert not exchange.pending
    assert [sock.fileno() for sock in made] == [-1] * 6


def test_waiting_for_nothing_returns_at_once_without_a_timeout(exchange: HttpStoreExchange) -> None:
    assert not exchange.pending
    assert exchange.wait(0) == []
    assert exchange.wait(-1) == []
