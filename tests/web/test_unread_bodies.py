"""A request refused before its body was read leaves nothing behind on the connection, under the real server.

The answer cannot carry ``Connection: close`` itself: WSGI forbids applications to (PEP 3333) and gunicorn drops it.
Gunicorn reads up to 64 KiB of what is left and closes the connection if there is more; these tests hold it to that.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, Response

from echofs.core.errors import AuthenticationFailed
from echofs.services.accounts import Principal
from echofs.web.access import ACCESS, Access, install_access
from echofs.web.answers import ok
from echofs.web.errors import install_errors

ROOT = Path(__file__).parents[2]
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
SMALL, LARGE = SMUGGLED * 100, SMUGGLED * 40_000

pytestmark = pytest.mark.cluster


def refusing_app() -> Flask:
    """What gunicorn serves: one closed route, one that is never called but by smuggling, and a last one."""
    app = Flask("refusing", static_folder=None)
    ACCESS.update(closed=Access.USER, smuggled=Access.PUBLIC, after=Access.PUBLIC)
    install_errors(app)
    install_access(app, authenticate=_nobody, verify_call=lambda *call: None)
    app.add_url_rule("/closed", "closed", lambda: ok(), methods=["POST"])
    app.add_url_rule("/smuggled", "smuggled", lambda: ok("smuggled"))
    app.add_url_rule("/after", "after", lambda: Response("the answer after"))
    return app


def _nobody(token: str) -> Principal:
    raise AuthenticationFailed("No.")


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        chosen: int = listener.getsockname()[1]
        command = [sys.executable, "-m", "gunicorn", "tests.web.test_unread_bodies:refusing_app()"]
        command += ["--worker-class", "echofs.cli.gunicorn_worker.StayingThreadWorker"]
        command += ["--threads", "2", "--no-control-socket", "--bind", f"fd://{listener.fileno()}"]
        # Elsewhere than in the project, whose own configuration gunicorn would find and read.
        elsewhere = tmp_path_factory.mktemp("server")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        server = subprocess.Popen(command, cwd=elsewhere, env=environment, pass_fds=[listener.fileno()])
        try:
            yield chosen
        finally:
            server.terminate()
            server.wait(20)


def converse(port: int, head: bytes, body: bytes) -> bytes:
    """Send a request to be refused and another after it on the same connection; all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        received = b""
        try:
            connection.sendall(head + body)
            time_left = time.monotonic() + 10
            while b"\r\n\r\n" not in received and time.monotonic() < time_left:
                piece = connection.recv(65536)
                if not piece:
                    return received
                received += piece
            connection.sendall(b"GET /after HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            return received
        return received


def statuses(received: bytes) -> list[str]:
    return re.findall(r"HTTP/1\.1 (\d+)", received.decode())


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_after_a_small_unread_body_the_connection_goes_on_in_step(port: int, framing: str) -> None:
    received = converse(port, *framed(SMALL, framing))
    assert statuses(received) == ["401", "200"]
    assert received.endswith(b"the answer after")


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_after_a_large_unread_body_the_connection_ends(port: int, framing: str) -> None:
    # The refusal itself may be lost when the server closes with bytes still arriving; nothing else may be answered.
    assert statuses(converse(port, *framed(LARGE, framing))) in (["401"], [])


def framed(body: bytes, framing: str) -> tuple[bytes, bytes]:
    head = b"POST /closed HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
    if framing == "length":
        return head + b"Content-Length: %d\r\n\r\n" % len(body), body
    return head + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
