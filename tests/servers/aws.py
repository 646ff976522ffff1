"""S3 and DynamoDB as moto imitates them, in memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moto.server import ThreadedMotoServer

from tests.servers import lifeline


@contextmanager
def running(_folder: Path) -> Iterator[str]:
    """A server of all regions and accounts, with nothing in it; the address is a URL. Any credentials will do."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


if __name__ == "__main__":
    lifeline.keep(running)
