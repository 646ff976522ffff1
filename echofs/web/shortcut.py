"""The short way to the calls that masters make for every few chunks.

Flask's way through a request takes longer than what such a call does, and hardly anything else is asked of a worker.
So they are answered before it, if nothing at all is wrong with them. Whatever is not as it should be goes the ordinary
way, where the routes of the same names do the same and have words for what is wrong: both calls may be repeated.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from echofs.core.errors import AuthenticationFailed, EchoError
from echofs.ports.request_context import request_id
from echofs.ports.runtime import Ids
from echofs.web.access import token_in
from echofs.web.direct import read_whole
from echofs.web.request_ids import HEADER, logs_internal_calls

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApp = Callable[[Environ, StartResponse], Iterable[bytes]]
Observe = Callable[[str, str, int, float], None]
"""Is told the method, endpoint, status and seconds of each request."""

_METHOD = "POST"


@dataclass(frozen=True, slots=True)
class Served:
    """An answer in one or more pieces."""

    pieces: list[bytes]
    mimetype: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A route that is posted at most ``limit`` bytes; ``serve`` may be called twice for one request."""

    endpoint: str
    limit: int
    serve: Callable[[memoryview], Served]


class Shortcut:
    """Serves some calls, by path, and has ``app`` do the rest. ``verify`` takes an internal token, method and path and
    raises :class:`AuthenticationFailed`. Thread-safe."""

    def __init__(
        self,
        app: WsgiApp,
        calls: Mapping[str, Call],
        *,
        verify: Callable[[str, str, str], None],
        observe: Observe,
        ids: Ids,
    ) -> None:
        self._app = app
        self._calls = calls
        self._verify = verify
        self._observe = observe
        self._ids = ids

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        path = environ["PATH_INFO"]
        call = self._calls.get(path)
        length = _length(environ)
        if call is None or not 0 <= length <= call.limit or not self._allowed(environ, path):
            return self._app(environ, start_response)
        request_id.set(self._ids.new())
        body = read_whole(environ["wsgi.input"], length)
        served = _served(call, body) if len(body) == length else None
        if served is None:
            environ["wsgi.input"] = io.BytesIO(body)
            return self._app(environ, start_response)
        start_response(f"{served.status} {HTTPStatus(served.status).phrase}", _headers(served))
        self._observe(_METHOD, call.endpoint, served.status, time.perf_counter() - began)
        return served.pieces

    def _allowed(self, environ: Environ, path: str) -> bool:
        if environ["REQUEST_METHOD"] != _METHOD or environ.get("QUERY_STRING") or logs_internal_calls():
            return False
        try:
            self._verify(token_in(environ.get("HTTP_AUTHORIZATION", "")), _METHOD, path)
        except AuthenticationFailed:
            return False
        return True


def _length(environ: Environ) -> int:
    """How long the body is; -1 if it does not say so in so many digits."""
    text: str = environ.get("CONTENT_LENGTH", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1


def _served(call: Call, body: memoryview) -> Served | None:
    try:
        return call.serve(body)
    except EchoError:
        return None


def _headers(served: Served) -> list[tuple[str, str]]:
    return [
        ("Content-Type", served.mimetype),
        ("Content-Length", str(sum(map(len, served.pieces)))),
        (HEADER, request_id.get()),
    ]
