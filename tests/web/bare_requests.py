"""Requests without an application, and bodies that behave as sockets do."""

from __future__ import annotations

import io
from collections.abc import Mapping

from flask import Request
from werkzeug.test import EnvironBuilder


class Trickle(io.RawIOBase):
    """A body that gives at most ``step`` bytes a read, and may break off with an error after ``until`` bytes."""

    def __init__(self, data: bytes, step: int = 1 << 30, until: int | None = None) -> None:
        self._data = io.BytesIO(data)
        self._step = step
        self._until = until

    def read(self, size: int = -1) -> bytes:
        if self._until is not None and self._data.tell() >= self._until:
            raise OSError("chunk without its terminator")
        return self._data.read(self._step if size < 0 else min(size, self._step))


def bare_request(
    body: bytes | Trickle = b"",
    *,
    method: str = "PUT",
    length: str | None = None,
    chunked: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """``length`` is the Content-Length as it was sent; None leaves it out. ``chunked`` is what gunicorn makes of
    Transfer-Encoding: chunked; it marks every body as terminated, so that alone means nothing."""
    environ = EnvironBuilder("/", method=method).get_environ()
    for name, value in (headers or {}).items():
        # Straight into the environment: the builder would put a boundary of its own into a form's type.
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    environ.pop("CONTENT_LENGTH", None)
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    if chunked:
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    environ["wsgi.input_terminated"] = True
    environ["wsgi.input"] = Trickle(body) if isinstance(body, bytes) else body
    return Request(environ)
