"""Who may call what: one table, and the check before every request that enforces it."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from flask import Flask, Request, g, request

from echofs.core.errors import AuthenticationFailed, Forbidden
from echofs.core.models import Role
from echofs.services.accounts import Principal
from echofs.web.cookies import ACCESS_COOKIE, check_page
from echofs.web.plain import this_request

_MAX_TOKEN_CHARACTERS = 4096
"""Ten times the tokens made here: longer ones are not worth a signature check."""


class Access(Enum):
    """What a caller must prove. The two kinds of token never stand in for each other."""

    PUBLIC = "public"
    """Nothing; or the view asks for a proof of its own."""
    USER = "user"
    """A user's access token."""
    ADMIN = "admin"
    """An administrator's access token."""
    INTERNAL = "internal"
    """A token signed by a process of this cluster for exactly this call."""


ACCESS: dict[str, Access] = {
    "accounts.register": Access.PUBLIC,
    "accounts.login": Access.PUBLIC,
    "accounts.refresh": Access.PUBLIC,  # Takes a refresh token, which opens nothing else.
    "accounts.logout": Access.USER,
    "accounts.profile": Access.USER,
    "accounts.change_password": Access.USER,
    "app_passwords.listing": Access.USER,
    "app_passwords.create": Access.USER,
    "app_passwords.delete": Access.USER,
    "admin_users.listing": Access.ADMIN,
    "admin_users.create": Access.ADMIN,
    "admin_users.change": Access.ADMIN,
    "admin_users.set_password": Access.ADMIN,
    "audit.listing": Access.ADMIN,
    "page_sessions.begin": Access.PUBLIC,
    "page_sessions.current": Access.PUBLIC,
    "page_sessions.refresh": Access.PUBLIC,  # Takes the cookie with the refresh token, and the page's own proof.
    "page_sessions.end": Access.PUBLIC,
    "page_sessions.change_password": Access.USER,
    "page.shell": Access.PUBLIC,
    "page.asset": Access.PUBLIC,
    "admin_cluster.workers": Access.ADMIN,
    "admin_cluster.set_intent": Access.ADMIN,
    "admin_cluster.replication": Access.ADMIN,
    "admin_cluster.history": Access.ADMIN,
    "uploads.upload": Access.USER,
    "uploads.replace": Access.USER,
    "resumable.options": Access.PUBLIC,
    "resumable.create": Access.USER,
    "resumable.listing": Access.USER,
    "resumable.end": Access.USER,
    "resumable.show": Access.PUBLIC,  # The address has a secret in it; so for the other three.
    "resumable.patch": Access.PUBLIC,
    "resumable.drop": Access.PUBLIC,
    "resumable.override": Access.PUBLIC,
    "downloads.download": Access.USER,
    "dav.mounted": Access.PUBLIC,  # Takes an app password with each request, which opens nothing else.
    "files.listing": Access.USER,
    "files.details": Access.USER,
    "files.by_path": Access.USER,
    "files.copy": Access.USER,
    "files.change": Access.USER,
    "files.delete": Access.USER,
    "files.versions": Access.USER,
    "files.receipt": Access.USER,
    "versions.restore": Access.USER,
    "trash.listing": Access.USER,
    "trash.restore": Access.USER,
    "trash.purge": Access.USER,
    "trash.empty": Access.USER,
    "trash.usage": Access.USER,
    "folders.listing": Access.USER,
    "folders.make": Access.USER,
    "folders.move": Access.USER,
    "folders.copy": Access.USER,
    "folders.delete": Access.USER,
    "consistency.mode": Access.USER,
    "consistency.hint": Access.USER,
    "consistency.policy": Access.ADMIN,
    "consistency.overrides": Access.ADMIN,
    "consistency.override": Access.ADMIN,
    "consistency.clear_override": Access.ADMIN,
    "consistency.critical_keys": Access.ADMIN,
    "consistency.set_critical": Access.ADMIN,
    "consistency.explain": Access.ADMIN,
    "floors.listing": Access.USER,
    "floors.put": Access.USER,
    "floors.drop": Access.USER,
    "conflicts.listing": Access.USER,
    "conflicts.details": Access.USER,
    "conflicts.resolve": Access.USER,
    "cluster.workers_health": Access.USER,
    "cluster.replication_stats": Access.USER,
    "documents.openapi": Access.PUBLIC,
    "documents.docs": Access.PUBLIC,
    "ops.health": Access.PUBLIC,
    "ops.api_health": Access.PUBLIC,
    "prometheus_metrics": Access.PUBLIC,  # The proxy in front keeps it inside: config/nginx.conf.
    "controller.heartbeat": Access.INTERNAL,
    "controller.leave": Access.INTERNAL,
    "controller.members": Access.INTERNAL,
    "controller.set_intent": Access.INTERNAL,
    "controller.tell_jobs": Access.INTERNAL,
    "controller.jobs": Access.INTERNAL,
    "controller.status": Access.PUBLIC,
    "steering.report": Access.INTERNAL,
    "steering.inject": Access.INTERNAL,
    "steering.withdraw": Access.INTERNAL,
    "steering.policy": Access.INTERNAL,
    "steering.mode": Access.INTERNAL,
    "steering.hint": Access.INTERNAL,
    "steering.overrides": Access.INTERNAL,
    "steering.override": Access.INTERNAL,
    "steering.clear_override": Access.INTERNAL,
    "steering.critical_keys": Access.INTERNAL,
    "steering.set_critical": Access.INTERNAL,
    "steering.explain": Access.INTERNAL,
    "steering.history": Access.INTERNAL,
    "worker.store": Access.INTERNAL,
    "worker.fetch": Access.INTERNAL,
    "worker.present": Access.INTERNAL,
    "worker.listing": Access.INTERNAL,
    "worker.remove": Access.INTERNAL,
    "worker.health": Access.INTERNAL,
}
"""Every endpoint of every role; the tests of authorization are made from it."""


