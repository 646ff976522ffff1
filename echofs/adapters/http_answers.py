"""Answers to internal calls: read from a socket as their bytes come, and believed only when they are beyond doubt.

The head is checked by llhttp (RFC 9112, strictly: no folded lines, no bare LF, one Content-Length at most). EchoFS's
processes say how long each of their answers is, so one that does not is refused: the end of a connection is no proof
that an answer is whole. The body goes straight into one buffer, because most bytes of a download come this way.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass

import httptools

MAX_ANSWER_BYTES = 64 << 20
MAX_HEAD_BYTES = 64 << 10
_RECEIVE_BYTES = 64 << 10
_END_OF_HEAD = b"\r\n\r\n"
_NO_CONTENT = 204


class BadAnswer(ConnectionError):
    """What came on a connection is not the whole of a well-formed answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status code and whole body."""

    status: int
    body: bytes | bytearray

    def data(self) -> dict[str, object]:
        """``data`` of the envelope in which EchoFS answers. Raises ValueError when the body is anything else."""
        try:
            said = json.loads(self.body)["data"]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError("the answer is not one of EchoFS") from error
        if not isinstance(said, dict):
            raise ValueError("the answer is not one of EchoFS")
        return said


class AnswerReader:
    """One answer under way. ``keep`` says, once it is whole, whether its connection may serve another request."""

    def __init__(self) -> None:
        self.keep = False
        self._head = b""
        self._status = 0
        self._body: bytes | bytearray = b""
        self._missing = -1
        """Bytes of the body still to come; negative before the head is whole."""

    def receive(self, sock: socket.socket) -> Answer | None:
        """Take what has come; the answer once its last byte is there, None before.

        Raises OSError as the socket does, :class:`BadAnswer` (one of them) for anything but an answer.
        """
        if self._missing < 0:
            self._take(sock.recv(_RECEIVE_BYTES))
        else:
            received = sock.recv_into(memoryview(self._body)[-self._missing :])
            if not received:
                raise BadAnswer("hung up within an answer")
            self._missing -= received
        return Answer(self._status, self._body) if self._missing == 0 else None

    def _take(self, data: bytes) -> None:
        if not data:
            raise BadAnswer("hung up within an answer" if self._head else "hung up without an answer")
        came = self._head + data if self._head else data
        end = came.find(_END_OF_HEAD) + len(_END_OF_HEAD)
        if end < len(_END_OF_HEAD):
            if len(came) > MAX_HEAD_BYTES:
                raise BadAnswer("the head of the answer is too long")
            self._head = came
            return
        head = _Head(came[:end])
        self._status = head.status
        body = came[end : end + head.length]
        self._missing = head.length - len(body)
        self._body = body
        if self._missing:
            self._body = bytearray(head.length)
            self._body[: len(body)] = body
        # What follows could be taken for the next answer.
        self.keep = head.keep and len(came) == end + len(body)


class _Head:
    """The status line and headers, as far as the transport needs them. Raises :class:`BadAnswer`."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) > MAX_HEAD_BYTES:
            raise BadAnswer("the head of the answer is too long")
        self._parser = httptools.HttpResponseParser(self)
        self._declared: bytes | None = None
        self.keep = False
        try:
            self._parser.feed_data(raw)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise BadAnswer("the answer is malformed") from error
        self.status: int = self._parser.get_status_code()
        if not raw.startswith(b"HTTP/1.") or self.status < 200:
            raise BadAnswer("the answer is not one of HTTP/1.1")
        if self._declared is None and self.status != _NO_CONTENT:
            raise BadAnswer("the answer does not say how long it is")
        self.length = 0 if self.status == _NO_CONTENT else int(self._declared or 0)
        if self.length > MAX_ANSWER_BYTES:
            raise BadAnswer("the answer is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-length":
            self._declared = value

    def on_headers_complete(self) -> None:
        self.keep = self._parser.should_keep_alive()
