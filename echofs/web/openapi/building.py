"""The document: everything the routing table has, with what is said of it."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

import echofs
from echofs.core.errors import (
    AuthenticationFailed,
    BodyMismatch,
    CatalogUnavailable,
    EchoError,
    Forbidden,
    InvalidRequest,
    TooLarge,
    Unavailable,
    UnsupportedType,
)
from echofs.web.access import ACCESS, Access
from echofs.web.answers import JSON
from echofs.web.cookies import ACCESS_COOKIE, CSRF_HEADER, REFRESH_COOKIE, SAFE_METHODS, ForgedRequest
from echofs.web.openapi.components import Components
from echofs.web.openapi.description import Answer, Body, JsonSchema, Parameter, Resource, Route
from echofs.web.openapi.resources import MADE_BY_FLASK, NOT_THE_API, RESOURCES, described

_ARGUMENT = re.compile(r"<(?:[^<>:]+:)?([^<>]+)>")
_ABOUT = """\
Every answer in JSON has one form: `success`, a `message` for people, `data`, for files `consistency` (what was really \
given), and on failure `error` with a `code` for programs. Clients must expect fields that they do not know.

Anything may also answer 500 `internal_error`, which is a fault of EchoFS: the request id finds it in the log.
"""
_PROOFS = {
    "access": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "An access token from a login.",
    },
    "refresh": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "A refresh token."},
    "page": {"type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE, "description": "The session of the web page."},
    "proof": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "That the page itself sends it: needed with a cookie for everything but GET, HEAD and OPTIONS.",
    },
    "page_refresh": {
        "type": "apiKey",
        "in": "cookie",
        "name": REFRESH_COOKIE,
        "description": "The page's refresh token.",
    },
}
_ERRORS: dict[Access, tuple[type[EchoError], ...]] = {
    Access.PUBLIC: (InvalidRequest,),
    Access.USER: (InvalidRequest, AuthenticationFailed, CatalogUnavailable, Unavailable),
    Access.ADMIN: (InvalidRequest, AuthenticationFailed, CatalogUnavailable, Unavailable, Forbidden),
}
_ERRORS_OF_JSON = (UnsupportedType, TooLarge, BodyMismatch)


def build(app: Flask) -> dict[str, Any]:
    """The document of an application. Raises LookupError for a route of which nothing is said."""
    builder = Builder()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint not in NOT_THE_API:
            builder.add(rule)
    return builder.document()


class Builder:
    """Describes one rule after the other."""

    def __init__(self) -> None:
        self.components = Components(
            "EchoFS",
            echofs.__version__,
            info={"description": _ABOUT, "license": {"name": "MIT", "identifier": "MIT"}},
            servers=[{"url": "/"}],
            tags=[{"name": resource.name, "description": resource.description} for resource in RESOURCES],
        )
        for name, scheme in _PROOFS.items():
            self.components.spec.components.security_scheme(name, scheme)

    def add(self, rule: Rule) -> None:
        """Take a rule with its methods. Raises LookupError."""
        methods = sorted(rule.methods or ())
        said = {method: described(rule.endpoint, method) for method in methods}
        undescribed = [method for method in methods if said[method] is None and method not in MADE_BY_FLASK]
        if undescribed:
            call = f"{', '.join(undescribed)} {rule.rule} ({rule.endpoint})"
            raise LookupError(f"nothing is said of {call}: describe it in echofs/web/openapi/resources")
        operations = {
            method.lower(): self.operation(rule, method, *known) for method, known in said.items() if known is not None
        }
        self.components.spec.path(path=_ARGUMENT.sub(r"{\1}", rule.rule), operations=operations)

    def document(self) -> dict[str, Any]:
        """What was taken."""
        return self.components.document()

    def operation(self, rule: Rule, method: str, resource: Resource, route: Route) -> dict[str, Any]:
        """One method of one rule. Raises LookupError when an argument in the path is not described."""
        path = [parameter for parameter in route.path if parameter.name in rule.arguments]
        if len(path) < len(rule.arguments):
            raise LookupError(f"not all arguments of {rule.rule} are described")
        access = ACCESS[rule.endpoint]
        operation: dict[str, Any] = {
            "tags": [resource.name],
            "summary": route.summary,
            "operationId": _operation_id(rule, method, resource),
            "security": _security(access, method, route),
            "parameters": [
                _parameter(parameter, place)
                for place, listed in (("path", path), ("query", route.query), ("header", route.headers))
                for parameter in listed
            ],
            "responses": self.responses(rule.endpoint, method, route),
        }
        description = " ".join(
            filter(None, ["For administrators." if access is Access.ADMIN else "", route.description])
        )
        if description:
            operation["description"] = description
        if route.bodies:
            content = {body.media_type: self._content(body) for body in route.bodies}
            operation["requestBody"] = {"required": route.body_required, "content": content}
        return operation

    def responses(self, endpoint: str, method: str, route: Route) -> dict[str, JsonSchema]:
        """Every answer of one method of a route, by status."""
        access = ACCESS[endpoint]
        errors = (*_ERRORS[access], *route.errors)
        if access is not Access.PUBLIC and method not in SAFE_METHODS:
            errors += (ForgedRequest,)
        if any(body.media_type == JSON for body in route.bodies):
            errors += _ERRORS_OF_JSON
        answers = {
            str(status): self._answer(status, answer, route.always) for status, answer in sorted(route.answers.items())
        }
        return {**self.components.refusals(errors, route.codes, route.always), **answers}

    def _answer(self, status: int, answer: Answer, always: tuple[Parameter, ...]) -> JsonSchema:
        said: dict[str, Any] = {
            "description": answer.description,
            "headers": self.components.headers((*answer.headers, *always)),
        }
        if answer.media_type == JSON:
            said["content"] = {JSON: self._enveloped(status, answer) if answer.enveloped else self._plain(answer)}
        elif answer.media_type:
            said["content"] = {answer.media_type: {"schema": {}}}
        return said

    def _plain(self, answer: Answer) -> JsonSchema:
        return {"schema": self.components.schema(answer.data)}

    def _enveloped(self, status: int, answer: Answer) -> JsonSchema:
        properties: dict[str, JsonSchema] = {
            "success": {"const": status < 400},
            "message": {"type": "string"},
            "data": self.components.schema(answer.data),
        }
        example: dict[str, object] = {"success": status < 400, "message": "", "data": answer.example}
        if answer.receipt is not None:
            properties["consistency"] = self.components.schema(answer.receipt)
            example["consistency"] = answer.receipt_example
        required = [name for name in properties if name != "consistency" or answer.always_receipt]
        schema = {"type": "object", "required": required, "properties": properties}
        return {"schema": schema, "example": example}

    def _content(self, body: Body) -> JsonSchema:
        return {"schema": self.components.schema(body.form), "example": body.example}


def _security(access: Access, method: str, route: Route) -> list[dict[str, list[str]]]:
    """The proofs of which any will do."""
    if route.proofs:
        return [{proof: [] for proof in route.proofs}]
    if access is Access.PUBLIC:
        return []
    return [{"access": []}, {"page": []} if method in SAFE_METHODS else {"page": [], "proof": []}]


def _parameter(parameter: Parameter, place: str) -> JsonSchema:
    said: dict[str, Any] = {
        "name": parameter.name,
        "in": place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }
    if parameter.example is not None:
        said["example"] = parameter.example
    return said


def _operation_id(rule: Rule, method: str, resource: Resource) -> str:
    """Named after the endpoint, with what tells it from others of the same."""
    several = f"{method} {rule.endpoint}" in resource.routes
    parts = [*([method.lower()] if several else ()), rule.endpoint.replace(".", "_"), *sorted(rule.arguments)]
    return "_".join(parts)
