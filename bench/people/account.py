"""The user who uploads, and what EchoFS gives back of what was uploaded."""

import hashlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from bench.dialects import EchoFSDialect, read_answer
from bench.errors import BenchError
from bench.people.sources import Source
from bench.wire import Address, Connection

_LISTED = 10_000


@dataclass(frozen=True)
class Account:
    """A user's access to a cluster."""

    address: Address
    token: str

    @property
    def url(self) -> str:
        """Where the master answers."""
        return f"http://{self.address[0]}:{self.address[1]}"

    def verify(self, source: Source) -> int:
        """Downloads all that was uploaded of a source; how many files that were.

        Raises `BenchError` for a file that is missing or has other bytes.
        """
        connection = Connection(self.address)
        try:
            files = self._listed(connection, source.folder)
            into = memoryview(bytearray(source.size))
            for path, digest in source.digests.items():
                if path not in files:
                    raise BenchError(f"{path} was uploaded and is not there")
                self._compare(connection, path, files[path], digest, into)
        except OSError as error:
            raise BenchError(f"the connection broke while {source.place.name} was verified: {error}") from error
        finally:
            connection.close()
        return len(source.digests)

    def _compare(self, connection: Connection, path: str, file_id: str, digest: str, into: memoryview) -> None:
        reply = connection.ask(EchoFSDialect(self.token).download_head(file_id), into=into)
        if reply.status != 200:
            said = reply.body[:300].decode("utf-8", "replace")
            raise BenchError(f"EchoFS answered {reply.status} to the download of {path}, not 200: {said}")
        if hashlib.sha256(into[: reply.length]).hexdigest() != digest:
            raise BenchError(f"{path} came back with other bytes than were uploaded")

    def _listed(self, connection: Connection, folder: str) -> dict[str, str]:
        """The ids of the files in a folder, by path."""
        route = f"files?folder={quote(folder, safe='')}&limit={_LISTED}"
        head = f"GET /api/v1/{route} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {self.token}\r\n\r\n"
        files: list[dict[str, Any]]
        files = read_answer(connection.ask(head.encode("ascii")), 200, "a listing")["data"]["files"]
        return {str(file["path"]): str(file["id"]) for file in files}
