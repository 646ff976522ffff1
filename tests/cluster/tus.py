"""A client of the tus protocol, which nobody here wrote, and what it lacks: bodies that break off."""

from __future__ import annotations

import io
import socket
from contextlib import closing

from tusclient.client import TusClient
from tusclient.uploader import Uploader

from tests.cluster.client import User
from tests.cluster.cluster import eventually

ROUTE = "/api/v1/uploads"
TUS = {"Tus-Resumable": "1.0.0"}
RETRIES = 3
RETRY_SECONDS = 1


def uploader(user: User, path: str, content: bytes, chunk_size: int, *, checksum: bool = False) -> Uploader:
    """A client that has not begun; a request brings at most ``chunk_size`` bytes."""
    client = TusClient(user.url + ROUTE, headers={"Authorization": f"Bearer {user.token}"})
    return client.uploader(
        file_stream=io.BytesIO(content),
        chunk_size=chunk_size,
        metadata={"path": path},
        retries=RETRIES,
        retry_delay=RETRY_SECONDS,
        upload_checksum=checksum,
    )


def resumed(url: str, content: bytes, chunk_size: int) -> Uploader:
    """A client that knows nothing but the address: it asks for the offset and has no token."""
    return Uploader(
        url=url, file_stream=io.BytesIO(content), chunk_size=chunk_size, retries=RETRIES, retry_delay=RETRY_SECONDS
    )


def at(master: str, url: str) -> str:
    """The address of an upload at another master."""
    return master + url[url.index(ROUTE) :]


def offset(url: str) -> int:
    """How far an upload has come."""
    master, ticket = url[: url.index(ROUTE)], url[url.index(ROUTE) :]
    return int(User(master).call("HEAD", ticket, headers=TUS).headers["Upload-Offset"])


def open_patch(url: str, content: bytes, begin: int, end: int) -> socket.socket:
    """A request for all bytes from ``begin`` on, of which only those before ``end`` were sent so far."""
    host = url.split("/")[2]
    head = (
        f"PATCH {url[url.index(ROUTE) :]} HTTP/1.1\r\nHost: {host}\r\nTus-Resumable: 1.0.0\r\n"
        f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(content) - begin}\r\n"
        f"Upload-Offset: {begin}\r\n\r\n"
    )
    address, _, port = host.partition(":")
    connection = socket.create_connection((address, int(port)), timeout=30)
    connection.sendall(head.encode() + content[begin:end])
    return connection


def break_off(url: str, content: bytes, begin: int, end: int) -> None:
    """A request whose client is gone before its body is complete."""
    with closing(open_patch(url, content, begin, end)):
        pass


def wait_for_offset(url: str, least: int) -> int:
    """How far an upload has come, once that is so far."""
    eventually(lambda: offset(url) >= least, f"the upload is at {least}")
    return offset(url)
