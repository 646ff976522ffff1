"""Fields of answers, each with its meaning. All are always there, some of them as null."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import EXCLUDE, Schema, fields


class Shape(Schema):
    """How a part of an answer looks. Clients must expect fields that they do not know."""

    class Meta:
        unknown = EXCLUDE


def text(description: str, *, null: bool = False, **schema: Any) -> fields.String:
    """A string; ``schema`` adds keywords of JSON Schema."""
    return fields.String(required=True, allow_none=null, metadata={"description": description, **schema})


def choice(values: Iterable[str], description: str, *, null: bool = False) -> fields.String:
    """One of some strings."""
    allowed: list[str | None] = [str(value) for value in values]
    return text(description, null=null, enum=[*allowed, None] if null else allowed)


def moment(description: str, *, null: bool = False) -> fields.String:
    """A time in RFC 3339, UTC, with microseconds."""
    return text(description, null=null, format="date-time")


def whole(description: str, *, null: bool = False, least: int = 0) -> fields.Integer:
    """A whole number."""
    return fields.Integer(required=True, allow_none=null, metadata={"description": description, "minimum": least})


def decimal(description: str, *, null: bool = False) -> fields.Float:
    """Any number."""
    return fields.Float(required=True, allow_none=null, metadata={"description": description})


def flag(description: str) -> fields.Boolean:
    """True or false."""
    return fields.Boolean(required=True, metadata={"description": description})


def listed(item: fields.Field[Any] | type[Schema], description: str = "") -> fields.List[Any]:
    """A list of one kind of thing."""
    inner = item if isinstance(item, fields.Field) else fields.Nested(item)
    return fields.List(inner, required=True, metadata={"description": description} if description else {})


def one(shape: type[Schema], description: str = "", *, null: bool = False) -> fields.Nested:
    """An object."""
    metadata = {"description": description} if description else {}
    return fields.Nested(shape, required=True, allow_none=null, metadata=metadata)


def by_name(values: fields.Field[Any], description: str, *, null: bool = False) -> fields.Dict:
    """An object whose keys are data too."""
    described = {"description": description}
    return fields.Dict(keys=fields.String(), values=values, required=True, allow_none=null, metadata=described)
