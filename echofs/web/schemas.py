"""What small JSON bodies may contain, and the one way to read them. File contents never pass through here."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError, fields

from echofs.core.errors import InvalidRequest, TooLarge, UnsupportedType
from echofs.web import bodies

MAX_JSON_BYTES = 64 * 1024
_FIELD_CHARACTERS = 64


def _text(*, required: bool = True) -> fields.String:
    problems = {"required": "is missing", "null": "must not be null", "invalid": "must be a string"}
    return fields.String(required=required, error_messages={**problems})


def _flag(**options: Any) -> fields.Boolean:
    problems = {"null": "must not be null", "invalid": "is true or false"}
    return fields.Boolean(truthy={True}, falsy={False}, error_messages={**problems}, **options)


def _whole_or_null() -> fields.Integer:
    problem = "must be a whole number or null"
    problems = dict.fromkeys(("invalid", "too_large"), problem)
    return fields.Integer(strict=True, allow_none=True, error_messages={**problems})


class _Body(Schema):
    """Fields that are not declared are refused, so that nobody sets what is not theirs to set (a role, an owner)."""

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "is not known here"}  # noqa: RUF012 - marshmallow's own interface


class RegisterSchema(_Body):
    """A new account."""

    username = _text()
    email = _text()
    password = _text()


class LoginSchema(_Body):
    """``username`` may be the e-mail address."""

    username = _text()
    password = _text()


class PasswordSchema(_Body):
    """A change of password."""

    old_password = _text()
    new_password = _text()


class NewPasswordSchema(_Body):
    """A password that an administrator gives to a user."""

    password = _text()


class AppPasswordSchema(_Body):
    """What an app password is for."""

    name = _text()


class CreateUserSchema(_Body):
    """An account that an administrator makes. Without ``quota_bytes`` it has the quota of everybody, null is none."""

    username = _text()
    email = _text()
    password = _text()
    role = _text(required=False)
    quota_bytes = _whole_or_null()


class AmendUserSchema(_Body):
    """What an administrator changes of a user: what is given."""

    role = _text(required=False)
    disabled = _flag(required=False)
    quota_bytes = _whole_or_null()


class IntentSchema(_Body):
    """What an administrator wants of a worker."""

    intent = _text()


class MoveSchema(_Body):
    """A file's new path."""

    path = _text()


class RestoreSchema(_Body):
    """Where a deleted file comes back, if not where it was, and whether it gives way to another one there."""

    path = _text(required=False)
    rename = _flag(required=False)


class FolderSchema(_Body):
    """A folder to make."""

    path = _text()


class FolderMoveSchema(_Body):
    """A folder, and where it goes."""

    path = _text()
    to = _text()


class FloorSchema(_Body):
    """A floor: what it is for, and how much it demands."""

    scope = _text()
    key = fields.String(load_default="", error_messages={"null": "must not be null", "invalid": "must be a string"})
    level = _text()
    critical = _flag(load_default=False)


class ResolveSchema(_Body):
    """What is to be kept of a conflict."""

    keep = _text()


_NO_NUMBER = dict.fromkeys(("invalid", "special", "too_large"), "must be a number")


def _optional(kind: type[fields.Field[Any]], problem: str) -> fields.Field[Any]:
    return kind(load_default=None, allow_none=True, error_messages={**_NO_NUMBER, "invalid": problem})


class HintSchema(_Body):
    """The level that a user would like, for a file or in general."""

    level = _text()
    object_id = _optional(fields.String, "must be a string")
    seconds = _optional(fields.Float, "must be a number")


class OverrideSchema(_Body):
    """An administrator's order. The author is whoever sends it."""

    level = _text()
    seconds = fields.Float(
        required=True, error_messages={"required": "is missing", "null": "must not be null", **_NO_NUMBER}
    )
    reason = _text()
    op_class = _optional(fields.String, "must be a string")
    object_id = _optional(fields.String, "must be a string")


class CriticalSchema(_Body):
    """A file to mark."""

    object_id = _text()


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
