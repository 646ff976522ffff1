"""Routes about deleted files, old versions and usage: what comes in, and what goes out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from echofs.core.models import Role
from echofs.services.accounts import Principal
from echofs.services.sessions import Sessions
from echofs.web.access import install_access
from echofs.web.errors import install_errors
from echofs.web.files import files_blueprint
from echofs.web.reading import Reading
from echofs.web.trash import trash_blueprint
from echofs.web.uploads import uploads_blueprint
from echofs.web.versions import versions_blueprint
from tests.fakes.seal import OpenSeal
from tests.unit.services.data_plane import CHUNK, OWNER, OWNER_NAME, DataPlane
from tests.web.test_write_levels import NeverRead

API = "/api/v1"
TOKEN = {"Authorization": "Bearer a-token"}


class Site:
    """The routes over services on fakes; ``principal`` is who makes all requests."""

    def __init__(self) -> None:
        self.plane = plane = DataPlane()
        self.principal = Principal(OWNER, OWNER_NAME, Role.USER, "jti", "sid")
        app = Flask("trash", static_folder=None)
        install_errors(app)
        install_access(app, authenticate=lambda token: self.principal, verify_call=lambda *call: None)
        monotonic, sessions = plane.clock.monotonic, Sessions(OpenSeal())
        reading = Reading(plane.reads, plane.listings, sessions)
        app.register_blueprint(uploads_blueprint(plane.uploads, sessions, monotonic, CHUNK))
        app.register_blueprint(files_blueprint(plane.files, plane.replacing, reading, monotonic))
        app.register_blueprint(versions_blueprint(plane.files, reading, monotonic))
        app.register_blueprint(trash_blueprint(plane.recovery, plane.quotas, reading, monotonic))
        self.client: FlaskClient = app.test_client()

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        return self.client.open(f"{API}{path}", method=method, headers=TOKEN, **options)

    def put(self, path: str, data: bytes = b"bytes") -> str:
        reply = self.call("POST", f"/files/upload?path={path}", data=data)
        return str(reply.get_json()["data"]["file"]["id"])

    def gone(self, path: str, data: bytes = b"bytes") -> str:
        file_id = self.put(path, data)
        assert self.call("DELETE", f"/files/{file_id}").status_code == 200
        return file_id

    def data(self, path: str) -> Any:
        return self.call("GET", path).get_json()["data"]


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.plane.stop()


def code(reply: TestResponse) -> tuple[int, str]:
    return reply.status_code, reply.get_json()["error"]["code"]


def test_the_trash_tells_all_that_is_needed_to_decide(site: Site) -> None:
    file_id = site.gone("d/a.txt")
    (listed,) = site.data("/trash")["files"]
    deleted_at, expires_at = listed.pop("deleted_at"), listed.pop("expires_at")
    assert deleted_at < expires_at
    assert listed == {
        "id": file_id,
        "path": "d/a.txt",
        "name": "a.txt",
        "folder": "d",
        "size": 5,
        "version": 1,
    }


def test_the_trash_comes_in_pages_the_newest_first(site: Site) -> None:
    files = [site.gone(name) for name in ("a", "b", "c")]
    page = site.data("/trash?limit=2")
    rest = site.data(f"/trash?limit=2&after={page['next']}")
    assert [each["id"] for each in page["files"] + rest["files"]] == files[::-1]
    assert rest["next"] is None
    assert code(site.call("GET", "/trash?after=nonsense")) == (400, "invalid_request")


def test_a_restore_answers_like_any_write(site: Site) -> None:
    file_id = site.gone("a")
    reply = site.call("POST", f"/trash/{file_id}/restore")
    body = reply.get_json()
    assert (reply.status_code, body["message"], body["data"]["file"]["version"]) == (200, "Restored.", 3)
    assert body["consistency"]["committed"]
    assert reply.headers["ETag"] == f'"{body["data"]["file"]["etag"]}"'
    assert (reply.headers["X-EchoFS-Version"], reply.headers["X-EchoFS-Consistency"]) == ("3", "strong")
    assert reply.headers["X-EchoFS-Session"] == body["consistency"]["session"]
    assert code(site.call("POST", f"/trash/{file_id}/restore")) == (404, "not_found")


def test_a_restore_goes_elsewhere_or_gives_way_if_asked(site: Site) -> None:
    first, second = site.gone("a"), site.gone("a")
    site.put("a")
    assert code(site.call("POST", f"/trash/{first}/restore", json={})) == (409, "name_taken")
    moved = site.call("POST", f"/trash/{first}/restore", json={"path": "d/b"})
    assert moved.get_json()["data"]["file"]["path"] == "d/b"
    renamed = site.call("POST", f"/trash/{second}/restore", json={"rename": True})
    assert renamed.get_json()["data"]["file"]["path"] == "a (restored)"


@pytest.mark.parametrize("body", [{"path": 1}, {"rename": "yes"}, {"owner": "x"}, {"path": "../x"}])
def test_a_restore_with_a_bad_body_is_refused(site: Site, body: dict[str, object]) -> None:
    file_id = site.gone("a")
    assert site.call("POST", f"/trash/{file_id}/restore", json=body).status_code == 400
    assert site.call("POST", f"/trash/{file_id}/restore", data={"path": "b"}).status_code == 415
    assert len(site.data("/trash")["files"]) == 1


def test_one_file_or_all_are_ended_for_good(site: Site) -> None:
    first, *_ = [site.gone(name) for name in ("a", "b", "c")]
    assert site.call("DELETE", f"/trash/{first}").get_json()["data"] == {"id": first}
    assert code(site.call("DELETE", f"/trash/{first}")) == (404, "not_found")
    assert site.call("DELETE", "/trash").get_json()["data"] == {"purged": 2}
    assert site.data("/trash")["files"] == []


def test_an_old_version_comes_back_by_its_number(site: Site) -> None:
    file_id = site.put("a", b"one")
    site.put("a", b"two!")
    reply = site.call("POST", f"/files/{file_id}/versions/1/restore")
    file = reply.get_json()["data"]["file"]
    assert (reply.status_code, file["version"], file["size"]) == (200, 3, 3)
    assert reply.headers["X-EchoFS-Version"] == "3"
    assert [each["version"] for each in site.data(f"/files/{file_id}/versions")["versions"]] == [3, 2, 1]
    assert code(site.call("POST", f"/files/{file_id}/versions/9/restore")) == (404, "not_found")
    assert site.call("POST", f"/files/{file_id}/versions/x/restore").status_code == 404


def test_usage_counts_files_and_the_trash_and_names_the_quota(site: Site) -> None:
    site.put("a", b"four")
    site.gone("b", b"seventy")
    assert site.data("/usage")["usage"] == {"files": 1, "bytes": 4, "trash_bytes": 7, "quota_bytes": None}
    site.principal = replace(site.principal, quota_bytes=99)
    assert site.data("/usage")["usage"]["quota_bytes"] == 99


def test_what_exceeds_the_quota_is_refused_without_reading_the_body(site: Site) -> None:
    site.principal = replace(site.principal, quota_bytes=999)
    environ = {"wsgi.input": NeverRead(), "CONTENT_LENGTH": "1000"}
    reply = site.call("POST", "/files/upload?path=a", environ_overrides=environ)
    assert code(reply) == (507, "quota_exceeded")
    assert "999" in reply.get_json()["error"]["message"]


def test_without_the_catalog_the_trash_and_the_usage_are_unknown(site: Site) -> None:
    file_id = site.gone("a")
    site.plane.cut_catalog()
    for method, path in (("GET", "/trash"), ("POST", f"/trash/{file_id}/restore"), ("GET", "/usage")):
        assert code(site.call(method, path)) == (503, "catalog_unavailable"), path
