"""What is refused before WsgiDAV sees it, because it would take it as it comes, or fail over it."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes, urlsplit

from flask import Request

from echofs.core.errors import InvalidName, InvalidRequest, TooLarge

MAX_BODY_BYTES = 64 * 1024
"""Of every body that is no file's: it is read whole."""


def check_request(request: Request) -> None:
    """Raise :class:`InvalidName` for a path that is no text, :class:`InvalidRequest` for a Destination that is no
    address, and :class:`TooLarge` for a body that only a file may have."""
    if request.method != "PUT" and (request.content_length or 0) > MAX_BODY_BYTES:
        raise TooLarge(f"The body of {request.method} exceeds {MAX_BODY_BYTES // 1024} KiB.")
    _text(request.environ["PATH_INFO"].encode("latin-1"), "path")
    destination = request.headers.get("Destination", "")
    # The standard library's parser takes line breaks out of an address, which would then name something else.
    if not _text(unquote_to_bytes(destination), "Destination").isprintable():
        raise InvalidName("The Destination has control characters.", field="Destination")
    try:
        urlsplit(destination)
    except ValueError:
        raise InvalidRequest("The Destination is not an address.", field="Destination") from None


def wants_everything(request: Request) -> bool:
    """Whether a PROPFIND asks for all that is below, which it does without saying so too (RFC 4918, section 9.1)."""
    return request.method == "PROPFIND" and request.headers.get("Depth", "infinity").strip().lower() not in ("0", "1")


def _text(value: bytes, field: str) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise InvalidName("The name is not valid UTF-8.", field=field) from None
