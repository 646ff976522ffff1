"""Every failure has a status, the envelope, a request id and nothing secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from flask import Flask, Response, abort, redirect
from werkzeug.exceptions import RequestTimeout
from werkzeug.test import TestResponse

from echofs.core import errors
from echofs.core.errors import EchoError
from echofs.ports.request_context import request_id
from echofs.web.answers import ok
from echofs.web.errors import STATUSES, install_errors, status_of
from echofs.web.headers import install_headers


def all_errors(parent: type[EchoError] = EchoError) -> Iterator[type[EchoError]]:
    """Those that a process which serves can raise: the client's are for programs that ask."""
    for child in parent.__subclasses__():
        if not child.__module__.startswith("echofs.client"):
            yield child
            yield from all_errors(child)


def app_raising(error: Exception) -> Flask:
    app = Flask("errors", static_folder=None)
    install_errors(app)
    install_headers(app)

    @app.route("/", methods=["GET", "POST"])
    def view() -> Response:
        raise error

    return app


def answer_to(error: Exception) -> TestResponse:
    return app_raising(error).test_client().get("/")


@pytest.mark.parametrize("error_class", sorted(set(all_errors()), key=repr))
def test_every_class_of_errors_has_a_status(error_class: type[EchoError]) -> None:
    assert any(ancestor in STATUSES for ancestor in error_class.__mro__)
    assert status_of(error_class) in range(400, 600)


@pytest.mark.parametrize(
    ("error_class", "status"),
    [
        (errors.InvalidRequest, 400),
        (errors.InvalidName, 400),
        (errors.BodyMismatch, 400),
        (errors.UnsupportedType, 415),
        (errors.TooLarge, 413),
        (errors.AuthenticationFailed, 401),
        (errors.Forbidden, 403),
        (errors.NotFound, 404),
        (errors.NameTaken, 409),
        (errors.HeadMoved, 409),
        (errors.PreconditionFailed, 412),
        (errors.IdempotencyKeyReused, 422),
        (errors.RateLimited, 429),
        (errors.CatalogUnavailable, 503),
        (errors.TooFewReplicas, 503),
        (errors.StoreUnavailable, 503),
        (errors.StoreFull, 507),
        (errors.ClusterFull, 507),
        (errors.CorruptFrame, 400),
    ],
)
def test_an_error_becomes_its_status_in_the_envelope(error_class: type[EchoError], status: int) -> None:
    request_id.set("id-1")
    answer = answer_to(error_class("What happened; what to do.", field="path"))
    assert answer.status_code == status
    assert answer.get_json() == {
        "success": False,
        "message": "What happened; what to do.",
        "data": None,
        "error": {
            "code": error_class.code,
            "message": "What happened; what to do.",
            "field": "path",
            "request_id": "id-1",
        },
    }


def test_the_most_derived_class_decides() -> None:
    class VeryFull(errors.StoreFull):
        pass

    assert status_of(VeryFull) == STATUSES[errors.StoreFull] != STATUSES[errors.Unavailable]


def test_a_bare_error_is_an_inner_one() -> None:
    assert status_of(EchoError) == 500


def test_a_range_outside_the_file_is_told_the_size() -> None:
    answer = answer_to(errors.RangeNotSatisfiable("Outside.", size=42))
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */42")


def test_a_missing_identity_is_told_how_to_prove_it() -> None:
    assert answer_to(errors.AuthenticationFailed("No.")).headers["WWW-Authenticate"] == 'Bearer realm="echofs"'


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (errors.CatalogUnavailable("Away."), "1"),
        (errors.Unavailable("Away.", retry_after=0.2), "1"),
        (errors.Unavailable("Away.", retry_after=None), "1"),
        (errors.Unavailable("Away.", retry_after=2.1), "3"),
        (errors.RateLimited("Slow down.", retry_after=58.4), "59"),
        (errors.RateLimited("Slow down.", retry_after=-3), "1"),
    ],
)
def test_who_may_try_again_is_told_when_in_whole_seconds(error: EchoError, seconds: str) -> None:
    assert answer_to(error).headers["Retry-After"] == seconds


def test_an_unknown_address_has_the_envelope() -> None:
    answer = app_raising(ValueError()).test_client().get("/nowhere")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "not_found")


def test_an_unknown_method_has_the_envelope_and_the_known_ones() -> None:
    answer = app_raising(ValueError()).test_client().delete("/")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


@pytest.mark.parametrize("status", [400, 401, 403, 408, 413, 414, 415, 416, 418, 429, 431, 500, 503])
def test_every_http_error_has_the_envelope(status: int) -> None:
    app = app_raising(ValueError())
    app.add_url_rule("/abort", view_func=lambda: abort(status))
    answer = app.test_client().get("/abort")
    assert answer.status_code == status
    assert answer.is_json
    assert answer.get_json()["error"]["message"] == answer.get_json()["message"] != ""


def test_an_http_error_raised_by_a_library_counts_too() -> None:
    assert answer_to(RequestTimeout()).get_json()["error"]["code"] == "timeout"


def test_a_redirect_stays_one() -> None:
    app = app_raising(ValueError())
    app.add_url_rule("/old", view_func=lambda: abort(redirect("/new")))
    assert app.test_client().get("/old").headers["Location"] == "/new"


def test_an_unforeseen_error_tells_nothing_but_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        answer = answer_to(KeyError("secret detail"))
    assert answer.status_code == 500
    assert answer.get_json()["error"]["code"] == "internal_error"
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [KeyError]


def test_a_failure_of_the_system_is_logged_with_its_cause(caplog: pytest.LogCaptureFixture) -> None:
    error = errors.CatalogUnavailable("The catalog did not answer.")
    error.__cause__ = OSError("connection refused")
    with caplog.at_level(logging.WARNING):
        answer = answer_to(error)
    assert "connection refused" not in answer.text
    (record,) = caplog.records
    assert record.exc_info is not None
    assert record.exc_info[1] is error.__cause__


def test_every_answer_forbids_guessing_framing_and_storing() -> None:
    headers = answer_to(errors.NotFound("No.")).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["Cache-Control"] == "no-store"


def test_a_view_may_set_its_own_headers_and_content_may_be_stored() -> None:
    app = Flask("headers", static_folder=None)
    install_headers(app)
    app.add_url_rule(
        "/page", view_func=lambda: Response("x", headers={"Content-Security-Policy": "default-src 'self'"})
    )
    headers = app.test_client().get("/page").headers
    assert headers["Content-Security-Policy"] == "default-src 'self'"
    assert "Cache-Control" not in headers


def test_an_answer_is_compact_utf_8_with_only_the_parts_it_has() -> None:
    answer = ok({"name": "Füße", "lone": "\ud800"}, message="Done.", status=201, headers={"ETag": '"1"'})
    assert answer.get_data() == ('{"success":true,"message":"Done.","data":{"name":"Füße","lone":"\\ud800"}}'.encode())
    assert (answer.status_code, answer.headers["ETag"], answer.mimetype) == (201, '"1"', "application/json")
    assert ok(consistency={"version": 1}).get_json()["consistency"] == {"version": 1}
