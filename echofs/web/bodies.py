"""Reading request bodies straight from the socket, a chunk at a time, and knowing when one is not whole.

Neither Flask nor gunicorn says that a client hung up halfway: a body with a Content-Length just ends early, without an
error. So lengths are counted here, on every route that takes bytes.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from typing import Protocol

from flask import Request

from echofs.core.errors import BodyMismatch, InvalidRequest
from echofs.web.direct import read_piece

READ_BYTES = 1 << 20
"""One MiB: what gunicorn reads from the socket in one step."""
_LENGTH = re.compile(r"[0-9]{1,18}")
_SHA_256 = re.compile(r":([A-Za-z0-9+/]{43}=): *(;.*)?")


class ByteStream(Protocol):
    """What WSGI gives as ``wsgi.input``."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; fewer only at the end."""


def declared_length(request: Request) -> int | None:
    """Content-Length in bytes, or None for a chunked body. Raises :class:`InvalidRequest` when neither says where the
    body ends."""
    length: str = request.environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in request.environ and request.environ.get("wsgi.input_terminated"):
        return None
    if not length:
        raise InvalidRequest("Send a Content-Length, or Transfer-Encoding: chunked.", field="Content-Length")
    # Werkzeug takes what it cannot read for 0, and a whole body for an empty one.
    if not _LENGTH.fullmatch(length):
        raise InvalidRequest("Content-Length is not a number of bytes.", field="Content-Length")
    return int(length)


def pieces(request: Request, step: int = READ_BYTES) -> Iterator[bytes]:
    """The body in pieces of ``step`` bytes, the last one shorter.

    Raises :class:`BodyMismatch` when it ends before its declared length or breaks off between two chunks.
    """
    length = declared_length(request)
    stream: ByteStream = request.environ["wsgi.input"]
    received = 0
    while length is None or received < length:
        try:
            piece = stream.read(step) if length is None else read_piece(stream, min(step, length - received))
        except OSError as error:
            raise BodyMismatch(f"The body broke off after {received} bytes; nothing was stored.") from error
        if not piece:
            break
        received += len(piece)
        yield piece
    if length is not None and received < length:
        raise BodyMismatch(f"The body ended after {received} of {length} bytes; nothing was stored.")


def verified_pieces(request: Request) -> Iterator[bytes]:
    """:func:`pieces`; at the end :class:`BodyMismatch` unless the whole body has its Content-Digest, if one came."""
    declared = declared_digest(request)
    whole = hashlib.sha256()
    for piece in pieces(request):
        if declared is not None:
            whole.update(piece)
        yield piece
    if declared is not None and whole.hexdigest() != declared:
        raise BodyMismatch("The body's SHA-256 is not the one declared; nothing was stored.")


def declared_digest(request: Request) -> str | None:
    """The body's SHA-256 from a Content-Digest header (RFC 9530), in hexadecimal; None when there is none.

    Other algorithms are ignored, as the standard asks, and of several equal ones the last counts (RFC 9651). Raises
    :class:`InvalidRequest` for a malformed value.
    """
    found: str | None = None
    for member in request.headers.get("Content-Digest", "").split(","):
        algorithm, _, value = member.strip().partition("=")
        if algorithm != "sha-256":
            continue
        match = _SHA_256.fullmatch(value)
        if match is None:
            raise InvalidRequest("Content-Digest must look like sha-256=:BASE64:", field="Content-Digest")
        found = base64.b64decode(match[1]).hex()
    return found
