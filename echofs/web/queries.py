"""Query strings that are exactly what they say."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from flask import Flask, Request, request

from echofs.core.errors import InvalidRequest

MAX_PAGE = 1000
MAX_FILES = 10_000
"""Files are listed in longer pages than anything else: a whole folder at once."""
_COUNT = re.compile(r"[0-9]{1,9}")


def install_queries(app: Flask) -> None:
    """Refuse queries that are not UTF-8: they would be repaired in silence, and two different paths become one
    (``?path=%ff`` and ``?path=%25FF``)."""

    @app.before_request
    def check() -> None:
        try:
            unquote_to_bytes(request.query_string).decode()
        except UnicodeDecodeError:
            raise InvalidRequest("The address has a query that is not valid UTF-8.", field="query") from None


def page_limit(request: Request, things: str, *, most: int = MAX_PAGE) -> int:
    """How many ``things`` a page may have, 100 unless the query says otherwise. Raises :class:`InvalidRequest`."""
    limit = request.args.get("limit", "100")
    if not _COUNT.fullmatch(limit) or not 1 <= int(limit) <= most:
        raise InvalidRequest(f"A page has 1 to {most} {things}.", field="limit")
    return int(limit)
