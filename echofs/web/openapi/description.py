"""What is said of a route beyond what its code says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from marshmallow import Schema, fields

from echofs.core.errors import EchoError
from echofs.web.answers import JSON

JsonSchema = Mapping[str, Any]
"""A JSON Schema, 2020-12."""


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A form that is given as the JSON Schema itself."""

    schema: JsonSchema


Form = type[Schema] | fields.Field[Any] | Verbatim | Mapping[str, "Form"] | list["Form"]
"""How a value looks: a marshmallow schema or field, a list of one thing, or an object of named things."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """Something in the path, the query or a header. An ``example`` is what the examples of requests send; without one
    they leave it out."""

    name: str
    description: str
    schema: JsonSchema = field(default_factory=lambda: {"type": "string"})
    example: object = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """One form that a request's body may have."""

    form: Form
    example: object
    media_type: str = JSON
    description: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer, or one that is no error. ``data`` is the envelope's, or the body itself if that is not
    ``enveloped``. Bodies of other media types than JSON have no form, and ``media_type`` ``""`` means no body.
    ``receipt`` is the form of ``consistency``, which is there at least sometimes."""

    description: str
    data: Form | None = None
    example: object = None
    receipt: type[Schema] | None = None
    receipt_example: object = None
    headers: tuple[Parameter, ...] = ()
    media_type: str = JSON
    always_receipt: bool = True
    enveloped: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """One operation.

    ``errors`` are those beyond what every route of its kind may raise: a wrong proof, a query that is not valid, a body
    that cannot be read, a catalog that does not answer. ``codes`` are refusals that have another status here than
    elsewhere, ``always`` headers that refusals have too. ``proofs`` name the security schemes that open it, where it is
    not simply the access token of a user.
    """

    summary: str
    answers: Mapping[int, Answer]
    description: str = ""
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    path: tuple[Parameter, ...] = ()
    bodies: tuple[Body, ...] = ()
    body_required: bool = True
    errors: tuple[type[EchoError], ...] = ()
    codes: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    always: tuple[Parameter, ...] = ()
    proofs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Resource:
    """Routes that belong together under one heading, by endpoint. Where the methods of an endpoint differ, the key is
    the method and the endpoint: ``"HEAD downloads.download"``. Of HEAD and OPTIONS nothing is said otherwise: they are
    what Flask makes of GET."""

    name: str
    description: str
    routes: Mapping[str, Route]


def json_body(schema: type[Schema], example: Mapping[str, object]) -> tuple[Body, ...]:
    """A body of JSON that the view loads with ``schema``."""
    return (Body(schema, example),)
