"""Sessions of the web page, whose tokens are cookies."""

from __future__ import annotations

from dataclasses import replace

from echofs.core.errors import AuthenticationFailed, CatalogUnavailable, Forbidden, RateLimited
from echofs.core.models import Role
from echofs.web.cookies import CSRF_HEADER, ForgedRequest
from echofs.web.openapi.description import Answer, Parameter, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, choice, moment, one, text
from echofs.web.openapi.resources.accounts import PASSWORD, USER, User
from echofs.web.schemas import LoginSchema, PasswordSchema

_PROOF = "7c1f0a5be2d94c6f8a30b1d2e4f506978899aabbccddeeff0011223344556677"
_COOKIES = (Parameter("Set-Cookie", "Two cookies that no script can read.", required=True),)
_CSRF = (Parameter(CSRF_HEADER, "`csrf` of the session.", example=_PROOF, required=True),)


class KnownUser(Shape):
    """The user, as far as it can be told: without the catalog there is neither an address nor a date."""

    id = text("Stays the same for ever.")
    username = text("The name to log in with.")
    role = choice(Role, "What the user may do.")
    email = text("The address to log in with.")
    created_at = moment("When the account was made.")
    email.required = created_at.required = False


class PageSession(Shape):
    """Who is signed in."""

    user = one(User)
    csrf = text(f"For the header `{CSRF_HEADER}` of everything but GET, HEAD and OPTIONS.")


class PresentSession(Shape):
    """Who is signed in, if anybody is."""

    user = one(KnownUser, "Null when nobody is signed in, or when the session has to be refreshed.", null=True)
    csrf = text("Null when nobody is signed in.", null=True)


class NoSession(Shape):
    """Nobody is signed in."""

    user = text("Null.", null=True)
    csrf = text("Null.", null=True)


_SIGNED_IN = {"user": USER, "csrf": _PROOF}
_NOBODY = {"user": None, "csrf": None}

RESOURCE = Resource(
    "Page sessions",
    "How the web page is signed in: by cookies that no script can read. They open every other route too, on condition "
    f"that whatever is not GET, HEAD or OPTIONS has `{CSRF_HEADER}`; otherwise it is 403 `csrf_failed`. Programs use "
    "tokens instead; a request with an `Authorization` header needs nothing of this.",
    {
        "page_sessions.begin": Route(
            "Sign in",
            {200: Answer("Signed in.", PageSession, _SIGNED_IN, headers=_COOKIES)},
            bodies=json_body(LoginSchema, {"username": "alice", "password": PASSWORD}),
            errors=(AuthenticationFailed, RateLimited, CatalogUnavailable, ForgedRequest),
        ),
        "page_sessions.current": Route(
            "Show who is signed in",
            {200: Answer("Who, if anybody.", PresentSession, _SIGNED_IN)},
            errors=(CatalogUnavailable,),
        ),
        "page_sessions.refresh": Route(
            "Go on with a session",
            {200: Answer("It goes on.", PageSession, _SIGNED_IN, headers=_COOKIES)},
            headers=_CSRF,
            errors=(AuthenticationFailed, CatalogUnavailable, ForgedRequest),
            proofs=("page_refresh",),
        ),
        "page_sessions.end": Route(
            "Sign out",
            {200: Answer("Nobody is signed in any more.", NoSession, _NOBODY, headers=_COOKIES)},
            headers=(replace(_CSRF[0], required=False),),
            errors=(CatalogUnavailable, ForgedRequest),
        ),
        "page_sessions.change_password": Route(
            "Change the own password in the page",
            {200: Answer("All other sessions have ended.", PageSession, _SIGNED_IN, headers=_COOKIES)},
            bodies=json_body(
                PasswordSchema, {"old_password": PASSWORD, "new_password": "a rather longer horse battery"}
            ),
            errors=(Forbidden, RateLimited, ForgedRequest),
        ),
    },
)
