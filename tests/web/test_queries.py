"""Two different queries never become one."""

from __future__ import annotations

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from echofs.web.errors import install_errors
from echofs.web.queries import install_queries, page_limit


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("echofs-tests", static_folder=None)
    install_errors(app)
    install_queries(app)
    app.get("/")(lambda: request.args.get("path", "none"))
    app.get("/page", endpoint="page")(lambda: str(page_limit(request, "things")))
    return app.test_client()


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("", "none"),
        ("path=a%20b+c", "a b c"),
        ("path=%E6%97%A5", "日"),
        ("path=日".encode().decode("latin-1"), "日"),
        ("path=%25FF", "%FF"),
        ("path=%", "%"),
        ("path=%EF%BF%BD", "\ufffd"),
    ],
)
def test_a_query_in_utf_8_is_read_exactly(query: str, path: str, client: FlaskClient) -> None:
    answer = client.get("/", environ_overrides={"QUERY_STRING": query})
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, path)


@pytest.mark.parametrize(
    "query", ["path=%ff", "path=%FE%41", "path=\xff", "%ff=a", "path=%ED%A0%80", "path=%C0%AF", "a=%e6%97"]
)
def test_a_query_that_is_not_utf_8_is_refused(query: str, client: FlaskClient) -> None:
    answer = client.get("/", environ_overrides={"QUERY_STRING": query})
    assert answer.status_code == 400
    assert answer.get_json()["error"]["field"] == "query"


@pytest.mark.parametrize(("limit", "length"), [("1", "1"), ("1000", "1000"), ("0010", "10")])
def test_a_page_is_as_long_as_asked(limit: str, length: str, client: FlaskClient) -> None:
    assert client.get("/page", query_string={"limit": limit}).get_data(as_text=True) == length
    assert client.get("/page").get_data(as_text=True) == "100"


@pytest.mark.parametrize("limit", ["", "0", "1001", "-1", "1e2", "ten", "²", "٣", "1" * 5000])
def test_a_page_of_another_length_is_refused(limit: str, client: FlaskClient) -> None:
    answer = client.get("/page", query_string={"limit": limit})
    assert (answer.status_code, answer.get_json()["error"]["field"]) == (400, "limit")
