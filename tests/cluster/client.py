"""A user of a running master, through nothing but the standard library: what the tests check is checked by another road
than EchoFS's own code."""

from __future__ import annotations

import hashlib
import http.client
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

Json = dict[str, Any]
PASSWORD = "correct horse 42 battery"
BOUNDARY = "echofs-test-boundary"
READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Reply:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        parsed: Json = json.loads(self.body)
        return parsed

    @property
    def data(self) -> Json:
        """The envelope's data, of an answer that must be a success."""
        assert 200 <= self.status < 300, (self.status, self.body[:500])
        data: Json = self.json["data"]
        return data


class User:
    """Calls with a user's token; without one the calls are anonymous."""

    def __init__(self, url: str, token: str = "", timeout: float = 60) -> None:
        self.url = url
        self.token = token
        self.timeout = timeout

    @classmethod
    def registered(cls, url: str, name: str) -> User:
        """A new user, logged in."""
        nobody = cls(url)
        email = f"{name}@example.org"
        nobody.post_json("/api/v1/auth/register", {"username": name, "email": email, "password": PASSWORD}).data  # noqa: B018
        return cls.logged_in(url, name)

    @classmethod
    def logged_in(cls, url: str, name: str, password: str = PASSWORD) -> User:
        """An existing user with a fresh token."""
        answer = cls(url).post_json("/api/v1/auth/login", {"username": name, "password": password})
        return cls(url, answer.data["access_token"])

    def at(self, url: str) -> User:
        """The same user at another master."""
        return User(url, self.token, self.timeout)

    def call(
        self,
        method: str,
        path: str,
        body: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request and its whole answer."""
        with self._response(method, path, body, headers or {}) as response:
            answered = {each: ", ".join(response.headers.get_all(each, [])) for each in response.headers}
            return Reply(response.status, answered, response.read())

    def post_json(self, path: str, value: Json) -> Reply:
        return self.call("POST", path, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def upload(self, path: str, content: bytes | BinaryIO, **headers: str) -> Reply:
        """Upload raw bytes, or a file's (streamed), to a path; header names are written with underscores."""
        length = len(content) if isinstance(content, bytes) else content.seek(0, 2)
        if not isinstance(content, bytes):
            content.seek(0)
        all_headers = {"Content-Type": "application/octet-stream", "Content-Length": str(length)}
        all_headers.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.call("POST", f"/api/v1/files/upload?path={quote(path, safe='')}", content, all_headers)

    def upload_form(self, path: str, content: bytes, **fields: str) -> Reply:
        """Upload as a browser's form does."""
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
            for name, value in {"path": path, **fields}.items()
        ]
        parts.append(
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="file.bin"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
        )
        body = b"".join([*parts, content, f"\r\n--{BOUNDARY}--\r\n".encode()])
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.call("POST", "/api/v1/files/upload", body, {"Content-Type": kind})

    def download(self, file_id: str, **headers: str) -> Reply:
        """A file's bytes; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.call("GET", f"/api/v1/files/{file_id}/download", headers=named)

    def digest(self, file_id: str) -> str:
        """SHA-256 of a file as downloaded, in bounded memory."""
        digest = hashlib.sha256()
        with self._response("GET", f"/api/v1/files/{file_id}/download", None, {}) as response:
            assert response.status == 200, response.read(500)
            while piece := response.read(READ_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    def receipt(self, file_id: str) -> Json:
        """The replicas of a file as they are now."""
        receipt: Json = self.call("GET", f"/api/v1/files/{file_id}/receipt").data["receipt"]
        return receipt

    @contextmanager
    def _response(
        self, method: str, path: str, body: bytes | BinaryIO | None, headers: Mapping[str, str]
    ) -> Iterator[http.client.HTTPResponse]:
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(
            address.hostname or "", address.port, self.timeout, blocksize=READ_BYTES
        )
        authorization = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            connection.request(method, path, body, {**authorization, **headers})
            yield connection.getresponse()
        finally:
            connection.close()
