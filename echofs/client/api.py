"""Requests as a logged-in user: the token, its renewal, and the session token that reads and writes hand on."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import urllib3

from echofs.client.errors import NotLoggedIn, Refused
from echofs.client.http import Answer, Http, Request

SESSION = "X-EchoFS-Session"
CONSISTENCY = "X-EchoFS-Consistency"
_PAGE = 1000

T = TypeVar("T")


class Access(Protocol):
    """Where access tokens come from."""

    def access(self) -> str:
        """A token to use. Raises :class:`NotLoggedIn`."""

    def renew(self, refused: str) -> str:
        """Another one than that. Raises :class:`NotLoggedIn`."""


class Api:
    """A user's requests to ``/api/v1``. Thread-safe.

    The session token of the last answer goes out with the next request, so that nothing is shown that is older than
    what was written or seen before, through whichever master. ``session`` is the one to begin with.
    """

    def __init__(self, http: Http, access: Access, *, session: str = "") -> None:
        self.http = http
        self._access = access
        self._session = session
        self._lock = threading.Lock()

    @property
    def session(self) -> str:
        """The session token of the last answer."""
        return self._session

    def get(
        self, path: str, query: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Read something. Raises :class:`ClientError`."""
        return self.call(Request("GET", path, query or {}, headers or {}))

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """Change something, with a body in JSON if one is given. Raises :class:`ClientError`."""
        named = dict(headers or {})
        encoded = json.dumps(body).encode() if body is not None else None
        if encoded is not None:
            named["Content-Type"] = "application/json"
        made = (lambda: encoded) if encoded is not None else None
        return self.call(Request(method, path, query or {}, named, made, repeatable))

    def call(self, request: Request, *, login: bool = True) -> Answer:
        """Any request that is answered in JSON; without ``login`` one that needs none. Raises :class:`ClientError`."""
        answer = self._authorised(request, self.http.json, login=login)
        self._keep(answer.headers)
        return answer

    def headers(self, request: Request, *, login: bool = True) -> Mapping[str, str]:
        """Any request whose answer is in its headers. Raises :class:`ClientError`."""
        found = self._authorised(request, self.http.headers, login=login)
        self._keep(found)
        return found

    def stream(self, request: Request) -> urllib3.BaseHTTPResponse:
        """Any request that is answered with bytes. Raises :class:`ClientError`."""
        response = self._authorised(request, self.http.stream)
        self._keep(response.headers)
        return response

    def pages(self, path: str, rows: str, query: Mapping[str, str] | None = None) -> Iterator[Mapping[str, Any]]:
        """The rows of all pages of a listing, asked for as they are wanted. Raises :class:`ClientError`."""
        for data in self.data_of_pages(path, query):
            yield from data[rows]

    def data_of_pages(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[Mapping[str, Any]]:
        """The pages of a listing themselves. Raises :class:`ClientError`."""
        asked = {"limit": str(_PAGE), **(query or {})}
        while True:
            data = self.get(path, asked).data
            yield data
            if not data.get("next"):
                return
            asked["after"] = data["next"]

    def _authorised(self, request: Request, send: Callable[[Request], T], *, login: bool = True) -> T:
        if not login:
            return self._in_session(request, "", send)
        token = self._access.access()
        try:
            return self._in_session(request, token, send)
        except NotLoggedIn:
            if request.body is not None and not request.repeatable:
                raise
            return self._in_session(request, self._access.renew(token), send)

    def _in_session(self, request: Request, token: str, send: Callable[[Request], T]) -> T:
        headers = {**request.headers, "Authorization": f"Bearer {token}"} if token else dict(request.headers)
        session = self._session
        if not session:
            return send(replace(request, headers=headers))
        try:
            return send(replace(request, headers={**headers, SESSION: session}))
        except Refused as error:
            if error.field != SESSION:
                raise
        # Of another user or a cluster that was made anew: it says nothing about what this one has seen.
        with self._lock:
            self._session = ""
        return send(replace(request, headers=headers))

    def _keep(self, headers: Mapping[str, str]) -> None:
        if token := headers.get(SESSION):
            with self._lock:
                self._session = token


def quoted_etag(etag: str) -> str:
    """An etag as If-Match takes it; ``*`` stays what it is."""
    return etag if etag == "*" or etag.startswith('"') else f'"{etag}"'


def level_header(consistency: str) -> dict[str, str]:
    """A consistency level as a header, nothing for none."""
    return {CONSISTENCY: consistency} if consistency else {}


def match_header(etag: str) -> dict[str, str]:
    """If-Match for an etag, nothing for none."""
    return {"If-Match": quoted_etag(etag)} if etag else {}
