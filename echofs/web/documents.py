"""The API's own description, for programs and for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from flask import Blueprint, Flask, Response, current_app, render_template, request

from echofs.web.answers import JSON
from echofs.web.assets import Assets
from echofs.web.page import DOCUMENT_HEADERS


def documents_blueprint(assets: Assets) -> Blueprint:
    """``GET /api/v1/openapi.json`` and ``GET /api/docs``, made when they are first asked for: most processes never need
    them."""
    blueprint = Blueprint("documents", __name__, template_folder="templates")
    document: Callable[[Flask], dict[str, Any]] = cache(_build)
    text: Callable[[Flask], str] = cache(lambda app: _text(document(app)))
    page: Callable[[Flask], str] = cache(lambda app: _page(document(app), assets))

    @blueprint.get("/api/v1/openapi.json")
    def openapi() -> Response:
        return _cached(Response(text(_application()), mimetype=JSON, headers={"Cache-Control": "no-cache"}))

    @blueprint.get("/api/docs")
    def docs() -> Response:
        return _cached(Response(page(_application()), mimetype="text/html", headers=DOCUMENT_HEADERS))

    return blueprint


def _build(app: Flask) -> dict[str, Any]:
    # Here, so that neither this nor the libraries behind it are imported by a process that is just starting.
    from echofs.web.openapi.building import build

    return build(app)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _page(document: dict[str, Any], assets: Assets) -> str:
    from echofs.web.openapi.reading import Reading, prose

    reading, info = Reading(document), document["info"]
    about = [prose(paragraph) for paragraph in info["description"].strip().split("\n\n")]
    return render_template(
        "docs.html", asset=assets.url, info=info, about=about, groups=reading.groups(), forms=reading.forms()
    )


def _application() -> Flask:
    app: Any = current_app
    application: Flask = app._get_current_object()
    return application


def _cached(response: Response) -> Response:
    """To be kept by whoever asks, who then asks each time whether it is still the same."""
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.make_conditional(request)
    return response
