"""Reading request bodies straight from the socket, a chunk at a time, and knowing when one is not whole.

Neither Flask nor gunicorn says that a client hung up halfway: a body with a Content-Length just ends early, without an
error. So
lengths are counted here, on every route that takes bytes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Protocol

from flask import Request

from echofs.core.errors import BodyMismatch, InvalidRequest

READ_BYTES = 1 << 20
"""One MiB: what gunicorn reads from the socket in one step."""


class ByteStream(Protocol):
    """What WSGI gives as ``wsgi.input``."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; fewer only at the end."""


def declared_length(request: Request) -> int | None:
    """Content-Length in bytes, or None for a chunked body. Raises :class:`InvalidRequest` when neither says where the
    body ends."""
    if request.content_length is not None:
        return request.content_length
    if request.environ.get("wsgi.input_terminated"):
        return None
    raise InvalidRequest("Send a Content-Length, or Transfer-Encoding: chunked.", field="Content-Length")


def pieces(request: Request, step: int = READ_BYTES) -> Iterator[bytes]:
    """The body in pieces of ``step`` bytes, the last one shorter.

    Raises :class:`BodyMismatch` when it ends before its declared length or breaks off between two chunks.
    """
    length = declared_length(request)
    stream: ByteStream = request.environ["wsgi.input"]
    received = 0
    while length is None or received < length:
        try:
            piece = stream.read(step if length is None else min(step, length - received))
        except OSError as error:
            raise BodyMismatch(f"The body broke off after {received} bytes; nothing was stored.") from error
        if not piece:
            break
        received += len(piece)
        yield piece
    if length is not None and received < length:
        raise BodyMismatch(f"The body ended after {received} of {length} bytes; nothing was stored.")


def declared_digest(request: Request) -> str | None:
    """The body's SHA-256 from a Content-Digest header (RFC 9530), in hexadecimal; None when there is none.

    Other algorithms are ignored, as the standard asks. Raises :class:`InvalidRequest` for a malformed value.
    """
    for member in request.headers.get("Content-Digest", "").split(","):
        algorithm, _, value = member.strip().partition("=")
        if algorithm != "sha-256":
            continue
        try:
            digest = base64.b64decode(value.removeprefix(":").removesuffix(":"), validate=True)
        except binascii.Error:
            digest = b""
        if len(digest) != 32 or value[:1] != ":":
            raise InvalidRequest("Content-Digest must look like sha-256=:BASE64:", field="Content-Digest")
        return digest.hex()
    return None
