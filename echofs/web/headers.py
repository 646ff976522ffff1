"""Headers every answer carries, unless a view set them itself."""

from __future__ import annotations

from flask import Flask, Response

from echofs.web.answers import JSON

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_MISSING = [(name, name.lower(), value) for name, value in _ALWAYS.items()]


def install_headers(app: Flask) -> None:
    """Forbid browsers to guess types, run content or frame answers, and everyone to store JSON answers."""

    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        given = {name.lower() for name, _ in headers}
        for name, lowered, value in _MISSING:
            if lowered not in given:
                headers.add(name, value)
        if "cache-control" not in given and response.mimetype == JSON:
            headers.add("Cache-Control", "no-store")
        return response
