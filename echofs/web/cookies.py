"""Page sessions in cookies: what a browser keeps of them, and how a request proves that the page itself made it.

Browsers add cookies to whatever any site makes them send. So a request that is authenticated by a cookie and changes
something must also carry a value which only the page can read (a double-submitted token, bound to the session by an
HMAC), and must not come from another origin. Requests with an ``Authorization`` header need neither: no browser adds
that header by itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Request, Response, request

from echofs.core.errors import Forbidden
from echofs.web.tokens import TokenPair

ACCESS_COOKIE = "echofs_access"
REFRESH_COOKIE = "echofs_refresh"
CSRF_HEADER = "X-CSRF-Token"
API_PREFIX = "/api/v1"
SESSION_PREFIX = f"{API_PREFIX}/session"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PATHS = {ACCESS_COOKIE: API_PREFIX, REFRESH_COOKIE: SESSION_PREFIX}


class ForgedRequest(Forbidden):
    """A request with the cookies of a page session does not prove that the page made it."""

    code = "csrf_failed"


def set_cookies(response: Response, pair: TokenPair) -> None:
    """Keep a session in the browser, out of reach of scripts and of other sites, for as long as its tokens count."""
    _set(response, ACCESS_COOKIE, pair.access, pair.expires_in)
    _set(response, REFRESH_COOKIE, pair.refresh, pair.refresh_expires_in)


def clear_cookies(response: Response) -> None:
    """Have the browser forget the session."""
    for name in _PATHS:
        _set(response, name, "", 0)


def _set(response: Response, name: str, value: str, seconds: int) -> None:
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        path=_PATHS[name],
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def is_safe(request: Request) -> bool:
    """Whether a request changes nothing, by its method (RFC 9110, section 9.2.1)."""
    return request.method in SAFE_METHODS


def check_origin(request: Request) -> None:
    """Refuse what another site had a browser send. Raises :class:`ForgedRequest`.

    ``Sec-Fetch-Site`` is the browser's own word. Where it sends none (plain HTTP), ``Origin`` must name this host;
    ``null``, as sandboxed documents have it, names none. Programs send neither.
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    by_origin = origin is not None and _host_of(origin) != request.host
    if by_origin if site is None else site != "same-origin":
        raise ForgedRequest("The request came from another site; nothing was changed.", field="Origin")


def _host_of(origin: str) -> str | None:
    """The host and port of an origin; None for what is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def check_page(request: Request, session_id: str, csrf_token: Callable[[str], str]) -> None:
    """Refuse a request that changes something unless the page of that session made it.

    ``csrf_token`` gives the value that the page must have sent. Raises :class:`ForgedRequest`.
    """
    if is_safe(request):
        return
    check_origin(request)
    sent = request.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(sent.encode(), csrf_token(session_id).encode()):
        raise ForgedRequest("The request lacks the token of this page's session: reload the page.", field=CSRF_HEADER)
