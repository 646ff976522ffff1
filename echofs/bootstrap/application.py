"""What the applications of all roles have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from echofs.bootstrap.basics import Basics
from echofs.core.errors import AuthenticationFailed
from echofs.services.accounts import Principal
from echofs.web.errors import install_errors
from echofs.web.headers import install_headers
from echofs.web.queries import install_queries
from echofs.web.request_ids import install_request_ids

EXTENSION = "echofs"
BEAT_SECONDS = 1.0


class Application(Flask):
    """Flask for views that are plain functions, as all of ours are."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself. Flask looks at each call of each whether it is asynchronous: 3 % of a small download."""
        return func


def bare_application(basics: Basics) -> Flask:
    """An application with what every role has; blueprints and access come after."""
    app = Application("echofs", static_folder=None)
    # A path with two slashes is another path: redirecting would turn a missing id into another route.
    app.url_map.merge_slashes = False
    install_request_ids(app, basics.clock, basics.ids)
    install_errors(app)
    install_headers(app)
    install_queries(app)
    return app


def verifier(basics: Basics, audience: str) -> Callable[[str, str, str], None]:
    """What checks the internal calls that are meant for this process."""
    return lambda token, method, path: basics.signer.verify(token, audience, method, path)


def no_internal_routes(token: str, method: str, path: str) -> None:
    raise AuthenticationFailed("A master has no internal routes.")


def no_user_routes(token: str) -> Principal:
    raise AuthenticationFailed("Only masters serve users.")
