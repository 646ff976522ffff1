"""The document as people read it: what the template of the page shows."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup, escape

JsonDict = Mapping[str, Any]
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[([^\]]+)\]\((https://[^)\s]+)\)")
_PROOFS = {"access": "$token", "refresh": "$refresh_token"}


@dataclass(frozen=True, slots=True)
class Row:
    """A field, a parameter or a header. ``form`` is the name of the form it has, if that has a name."""

    name: str
    kind: str
    form: str
    required: bool
    meaning: Markup
    place: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A body or an answer: what it is, its fields, its headers, and an example as text."""

    title: str
    meaning: Markup
    rows: tuple[Row, ...] = ()
    headers: tuple[Row, ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    summary: str
    meaning: Markup
    parameters: tuple[Row, ...]
    bodies: tuple[Part, ...]
    answers: tuple[Part, ...]
    refusals: tuple[Row, ...]
    curl: str


@dataclass(frozen=True, slots=True)
class Group:
    """Operations under one heading."""

    id: str
    name: str
    meaning: Markup
    operations: tuple[Operation, ...]


def prose(text: str) -> Markup:
    """Text with code and links marked up as the document has them; everything else is only text."""
    marked = _CODE.sub(r"<code>\1</code>", str(escape(text)))
    return Markup(_LINK.sub(r'<a href="\2" rel="noreferrer">\1</a>', marked))


class Reading:
    """Reads a document; references are followed."""

    def __init__(self, document: JsonDict) -> None:
        self._document = document

    def groups(self) -> list[Group]:
        """All operations, under the document's tags and in their order."""
        found = list(self._operations())
        return [
            Group(
                _anchor(tag["name"]),
                tag["name"],
                prose(tag["description"]),
                tuple(operation for name, operation in found if name == tag["name"]),
            )
            for tag in self._document["tags"]
        ]

    def forms(self) -> list[Part]:
        """The forms that have names."""
        schemas = self._document["components"]["schemas"]
        return [
            Part(name, prose(schema.get("description", "")), tuple(self._fields(schema)))
            for name, schema in sorted(schemas.items())
        ]

    def _operations(self) -> Iterator[tuple[str, Operation]]:
        for path, methods in self._document["paths"].items():
            for method, operation in methods.items():
                yield operation["tags"][0], self._operation(path, method.upper(), operation)

    def _operation(self, path: str, method: str, operation: JsonDict) -> Operation:
        answers = {status: self._followed(answer) for status, answer in operation["responses"].items()}
        refusals = {status: answer for status, answer in answers.items() if _is_refusal(operation, status)}
        content = operation.get("requestBody", {}).get("content", {})
        return Operation(
            id=operation["operationId"],
            method=method,
            path=path,
            summary=operation["summary"],
            meaning=prose(operation.get("description", "")),
            parameters=tuple(self._parameter(parameter) for parameter in operation["parameters"]),
            bodies=tuple(self._body(media_type, body) for media_type, body in content.items()),
            answers=tuple(self._answer(status, answer) for status, answer in answers.items() if status not in refusals),
            refusals=tuple(
                Row(status, "", "", False, prose(answer["description"].removeprefix("Refused: ")))
                for status, answer in refusals.items()
            ),
            curl=_curl(path, method, operation),
        )

    def _parameter(self, parameter: JsonDict) -> Row:
        kind, form = self._kind(parameter["schema"])
        meaning = prose(parameter["description"])
        return Row(parameter["name"], kind, form, parameter["required"], meaning, parameter["in"])

    def _body(self, media_type: str, body: JsonDict) -> Part:
        return Part(media_type, Markup(), tuple(self._fields(body["schema"])), example=_text(body["example"]))

    def _answer(self, status: str, answer: JsonDict) -> Part:
        headers = tuple(self._header(name, self._followed(header)) for name, header in answer["headers"].items())
        rows: tuple[Row, ...] = ()
        example = ""
        for media in answer.get("content", {}).values():
            rows = tuple(self._fields(media["schema"].get("properties", {}).get("data", {})))
            example = _text(media["example"]) if "example" in media else ""
        return Part(status, prose(answer["description"]), rows, headers, example)

    def _header(self, name: str, header: JsonDict) -> Row:
        kind, form = self._kind(header["schema"])
        return Row(name, kind, form, header["required"], prose(header["description"]))

    def _fields(self, schema: JsonDict) -> Iterator[Row]:
        schema = self._followed(schema)
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            kind, form = self._kind(field)
            yield Row(name, kind, form, name in required, prose(self._meaning(field)))

    def _meaning(self, schema: JsonDict) -> str:
        meaning: str = schema.get("description", "") or self._followed(schema).get("description", "")
        if "enum" in schema:
            choices = ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
            return f"{meaning} One of {choices}.".strip()
        return meaning

    def _kind(self, schema: JsonDict) -> tuple[str, str]:
        """What a value is, in a word or two, and the name of its form."""
        if "$ref" in schema:
            return "", schema["$ref"].rpartition("/")[2]
        for several in ("anyOf", "allOf", "oneOf"):
            if several in schema:
                kinds = [self._kind(part) for part in schema[several]]
                form = next((form for _kind, form in kinds if form), "")
                return " or ".join(kind for kind, _form in kinds if kind), form
        if schema.get("type") == "array":
            kind, form = self._kind(schema["items"])
            return f"list of {kind}".strip(), form
        kinds = schema.get("type", "anything")
        return (kinds if isinstance(kinds, str) else " or ".join(kinds)), ""

    def _followed(self, part: JsonDict) -> JsonDict:
        while "$ref" in part:
            *_, section, name = part["$ref"].split("/")
            part = self._document["components"][section][name]
        return part


def _is_refusal(operation: JsonDict, status: str) -> bool:
    return status >= "400" and "$ref" in operation["responses"][status]


def _anchor(name: str) -> str:
    return name.lower().replace(" ", "-")


def _text(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)


def _curl(path: str, method: str, operation: JsonDict) -> str:
    """The example request, as it is typed."""
    query: dict[str, object] = {}
    words = ["curl"]
    headers = []
    for parameter in operation["parameters"]:
        if "example" not in parameter:
            continue
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["example"]))
        elif parameter["in"] == "query":
            query[parameter["name"]] = parameter["example"]
        else:
            headers.append(f"{parameter['name']}: {parameter['example']}")
    content = operation.get("requestBody", {}).get("content", {})
    if method == "HEAD":
        words.append("--head")
    elif method != ("POST" if content else "GET"):
        words.append(f"-X {method}")
    words.append(f'"$server{path}{"?" + urlencode(query) if query else ""}"')
    lines = [" ".join(words)]
    for proof in operation["security"][:1]:
        lines += [f'-H "Authorization: Bearer {_PROOFS[name]}"' for name in proof if name in _PROOFS]
    lines += [f"-H {shlex.quote(header)}" for header in headers]
    for media_type, body in content.items():
        lines += _sent(media_type, body["example"])
        break
    return " \\\n  ".join(lines)


def _sent(media_type: str, example: object) -> list[str]:
    if media_type == "application/json":
        return [f"--json {shlex.quote(json.dumps(example, ensure_ascii=False))}"]
    return [f"-H {shlex.quote(f'Content-Type: {media_type}')}", "--data-binary @tree.jpg"]
