"""Parts of the document that operations refer to: forms, headers, refusals."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from echofs.core.errors import EchoError
from echofs.web.answers import JSON
from echofs.web.errors import status_of
from echofs.web.openapi.description import Form, JsonSchema, Parameter, Verbatim

OPENAPI_VERSION = "3.1.0"
_ASK = {
    "type": "string",
    "description": "A consistency level, or several in order of preference, each with a latency it is hoped to meet.",
    "default": "auto",
    "examples": ["auto", "strong", "bounded;t=5s", "strong@50ms, hybrid@50ms, available"],
}
_REFUSAL = {
    "type": "object",
    "description": "Why a request did not succeed.",
    "required": ["success", "message", "data", "error"],
    "properties": {
        "success": {"const": False},
        "message": {"type": "string", "description": "A sentence for people: what happened, and what to do."},
        "data": {"type": "null"},
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string", "description": "For programs: stays the same in later releases."},
                "message": {"type": "string"},
                "request_id": {"type": "string", "description": "By this the log has the details."},
                "field": {"type": "string", "description": "The field, header or parameter at fault, if it is one."},
            },
        },
    },
}
REQUEST_ID = Parameter("X-Request-ID", "The request's id: the one that was sent, or a new one.", required=True)
_RETRY = Parameter("Retry-After", "Seconds after which to try again.", {"type": "integer"}, required=True)
_HEADERS_OF_ERRORS = {
    401: (Parameter("WWW-Authenticate", "How to prove who you are.", required=True),),
    416: (Parameter("Content-Range", "`bytes */SIZE`: how long the file is.", required=True),),
    405: (Parameter("Allow", "The methods that are answered.", required=True),),
    423: (_RETRY,),
    429: (_RETRY,),
    503: (_RETRY,),
}


class Components:
    """Collects the parts while operations are described; ``document`` puts them in their place."""

    def __init__(self, title: str, version: str, **options: Any) -> None:
        plugin = MarshmallowPlugin(schema_name_resolver=_name_of)
        self.spec = APISpec(title, version, OPENAPI_VERSION, plugins=[plugin], **options)
        assert plugin.converter is not None
        self._converter = plugin.converter
        self._responses: dict[str, JsonSchema] = {}
        self._headers: dict[str, JsonSchema] = {}
        self.spec.components.schema("Ask", _ASK)
        self.spec.components.schema("Refusal", _REFUSAL)

    def schema(self, form: Form | None) -> JsonSchema:
        """The JSON Schema of a form; null for None."""
        if form is None:
            return {"type": "null"}
        if isinstance(form, Verbatim):
            return form.schema
        if isinstance(form, fields.Field):
            prop: JsonSchema = self._converter.field2property(form)
            return prop
        if isinstance(form, list):
            return {"type": "array", "items": self.schema(form[0])}
        if isinstance(form, Mapping):
            properties = {name: self.schema(part) for name, part in form.items()}
            return {"type": "object", "required": list(properties), "properties": properties}
        reference: JsonSchema = self._converter.resolve_nested_schema(form)  # type: ignore[no-untyped-call]
        return reference

    def headers(self, headers: Iterable[Parameter]) -> dict[str, JsonSchema]:
        """The headers of an answer, by name."""
        return {header.name: self._header(header) for header in (*headers, REQUEST_ID)}

    def refusals(
        self,
        errors: Iterable[type[EchoError]],
        codes: Mapping[int, tuple[str, ...]],
        headers: tuple[Parameter, ...] = (),
    ) -> dict[str, JsonSchema]:
        """The answers that ``errors`` become, by status, and further ``codes``; each has ``headers`` too."""
        found = {status: set(names) for status, names in codes.items()}
        for error in errors:
            found.setdefault(status_of(error), set()).add(error.code)
        return {str(status): self._refusal(status, sorted(found[status]), headers) for status in sorted(found)}

    def document(self) -> dict[str, Any]:
        """Everything that was collected."""
        document: dict[str, Any] = self.spec.to_dict()
        schemas = document["components"]["schemas"]
        for key, name in self._converter.refs.items():
            schemas[name].setdefault("description", _meaning(key[0]))
        document["components"] |= {"responses": self._responses, "headers": self._headers}
        return document

    def _header(self, header: Parameter) -> JsonSchema:
        said = {"description": header.description, "required": header.required, "schema": header.schema}
        return _shared("headers", self._headers, header.name, said)

    def _refusal(self, status: int, codes: list[str], headers: tuple[Parameter, ...]) -> JsonSchema:
        known = {"properties": {"error": {"properties": {"code": {"enum": codes}}}}}
        said = {
            "description": f"Refused: {', '.join(f'`{code}`' for code in codes)}.",
            "headers": self.headers((*_HEADERS_OF_ERRORS.get(status, ()), *headers)),
            "content": {JSON: {"schema": {"allOf": [{"$ref": "#/components/schemas/Refusal"}, known]}}},
        }
        name = f"Error{status}" + "".join(code.title().replace("_", "") for code in codes)
        return _shared("responses", self._responses, name, said)


def _shared(section: str, kept: dict[str, JsonSchema], name: str, said: JsonSchema) -> JsonSchema:
    """A reference to what is kept under that name, or under the name with a number, since others have it too."""
    wanted, number = name, 1
    while kept.setdefault(wanted, said) != said:
        number += 1
        wanted = f"{name}-{number}"
    return {"$ref": f"#/components/{section}/{wanted}"}


def _name_of(schema: type[Schema] | Schema) -> str:
    name = (schema if isinstance(schema, type) else type(schema)).__name__
    return f"{name.removesuffix('Schema')}Body" if name.endswith("Schema") else name.removesuffix("Shape")


def _meaning(schema: type[Schema]) -> str:
    return " ".join((inspect.getdoc(schema) or "").split())
