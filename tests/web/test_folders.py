"""Folders, copies, paths and searches as HTTP asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask, g
from werkzeug.test import TestResponse

from echofs.adapters.token_seal import SharedSecretSeal
from echofs.core.models import Role
from echofs.services.accounts import Principal
from echofs.services.sessions import Sessions
from echofs.web.errors import install_errors
from echofs.web.files import files_blueprint
from echofs.web.folders import folders_blueprint
from echofs.web.queries import install_queries
from echofs.web.reading import Reading
from tests.unit.services.data_plane import OWNER, DataPlane

SESSION = "X-EchoFS-Session"
HOSTILE = ["..", "a/../b", "a//b", "x" * 256, "a/" * 600 + "a", "nul\0", "bell\a", "./a"]


class Master:
    """The routes about files and folders over fakes."""

    def __init__(self) -> None:
        self.plane = plane = DataPlane()
        self.quota: int | None = None
        sessions = Sessions(SharedSecretSeal("a cluster secret of at least thirty-two bytes"))
        app = Flask("echofs-tests", static_folder=None)
        install_errors(app)
        install_queries(app)

        @app.before_request
        def know() -> None:
            g.principal = Principal(OWNER, "anna", Role.USER, "jti", "sid", self.quota)

        reading = Reading(plane.reads, plane.listings, sessions)
        app.register_blueprint(files_blueprint(plane.files, plane.replacing, reading, plane.clock.monotonic))
        app.register_blueprint(folders_blueprint(plane.folders, sessions, plane.clock.monotonic))
        self._client = app.test_client()

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        return self._client.open(f"/api/v1/{path}", method=method, json=body, headers=headers)

    def data(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.ask(method, path, body).get_json()
        assert answer["success"], answer
        return answer["data"]

    def paths(self, query: str) -> list[str]:
        return [file["path"] for file in self.data("GET", f"files?{query}")["files"]]


@pytest.fixture
def master() -> Iterator[Master]:
    master = Master()
    yield master
    master.plane.stop()


def test_a_folder_is_made_and_listed(master: Master) -> None:
    made = master.ask("POST", "folders", {"path": "/a/b ö/"})
    folder = {"path": "a/b ö", "name": "b ö", "parent": "a"}
    assert (made.status_code, made.get_json()["data"]) == (201, {"folder": folder})
    assert master.ask("POST", "folders", {"path": "a/b ö"}).status_code == 200
    assert master.data("GET", "folders") == {"folders": [{"path": "a", "name": "a", "parent": ""}]}
    assert master.data("GET", "folders?parent=a") == {"folders": [folder]}
    assert master.data("GET", "files?folder=a")["folders"] == ["a/b ö"]


def test_a_folder_is_moved_copied_and_deleted_with_what_is_below(master: Master) -> None:
    for path in ("a/1", "a/b/2", "c"):
        master.plane.put(path, b"x")
    assert master.data("PATCH", "folders", {"path": "a", "to": "d/e"}) == {"moved": 2}
    copied = master.ask("POST", "folders/copy", {"path": "d", "to": "f"})
    assert (copied.status_code, copied.get_json()["data"]) == (201, {"copied": 2})
    assert master.paths("below=") == ["c", "d/e/1", "d/e/b/2", "f/e/1", "f/e/b/2"]
    assert master.data("DELETE", "folders?path=d") == {"deleted": 2}
    assert master.paths("below=") == ["c", "f/e/1", "f/e/b/2"]


def test_what_a_step_got_is_strong_and_has_a_token_that_lets_reads_see_it(master: Master) -> None:
    file = master.plane.put("a/1", b"x").file
    master.plane.follow(file)
    answer = master.ask("PATCH", "folders", {"path": "a", "to": "b"}, **{"X-EchoFS-Consistency": "available"})
    token = answer.headers[SESSION]
    assert answer.get_json()["consistency"] == {
        "mode_used": "strong",
        "committed": True,
        "reason": "",
        "session": token,
    }
    found = master.ask("GET", f"files/{file.id}?consistency=hybrid", None, **{SESSION: token}).get_json()
    assert found["data"]["file"]["path"] == "b/1"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"path": "a", "to": "a/b"}, 400, "invalid_request"),
        ({"path": "a", "to": "taken"}, 409, "name_taken"),
        ({"path": "a", "to": "file"}, 409, "name_taken"),
        ({"path": "none", "to": "b"}, 404, "not_found"),
        ({"path": "", "to": "b"}, 400, "invalid_name"),
        ({"path": "a"}, 400, "invalid_request"),
        ({"path": "a", "to": 5}, 400, "invalid_request"),
        ({"path": "a", "to": "b", "owner": "c"}, 400, "invalid_request"),
        *[({"path": "a", "to": name}, 400, "invalid_name") for name in HOSTILE],
    ],
)
def test_what_cannot_be_changes_nothing(master: Master, body: object, status: int, code: str) -> None:
    for path in ("a/1", "taken/2", "file"):
        master.plane.put(path, b"x")
    for method, path in (("PATCH", "folders"), ("POST", "folders/copy")):
        answer = master.ask(method, path, body)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (status, code)
    assert master.paths("below=") == ["a/1", "file", "taken/2"]


def test_a_folder_that_does_not_exist_cannot_be_deleted_nor_the_root(master: Master) -> None:
    master.plane.put("a/1", b"x")
    answers = [master.ask("DELETE", f"folders{query}") for query in ("?path=b", "?path=", "", "?path=/", "?path=%ff")]
    assert [answer.status_code for answer in answers] == [404, 400, 400, 400, 400]
    assert master.paths("below=") == ["a/1"]


def test_a_copy_that_exceeds_the_quota_is_refused_whole(master: Master) -> None:
    for name in "12":
        master.plane.put(f"a/{name}", b"x" * 10)
    master.quota = 39
    answer = master.ask("POST", "folders/copy", {"path": "a", "to": "b"})
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (507, "quota_exceeded")
    assert master.paths("below=") == ["a/1", "a/2"]


def test_a_file_is_copied_and_found_by_its_path(master: Master) -> None:
    file = master.plane.put("a", b"x").file
    copied = master.ask("POST", f"files/{file.id}/copy", {"path": "b/ö"})
    assert copied.status_code == 201
    copy = copied.get_json()["data"]["file"]
    assert (copy["path"], copy["version"], copy["digest"]) == ("b/ö", 1, file.head.content.digest)
    assert copied.get_json()["consistency"]["committed"]
    found = master.ask("GET", f"files/by-path?path={quote('/b/ö')}")
    assert found.get_json()["data"]["file"] == copy
    assert found.headers["ETag"] == f'"{copy["etag"]}"'
    assert found.headers[SESSION]
    assert master.ask("POST", f"files/{file.id}/copy", {"path": "b/ö"}).status_code == 409
    assert master.ask("GET", "files/by-path?path=none").status_code == 404


def test_a_file_is_copied_and_moved_onto_another_only_if_that_is_wanted(master: Master) -> None:
    source, target = (master.plane.put(path, path.encode()).file for path in ("source", "target"))
    master.plane.follow(source, target)
    for method, path, status in (("POST", f"files/{source.id}/copy", 201), ("PATCH", f"files/{source.id}", 200)):
        for wanted in ({}, {"overwrite": False}):
            assert master.ask(method, path, {"path": "target", **wanted}).status_code == 409
        answer = master.ask(method, path, {"path": "target", "overwrite": True})
        assert (answer.status_code, answer.get_json()["data"]["file"]["id"]) == (status, target.id)
        assert answer.get_json()["consistency"]["committed"]
    assert master.paths("below=") == ["target"]
    assert len(master.data("GET", f"files/{target.id}/versions")["versions"]) == 3
    # By the token other masters know that the one is gone, too.
    seen = {SESSION: answer.headers[SESSION]}
    assert master.ask("GET", f"files/{source.id}?consistency=hybrid", None, **seen).status_code == 404


@pytest.mark.parametrize("name", [*HOSTILE, ""])
def test_hostile_names_are_refused_everywhere(master: Master, name: str) -> None:
    file = master.plane.put("a", b"x").file
    answers = [
        master.ask("POST", "folders", {"path": name}),
        master.ask("DELETE", f"folders?path={quote(name)}"),
        master.ask("POST", f"files/{file.id}/copy", {"path": name}),
        master.ask("GET", f"files/by-path?path={quote(name)}"),
    ]
    if name:
        answers += [master.ask("GET", f"{query}={quote(name)}") for query in ("folders?parent", "files?below")]
    assert {(answer.status_code, answer.get_json()["error"]["code"]) for answer in answers} == {(400, "invalid_name")}


def test_a_listing_goes_below_and_finds_names(master: Master) -> None:
    for path in ("a/Report 50%.txt", "a/b/report_1", "report", "other"):
        master.plane.put(path, b"x")
    assert master.paths("search=REPORT") == ["a/Report 50%.txt", "a/b/report_1", "report"]
    assert master.paths("search=report&below=a") == ["a/Report 50%.txt", "a/b/report_1"]
    assert master.paths("search=report&folder=") == ["report"]
    assert master.paths(f"search={quote('50%')}") == ["a/Report 50%.txt"]
    assert master.paths(f"search={quote('%')}") == ["a/Report 50%.txt"]
    assert master.paths(f"search={quote('report_')}") == ["a/b/report_1"]
    assert master.paths("search=") == master.paths("below=")
    first = master.data("GET", "files?search=report&limit=1")
    assert master.paths(f"search=report&limit=1&after={quote(first['next'])}") == ["a/b/report_1"]


@pytest.mark.parametrize("query", ["folder=a&below=a", f"search={'x' * 256}", "search=%00", "limit=10001", "limit=0"])
def test_listings_that_make_no_sense_are_refused(master: Master, query: str) -> None:
    assert master.ask("GET", f"files?{query}").status_code == 400


def test_without_the_catalog_folders_wait_and_listings_go_on(master: Master) -> None:
    master.plane.follow(master.plane.put("a/b/report", b"x").file)
    master.plane.cut_catalog()
    assert master.paths("search=REPORT&below=a") == ["a/b/report"]
    for method, path, body in (
        ("GET", "folders", None),
        ("POST", "folders", {"path": "c"}),
        ("PATCH", "folders", {"path": "a", "to": "c"}),
        ("DELETE", "folders?path=a", None),
    ):
        answer = master.ask(method, path, body)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
