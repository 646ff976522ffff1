"""Holds what an application does against its own document: every answer, every parameter read, every body loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import jsonschema_rs
from flask import Flask, Request, Response, has_request_context, request, request_finished
from marshmallow import Schema
from werkzeug.datastructures import EnvironHeaders, ImmutableMultiDict

from echofs.web.openapi.building import Builder
from echofs.web.openapi.description import Route
from echofs.web.openapi.resources import described, keys

ORDINARY = frozenset(
    {
        "content-type", "content-length", "date", "x-content-type-options", "referrer-policy",
        "content-security-policy", "cache-control", "x-request-id",
    }
)  # fmt: skip
"""Headers that the hooks around all views add, which applications in tests need not have."""
METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")
OURS = ("X-EchoFS-", "X-HTTP-", "Idempotency-", "Content-Digest", "Tus-", "Upload-")
"""What the names of headers begin with that views read themselves."""


class Watch:
    """Notes what the requests that are being answered do otherwise than described."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def answered(self, _app: Flask, response: Response, **_extra: object) -> None:
        if _route() is not None:
            for problem in _faults(response):
                self._note(problem)

    def read_parameter(self, name: object) -> None:
        route = _route()
        if route is not None and name not in {parameter.name for parameter in route.query}:
            self._note(f"reads ?{name}=, which is not described")

    def read_header(self, name: object) -> None:
        route = _route()
        if route is None or not str(name).startswith(OURS):
            return
        if name not in {parameter.name for parameter in route.headers}:
            self._note(f"reads the header {name}, which is not described")

    def loaded(self, schema: Schema) -> None:
        route = _route()
        if route is not None and type(schema) not in {body.form for body in route.bodies}:
            self._note(f"loads {type(schema).__name__}, which is not the body described")

    def _note(self, problem: str) -> None:
        self.problems.append(f"{request.method} {request.endpoint}: {problem}")


@contextmanager
def held_to_the_document() -> Iterator[list[str]]:
    """What does not agree, for as long as this is open."""
    watch = Watch()
    get_header, load = EnvironHeaders._get_key, Schema.load

    class Watched(ImmutableMultiDict[str, str]):
        def get(self, key: str, *args: Any, **options: Any) -> Any:  # type: ignore[override]
            watch.read_parameter(key)
            return super().get(key, *args, **options)

        def __contains__(self, key: object) -> bool:
            watch.read_parameter(key)
            return super().__contains__(key)

    def watched_header(headers: EnvironHeaders, name: Any) -> str:
        watch.read_header(name)
        return get_header(headers, name)

    def watched_load(schema: Schema, *args: Any, **options: Any) -> Any:
        watch.loaded(schema)
        return load(schema, *args, **options)

    with (
        request_finished.connected_to(watch.answered),
        patch.object(Request, "parameter_storage_class", Watched),
        patch.object(EnvironHeaders, "_get_key", watched_header),
        patch.object(Schema, "load", watched_load),
    ):
        yield watch.problems


def _route() -> Route | None:
    if not has_request_context() or request.endpoint is None:
        return None
    known = described(request.endpoint, _method())
    return known[1] if known else None


def _method() -> str:
    """The method that the description of the answer is found under."""
    ordinary = request.method == "HEAD" and described(str(request.endpoint), "HEAD") is None
    return "GET" if ordinary else request.method


def _faults(response: Response) -> Iterator[str]:
    endpoint, method, status = str(request.endpoint), _method(), str(response.status_code)
    if status == "500" and _json(response)["error"]["code"] == "internal_error":
        return
    answers = _answers(endpoint, method)
    if status not in answers:
        yield f"answers {status}, which is not described: {response.get_data()[:300]!r}"
        return
    names = {name.lower() for name, _value in response.headers}
    declared = {name.lower(): header["required"] for name, header in answers[status]["headers"].items()}
    if unknown := names - declared.keys() - ORDINARY:
        yield f"answers {status} with headers that are not described: {', '.join(sorted(unknown))}"
    if missing := {name for name, required in declared.items() if required} - names - ORDINARY:
        yield f"answers {status} without the headers {', '.join(sorted(missing))}"
    content = answers[status].get("content", {})
    if response.mimetype == "application/json" and content and request.method != "HEAD" and not response.is_streamed:
        for error in _validator(endpoint, method, status).iter_errors(_json(response)):
            yield f"answers {status} with {error.message} at /{'/'.join(map(str, error.instance_path))}"
    elif content and not {response.mimetype, "*/*"} & content.keys():
        yield f"answers {status} as {response.mimetype}, which is not described"


def _json(response: Response) -> Any:
    return json.loads(response.get_data())


@cache
def _document() -> tuple[Mapping[str, Any], Mapping[tuple[str, str], Mapping[str, Any]]]:
    """The components, strict, and the answers of every operation."""
    builder = Builder()
    answers = {}
    for key in keys():
        method, _, endpoint = key.rpartition(" ")
        for each in [method] if method else METHODS:
            known = described(endpoint, each)
            if known is not None:
                answers[endpoint, each] = builder.responses(endpoint, each, known[1])
    components = builder.components.document()["components"]
    return strict(components), answers


@cache
def _answers(endpoint: str, method: str) -> Mapping[str, Any]:
    components, answers = _document()

    def whole(part: Any) -> Any:
        if set(part) != {"$ref"}:
            return part
        *_, section, name = part["$ref"].split("/")
        return components[section][name]

    found = {status: dict(whole(answer)) for status, answer in answers[endpoint, method].items()}
    for answer in found.values():
        answer["headers"] = {name: whole(header) for name, header in answer["headers"].items()}
    return found


@cache
def _validator(endpoint: str, method: str, status: str) -> jsonschema_rs.Draft202012Validator:
    schema = _answers(endpoint, method)[status]["content"]["application/json"]["schema"]
    root = {"allOf": [strict(schema)], "components": _document()[0]}
    return jsonschema_rs.Draft202012Validator(root, validate_formats=True)


def strict(schema: Any) -> Any:
    """The same, where an object has no other fields than those described. Clients are told to expect more, since later
    releases will have more; in the tests every field must have a meaning."""
    if isinstance(schema, list):
        return [strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: strict(part) for name, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        closed.setdefault("additionalProperties", False)
    return closed
