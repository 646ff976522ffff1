"""From errors to answers: the one table of status codes, and the handlers that use it."""

from __future__ import annotations

import logging
import math

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from echofs.core import errors
from echofs.core.errors import EchoError
from echofs.web.answers import refusal

_log = logging.getLogger(__name__)

STATUSES: dict[type[EchoError], int] = {
    errors.InvalidSetting: 500,
    errors.InvalidRequest: 400,
    errors.ChecksumMismatch: 460,  # as the tus protocol has it
    errors.UnsupportedType: 415,
    errors.TooLarge: 413,
    errors.RangeNotSatisfiable: 416,
    errors.AuthenticationFailed: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Expired: 410,
    errors.Conflict: 409,
    errors.IdempotencyKeyReused: 422,
    errors.PreconditionFailed: 412,
    errors.QuotaExceeded: 507,
    errors.RateLimited: 429,
    errors.Unavailable: 503,
    errors.StoreFull: 507,
    errors.ClusterFull: 507,
    errors.SpoolFull: 507,
    errors.ValueTooLarge: 413,
    errors.CorruptFrame: 400,
}
"""A class that is not here has the status of its nearest parent that is."""

_SENTENCES = {
    400: ("bad_request", "The request cannot be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not answer that method; the Allow header names those it does."),
    408: ("timeout", "The request took too long to arrive."),
    413: ("too_large", "The body exceeds what this address accepts."),
    414: ("uri_too_long", "The address is too long."),
    415: ("unsupported_type", "This address does not read that Content-Type."),
    416: ("range_not_satisfiable", "The range asked for lies outside the content."),
    429: ("rate_limited", "Too many requests: wait and try again."),
    431: ("headers_too_large", "The headers are too long."),
    503: ("unavailable", "The service is not ready: try again soon."),
}
_SERVER_ERROR = 500
_UNEXPECTED = "Something went wrong inside EchoFS. Tell the operator the request id; the log has the details."


def status_of(error_class: type[EchoError]) -> int:
    """The status of a class of errors: its own in the table, or that of the most derived parent."""
    for ancestor in error_class.__mro__:
        if ancestor in STATUSES:
            return STATUSES[ancestor]
    return _SERVER_ERROR


def install_errors(app: Flask) -> None:
    """Give every failure the envelope: expected ones, HTTP's own (404, 405 …) and those nobody foresaw."""
    app.register_error_handler(EchoError, _expected)
    app.register_error_handler(HTTPException, http_refusal)
    app.register_error_handler(Exception, _unforeseen)


def _expected(error: EchoError) -> Response:
    status = status_of(type(error))
    if status >= _SERVER_ERROR:
        _log.warning("request failed", extra={"code": error.code, "reason": error.message}, exc_info=error.__cause__)
    return refusal(status, error.code, error.message, field=error.field, headers=_headers(error, status))


def _headers(error: EchoError, status: int) -> dict[str, str]:
    headers = {}
    if status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="echofs"'
    if isinstance(error, errors.RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    if error.retry_after is not None or status == 503:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after or 0)))
    return headers


def http_refusal(error: HTTPException) -> Response | HTTPException:
    """The answer to a failure of HTTP itself, in the envelope."""
    if error.code is None or error.code < 400:
        return error
    fallback = ("http_error", error.description or "The request failed.")
    code, message = _SENTENCES.get(error.code, fallback)
    headers = {name: value for name, value in error.get_headers(request.environ) if name.lower() != "content-type"}
    return refusal(error.code, code, message, headers=headers)


def _unforeseen(error: Exception) -> Response:
    _log.error("unexpected error", exc_info=error)
    return refusal(_SERVER_ERROR, "internal_error", _UNEXPECTED)
