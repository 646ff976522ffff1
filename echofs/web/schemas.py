"""What small JSON bodies may contain, and the one way to read them. File contents never pass through here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError, fields

from echofs.core.conflicts import Keep
from echofs.core.errors import InvalidRequest, TooLarge, UnsupportedType
from echofs.core.models import FloorScope, Intent, Level, Role
from echofs.web import bodies

MAX_JSON_BYTES = 64 * 1024
_FIELD_CHARACTERS = 64
_NAME = "The name to log in with."
_ADDRESS = "The e-mail address, as good as the name for logging in."
_PASSWORD = "One that is not easily guessed."
_QUOTA = "What the user's files may take, in bytes; null for no limit."


def _text(meaning: str, *, choices: Iterable[str] = (), **options: Any) -> fields.String:
    """A string that must be there unless ``options`` say otherwise. What may be chosen is only described here: who acts
    on it refuses everything else."""
    problems = {"required": "is missing", "null": "must not be null", "invalid": "must be a string"}
    described = {"description": meaning, **({"enum": [str(choice) for choice in choices]} if choices else {})}
    given = {"required": not options, **options}
    return fields.String(error_messages={**problems}, metadata=described, **given)


class _Flag(fields.Boolean):
    """True or false, and nothing that only counts as one of them: 1 is 1."""

    def _deserialize(self, value: Any, *args: Any, **options: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


def _flag(meaning: str, **options: Any) -> fields.Boolean:
    problems = {"null": "must not be null", "invalid": "is true or false"}
    described = {"description": meaning}
    return _Flag(error_messages={**problems}, metadata=described, **options)


def _whole_or_null(meaning: str) -> fields.Integer:
    problem = "must be a whole number or null"
    problems = dict.fromkeys(("invalid", "too_large"), problem)
    return fields.Integer(strict=True, allow_none=True, error_messages={**problems}, metadata={"description": meaning})


class _Body(Schema):
    """Fields that are not declared are refused, so that nobody sets what is not theirs to set (a role, an owner)."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "is not known here"}  # noqa: RUF012 - marshmallow's own interface


class RegisterSchema(_Body):
    """A new account."""

    username = _text(_NAME)
    email = _text(_ADDRESS)
    password = _text(_PASSWORD)


class LoginSchema(_Body):
    """``username`` may be the e-mail address."""

    username = _text("The user name, or the e-mail address.")
    password = _text("The password.")


class PasswordSchema(_Body):
    """A change of password."""

    old_password = _text("The one that holds until now.")
    new_password = _text(_PASSWORD)


class NewPasswordSchema(_Body):
    """A password that an administrator gives to a user."""

    password = _text(_PASSWORD)


class AppPasswordSchema(_Body):
    """What an app password is for."""

    name = _text("What it is for.")


class CreateUserSchema(_Body):
    """An account that an administrator makes. Without ``quota_bytes`` it has the quota of everybody, null is none."""

    username = _text(_NAME)
    email = _text(_ADDRESS)
    password = _text(_PASSWORD)
    role = _text("What the user may do; `user` unless given.", choices=Role, required=False)
    quota_bytes = _whole_or_null(_QUOTA)


class AmendUserSchema(_Body):
    """What an administrator changes of a user: what is given."""

    role = _text("What the user may do.", choices=Role, required=False)
    disabled = _flag("Whether the account is locked.", required=False)
    quota_bytes = _whole_or_null(_QUOTA)


class IntentSchema(_Body):
    """What an administrator wants of a worker."""

    intent = _text("What is wanted of it.", choices=Intent)


class MoveSchema(_Body):
    """A file's new path."""

    path = _text("The folder, a slash and the name.")
    overwrite = _flag("Whether a file that is there gets these bytes as a new version.", required=False)


class RestoreSchema(_Body):
    """Where a deleted file comes back, if not where it was, and whether it gives way to another one there."""

    path = _text("Where to; where it was unless given.", required=False)
    rename = _flag("Whether another name is found if that one is in use.", required=False)


class FolderSchema(_Body):
    """A folder to make."""

    path = _text("Its path.")


class FolderMoveSchema(_Body):
    """A folder, and where it goes."""

    path = _text("The folder.")
    to = _text("Its new path.")


class FloorSchema(_Body):
    """A floor: what it is for, and how much it demands."""

    scope = _text("What it is for.", choices=FloorScope)
    key = _text("The file's id, or the folder's path; a user's floor has none.", load_default="")
    level = _text("Never less than that.", choices=Level)
    critical = _flag("Whether it is always `strong`.", load_default=False)


class ResolveSchema(_Body):
    """What is to be kept of a conflict."""

    keep = _text("Which version becomes the head, or both beside each other.", choices=Keep)


_NO_NUMBER = dict.fromkeys(("invalid", "special", "too_large"), "must be a number")


def _optional(kind: type[fields.Field[Any]], problem: str, meaning: str) -> fields.Field[Any]:
    problems = {**_NO_NUMBER, "invalid": problem}
    described = {"description": meaning}
    return kind(load_default=None, allow_none=True, error_messages={**problems}, metadata=described)


class HintSchema(_Body):
    """The level that a user would like, for a file or in general."""

    level = _text("The level wished for.", choices=Level)
    object_id = _optional(fields.String, "must be a string", "The file it is for; all unless given.")
    seconds = _optional(fields.Float, "must be a number", "For how long, an hour at most; ten minutes unless given.")


class OverrideSchema(_Body):
    """An administrator's order. The author is whoever sends it."""

    level = _text("The level ordered.", choices=Level)
    seconds = fields.Float(
        required=True,
        error_messages={"required": "is missing", "null": "must not be null", **_NO_NUMBER},
        metadata={"description": "For how long, seven days at most."},
    )
    reason = _text("Why, for whoever wonders later.")
    op_class = _optional(fields.String, "must be a string", "The class of requests it is for; all unless given.")
    object_id = _optional(fields.String, "must be a string", "The file it is for; all unless given.")


class CriticalSchema(_Body):
    """A file to mark."""

    object_id = _text("The file's id.")


def load(schema: type[Schema], request: Request) -> dict[str, Any]:
    """The fields of a JSON body.

    Raises :class:`UnsupportedType`, :class:`TooLarge` (over 64 KiB), :class:`BodyMismatch`, and
    :class:`InvalidRequest` naming the first field at fault.
    """
    if request.mimetype != "application/json":
        raise UnsupportedType("Send JSON, with the header Content-Type: application/json.", field="Content-Type")
    document = _parse(_read(request))
    try:
        loaded: dict[str, Any] = schema().load(document)
    except ValidationError as error:
        raise _named(error) from None
    return loaded


def _read(request: Request) -> bytes:
    body = bytearray()
    if (request.content_length or 0) <= MAX_JSON_BYTES:
        for piece in bodies.pieces(request, MAX_JSON_BYTES + 1):
            body += piece
            if len(body) > MAX_JSON_BYTES:
                break
        else:
            return bytes(body)
    raise TooLarge(f"The JSON body exceeds {MAX_JSON_BYTES // 1024} KiB.")


def _parse(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise InvalidRequest("The body is not valid JSON in UTF-8.") from None
    if not isinstance(document, dict):
        raise InvalidRequest("The body must be a JSON object, like {…}.")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _named(error: ValidationError) -> InvalidRequest:
    name, problems = min(error.messages_dict.items())
    name = name[:_FIELD_CHARACTERS]
    return InvalidRequest(f"The field {name} {problems[0]}.", field=name)
