"""Two different queries never become one."""

from __future__ import annotations

import pytest
from flask import Flask, request
from flask.testing import FlaskClient

from echofs.web.errors import install_errors
from echofs.web.queries import install_queries


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("echofs-tests", static_folder=None)
    install_errors(app)
    install_queries(app)
    app.get("/")(lambda: request.args.get("path", "none"))
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
