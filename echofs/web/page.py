"""The web page: one document for all its addresses, its static files, and what browsers see at unknown addresses."""

from __future__ import annotations

from flask import Blueprint, Request, Response, make_response, render_template, request
from werkzeug.exceptions import HTTPException, NotFound

from echofs.web.assets import Assets
from echofs.web.errors import http_refusal

PAGES = (
    "/",
    "/login",
    "/register",
    "/files/",
    "/files/<path:folder>",
    "/search",
    "/trash",
    "/conflicts",
    "/account",
    "/admin/",
    "/admin/<path:section>",
)
"""Addresses of the page; its scripts show what belongs there."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; frame-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""The only origin is this one, nothing inline runs, and no script may turn text into markup. ``blob:`` is for PDF
files, which the browser's own viewer shows in a frame."""
DOCUMENT_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-cache",
}
"""What every HTML document is sent with."""
_FOR_EVER = "public, max-age=31536000, immutable"


def page_blueprint(assets: Assets) -> Blueprint:
    """The page at ``/`` and its files under ``/static/``. Nothing here needs to know who asks."""
    blueprint = Blueprint("page", __name__, template_folder="templates")
    modules = [
        name
        for name in assets.names(".js")
        if name.startswith("js/") and name != "js/theme.js" and not name.startswith("js/admin/")
    ]

    def shell(**_parts: str) -> Response:
        return _document("page.html", asset=assets.url, modules=modules)

    for rule in PAGES:
        blueprint.add_url_rule(rule, endpoint="shell", view_func=shell)

    @blueprint.get("/static/<version>/<path:name>")
    def asset(version: str, name: str) -> Response:
        found = assets.find(name)
        if found is None:
            raise NotFound
        response = Response(content_type=found.content_type)
        if request.accept_encodings.quality("gzip"):
            response.set_data(found.compressed)
            response.headers["Content-Encoding"] = "gzip"
        else:
            response.set_data(found.plain)
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        # While masters of two versions serve side by side, nobody keeps files of the one under addresses of the other.
        response.headers["Cache-Control"] = _FOR_EVER if version == assets.version else "no-cache"
        response.set_etag(found.etag, weak=True)
        response.make_conditional(request)
        return response

    @blueprint.app_errorhandler(404)
    def not_found(error: HTTPException) -> Response | HTTPException:
        if not _from_a_person(request):
            return http_refusal(error)
        return _document("not_found.html", 404, asset=assets.url)

    return blueprint


def _document(template: str, status: int = 200, **values: object) -> Response:
    response = make_response(render_template(template, **values), status, DOCUMENT_HEADERS)
    if status == 200:
        response.add_etag(weak=True)
        response.make_conditional(request)
    return response


def _from_a_person(request: Request) -> bool:
    """Whether a browser was sent to an address outside of the API."""
    kinds = request.accept_mimetypes.best_match(["application/json", "text/html"])
    return request.method == "GET" and not request.path.startswith("/api/") and kinds == "text/html"
