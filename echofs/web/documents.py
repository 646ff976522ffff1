"""The API's own description, for programs and for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, current_app, request

from echofs.web.answers import JSON


def documents_blueprint() -> Blueprint:
    """``GET /api/v1/openapi.json``, made when it is first asked for: most processes never need it."""
    blueprint = Blueprint("documents", __name__)
    made: Callable[[Flask], bytes] = cache(_made)

    @blueprint.get("/api/v1/openapi.json")
    def openapi() -> Response:
        return _cached(Response(made(_application()), mimetype=JSON))

    return blueprint


def _made(app: Flask) -> bytes:
    # Here, so that neither this nor the libraries behind it are imported by a process that is just starting.
    from echofs.web.openapi.building import build

    return json.dumps(build(app), ensure_ascii=False, separators=(",", ":")).encode()


def _application() -> Flask:
    app: Any = current_app
    application: Flask = app._get_current_object()
    return application


def _cached(response: Response) -> Response:
    """To be kept by whoever asks, who then asks each time whether it is still the same."""
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.make_conditional(request)
    return response
