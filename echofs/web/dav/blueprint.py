"""The route that hands requests to WsgiDAV, once it is known who sends them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Request, request
from werkzeug.wrappers import Response
from wsgidav.error_printer import ErrorPrinter
from wsgidav.request_resolver import RequestResolver
from wsgidav.wsgidav_app import WsgiDAVApp

from echofs.core.errors import AuthenticationFailed
from echofs.services.accounts import Principal
from echofs.web.dav.checks import check_request, wants_everything
from echofs.web.dav.locks import LockStorage
from echofs.web.dav.resources import TREE, DavFiles
from echofs.web.dav.tree import DavParts, Tree
from echofs.web.wishes import wish_of

MOUNT = "/dav"
METHODS = (
    "OPTIONS", "GET", "HEAD", "PUT", "DELETE", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK",
)  # fmt: skip
_ENDLESS = '<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>\n'

CheckPassword = Callable[[str, str], Principal]
"""Takes a user's name and an app password; raises :class:`AuthenticationFailed`."""


def dav_blueprint(
    parts: DavParts,
    locks: LockStorage,
    check_password: CheckPassword,
    monotonic: Callable[[], float],
    read_bytes: int,
) -> Blueprint:
    """Everything below ``/dav``; ``read_bytes`` is the chunk size, so that bodies arrive in whole chunks."""
    blueprint = Blueprint("dav", __name__)
    application = _application(locks, read_bytes)

    @blueprint.route(
        MOUNT, defaults={"path": ""}, methods=METHODS, merge_slashes=False, provide_automatic_options=False
    )
    @blueprint.route(f"{MOUNT}/", defaults={"path": ""}, methods=METHODS, provide_automatic_options=False)
    @blueprint.route(f"{MOUNT}/<path:path>", methods=METHODS, merge_slashes=False, provide_automatic_options=False)
    def mounted(path: str) -> Response:
        credentials = request.authorization
        if credentials is None or credentials.type != "basic":
            return _unknown("Give the user name and an app password; you make those on the page under Account.")
        try:
            principal = check_password(credentials.username or "", credentials.password or "")
        except AuthenticationFailed as error:
            return _unknown(error.message)
        check_request(request)
        if wants_everything(request):
            return Response(_ENDLESS, status=403, content_type="application/xml; charset=utf-8")
        tree = Tree(parts, principal, wish_of(request, monotonic(), principal))
        return Response.from_app(application, _environ(request, tree))

    return blueprint


def _application(locks: LockStorage, read_bytes: int) -> WsgiDAVApp:
    # It tells of each request what our own log tells, and warns of things that are as they should be.
    logging.getLogger("wsgidav").setLevel(logging.ERROR)
    return WsgiDAVApp(
        {
            "provider_mapping": {"/": DavFiles(read_bytes)},
            "mount_path": MOUNT,
            "lock_storage": locks,
            "property_manager": None,
            # Who may do what is decided before WsgiDAV is asked, and no other page may be shown under this address.
            "middleware_stack": [ErrorPrinter, RequestResolver],
            "block_size": read_bytes,
            "suppress_version_info": True,
            "logging": {"enable": False},
            "verbose": 1,
        }
    )


def _environ(request: Request, tree: Tree) -> dict[str, Any]:
    """The request as WsgiDAV sees it: below the place where it is mounted."""
    environ = dict(request.environ)
    environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + MOUNT
    environ["PATH_INFO"] = environ["PATH_INFO"].removeprefix(MOUNT) or "/"
    environ["wsgidav.user_name"] = tree.principal.user_id
    environ["wsgidav.auth.user_name"] = tree.principal.user_id
    environ[TREE] = tree
    return environ


def _unknown(sentence: str) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="EchoFS", charset="UTF-8"'}
    return Response(f"{sentence}\n", status=401, headers=headers, content_type="text/plain; charset=utf-8")
