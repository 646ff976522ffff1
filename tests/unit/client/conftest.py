"""A master whose every answer is written down by the test, and a client whose waits take no time."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from echofs.client import Client
from tests.adapters.scripted_server import Peer, ScriptedServer

FILE = {
    "id": "f1",
    "path": "a/b.txt",
    "name": "b.txt",
    "folder": "a",
    "version": 1,
    "kind": "content",
    "size": 5,
    "digest": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
    "content_type": "text/plain",
    "etag": "1-2cf24dba5fb0a30e26e83b2ac5b9e29e",
    "updated_at": "2026-11-24T05:44:32.354454Z",
    "created_at": "2026-11-24T05:44:32.315208Z",
    "of_a_later_release": True,
}
"""Holds the five bytes of ``hello``."""
RECEIPT = {
    "mode_requested": "auto",
    "mode_used": "strong",
    "version": 1,
    "dot": "m:1",
    "replicas": 3,
    "replicas_wanted": 3,
    "zones": 3,
    "workers": ["w1", "w2", "w3"],
    "owed": 0,
    "committed": True,
    "provisional": False,
    "guarantee": "linearizable",
    "latency_ms": 1.5,
    "session": "s1",
}

Reply = Callable[[Peer], None]


def ok(data: object, *, status: str = "200 OK", consistency: object = None, headers: str = "") -> Reply:
    """A success in the envelope."""
    body = json.dumps({"success": True, "message": "", "data": data, "consistency": consistency}).encode()
    return lambda peer: peer.answer(body, status=status, headers=headers)


def refusal(status: str, code: str, *, field: str | None = None, headers: str = "") -> Reply:
    """A failure in the envelope."""
    error = {"code": code, "message": f"It is {code}.", "request_id": "r1", "field": field}
    body = json.dumps({"success": False, "message": "", "data": None, "error": error}).encode()
    return lambda peer: peer.answer(body, status=status, headers=headers)


def content(data: bytes, *, declared: int | None = None, status: str = "200 OK") -> Reply:
    """Bytes of a file; with ``declared`` more than come before the connection ends."""

    def reply(peer: Peer) -> None:
        peer.raw(f"HTTP/1.1 {status}\r\nContent-Length: {declared or len(data)}\r\n\r\n".encode() + data)
        if declared:
            peer.hang_up()

    return reply


def silence(peer: Peer) -> None:
    """The connection ends without an answer."""
    peer.hang_up()


class Master:
    """Answers request after request, on whatever connection it comes, with the next of ``replies``. ``cut`` is set
    once a client ended in the middle of one."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.cut = threading.Event()
        self.server = ScriptedServer(self._serve)

    @property
    def url(self) -> str:
        return self.server.url

    def heads(self) -> list[str]:
        """The request line and headers of all requests."""
        return [head.decode("latin-1") for _, head, _ in self.server.requests]

    def lines(self) -> list[str]:
        """Method and address of all requests."""
        return [head.partition(" HTTP/")[0] for head in self.heads()]

    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.server.requests]

    def header(self, number: int, name: str) -> str | None:
        """A header of a request, by its number from 0."""
        for line in self.heads()[number].split("\r\n")[1:]:
            found, _, value = line.partition(": ")
            if found.lower() == name.lower():
                return value
        return None

    def client(self, **options: Any) -> Client:
        """A client with a token that is never renewed, unless the options say otherwise."""
        login = {} if "username" in options or "token" in options else {"token": "t1"}
        return Client(self.url, **{**login, **options})

    def _serve(self, peer: Peer) -> None:
        while (body := peer.read_request()) is not None:
            [*_, head] = (head for number, head, _ in self.server.requests if number == peer.number)
            declared = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
            if declared and len(body) < int(declared[1]):
                # The client has ended in the middle of it: there is nobody to answer.
                self.cut.set()
                return
            reply = self.replies.pop(0) if self.replies else refusal("500 Error", "no_reply_was_scripted")
            reply(peer)


@pytest.fixture
def master() -> Iterator[Master]:
    master = Master()
    yield master
    master.server.stop()


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were waited between attempts; none of them passes."""
    waited: list[float] = []
    monkeypatch.setattr("echofs.client.http.sleep", waited.append)
    return waited
