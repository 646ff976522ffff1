"""Bodies received in place, under the real server: the parts of gunicorn this uses are private and may change."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask, Response, request

from echofs.web.direct import read_piece, read_whole, receive_in_place

ROOT = Path(__file__).parents[2]


def hashing_app() -> Flask:
    """What gunicorn serves: the digest of a body, and whether it was received in place."""
    app = Flask("hashing", static_folder=None)

    @app.post("/")
    def digest() -> Response:
        stream = request.environ["wsgi.input"]
        direct = receive_in_place(stream)
        body = read_whole(stream, request.content_length or 0)
        return Response(json.dumps([direct, len(body), hashlib.sha256(body).hexdigest()]))

    @app.post("/pieces")
    def pieces() -> Response:
        stream = request.environ["wsgi.input"]
        direct, whole, size = True, hashlib.sha256(), 0
        while piece := read_piece(stream, 4096):
            direct = direct and receive_in_place(stream)
            whole.update(piece)
            size += len(piece)
        return Response(json.dumps([direct, size, whole.hexdigest()]))

    return app


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [sys.executable, "-m", "gunicorn", "tests.web.test_direct:hashing_app()"]
        command += ["--worker-class", "echofs.cli.gunicorn_worker.StayingThreadWorker"]
        command += ["--threads", "2", "--no-control-socket", "--bind", f"fd://{listener.fileno()}"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        elsewhere = tmp_path_factory.mktemp("server")
        server = subprocess.Popen(command, cwd=elsewhere, env=environment, pass_fds=[listener.fileno()])
        try:
            yield listener.getsockname()[1]
        finally:
            server.terminate()
            server.wait(timeout=20)


def post(connection: socket.socket, path: str, body: bytes, *, pause_after: int | None = None) -> list[object]:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    together = len(body) if pause_after is None else pause_after
    connection.sendall(head + body[:together])
    if pause_after is not None:
        time.sleep(0.05)  # so that the rest cannot come with the head
        connection.sendall(body[together:])
    answer = b""
    while b"]" not in answer:
        received = connection.recv(65536)
        assert received, answer
        answer += received
    parsed: list[object] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return parsed


@pytest.mark.parametrize("size", [1, 100, 8192, 1 << 20, (4 << 20) + 257])
@pytest.mark.parametrize("together", [None, 0, 1])
@pytest.mark.parametrize("path", ["/", "/pieces"])
def test_bodies_are_received_in_place_and_the_connection_goes_on(
    port: int, path: str, size: int, together: int | None
) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        for _ in range(3):
            body = os.urandom(size)
            answer = post(connection, path, body, pause_after=together)
            assert answer == [True, size, hashlib.sha256(body).hexdigest()]


@pytest.mark.parametrize("path", ["/", "/pieces"])
def test_a_body_that_ends_early_is_as_short_as_it_came(port: int, path: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode() + b"x" * 40)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while received := connection.recv(65536):
            answer += received
    assert b'[true, 40, "' in answer


def test_another_stream_is_read_the_ordinary_way() -> None:
    stream = io.BytesIO(b"abcdef")
    assert not receive_in_place(stream)
    assert bytes(read_whole(stream, 4)) == b"abcd"
    assert read_piece(stream, 4) == b"ef"


class Breaking:
    """A socket that gives some bytes and is broken from then on."""

    def __init__(self, *parts: bytes) -> None:
        self._parts = list(parts)

    def recv(self, size: int, flags: int) -> bytes:
        if not self._parts:
            raise ConnectionResetError
        return self._parts.pop(0)


def test_what_came_before_a_connection_broke_is_given_and_then_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("echofs.web.direct.receive_in_place", lambda stream: True)
    early = io.BytesIO(b"early")

    def read(size: int) -> bytes:
        return early.read(size)

    unreader = SimpleNamespace(sock=Breaking(b"late"), buf=io.BytesIO(b"early"))
    reader = SimpleNamespace(length=100, unreader=unreader, read=read)
    stream = SimpleNamespace(reader=reader)
    assert read_piece(stream, 64) == b"earlylate"
    unreader.buf = io.BytesIO()
    with pytest.raises(ConnectionResetError):
        read_piece(stream, 64)
