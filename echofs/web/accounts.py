"""Routes about accounts: register, log in and out, refresh, profile, password."""

from __future__ import annotations

from flask import Blueprint, Response, request

from echofs.core.errors import AuthenticationFailed
from echofs.core.models import User
from echofs.ports.sessions import Ended
from echofs.services.accounts import Accounts, Grant
from echofs.web.access import bearer_token, current_user
from echofs.web.answers import ok
from echofs.web.limits import Attempts, name_attempt
from echofs.web.render import JsonDict, moment
from echofs.web.schemas import LoginSchema, PasswordSchema, RegisterSchema, load
from echofs.web.tokens import Authenticator, Kind, Tokens


def accounts_blueprint(
    accounts: Accounts, tokens: Tokens, authenticator: Authenticator, attempts: Attempts
) -> Blueprint:
    """Routes for everybody's own account. ``authenticator`` is told at once when sessions end."""
    blueprint = Blueprint("accounts", __name__, url_prefix="/api/v1/auth")

    @blueprint.post("/register")
    def register() -> Response:
        body = load(RegisterSchema, request)
        user = attempts.register(body["username"], body["email"], body["password"])
        return ok({"user": user_json(user)}, message="Registered: log in now.", status=201)

    @blueprint.post("/login")
    def login() -> Response:
        body = load(LoginSchema, request)
        name_attempt(body["username"])
        return ok(_pair(attempts.login(body["username"], body["password"])), message="Logged in.")

    @blueprint.post("/refresh")
    def refresh() -> Response:
        claims = tokens.read(bearer_token(), Kind.REFRESH)
        try:
            grant = accounts.refresh(claims)
        except AuthenticationFailed:
            # After a second use the session has ended. Without an answer it goes on by what this host remembers.
            authenticator.revoked(Ended(sid=claims.sid))
            raise
        authenticator.revoked(Ended(sid=claims.sid))
        return ok(_pair(grant), message="Refreshed.")

    @blueprint.post("/logout")
    def logout() -> Response:
        try:
            accounts.logout(current_user())
        finally:
            # Also if it has to be repeated: until then this host must not go on by what it remembers.
            authenticator.revoked(Ended(sid=current_user().sid))
        return ok(message="Logged out.")

    @blueprint.get("/profile")
    def profile() -> Response:
        return ok({"user": user_json(accounts.user(current_user().user_id))})

    @blueprint.post("/password")
    def change_password() -> Response:
        body = load(PasswordSchema, request)
        grant = attempts.change_password(current_user(), body["old_password"], body["new_password"])
        authenticator.revoked(Ended(user_id=grant.user.id))
        return ok(_pair(grant), message="Password changed; all other sessions have ended.")

    def _pair(grant: Grant) -> JsonDict:
        pair = tokens.issue(grant.user, grant.sid)
        return {
            "access_token": pair.access,
            "refresh_token": pair.refresh,
            "token_type": "Bearer",
            "expires_in": pair.expires_in,
            "user": user_json(grant.user),
        }

    return blueprint


def user_json(user: User) -> JsonDict:
    """A user as that user sees it."""
    return {
        "id": user.id,
        "username": user.name,
        "email": user.email,
        "role": user.role.value,
        "created_at": moment(user.created_at),
    }
