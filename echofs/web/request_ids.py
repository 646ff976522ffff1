"""An id for every request, in its answer and its log lines, and one line in the access log."""

from __future__ import annotations

import logging
import re
from urllib.parse import quote

from flask import Flask, Request, Response, g

from echofs.ports.request_context import client_address, request_id
from echofs.ports.runtime import Clock, Ids
from echofs.web.access import ACCESS, Access
from echofs.web.plain import this_request

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LOGGED_PATH_CHARACTERS = 1024
_TICKET = re.compile(r"(/api/v1/uploads/[^.]*)\..*", re.DOTALL)
"""The address of a resumable upload ends with a secret."""
_ROUTINE = frozenset({"/health", "/api/v1/health", "/metrics"})

_log = logging.getLogger("echofs.access")


def install_request_ids(app: Flask, clock: Clock, ids: Ids) -> None:
    """Take the id a client or proxy sent, or make one, and log each request when its answer is complete.

    Install it first: what fails before has no id.
    """

    @app.before_request
    def begin() -> None:
        request = this_request()
        sent = request.headers.get(HEADER, "")
        # Never reset: a server thread does nothing between two requests, and a streamed body is made after the
        # request's context is gone and still belongs to it.
        request_id.set(sent if _ACCEPTED.fullmatch(sent) else ids.new())
        client_address.set(request.remote_addr or "")
        g.began = clock.monotonic()

    @app.after_request
    def end(response: Response) -> Response:
        request = this_request()
        response.headers[HEADER] = request_id.get()
        level = _level(request)
        if _log.isEnabledFor(level):
            _log_when_complete(request, response, level, clock)
        return response


def logs_internal_calls() -> bool:
    """Whether calls between processes have a line too."""
    return _log.isEnabledFor(logging.DEBUG)


def _level(request: Request) -> int:
    routine = request.path in _ROUTINE or ACCESS.get(request.endpoint or "") is Access.INTERNAL
    return logging.DEBUG if routine else logging.INFO


def _log_when_complete(request: Request, response: Response, level: int, clock: Clock) -> None:
    began: float = g.began
    # Percent-encoded, so that no address can break a line; without the query, which may carry secrets.
    line: dict[str, object] = {
        "method": quote(request.method),
        "path": quote(_TICKET.sub(r"\1", request.path)[:_LOGGED_PATH_CHARACTERS]),
        "endpoint": request.endpoint,
        "status": response.status_code,
    }
    if request.content_length:
        line["bytes_in"] = request.content_length
    principal = g.get("principal")
    if principal is not None:
        line["user"] = principal.user_id

    def write() -> None:
        line["ms"] = round((clock.monotonic() - began) * 1000, 1)
        _log.log(level, "request", extra=line)

    # Werkzeug hands a body passed through as it is to the server without a way to learn of its end.
    if response.is_streamed and not response.direct_passthrough:
        response.call_on_close(write)
    else:
        write()
