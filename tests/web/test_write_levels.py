"""Levels of writes over HTTP: headers and fields in, receipts and refusals out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from echofs.core.models import Level, Role
from echofs.services.accounts import Principal
from echofs.services.sessions import Sessions
from echofs.web.access import install_access
from echofs.web.errors import install_errors
from echofs.web.files import files_blueprint
from echofs.web.reading import Reading
from echofs.web.uploads import uploads_blueprint
from tests.fakes.seal import OpenSeal
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import CHUNK, OWNER, OWNER_NAME, DataPlane, bytes_of

FILES = "/api/v1/files"
TOKEN = {"Authorization": "Bearer a-token"}


class NeverRead(io.RawIOBase):
    """A body that nobody may touch."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


class Site:
    """The routes that write, over services on fakes."""

    def __init__(self) -> None:
        self.plane = DataPlane()
        app = Flask("writes", static_folder=None)
        install_errors(app)
        principal = Principal(OWNER, OWNER_NAME, Role.USER, "jti", "sid")
        install_access(app, authenticate=lambda token: principal, verify_call=lambda *call: None)
        monotonic, sessions = self.plane.clock.monotonic, Sessions(OpenSeal())
        reading = Reading(self.plane.reads, self.plane.listings, sessions)
        app.register_blueprint(uploads_blueprint(self.plane.uploads, sessions, monotonic, CHUNK))
        app.register_blueprint(files_blueprint(self.plane.files, self.plane.replacing, reading, monotonic))
        self.client: FlaskClient = app.test_client()

    def put(self, path: str, data: bytes = b"bytes", **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(f"{FILES}/upload?path={path}", data=data, headers={**TOKEN, **named})

    def form(self, **fields: Any) -> TestResponse:
        return self.client.post(
            f"{FILES}/upload", data={"file": (io.BytesIO(b"bytes"), "name.txt"), **fields}, headers=TOKEN
        )

    def unread(self, query: str = "?path=a", **headers: str) -> TestResponse:
        """An upload whose body must not be touched."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        environ = {"wsgi.input": NeverRead(), "CONTENT_LENGTH": "1000"}
        return self.client.post(f"{FILES}/upload{query}", headers={**TOKEN, **named}, environ_overrides=environ)


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.plane.stop()


def _refused(reply: TestResponse) -> tuple[int, str, str | None]:
    error = reply.get_json()["error"]
    return reply.status_code, error["code"], error.get("field")


def test_a_committed_write_says_so_in_its_receipt_and_headers(site: Site) -> None:
    reply = site.put("a")
    receipt = reply.get_json()["consistency"]
    assert (reply.status_code, reply.get_json()["message"]) == (201, "Stored.")
    assert (receipt["mode_requested"], receipt["mode_used"], receipt["guarantee"]) == ("auto", "strong", "linearizable")
    assert (receipt["committed"], receipt["provisional"], receipt["spooled"], receipt["degraded"]) == (
        True, False, False, False
    )  # fmt: skip
    assert receipt["reason"] == ""
    assert reply.headers["X-EchoFS-Consistency"] == "strong"
    assert reply.headers["X-EchoFS-Guarantee"] == "linearizable"
    assert reply.headers["X-EchoFS-Version"] == "1"
    assert "X-EchoFS-Decision" not in reply.headers
    assert reply.headers["X-EchoFS-Session"] == receipt["session"]


def test_a_provisional_write_says_so_in_its_message_receipt_and_headers(site: Site) -> None:
    site.plane.cut_catalog()
    reply = site.put("a")
    receipt = reply.get_json()["consistency"]
    assert (reply.status_code, reply.get_json()["message"]) == (201, "Stored, provisionally until the catalog answers.")
    assert (receipt["mode_used"], receipt["provisional"], receipt["committed"]) == ("available", True, False)
    assert receipt["degraded"]
    assert "provisional" in receipt["reason"]
    assert reply.headers["X-EchoFS-Consistency"] == "available"
    assert reply.headers["X-EchoFS-Guarantee"] == receipt["guarantee"] == "causal per session"
    file_id = reply.get_json()["data"]["file"]["id"]
    moved = site.client.patch(f"{FILES}/{file_id}", json={"path": "b"}, headers=TOKEN)
    assert moved.get_json()["message"] == "Moved, provisionally until the catalog answers."
    gone = site.client.delete(f"{FILES}/{file_id}", headers=TOKEN)
    assert gone.get_json()["message"] == "Deleted, provisionally until the catalog answers."
    assert gone.headers["X-EchoFS-Version"] == "3"


def test_the_decision_that_chose_the_level_is_named(site: Site) -> None:
    site.plane.advise(Level.HYBRID, "d-9")
    reply = site.put("a")
    assert reply.headers["X-EchoFS-Decision"] == reply.get_json()["consistency"]["decision"] == "d-9"
    assert reply.headers["X-EchoFS-Consistency"] == "hybrid"


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_moves_and_deletes_take_a_level_too(site: Site, method: str) -> None:
    file_id = site.put("a").get_json()["data"]["file"]["id"]
    headers = {**TOKEN, "X-EchoFS-Consistency": "hybrid"}
    body = {"path": "b"} if method == "PATCH" else None
    reply = site.client.open(f"{FILES}/{file_id}", method=method, json=body, headers=headers)
    assert reply.get_json()["consistency"]["mode_requested"] == "hybrid"
    assert reply.headers["X-EchoFS-Consistency"] == "hybrid"
    site.plane.cut_catalog()
    reply = site.client.open(f"{FILES}/{file_id}", method=method, json=body, headers=headers)
    assert _refused(reply)[:2] == (503, "catalog_unavailable")


@pytest.mark.parametrize("wish", ["strongest", "strong@fast", "strong;hybrid", "1"])
def test_an_unknown_level_is_refused_before_the_body(site: Site, wish: str) -> None:
    assert _refused(site.unread(X_EchoFS_Consistency=wish)) == (400, "invalid_request", "consistency")
    assert _refused(site.unread(f"?path=a&consistency={wish}")) == (400, "invalid_request", "consistency")
    assert _refused(site.form(consistency=wish)) == (400, "invalid_request", "consistency")


def test_an_unknown_way_with_conflicts_is_refused_before_the_body(site: Site) -> None:
    refused = _refused(site.unread(X_EchoFS_On_Conflict="overwrite"))
    assert refused == (400, "invalid_request", "X-EchoFS-On-Conflict")


@pytest.mark.parametrize("level", ["strong", "hybrid", "strong@50ms, hybrid"])
def test_what_needs_the_catalog_is_refused_before_the_body_with_a_time_to_try_again(site: Site, level: str) -> None:
    site.plane.cut_catalog()
    reply = site.unread(X_EchoFS_Consistency=level)
    assert _refused(reply)[:2] == (503, "catalog_unavailable")
    assert int(reply.headers["Retry-After"]) >= 1


def test_a_floor_above_what_is_possible_is_refused_and_never_lowered(site: Site) -> None:
    site.plane.floors.least = Level.STRONG
    site.plane.members.down = {"a", "b"}
    for level in ("auto", "available"):
        assert _refused(site.unread(X_EchoFS_Consistency=level))[:2] == (503, "too_few_replicas")
    site.plane.members.down = set()
    site.plane.cut_catalog()
    for level in ("auto", "available"):
        assert _refused(site.unread(X_EchoFS_Consistency=level))[:2] == (503, "catalog_unavailable")


def test_a_wish_below_the_floor_is_raised_to_it_with_a_reason(site: Site) -> None:
    site.plane.floors.least = Level.HYBRID
    receipt = site.put("a", X_EchoFS_Consistency="available").get_json()["consistency"]
    assert (receipt["mode_requested"], receipt["mode_used"], receipt["degraded"]) == ("available", "hybrid", False)
    assert receipt["reason"].startswith("Hybrid is the least that is allowed here")


def test_a_full_spool_is_507_and_nothing_is_left(site: Site) -> None:
    for worker_id in "abc":
        site.plane.workers[worker_id].fault = Fault.DOWN
    site.plane.journal.room = CHUNK
    for level in ("available", "auto"):
        assert _refused(site.put("a", bytes_of(5 * CHUNK), X_EchoFS_Consistency=level))[:2] == (507, "spool_full")
    site.plane.cut_catalog()
    assert _refused(site.put("a", bytes_of(5 * CHUNK)))[:2] == (507, "spool_full")
    assert site.plane.journal.depth() == 0
    assert site.plane.journal.spooled() == []


def test_a_condition_is_503_while_the_catalog_is_away_and_the_body_is_not_read(site: Site) -> None:
    site.plane.cut_catalog()
    for condition in ({"If_Match": '"1-abc"'}, {"If_None_Match": "*"}):
        assert _refused(site.unread(**condition))[:2] == (503, "catalog_unavailable")


def test_a_level_in_a_form_counts_wherever_it_stands(site: Site) -> None:
    receipt = site.form(consistency="hybrid").get_json()["consistency"]
    assert (receipt["mode_requested"], receipt["mode_used"]) == ("hybrid", "hybrid")
    site.plane.cut_catalog()
    assert _refused(site.form(consistency="strong"))[:2] == (503, "catalog_unavailable")
    assert site.form(consistency="strong, available").get_json()["consistency"]["provisional"]


def test_a_provisional_answer_is_repeated_for_its_key(site: Site) -> None:
    site.plane.cut_catalog()
    first = site.put("a", Idempotency_Key="key-1")
    again = site.put("a", Idempotency_Key="key-1")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.get_json() == first.get_json()
    assert _refused(site.put("b", Idempotency_Key="key-1"))[:2] == (422, "idempotency_key_reused")
