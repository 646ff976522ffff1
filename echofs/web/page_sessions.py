"""Sessions of the web page: like those of the API, but their tokens are cookies that no script can read."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, Response, request

from echofs.core.errors import AuthenticationFailed, CatalogUnavailable
from echofs.ports.sessions import Ended
from echofs.services.accounts import Accounts, Claims, Grant, Principal
from echofs.web.access import current_user
from echofs.web.accounts import user_json
from echofs.web.answers import ok
from echofs.web.cookies import (
    ACCESS_COOKIE,
    REFRESH_COOKIE,
    SESSION_PREFIX,
    check_origin,
    check_page,
    clear_cookies,
    set_cookies,
)
from echofs.web.limits import Attempts, name_attempt
from echofs.web.render import JsonDict
from echofs.web.schemas import LoginSchema, PasswordSchema, load
from echofs.web.tokens import Authenticator, Kind, Tokens

_SIGNED_OUT: JsonDict = {"user": None, "csrf": None}


def page_sessions_blueprint(
    accounts: Accounts, tokens: Tokens, authenticator: Authenticator, attempts: Attempts
) -> Blueprint:
    """Routes by which the page signs in, goes on and signs out. ``authenticator`` is told when sessions end."""
    blueprint = Blueprint("page_sessions", __name__, url_prefix=SESSION_PREFIX)
    sessions = _PageSessions(accounts, tokens, authenticator)
    blueprint.add_url_rule("", endpoint="current", view_func=sessions.current)
    blueprint.add_url_rule("", endpoint="refresh", view_func=sessions.refresh, methods=["PUT"])
    blueprint.add_url_rule("", endpoint="end", view_func=sessions.end, methods=["DELETE"])

    @blueprint.post("")
    def begin() -> Response:
        check_origin(request)
        body = load(LoginSchema, request)
        name_attempt(body["username"])
        return sessions.signed_in(attempts.login(body["username"], body["password"]), "Signed in.")

    @blueprint.post("/password")
    def change_password() -> Response:
        body = load(PasswordSchema, request)
        grant = attempts.change_password(current_user(), body["old_password"], body["new_password"])
        authenticator.revoked(Ended(user_id=grant.user.id))
        return sessions.signed_in(grant, "Password changed; all other sessions have ended.")

    return blueprint


class _PageSessions:
    """What is done with the cookies of a request and of its answer."""

    def __init__(self, accounts: Accounts, tokens: Tokens, authenticator: Authenticator) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._authenticator = authenticator

    def current(self) -> Response:
        """Who is signed in. No ``user`` but a ``csrf`` means that the session goes on with a refresh."""
        try:
            principal = self._authenticator(request.cookies.get(ACCESS_COOKIE, ""))
        except AuthenticationFailed:
            claims = self._refresh_claims()
            return ok(_SIGNED_OUT if claims is None else {"user": None, "csrf": self._tokens.csrf(claims.sid)})
        return ok({"user": self._present(principal), "csrf": self._tokens.csrf(principal.sid)})

    def refresh(self) -> Response:
        """Go on with new tokens."""
        claims = self._refresh_claims()
        if claims is None:
            raise AuthenticationFailed("The session has expired: sign in again.")
        check_page(request, claims.sid, self._tokens.csrf)
        try:
            grant = self._accounts.refresh(claims)
        except AuthenticationFailed:
            # After a second use the session has ended. Without an answer it goes on by what this host remembers.
            self._authenticator.revoked(Ended(sid=claims.sid))
            raise
        self._authenticator.revoked(Ended(sid=claims.sid))
        return self.signed_in(grant, "Refreshed.")

    def end(self) -> Response:
        """Sign out. Without a session there is nothing to do."""
        claims = self._refresh_claims()
        if claims is not None:
            check_page(request, claims.sid, self._tokens.csrf)
            try:
                # A session that is over already needs no end.
                with suppress(AuthenticationFailed):
                    self._accounts.logout(self._accounts.check(claims))
            finally:
                # Also if it has to be repeated: until then this host must not go on by what it remembers.
                self._authenticator.revoked(Ended(sid=claims.sid))
        response = ok(_SIGNED_OUT, message="Signed out.")
        clear_cookies(response)
        return response

    def signed_in(self, grant: Grant, message: str) -> Response:
        """The answer that makes the browser keep a session."""
        response = ok({"user": user_json(grant.user), "csrf": self._tokens.csrf(grant.sid)}, message=message)
        set_cookies(response, self._tokens.issue(grant.user, grant.sid))
        return response

    def _present(self, principal: Principal) -> JsonDict:
        try:
            return user_json(self._accounts.user(principal.user_id))
        except CatalogUnavailable:
            # Who may go on without the catalog is not sent away by the page for lack of an address.
            return {"id": principal.user_id, "username": principal.name, "role": principal.role.value}

    def _refresh_claims(self) -> Claims | None:
        """What the browser's refresh token says, if that is genuine and has not expired."""
        try:
            return self._tokens.read(request.cookies.get(REFRESH_COOKIE, ""), Kind.REFRESH)
        except AuthenticationFailed:
            return None
