"""What administrators do: users, the audit log; and the passwords of programs."""

from __future__ import annotations

from marshmallow import fields

from echofs.core.audit import Action, Outcome
from echofs.core.errors import Conflict, InvalidName, NameTaken, NotFound
from echofs.core.models import Role
from echofs.web.openapi.description import Answer, Parameter, Resource, Route, json_body
from echofs.web.openapi.fields import Shape, choice, flag, listed, moment, one, text, whole
from echofs.web.openapi.parameters import page_of, path_id
from echofs.web.schemas import AmendUserSchema, AppPasswordSchema, CreateUserSchema, NewPasswordSchema

_ID = "0193f3c2a1b47c3d8e5f60718293a4b4"
_PASSWORD = "correct horse battery staple"
_AT = "2026-03-01T09:00:00.000000Z"
_USER_ID = path_id("user_id", "The user's id.", _ID)


class Stored(Shape):
    """What a user has stored."""

    files = whole("Living files.")
    bytes = whole("Their bytes.")
    trash_bytes = whole("Bytes of what is in the trash.")


class UserAccount(Shape):
    """A user as administrators see it."""

    id = text("Stays the same for ever.")
    username = text("The name to log in with.")
    email = text("The address to log in with, as good as the name.")
    role = choice(Role, "What the user may do.")
    disabled = flag("Cannot log in, and nothing of the user's answers.")
    quota_bytes = whole("What the user's files may take; null for no limit.", null=True)
    usage = one(Stored)
    created_at = moment("When the account was made.")
    last_login_at = moment("When somebody last logged in; null for never.", null=True)


class Actor(Shape):
    """Who did something."""

    id = text("The user's id; null for somebody who has not proved to be anybody.", null=True)
    name = text("The name, or what was claimed as one.")


class AuditEvent(Shape):
    """Something that was written down."""

    id = text("For `after`; later entries have greater ones.")
    at = moment("When it happened.")
    actor = one(Actor)
    address = text("The client's address.")
    action = choice(Action, "What was done or tried.")
    subject = text("What it was done to.")
    outcome = choice(Outcome, "How it ended; `begun` where nobody wrote down the end.")
    detail = text("The particulars; never a secret.")


class AppPassword(Shape):
    """A password for one program."""

    id = text("For ending it.")
    name = text("What it is for.")
    created_at = moment("When it was made.")
    last_used_at = moment("When it was last used; null for never.", null=True)


class NewAppPassword(AppPassword):
    """An app password with its secret, which is shown only once."""

    password = fields.String(required=True, metadata={"description": "The secret: keep it now."})


_USER = {
    "id": _ID,
    "username": "carol",
    "email": "carol@example.org",
    "role": "user",
    "disabled": False,
    "quota_bytes": 10_737_418_240,
    "usage": {"files": 3, "bytes": 48_123, "trash_bytes": 0},
    "created_at": _AT,
    "last_login_at": None,
}
_EVENT = {
    "id": "0193f3c2a1b47c3d8e5f60718293a4d0",
    "at": _AT,
    "actor": {"id": _ID, "name": "alice"},
    "address": "192.0.2.7",
    "action": "account.login",
    "subject": "alice",
    "outcome": "done",
    "detail": "",
}
_APP = {"id": "0193f3c2a1b47c3d8e5f60718293a4e0", "name": "backup", "created_at": _AT, "last_used_at": None}
_NEXT = text("For `after`; empty on the last page.")
_CHANGED = Answer("The account as it is now.", {"user": one(UserAccount)}, {"user": _USER})

USERS = Resource(
    "Users",
    "How administrators manage accounts.",
    {
        "admin_users.listing": Route(
            "List users",
            {
                200: Answer(
                    "A page of users.", {"users": listed(UserAccount), "next": _NEXT}, {"users": [_USER], "next": ""}
                )
            },
            query=(
                Parameter("search", "Only those whose name or address has this in it.", example="carol"),
                *page_of("users"),
            ),
        ),
        "admin_users.create": Route(
            "Create an account for somebody",
            {201: Answer("The account.", {"user": one(UserAccount)}, {"user": _USER})},
            bodies=json_body(
                CreateUserSchema,
                {
                    "username": "dave",
                    "email": "dave@example.org",
                    "password": _PASSWORD,
                    "role": "user",
                    "quota_bytes": 10_737_418_240,
                },
            ),
            errors=(InvalidName, NameTaken),
        ),
        "admin_users.change": Route(
            "Change role, quota or lock of an account",
            {200: _CHANGED},
            "Nobody demotes or locks themselves.",
            path=(_USER_ID,),
            bodies=json_body(AmendUserSchema, {"disabled": True}),
            errors=(NotFound, Conflict),
        ),
        "admin_users.set_password": Route(
            "Give somebody a new password",
            {200: _CHANGED},
            "All sessions of that user end.",
            path=(_USER_ID,),
            bodies=json_body(NewPasswordSchema, {"password": _PASSWORD}),
            errors=(NotFound,),
        ),
    },
)
AUDIT = Resource(
    "Audit",
    "Who did what.",
    {
        "audit.listing": Route(
            "Read the audit log",
            {
                200: Answer(
                    "A page of entries, the newest first.",
                    {"events": listed(AuditEvent), "next": _NEXT},
                    {"events": [_EVENT], "next": ""},
                )
            },
            query=(
                Parameter("actor", "Only what that user did, by name or id.", example="alice"),
                Parameter("action", "Only that action, such as `account.login`.", example="account.login"),
                *page_of("events"),
            ),
        ),
    },
)
APP_PASSWORDS = Resource(
    "App passwords",
    "For programs that cannot log in: each has a password of its own.",
    {
        "app_passwords.listing": Route(
            "List your app passwords",
            {200: Answer("Without their secrets.", {"app_passwords": listed(AppPassword)}, {"app_passwords": [_APP]})},
        ),
        "app_passwords.create": Route(
            "Make an app password",
            {
                201: Answer(
                    "With its secret, which is shown only once.", NewAppPassword, {**_APP, "password": "k2vd-7m4q"}
                )
            },
            bodies=json_body(AppPasswordSchema, {"name": "backup"}),
            errors=(Conflict,),
        ),
        "app_passwords.delete": Route(
            "End an app password",
            {200: Answer("It opens nothing any more.")},
            path=(path_id("password_id", "The app password's id.", str(_APP["id"])),),
            errors=(NotFound,),
        ),
    },
)