def install_access(
    app: Flask,
    *,
    authenticate: Callable[[str], Principal],
    verify_call: Callable[[str, str, str], None],
    csrf_token: Callable[[str], str] | None = None,
) -> None:
    """Enforce the table.

    ``authenticate`` turns a user's access token into its bearer; ``verify_call`` takes an internal token, method and
    path. Both raise :class:`AuthenticationFailed`. With ``csrf_token``, which gives what the page of a session must
    send, users may also be known by the cookie of the page; an Authorization header counts before it.
    """

    @app.before_request
    def enforce() -> None:
        request = this_request()
        # An address or method that matches no route has no endpoint, and Flask answers 404 or 405 after this.
        if request.endpoint is None:
            return
        access = ACCESS[request.endpoint]
        if access is Access.INTERNAL:
            verify_call(bearer_token(), request.method, request.path)
        elif access is not Access.PUBLIC:
            g.principal = _bearer(request, authenticate, csrf_token)
            if access is Access.ADMIN and g.principal.role is not Role.ADMIN:
                raise Forbidden("Only an administrator may do this.")


def _bearer(
    request: Request, authenticate: Callable[[str], Principal], csrf_token: Callable[[str], str] | None
) -> Principal:
    cookie = request.cookies.get(ACCESS_COOKIE) if csrf_token else None
    if csrf_token is None or not cookie or "Authorization" in request.headers:
        return authenticate(bearer_token())
    principal = authenticate(_bounded(cookie))
    check_page(request, principal.sid, csrf_token)
    return principal


def check_declared(app: Flask) -> None:
    """Raise LookupError naming the endpoints of ``app`` that the table does not have. Call it once all are mounted."""
    undeclared = sorted({rule.endpoint for rule in app.url_map.iter_rules()} - ACCESS.keys())
    if undeclared:
        raise LookupError(f"endpoints without an entry in echofs.web.access.ACCESS: {', '.join(undeclared)}")


def bearer_token() -> str:
    """The token of the request's Authorization header (RFC 6750). Raises :class:`AuthenticationFailed`."""
    return token_in(request.headers.get("Authorization", ""))


def token_in(authorization: str) -> str:
    """The token in the value of such a header. Raises :class:`AuthenticationFailed`."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise AuthenticationFailed("Log in first and send the header Authorization: Bearer <token>.")
    return _bounded(token)


def _bounded(token: str) -> str:
    if len(token) > _MAX_TOKEN_CHARACTERS:
        raise AuthenticationFailed("The token is not valid: log in again.")
    return token


def current_user() -> Principal:
    """Who makes this request; only for endpoints with USER or ADMIN access."""
    principal: Principal = g.principal
    return principal
