"""How each system is asked to keep a file and to give it back."""

import json
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from bench.errors import BenchError
from bench.wire import Reply

_FEWEST_REPLICAS = 2


@dataclass(frozen=True)
class Receipt:
    """What a system said about one upload: the reference to read it by, and the digest it claims, if it claims one."""

    reference: str
    digest: str | None


class Dialect(Protocol):
    """Requests and answers of one system; picklable, since every client process gets a copy."""

    def upload_head(self, name: str, size: int) -> bytes:
        """The head of an upload of `size` bytes."""

    def download_head(self, reference: str) -> bytes:
        """The head of a download of an uploaded file."""

    def receipt(self, name: str, reply: Reply) -> Receipt:
        """Reads the answer to an upload; raises `BenchError` if the file was not kept as it should be."""


@dataclass(frozen=True)
class NginxDialect:
    """nginx with its DAV module: PUT and GET below /data/."""

    def upload_head(self, name: str, size: int) -> bytes:
        return f"PUT /data/{quote(name)} HTTP/1.1\r\nHost: bench\r\nContent-Length: {size}\r\n\r\n".encode("ascii")

    def download_head(self, reference: str) -> bytes:
        return f"GET /data/{quote(reference)} HTTP/1.1\r\nHost: bench\r\n\r\n".encode("ascii")

    def receipt(self, name: str, reply: Reply) -> Receipt:
        if reply.status != 201:
            raise BenchError(f"nginx answered {reply.status} to an upload, not 201; its error.log says why")
        return Receipt(name, None)


@dataclass(frozen=True)
class EchoFSDialect:
    """EchoFS's public API with a raw body, every write `strong`; `token` is a user's access token."""

    token: str

    def upload_head(self, name: str, size: int) -> bytes:
        return (
            f"POST /api/v1/files/upload?path=bench/{quote(name)} HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {self.token}\r\nContent-Type: application/octet-stream\r\n"
            f"X-EchoFS-Consistency: strong\r\nContent-Length: {size}\r\n\r\n"
        ).encode("ascii")

    def download_head(self, reference: str) -> bytes:
        return (
            f"GET /api/v1/files/{quote(reference)}/download HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {self.token}\r\n\r\n"
        ).encode("ascii")

    def receipt(self, name: str, reply: Reply) -> Receipt:
        answer = read_answer(reply, 201, f"the upload of {name}")
        try:
            file, replicas = answer["data"]["file"], int(answer["consistency"]["replicas"])
            reference, digest = str(file["id"]), str(file["digest"])
        except (KeyError, TypeError, ValueError) as error:
            raise BenchError(f"EchoFS's receipt for {name} lacks {error}: {reply.body[:200]!r}") from error
        if replicas < _FEWEST_REPLICAS:
            raise BenchError(
                f"EchoFS acknowledged {name} with {replicas} durable replicas, fewer than {_FEWEST_REPLICAS}"
            )
        return Receipt(reference, digest)


def read_answer(reply: Reply, status: int, what: str) -> dict[str, Any]:
    """The JSON envelope of an EchoFS answer; raises `BenchError` unless it has `status` and reports success."""
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = None
    if reply.status != status or not isinstance(answer, dict) or answer.get("success") is not True:
        said = reply.body[:300].decode("utf-8", "replace")
        raise BenchError(f"EchoFS answered {reply.status} to {what}, not {status}: {said}")
    return answer
