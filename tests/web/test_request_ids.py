"""Ids of requests and the lines of the access log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Response

from echofs.ports.request_context import request_id
from echofs.web.access import ACCESS, Access
from echofs.web.answers import ok
from tests.web.conftest import Site


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.kept.append(vars(record))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    """The lines of the access log written so far."""
    handler, logger = Lines(), logging.getLogger("echofs.access")
    logger.addHandler(handler)
    with caplog.at_level(logging.DEBUG, logger=logger.name):
        yield handler.kept
    logger.removeHandler(handler)


@pytest.fixture
def open_site(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with public routes ``/thing/<text>``, ``/health`` and ``/slow``."""
    for endpoint in ("thing", "health", "slow"):
        monkeypatch.setitem(ACCESS, endpoint, Access.PUBLIC)

    def slow() -> Response:
        def body() -> Iterator[bytes]:
            yield request_id.get().encode()
            site.clock.advance(2)

        return Response(body())

    site.app.add_url_rule("/thing/<path:text>", "thing", lambda text: ok())
    site.app.add_url_rule("/health", "health", lambda: ok())
    site.app.add_url_rule("/slow", "slow", slow)
    return site


@pytest.mark.parametrize("sent", ["a", "7f.A_b-9", "x" * 64])
def test_a_good_id_is_taken_over(open_site: Site, sent: str) -> None:
    answer = open_site.client.get("/health", headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 65, "white space", "semi;colon", "é", "<b>", "a,b"])
def test_a_bad_id_is_replaced(open_site: Site, sent: str) -> None:
    answer = open_site.client.get("/health", headers={"X-Request-ID": sent})
    assert answer.headers["X-Request-ID"] != sent
    assert len(answer.headers["X-Request-ID"]) == 32


def test_a_line_break_in_an_id_never_reaches_the_answer(open_site: Site) -> None:
    answer = open_site.client.get("/health", environ_overrides={"HTTP_X_REQUEST_ID": "good\r\nSet-Cookie: a=b"})
    assert "Set-Cookie" not in answer.headers
    assert len(answer.headers["X-Request-ID"]) == 32
    answer = open_site.client.get("/health", environ_overrides={"HTTP_X_REQUEST_ID": "good\n"})
    assert answer.headers["X-Request-ID"] != "good"


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/api/v1/auth/profile", 401)])
def test_failures_carry_the_id_in_header_and_body(site: Site, path: str, status: int) -> None:
    answer = site.client.get(path, headers={"X-Request-ID": "mine"})
    assert answer.status_code == status
    assert (answer.headers["X-Request-ID"], answer.get_json()["error"]["request_id"]) == ("mine", "mine")


def test_every_request_has_its_own_id(open_site: Site) -> None:
    ids = {open_site.client.get("/health").headers["X-Request-ID"] for _ in range(3)}
    assert len(ids) == 3


def test_a_request_is_one_line_without_its_query(open_site: Site, lines: list[dict[str, Any]]) -> None:
    open_site.client.get("/thing/one?token=secret", headers={"Authorization": "Bearer secret"})
    (line,) = lines
    assert (line["levelno"], line["msg"]) == (logging.INFO, "request")
    assert {name: line[name] for name in ("method", "path", "endpoint", "status", "ms")} == {
        "method": "GET",
        "path": "/thing/one",
        "endpoint": "thing",
        "status": 200,
        "ms": 0.0,
    }
    assert "secret" not in str(line)


def test_the_line_names_the_user_and_the_bytes_sent(site: Site, lines: list[dict[str, Any]]) -> None:
    token = site.login()["access_token"]
    site.profile(token)
    login, profile = lines
    assert login["bytes_in"] > 0
    assert "user" not in login
    assert profile["user"] == site.users.by_login("alice").id


@pytest.mark.parametrize("path", ["/thing/a%0d%0aINFO%20forged", "/thing/%00%1b[31m", "/thing/%E2%80%A8"])
def test_no_address_breaks_a_line(open_site: Site, lines: list[dict[str, Any]], path: str) -> None:
    open_site.client.get(path)
    assert lines[0]["path"].isascii()
    assert lines[0]["path"].isprintable()


def test_a_long_address_makes_a_short_line(open_site: Site, lines: list[dict[str, Any]]) -> None:
    open_site.client.get("/thing/" + "x" * 10_000)
    assert len(lines[0]["path"]) <= 1024


def test_health_and_internal_calls_are_not_in_the_way(
    open_site: Site, lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ACCESS, "thing", Access.INTERNAL)
    open_site.client.get("/health")
    open_site.client.get("/thing/internal")
    assert [line["levelno"] for line in lines] == [logging.DEBUG, logging.DEBUG]


def test_a_streamed_answer_is_logged_when_it_is_complete_and_keeps_its_id(
    open_site: Site, lines: list[dict[str, Any]]
) -> None:
    answer = open_site.client.get("/slow", headers={"X-Request-ID": "mine"})
    assert lines == []
    assert answer.get_data() == b"mine"
    answer.close()
    assert [line["ms"] for line in lines] == [2000.0]


def test_an_unforeseen_error_is_logged_as_a_request_too(
    open_site: Site, lines: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(open_site.app.view_functions, "health", lambda: 1 / 0)
    answer = open_site.client.get("/health")
    assert answer.status_code == 500
    assert [line["status"] for line in lines] == [500]


def test_the_secret_in_the_address_of_a_resumable_upload_is_not_logged(
    open_site: Site, lines: list[dict[str, Any]]
) -> None:
    for address in (
        "/api/v1/uploads/0123.s3cr3t",
        "/api/v1/uploads/0123.s3cr3t/more",
        "/api/v1/uploads/0123.%0As3cr3t",
    ):
        open_site.client.get(address)
    assert [line["path"] for line in lines] == ["/api/v1/uploads/0123"] * 3
