"""Every way by which one user's files are reached, so that a test can see that all of them are shut."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.cluster.client import PASSWORD, Reply, User
from tests.cluster.tus import ROUTE, TUS

ADMINS_ONLY = "/api/v1/admin/users"
JSON = {"Content-Type": "application/json"}
SHUT = (401, 403)
_PROCESSES = 4
"""How often in a row a master must refuse: one of its processes may know what another does not."""
_PATCH = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream", "Content-Length": "1"}


@dataclass(frozen=True)
class Way:
    """A request that needs no token but what it has itself."""

    name: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""

    def status(self, url: str) -> int:
        return User(url).call(self.method, self.path, self.body or None, self.headers).status

    def is_shut(self, url: str) -> bool:
        return all(self.status(url) in SHUT for _ in range(_PROCESSES))


def ways_in(url: str, name: str) -> list[Way]:
    """All that a user who is there already has: tokens, a session of the page, an app password and an upload."""
    user, nobody = User.logged_in(url, name), User(url)
    bearer = {"Authorization": f"Bearer {user.token}"}
    credentials = json.dumps({"username": name, "password": PASSWORD}).encode()
    signed_in = nobody.call("POST", "/api/v1/session", credentials, JSON)
    found = re.findall(r"echofs_access=[^;]+", signed_in.headers["Set-Cookie"])
    cookie = {"Cookie": found[0], "X-CSRF-Token": signed_in.data["csrf"]}
    secret = user.post_json("/api/v1/auth/app-passwords", {"name": "phone"}).data["password"]
    basic = {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}
    file_id = user.upload("there.txt", b"there").data["file"]["id"]
    begun = {**TUS, "Upload-Length": "9", "Upload-Metadata": f"path {base64.b64encode(b'begun').decode()}"}
    ticket = user.call("POST", ROUTE, None, {**begun, "Content-Length": "0"}).headers["Location"]
    return [
        Way("token, profile", "GET", "/api/v1/auth/profile", bearer),
        Way("token, download", "GET", f"/api/v1/files/{file_id}/download", bearer),
        Way("token, upload", "POST", "/api/v1/files/upload?path=more.txt", bearer, b"more"),
        Way("page, files", "GET", "/api/v1/files", cookie),
        Way("page, folder", "POST", "/api/v1/folders", {**cookie, **JSON}, b'{"path": "more"}'),
        Way("app password, listing", "PROPFIND", "/dav/", {**basic, "Depth": "1"}),
        Way("app password, upload", "PUT", "/dav/more.txt", basic, b"more"),
        Way("upload, question", "HEAD", ticket, TUS),
        Way("upload, bytes", "PATCH", ticket, _PATCH, b"x"),
    ]


def id_of(user: User) -> str:
    """A user's id."""
    return str(user.call("GET", "/api/v1/auth/profile").data["user"]["id"])


def changed(admin: User, user_id: str, **change: object) -> Reply:
    """What an administrator changes of a user."""
    return admin.call("PATCH", f"{ADMINS_ONLY}/{user_id}", json.dumps(change).encode(), JSON)
