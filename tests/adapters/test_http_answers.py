"""Answers of well-behaved, broken and hostile processes, byte by byte."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from echofs.adapters import http_answers
from echofs.adapters.http_answers import Answer, AnswerReader, BadAnswer

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = OK + b"Content-Length: 5\r\n\r\nhello"

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The asking and the answering end of a connection."""
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(10)
    yield ends
    for end in ends:
        end.close()


def read(pair: Pair, raw: bytes) -> tuple[Answer, bool]:
    """The answer in ``raw``, after which the peer hangs up, and whether the connection would be kept."""
    ours, theirs = pair
    theirs.sendall(raw)
    theirs.shutdown(socket.SHUT_WR)
    reader = AnswerReader()
    while (answer := reader.receive(ours)) is None:
        pass
    return answer, reader.keep


@pytest.mark.parametrize(
    ("raw", "answer", "keep"),
    [
        (HELLO, Answer(200, b"hello"), True),
        (b"HTTP/1.1 200\r\ncontent-length: 1\r\n\r\nx", Answer(200, b"x"), True),
        (OK + b"Content-Length: 0\r\n\r\n", Answer(200, b""), True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b""), True),
        (b"HTTP/1.1 507 Full\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Answer(507, b""), False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", Answer(200, b"ok"), False),
    ],
)
def test_an_answer_is_recognised_exactly_when_its_last_byte_has_come(
    raw: bytes, answer: Answer, keep: bool, pair: Pair
) -> None:
    ours, theirs = pair
    reader = AnswerReader()
    for at in range(len(raw)):
        theirs.sendall(raw[at : at + 1])
        assert (reader.receive(ours) is None) == (at < len(raw) - 1)
    assert read(pair, raw) == (answer, keep)


def test_nothing_is_taken_from_a_socket_on_which_nothing_came(pair: Pair) -> None:
    pair[0].setblocking(False)
    reader = AnswerReader()
    with pytest.raises(BlockingIOError):
        reader.receive(pair[0])
    pair[1].sendall(HELLO)
    assert reader.receive(pair[0]) == Answer(200, b"hello")


def test_a_body_longer_than_one_read_is_put_together(pair: Pair) -> None:
    body = bytes(range(256)) * 400
    answer, keep = read(pair, OK + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    assert (answer.body, keep) == (body, True)


@pytest.mark.parametrize("more", [b"H", HELLO, b"\r\n", b"\0"])
def test_an_answer_with_more_behind_it_closes_its_connection(more: bytes, pair: Pair) -> None:
    assert read(pair, HELLO + more) == (Answer(200, b"hello"), False)


@pytest.mark.parametrize("length", range(len(HELLO)))
def test_a_peer_that_hangs_up_within_its_answer_is_an_error(length: int, pair: Pair) -> None:
    with pytest.raises(BadAnswer):
        read(pair, HELLO[:length])


@pytest.mark.parametrize(
    "raw",
    [
        OK + b"\r\nto the end",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        OK + b"Content-Length: 5, 5\r\n\r\nhello",
        OK + b"Content-Length: +5\r\n\r\nhello",
        OK + b"Content-Length: -5\r\n\r\nhello",
        OK + b"Content-Length: 0x5\r\n\r\nhello",
        OK + b"Content-Length: 5_0\r\n\r\nhello",
        OK + "Content-Length: ٥\r\n\r\nhello".encode(),
        OK + b"Content-Length:\r\n\r\nhello",
        OK + b"Content-Length : 5\r\n\r\nhello",
        OK + b" Content-Length: 5\r\n\r\nhello",
        OK + b"Content-Length: 5\r\n X: folded\r\n\r\nhello",
        OK + b"Content-Length: 99999999999\r\n\r\nx",
        OK + b"Content-Length: 9999999999999999999999999\r\n\r\nx",
        OK + b"X: y\nContent-Length: 5\r\n\r\nhello",
        OK + b"X: y\rContent-Length: 9\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"X: a\0b\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"X\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"X: " + b"y" * 70_000 + b"\r\nContent-Length: 5\r\n\r\nhello",
        OK + b"X: y\r\n" * 20_000,
        HELLO.replace(b"\r\n", b"\n"),
        HELLO.replace(b"HTTP/1.1", b"HTTP/2.0"),
        HELLO.replace(b"HTTP/1.1", b"HTTP/9.9"),
        HELLO.replace(b"HTTP/1.1", b"RTSP/1.0"),
        HELLO.replace(b"200", b"abc"),
        HELLO.replace(b"200", b"2000"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO,
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"\r\n" + HELLO,
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
    ids=lambda raw: repr(raw[-40:]),
)
def test_whatever_leaves_a_doubt_about_where_an_answer_ends_is_refused(raw: bytes, pair: Pair) -> None:
    with pytest.raises(BadAnswer):
        read(pair, raw)


def test_an_answer_beyond_the_limit_is_refused_before_its_body_comes(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_answers, "MAX_ANSWER_BYTES", 8)
    pair[1].sendall(OK + b"Content-Length: 9\r\n\r\n")
    with pytest.raises(BadAnswer, match="too long"):
        AnswerReader().receive(pair[0])


def test_the_data_of_an_envelope() -> None:
    assert Answer(200, b'{"success": true, "data": {"a": 1}}').data() == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b"[]", b"5", b"null", b'"data"', b"{}", b'{"data": []}', b'{"data": null}', b"[" * 100_000],
)
def test_a_body_that_is_no_envelope_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Answer(200, body).data()
