"""The worker client's calls: what is asked, and what is made of each answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from echofs.adapters.http_pool import HttpPool
from echofs.adapters.workers_http import FETCH_PATH, HEALTH_PATH, LIST_PATH, PRESENT_PATH, REMOVE_PATH, HttpWorkers
from echofs.core.chunking import digest_of
from echofs.core.errors import StoreUnavailable
from echofs.core.models import ChunkKind, Member
from echofs.ports.cluster import CallSigner
from tests.adapters.scripted_server import Peer, Script, ScriptedServer, refused_port

ONE, TWO, THREE = (digest_of(name) for name in (b"one", b"two", b"three"))

Serve = Callable[[Script], Member]


class PlainSigner(CallSigner):
    """Writes down what would be signed."""

    def sign(self, audience: str, method: str, path: str) -> str:
        return f"{audience}|{method}|{path}"

    def verify(self, token: str, audience: str, method: str, path: str) -> None:
        raise NotImplementedError


@pytest.fixture
def servers() -> Iterator[list[ScriptedServer]]:
    started: list[ScriptedServer] = []
    yield started
    for server in started:
        server.stop()


@pytest.fixture
def serve(servers: list[ScriptedServer]) -> Serve:
    def start(script: Script) -> Member:
        servers.append(ScriptedServer(script))
        return servers[-1].member("w1")

    return start


@pytest.fixture
def workers() -> HttpWorkers:
    return HttpWorkers(HttpPool(connect_timeout=5, timeout=5), PlainSigner(), timeout=5)


def answering(body: bytes, status: str = "200 OK") -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.answer(body, status=status)

    return script


def lengths(*frames: bytes) -> bytes:
    return b"".join(len(frame).to_bytes(4, "little") + frame for frame in frames)


def test_fetch_asks_by_raw_digests_and_leaves_out_what_is_missing(
    serve: Serve, servers: list[ScriptedServer], workers: HttpWorkers
) -> None:
    member = serve(answering(lengths(b"frame one", b"", b"3")))
    assert workers.fetch(member, [ONE, TWO, THREE]) == {ONE: b"frame one", THREE: b"3"}
    [(_, head, body)] = servers[0].requests
    assert head.startswith(f"POST {FETCH_PATH} HTTP/1.1\r\n".encode())
    assert f"Authorization: Bearer w1|POST|{FETCH_PATH}\r\n".encode() in head
    assert body == bytes.fromhex(ONE + TWO + THREE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0\0\0",
        lengths(b"one"),
        lengths(b"one", b"two")[:-1],
        lengths(b"one", b"two", b"three"),
        lengths(b"one", b"two") + b"\0",
        b"\xff\xff\xff\xff" + b"x" * 40,
    ],
)
def test_fetch_refuses_an_answer_of_the_wrong_length(body: bytes, serve: Serve, workers: HttpWorkers) -> None:
    with pytest.raises(StoreUnavailable, match="w1"):
        workers.fetch(serve(answering(body)), [ONE, TWO])


def test_present_reads_one_flag_for_each_digest(
    serve: Serve, servers: list[ScriptedServer], workers: HttpWorkers
) -> None:
    assert workers.present(serve(answering(b"\1\0\1")), iter([ONE, TWO, THREE])) == {ONE, THREE}
    [(_, head, body)] = servers[0].requests
    assert head.startswith(f"POST {PRESENT_PATH} HTTP/1.1\r\n".encode())
    assert body == bytes.fromhex(ONE + TWO + THREE)


@pytest.mark.parametrize("body", [b"", b"\1", b"\1\1\1"])
def test_present_refuses_an_answer_of_the_wrong_length(body: bytes, serve: Serve, workers: HttpWorkers) -> None:
    with pytest.raises(StoreUnavailable, match="w1"):
        workers.present(serve(answering(body)), [ONE, TWO])


def test_health_is_the_workers_own_account(serve: Serve, servers: list[ScriptedServer], workers: HttpWorkers) -> None:
    member = serve(answering(b'{"success": true, "message": "", "data": {"free_bytes": 7}}'))
    assert workers.health(member) == {"free_bytes": 7}
    assert servers[0].requests[0][1].startswith(f"GET {HEALTH_PATH} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"5", b"{}", b'{"data": null}', b'{"data": [1]}', b"\xff"])
def test_an_account_of_another_shape_is_an_error(body: bytes, serve: Serve, workers: HttpWorkers) -> None:
    with pytest.raises(StoreUnavailable, match="w1"):
        workers.health(serve(answering(body)))


@pytest.mark.parametrize("status", ["401 Unauthorized", "404 Not Found", "503 Busy", "206 Partial"])
def test_any_status_but_200_is_an_error_that_names_the_worker(status: str, serve: Serve, workers: HttpWorkers) -> None:
    for call in (
        lambda member: workers.fetch(member, [ONE]),
        lambda member: workers.present(member, [ONE]),
        lambda member: workers.listed(member, ChunkKind.LIST),
        lambda member: workers.remove(member, ChunkKind.ENTRY, [ONE]),
        lambda member: workers.health(member),
    ):
        with pytest.raises(StoreUnavailable, match=f"w1 answered {status[:3]}"):
            call(serve(answering(b"\1", status)))


def test_a_worker_that_cannot_be_reached_is_an_error(workers: HttpWorkers) -> None:
    member = Member("w1", f"http://127.0.0.1:{refused_port()}", "z")
    with pytest.raises(StoreUnavailable):
        workers.fetch(member, [ONE])


def test_an_exchange_signs_its_batches_for_their_worker(
    serve: Serve, servers: list[ScriptedServer], workers: HttpWorkers
) -> None:
    member = serve(answering(b'{"data": {"stored": [], "failed": {}}}'))
    exchange = workers.exchange()
    exchange.send(member, [])
    assert exchange.wait(60)[0].worker_id == "w1"
    exchange.close()
    assert b"Authorization: Bearer w1|POST|/internal/v1/chunks\r\n" in servers[0].requests[0][1]


def test_a_listing_asks_by_kind_and_the_digest_to_go_on_after(
    serve: Serve, servers: list[ScriptedServer], workers: HttpWorkers
) -> None:
    for after, asked in (("", b"\x01"), (ONE, b"\x01" + bytes.fromhex(ONE))):
        member = serve(answering(bytes.fromhex(TWO + THREE)))
        assert workers.listed(member, ChunkKind.MANIFEST, after) == [TWO, THREE]
        request = servers[-1].requests[0]
        assert f"POST {LIST_PATH} ".encode() in request[1]
        assert request[1].endswith(asked) or request[-1] == asked


def test_a_torn_listing_is_an_error(serve: Serve, workers: HttpWorkers) -> None:
    with pytest.raises(StoreUnavailable, match="w1"):
        workers.listed(serve(answering(b"torn")), ChunkKind.MANIFEST)


def test_a_removal_names_the_kind_and_the_digests(
    serve: Serve, servers: list[ScriptedServer], workers: HttpWorkers
) -> None:
    workers.remove(serve(answering(b"{}")), ChunkKind.ENTRY, [ONE, TWO])
    [(_, head, body)] = servers[0].requests
    assert head.startswith(f"POST {REMOVE_PATH} HTTP/1.1\r\n".encode())
    assert body == b"\x03" + bytes.fromhex(ONE + TWO)


def test_a_fetch_is_begun_where_a_connection_waits(serve: Serve, workers: HttpWorkers) -> None:
    def script(peer: Peer) -> None:
        for body in (lengths(b"frame one"), lengths(b"", b"2"), b"torn", b""):
            peer.read_request()
            peer.answer(body, status="200 OK" if body else "500 Internal Server Error")

    member = serve(script)
    assert workers.begin_fetch(member, [ONE]) is None
    workers.fetch(member, [ONE])
    fetch = workers.begin_fetch(member, [ONE, TWO])
    assert fetch is not None
    assert fetch.within(5) == {TWO: b"2"}
    for problem in ("wrong length", "answered 500"):
        fetch = workers.begin_fetch(member, [ONE])
        assert fetch is not None
        with pytest.raises(StoreUnavailable, match=problem):
            fetch.result()


def test_a_fetch_of_very_many_chunks_might_have_to_wait_for_its_sending(serve: Serve, workers: HttpWorkers) -> None:
    member = serve(answering(lengths(b"frame one")))
    workers.fetch(member, [ONE])
    assert workers.begin_fetch(member, [ONE] * 65) is None
