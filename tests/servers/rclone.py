"""rclone as an S3 server over a folder: it checks signatures and digests, and knows nothing of conditional puts."""

from __future__ import annotations

import http.client
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import lifeline

ACCESS_KEY = "echofs"
SECRET_KEY = "a-secret-of-the-tests"


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """An empty server; the address is a URL, followed by a space and the folder in which a bucket is a folder."""
    data = folder / "data"
    data.mkdir()
    options = ["--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--config", folder / "none.conf", "--vfs-cache-mode", "off"]

    def command(port: int) -> list[str | Path]:
        program = Path(sys.executable).parent / "rclone"
        return [program, "serve", "s3", "--addr", f"127.0.0.1:{port}", *options, data]

    def answers(port: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == http.HTTPStatus.BAD_REQUEST  # a request without a signature
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    with lifeline.on_free_port(command, answers, folder) as port:
        yield f"http://127.0.0.1:{port} {data}"


if __name__ == "__main__":
    lifeline.keep(running)
