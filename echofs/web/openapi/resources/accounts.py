"""Accounts: register, log in and out, refresh, profile, password."""

from __future__ import annotations

from echofs.core.errors import AuthenticationFailed, CatalogUnavailable, Forbidden, InvalidName, NameTaken, RateLimited
from echofs.core.models import Role
from echofs.web.openapi.description import Answer, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, choice, moment, one, text, whole
from echofs.web.schemas import LoginSchema, PasswordSchema, RegisterSchema

PASSWORD = "correct horse battery staple"
USER = {
    "id": "0193f3c2a1b47c3d8e5f60718293a4b4",
    "username": "alice",
    "email": "alice@example.org",
    "role": "user",
    "created_at": "2026-03-01T09:00:00.000000Z",
}
_GRANT = {
    "access_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl",
    "refresh_token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.cmVmcmVzaA",
    "token_type": "Bearer",
    "expires_in": 3600,
    "user": USER,
}


class User(Shape):
    """A user as that user sees it."""

    id = text("Stays the same for ever.")
    username = text("The name to log in with.")
    email = text("The address to log in with, as good as the name.")
    role = choice(Role, "What the user may do.")
    created_at = moment("When the account was made.")


class Grant(Shape):
    """Proof of who logs in."""

    access_token = text("For the header `Authorization: Bearer …` of every other request.")
    refresh_token = text("Gets the next pair, once; a second use ends the session.")
    token_type = text("How to send it.", const="Bearer")
    expires_in = whole("Seconds until the access token expires.", least=1)
    user = one(User)


RESOURCE = Resource(
    "Accounts",
    "Everybody's own account. Attempts are limited: 429 says in `Retry-After` when to try again.",
    {
        "accounts.register": Route(
            "Create an account",
            {201: Answer("The account is there; log in now.", {"user": User}, {"user": USER})},
            bodies=json_body(RegisterSchema, {"username": "carol", "email": "carol@example.org", "password": PASSWORD}),
            errors=(InvalidName, NameTaken, RateLimited, CatalogUnavailable),
        ),
        "accounts.login": Route(
            "Log in",
            {200: Answer("A pair of tokens.", Grant, _GRANT)},
            bodies=json_body(LoginSchema, {"username": "alice", "password": PASSWORD}),
            errors=(AuthenticationFailed, Forbidden, RateLimited, CatalogUnavailable),
        ),
        "accounts.refresh": Route(
            "Get the next pair of tokens",
            {200: Answer("The next pair; the one before is used up.", Grant, _GRANT)},
            "Send the refresh token as the bearer token.",
            errors=(AuthenticationFailed, Forbidden, CatalogUnavailable),
            proofs=("refresh",),
        ),
        "accounts.logout": Route("Log out", {200: Answer("The session has ended.")}),
        "accounts.profile": Route(
            "Show the own account", {200: Answer("The account.", {"user": User}, {"user": USER})}
        ),
        "accounts.change_password": Route(
            "Change the own password",
            {200: Answer("A pair of tokens; all other sessions have ended.", Grant, _GRANT)},
            bodies=json_body(
                PasswordSchema, {"old_password": PASSWORD, "new_password": "a rather longer horse battery"}
            ),
            errors=(Forbidden, RateLimited),
        ),
    },
)
