"""A real server on a real socket whose every move is written down by the test."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable

from echofs.core.models import Member


class Peer:
    """One connection as the script sees it. ``number`` counts connections from 0."""

    def __init__(self, server: ScriptedServer, sock: socket.socket, number: int) -> None:
        self.server = server
        self.socket = sock
        self.number = number
        self._reader = sock.makefile("rb")

    def read_head(self) -> bytes:
        """The head of the next request, ``b""`` when the client hung up."""
        lines = []
        while line := self._reader.readline():
            lines.append(line)
            if line == b"\r\n":
                break
        return b"".join(lines)

    def read_request(self) -> bytes | None:
        """The body of the next request, which is noted in the server; None when the client hung up."""
        head = self.read_head()
        if not head:
            return None
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        body = self._reader.read(length)
        self.server.requests.append((self.number, head, body))
        return body

    def answer(self, body: bytes = b"", *, status: str = "200 OK", headers: str = "") -> None:
        """A whole answer with its length."""
        self.raw(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body)

    def answer_json(self, data: object, *, status: str = "200 OK") -> None:
        """A whole answer in the envelope."""
        self.answer(json.dumps({"success": True, "message": "", "data": data}).encode(), status=status)

    def raw(self, data: bytes) -> None:
        """Bytes as they are."""
        self.socket.sendall(data)

    def hang_up(self) -> None:
        """Close the connection at once."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self._reader.close()
        self.socket.close()

    def stay_silent(self) -> None:
        """Neither read nor write until the test is over."""
        self.server.over.wait(30)


Script = Callable[[Peer], None]


class ScriptedServer:
    """Runs ``script`` in a thread for each connection; when it returns, the connection is closed."""

    def __init__(self, script: Script, *, receive_buffer: int | None = None) -> None:
        self.requests: list[tuple[int, bytes, bytes]] = []
        self.over = threading.Event()
        self._script = script
        self._listener = socket.socket()
        if receive_buffer is not None:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(16)
        self.port: int = self._listener.getsockname()[1]
        self._peers: list[Peer] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections were ever accepted."""
        return len(self._peers)

    def member(self, worker_id: str) -> Member:
        return Member(worker_id, self.url, zone=worker_id)

    def stop(self) -> None:
        self.over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            peer.hang_up()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                peer = Peer(self, sock, len(self._peers))
                self._peers.append(peer)
                thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, peer: Peer) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._script(peer)
        peer.hang_up()


def refused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
