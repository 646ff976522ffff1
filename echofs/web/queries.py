"""Query strings that are exactly what they say."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from flask import Flask, request

from echofs.core.errors import InvalidRequest


def install_queries(app: Flask) -> None:
    """Refuse queries that are not UTF-8: they would be repaired in silence, and two different paths become one
    (``?path=%ff`` and ``?path=%25FF``)."""

    @app.before_request
    def check() -> None:
        try:
            unquote_to_bytes(request.query_string).decode()
        except UnicodeDecodeError:
            raise InvalidRequest("The address has a query that is not valid UTF-8.", field="query") from None
