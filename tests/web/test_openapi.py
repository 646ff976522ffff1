"""The document: complete, valid, with examples that are true. That answers agree with it, every test here checks."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from echofs.web.access import ACCESS
from echofs.web.openapi.building import Builder, build
from echofs.web.openapi.resources import NOT_THE_API, RESOURCES, described, keys
from tests.web.documented import strict
from tests.web.test_every_route import Roles, roles  # noqa: F401 - a fixture

SESSIONS = {"Accounts", "Page sessions"}
ADDRESS = "/api/v1/openapi.json"


@pytest.fixture
def document(roles: Roles) -> dict[str, Any]:  # noqa: F811 - the fixture
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Two forms of one name are only warned of.
        return build(roles.apps["master"])


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def problems(document: dict[str, Any], schema: Any, example: object) -> list[str]:
    root = {"allOf": [strict(schema)], "components": strict(document["components"])}
    return [error.message for error in jsonschema_rs.Draft202012Validator(root).iter_errors(example)]


def test_every_route_of_a_master_is_described_and_no_other(roles: Roles, document: dict[str, Any]) -> None:  # noqa: F811
    calls = [call for call in roles.calls() if call.role == "master" and call.rule.endpoint not in NOT_THE_API]
    assert len(list(operations(document))) >= len(calls)
    assert {key.rpartition(" ")[2] for key in keys()} == {call.rule.endpoint for call in calls}


def test_a_route_of_which_nothing_is_said_fails_the_document(roles: Roles) -> None:  # noqa: F811
    rule = next(rule for rule in roles.apps["controller"].url_map.iter_rules() if rule.endpoint == "controller.leave")
    with pytest.raises(LookupError, match="nothing is said of POST /internal/v1/leave"):
        Builder().add(rule)


def test_no_two_resources_describe_the_same() -> None:
    assert sum(len(resource.routes) for resource in RESOURCES) == len(keys())


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(document).validate()


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _call, operation in operations(document)]
    assert len(names) == len(set(names))


def test_the_proof_that_is_described_is_the_one_that_is_asked_for(roles: Roles, document: dict[str, Any]) -> None:  # noqa: F811
    for call in roles.calls():
        if call.role == "master" and call.rule.endpoint not in {"accounts.refresh", *NOT_THE_API}:
            path = call.rule.rule.replace("<", "{").replace(">", "}")
            operation = document["paths"][path][call.method.lower()]
            assert bool(operation["security"]) == (roles.send(call).status_code == 401), call
            assert ("For administrators." in operation.get("description", "")) == (call.access.value == "admin"), call


def test_every_field_and_every_parameter_has_a_meaning(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bare = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, form in schema.get("properties", {}).items()
        # A field that is a form of its own has that form's.
        if name != "Refusal" and not {"description", "$ref", "anyOf", "allOf", "items"} & form.keys()
    ]
    assert not bare
    assert all(
        parameter["description"] for _, operation in operations(document) for parameter in operation["parameters"]
    )


def test_every_answer_has_an_example_that_is_true(document: dict[str, Any]) -> None:
    seen = 0
    for call, operation in operations(document):
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            if content is not None and "example" in content:
                assert problems(document, content["schema"], content["example"]) == [], (call, status)
                seen += 1
    assert seen > len(ACCESS) / 4


def test_every_request_has_an_example_that_is_true(document: dict[str, Any]) -> None:
    for call, operation in operations(document):
        for parameter in operation["parameters"]:
            assert "example" in parameter or not parameter["required"], (call, parameter["name"])
            if "example" in parameter:
                assert problems(document, parameter["schema"], parameter["example"]) == [], (call, parameter["name"])
        for body in operation.get("requestBody", {}).get("content", {}).values():
            assert problems(document, body["schema"], body["example"]) == [], call


def test_requests_made_of_the_examples_are_understood(roles: Roles, document: dict[str, Any]) -> None:  # noqa: F811
    for call, operation in operations(document):
        method, path = call.split(" ")
        for name, value in given(operation, "path").items():
            path = path.replace(f"{{{name}}}", str(value))
        # Anew each time: some of the requests end the session.
        answer = roles.master(method, path, "root-admin", **made(operation), anew=operation["tags"][0] in SESSIONS)
        assert answer.status_code not in (400, 405, 413, 415, 422, 500), (call, answer.text)
        # The passwords of the examples are nobody's, and a refresh token opens nothing else.
        assert answer.status_code != 401 or operation["tags"][0] in SESSIONS, (call, answer.text)


def given(operation: dict[str, Any], place: str) -> dict[str, Any]:
    """The parameters that have an example."""
    listed = [parameter for parameter in operation["parameters"] if parameter["in"] == place and "example" in parameter]
    return {parameter["name"]: parameter["example"] for parameter in listed}


def made(operation: dict[str, Any]) -> dict[str, Any]:
    """A request as the examples have it, in its first form."""
    options: dict[str, Any] = {"query_string": given(operation, "query")}
    for media_type, body in operation.get("requestBody", {}).get("content", {}).items():
        kept = "json" if media_type == "application/json" else "data"
        return {**options, kept: body["example"], "content_type": media_type}
    return options


def test_everybody_may_have_it_and_keep_it(roles: Roles, document: dict[str, Any]) -> None:  # noqa: F811
    client = roles.apps["master"].test_client()
    answer = client.get(ADDRESS)
    assert (answer.status_code, answer.get_json()) == (200, document)
    again = client.get(ADDRESS, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_it_is_made_once(roles: Roles, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    client = roles.apps["master"].test_client()
    first = client.get(ADDRESS).data
    monkeypatch.setattr("echofs.web.openapi.building.build", lambda app: pytest.fail("made again"))
    assert client.get(ADDRESS).data == first


def test_a_process_that_starts_does_not_load_what_makes_it() -> None:
    loaded = "import sys, echofs.bootstrap.master; print([name for name in sys.modules if 'apispec' in name])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_head_is_described_only_where_it_says_more() -> None:
    assert described("downloads.download", "HEAD") is not None
    assert described("files.listing", "HEAD") is None
