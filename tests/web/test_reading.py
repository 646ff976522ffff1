"""What reads and writes say in headers, which session tokens they take, and where users set their floors."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any

import pytest
from flask import Flask, g
from werkzeug.test import TestResponse

from echofs.adapters.token_seal import SharedSecretSeal
from echofs.core.advice import OpClass
from echofs.core.models import Level, Role
from echofs.core.session_tokens import Unmet
from echofs.services.accounts import Principal
from echofs.services.floors import Floors
from echofs.services.listings import Listings
from echofs.services.reads import Reads
from echofs.services.sessions import Sessions
from echofs.web.downloads import Timing, downloads_blueprint
from echofs.web.errors import install_errors
from echofs.web.files import files_blueprint
from echofs.web.floors import floors_blueprint
from echofs.web.reading import Reading
from echofs.web.uploads import uploads_blueprint
from tests.fakes.offline import MemoryFloors
from tests.unit.services.data_plane import CHUNK, OWNER, DataPlane

SECRET = "a cluster secret of at least thirty-two bytes"
SESSION = "X-EchoFS-Session"


class Master:
    """The routes about files over fakes. ``user`` makes the requests."""

    def __init__(self, secret: str = SECRET) -> None:
        self.plane = plane = DataPlane()
        self.user = OWNER
        floors = Floors(plane.catalog, MemoryFloors(plane.clock), plane.follower, plane.clock)
        reads = Reads(plane.catalog, plane.heads, plane.local, floors, plane.gate, plane.meters)
        sessions = Sessions(SharedSecretSeal(secret))
        reading = Reading(reads, Listings(plane.catalog, plane.local, floors), sessions)
        app = Flask("echofs-tests", static_folder=None)
        install_errors(app)

        @app.before_request
        def know() -> None:
            g.principal = Principal(self.user, "anna", Role.USER, "jti", "sid")

        monotonic = plane.clock.monotonic
        app.register_blueprint(uploads_blueprint(plane.uploads, sessions, monotonic, CHUNK))
        app.register_blueprint(files_blueprint(plane.files, plane.replacing, reading, monotonic))
        timing = Timing(monotonic, partial(plane.latencies.observe, OpClass.READ))
        app.register_blueprint(downloads_blueprint(plane.files, reading, plane.reader, plane.meters, timing))
        app.register_blueprint(floors_blueprint(floors))
        self._client = app.test_client()

    def call(self, method: str, path: str, token: str = "", level: str = "", **options: Any) -> TestResponse:
        headers = {SESSION: token, "X-EchoFS-Consistency": level}
        sent = {name: value for name, value in headers.items() if value} | options.pop("headers", {})
        return self._client.open(f"/api/v1/{path}", method=method, headers=sent, **options)

    def put(self, path: str, data: bytes = b"bytes", **options: Any) -> TestResponse:
        sent = {"Content-Type": "application/octet-stream"}
        return self.call("POST", f"files/upload?path={path}", data=data, headers=sent, **options)

    def follow(self, file_id: str) -> None:
        self.plane.follow(self.plane.catalog.file(OWNER, file_id))


def id_of(answer: TestResponse) -> str:
    return str(answer.get_json()["data"]["file"]["id"])


def refusal(answer: TestResponse) -> tuple[int, str | None]:
    return answer.status_code, answer.get_json()["error"].get("field")


@pytest.fixture
def master() -> Iterator[Master]:
    master = Master()
    yield master
    master.plane.stop()


def test_every_answer_about_a_file_has_a_token_in_its_headers_and_its_receipt(master: Master) -> None:
    stored = master.put("a")
    file_id = id_of(stored)
    answers = [
        stored,
        master.call("GET", f"files/{file_id}"),
        master.call("GET", "files"),
        master.call("PATCH", f"files/{file_id}", json={"path": "b"}),
        master.call("PUT", f"files/{file_id}/content", data=b"more", headers={"Content-Type": "text/plain"}),
        master.call("DELETE", f"files/{file_id}"),
    ]
    for answer in answers:
        assert answer.status_code < 300
        assert answer.headers[SESSION] == answer.get_json()["consistency"]["session"] != ""
    again = master.put("a")
    assert master.call("GET", f"files/{id_of(again)}/download").headers[SESSION]
    assert master.call("HEAD", f"files/{id_of(again)}/download").headers[SESSION]
    unchanged = master.call("GET", f"files/{id_of(again)}/download", headers={"If-None-Match": "*"})
    assert unchanged.status_code in (200, 304)
    assert unchanged.headers[SESSION]


def test_a_form_gets_a_token_too(master: Master) -> None:
    answer = master.call("POST", "files/upload", data={"file": (BytesIO(b"x"), "a.txt")})
    assert answer.status_code == 201
    assert answer.headers[SESSION]


def test_reads_say_what_they_are_worth(master: Master) -> None:
    file_id = id_of(master.put("a"))
    master.follow(file_id)
    answer = master.call("GET", f"files/{file_id}")
    headers = {name: answer.headers[f"X-EchoFS-{name}"] for name in ("Consistency", "Version", "Guarantee")}
    assert headers == {"Consistency": "strong", "Version": "1", "Guarantee": "linearizable"}
    token = answer.headers[SESSION]
    master.plane.cut_catalog()
    master.plane.clock.advance(7)
    answer = master.call("GET", f"files/{file_id}/download", token, "available")
    assert answer.get_data() == b"bytes"
    assert answer.headers["X-EchoFS-Consistency"] == "available"
    assert answer.headers["X-EchoFS-Staleness-Ms"] == "7000"
    assert answer.headers["X-EchoFS-Guarantee"] == "read your writes, monotonic reads"
    receipt = master.call("GET", f"files/{file_id}").get_json()["consistency"]
    assert (receipt["mode_used"], receipt["staleness_ms"], receipt["degraded"]) == ("available", 7000, True)
    assert "does not answer" in receipt["reason"]
    refused = master.call("GET", f"files/{file_id}", level="strong")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]


def test_a_download_says_too_that_it_is_less_than_it_should_be(master: Master) -> None:
    file_id = id_of(master.put("a"))
    master.follow(file_id)
    master.call("GET", f"files/{file_id}")
    names = ("Provisional", "Degraded", "Reason")

    def said(token: str = "") -> tuple[str, list[str | None]]:
        answer = master.call("GET", f"files/{file_id}/download", token)
        return answer.get_data(as_text=True), [answer.headers.get(f"X-EchoFS-{name}") for name in names]

    assert said() == ("bytes", [None, None, None])
    master.plane.cut_catalog()
    assert said() == ("bytes", [None, "true", "The catalog does not answer: this is what this master last knew."])
    mine = master.put("a", b"mine", level="available").headers[SESSION]
    bytes_found, (provisional, degraded, _) = said(mine)
    assert (bytes_found, provisional, degraded) == ("mine", "true", "true")
    # Through a master of another host the catalog answers, and does not have it yet.
    master.plane.heal_catalog()
    master.plane.journal.settle([entry.version.dot for _, entry in master.plane.journal.pending()])
    assert said(mine) == ("bytes", [None, "true", Unmet.WAITING.value])


def test_what_cannot_be_dated_has_no_age(master: Master) -> None:
    file_id = id_of(master.put("a"))
    master.follow(file_id)
    master.call("GET", f"files/{file_id}")
    master.plane.cut_catalog()
    mine = master.put("a", b"mine", level="available")
    # The copy of the head is gone, so nobody here can tell whether it was overtaken.
    master.plane.follower.begin(0, whole=False)
    master.plane.follow()
    answer = master.call("GET", f"files/{file_id}", mine.headers[SESSION], "available")
    receipt = answer.get_json()["consistency"]
    assert (receipt["provisional"], receipt["staleness_ms"], receipt["version"]) == (True, None, 2)
    assert "X-EchoFS-Staleness-Ms" not in answer.headers


def test_listings_go_on_without_the_catalog_and_say_so(master: Master) -> None:
    file_id = id_of(master.put("folder/a"))
    master.follow(file_id)
    assert master.call("GET", "files").get_json()["consistency"]["mode_used"] == "strong"
    master.plane.cut_catalog()
    master.plane.clock.advance(3)
    new = id_of(master.put("folder/b", level="available"))
    answer = master.call("GET", "files?folder=folder")
    body = answer.get_json()
    assert [file["id"] for file in body["data"]["files"]] == [file_id, new]
    assert (body["consistency"]["mode_used"], body["consistency"]["staleness_ms"]) == ("available", 3000)
    assert body["consistency"]["degraded"]
    assert answer.headers["X-EchoFS-Staleness-Ms"] == "3000"
    assert "X-EchoFS-Version" not in answer.headers
    assert master.call("GET", "files", level="strong").status_code == 503


def test_a_token_carries_a_write_to_another_read(master: Master) -> None:
    file_id = id_of(master.put("a"))
    master.follow(file_id)
    token = master.put("a", b"more").headers[SESSION]
    master.call("GET", "files")
    master.plane.cut_catalog()
    assert master.call("GET", f"files/{file_id}", token, "hybrid").status_code == 503
    receipt = master.call("GET", f"files/{file_id}", token, "available").get_json()["consistency"]
    assert (receipt["degraded"], receipt["guarantee"], receipt["version"]) == (True, "none", 1)


@pytest.mark.parametrize("level", ["strong", "available"])
def test_a_repeated_answer_has_a_token_that_knows_the_write(master: Master, level: str) -> None:
    file_id = id_of(master.put("a"))
    master.follow(file_id)
    if level == "available":
        master.call("GET", "files")
        master.plane.cut_catalog()
    key = {"Idempotency-Key": "key-1", "Content-Type": "application/octet-stream"}
    for _ in range(2):
        path = "files/upload?path=a"
        stored = master.call("POST", path, level=level, data=b"two", headers=key)
    assert stored.headers["Idempotency-Replayed"] == "true"
    master.plane.cut_catalog()
    assert master.call("GET", f"files/{file_id}", stored.headers[SESSION], "hybrid").status_code == 503
    assert not stored.get_json()["consistency"]["degraded"]


def test_a_provisional_write_that_does_not_follow_what_was_seen_says_so(master: Master) -> None:
    file_id = id_of(master.put("a"))
    master.follow(file_id)
    token = master.put("a", b"two").headers[SESSION]
    master.plane.cut_catalog()
    receipt = master.put("a", b"three", token=token, level="available").get_json()["consistency"]
    assert (receipt["provisional"], receipt["guarantee"], receipt["degraded"]) == (True, "none", True)
    assert "newer version" in receipt["reason"]


@pytest.mark.parametrize(
    "method_and_path",
    [
        "GET files",
        "GET files/{id}",
        "GET files/{id}/download",
        "PATCH files/{id}",
        "DELETE files/{id}",
        "POST files/upload?path=b",
        "PUT files/{id}/content",
    ],
)
def test_a_wrong_token_is_refused_before_anything_is_done(master: Master, method_and_path: str) -> None:
    stored = master.put("a")
    token, file_id = stored.headers[SESSION], id_of(stored)
    method, path = method_and_path.format(id=file_id).split(" ")
    body = {"json": {"path": "c"}} if method == "PATCH" else {}
    elsewhere = Sessions(SharedSecretSeal(SECRET + "!")).token(Sessions(SharedSecretSeal(SECRET)).open(token, OWNER))
    for wrong in ("x", token[:-1], "A" + token[1:], token + ".", elsewhere, "a" * 7000):
        assert refusal(master.call(method, path, wrong, **body)) == (400, SESSION)
    master.user = "stranger"
    assert refusal(master.call(method, path, token, **body)) == (400, SESSION)
    master.user = OWNER
    assert master.plane.catalog.file(OWNER, file_id).head.number == 1
    assert master.call("GET", "files", token).get_json()["data"]["files"][0]["path"] == "a"


def test_an_old_token_is_as_good_as_any(master: Master) -> None:
    stored = master.put("a")
    token = stored.headers[SESSION]
    for number in range(40):
        master.put(f"other-{number}")
    master.plane.clock.advance(86_400 * 365)
    assert master.call("GET", f"files/{id_of(stored)}", token, "hybrid").status_code == 200


@pytest.mark.parametrize("path", ["files", "files/{id}", "files/{id}/download"])
@pytest.mark.parametrize("level", ["eventual", "strong,", "bounded;t=-1s", "bounded;t=5"])
def test_an_unknown_level_is_refused_with_the_choices(master: Master, path: str, level: str) -> None:
    answer = master.call("GET", path.format(id=id_of(master.put("a"))), level=level)
    assert refusal(answer) == (400, "consistency")
    assert "strong, hybrid, available" in answer.get_json()["message"]


def test_floors_are_set_listed_and_removed(master: Master) -> None:
    file_id = id_of(master.put("a"))
    path = "consistency/floors"
    assert master.call("GET", path).get_json()["data"] == {"system": "available", "floors": []}
    folder = {"scope": "folder", "key": "taxes", "level": "strong", "critical": False}
    file = {"scope": "file", "key": file_id, "level": "available", "critical": True}
    for floor in (folder, file):
        assert master.call("PUT", path, json=floor).get_json()["data"] == {"floor": floor}
    everything = {"scope": "user", "level": "hybrid"}
    assert master.call("PUT", path, json=everything).status_code == 200
    listed = master.call("GET", path).get_json()["data"]["floors"]
    assert {(each["scope"], each["key"]) for each in listed} == {("folder", "taxes"), ("file", file_id), ("user", "")}
    answer = master.call("GET", f"files/{file_id}", level="available").get_json()["consistency"]
    assert (answer["mode_used"], answer["reason"]) == ("strong", "Strong is the least that a critical file allows.")
    master.user = "stranger"
    assert master.call("GET", path).get_json()["data"]["floors"] == []
    master.user = OWNER
    for query in ("scope=folder&key=/taxes/", f"scope=file&key={file_id}", "scope=user", "scope=user"):
        assert master.call("DELETE", f"{path}?{query}").status_code == 200
    assert master.call("GET", path).get_json()["data"]["floors"] == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"scope": "planet", "key": "a", "level": "strong"}, 400, "scope"),
        ({"scope": "folder", "key": "a", "level": "weak"}, 400, "level"),
        ({"scope": "folder", "key": "a", "level": None}, 400, "level"),
        ({"scope": "folder", "key": "", "level": "strong"}, 400, "key"),
        ({"scope": "folder", "key": "a//b", "level": "strong"}, 400, "key"),
        ({"scope": "folder", "key": 7, "level": "strong"}, 400, "key"),
        ({"scope": "user", "key": "a", "level": "strong"}, 400, "key"),
        ({"scope": "file", "key": "f" * 32, "level": "strong"}, 404, None),
        ({"scope": "user", "level": "strong", "critical": "yes"}, 400, "critical"),
        ({"scope": "user", "level": "strong", "critical": 1}, 400, "critical"),
        ({"scope": "user", "level": "strong", "owner": "bob"}, 400, "owner"),
    ],
)
def test_a_wrong_floor_is_refused_by_name(master: Master, body: dict[str, Any], status: int, field: str | None) -> None:
    assert refusal(master.call("PUT", "consistency/floors", json=body)) == (status, field)


def test_floors_wait_for_the_catalog(master: Master) -> None:
    master.plane.cut_catalog()
    for method in ("GET", "PUT"):
        answer = master.call(method, "consistency/floors", json={"scope": "user", "level": "strong"})
        assert answer.status_code == 503
    # Nobody may be given less than was demanded, and here it is not known what was.
    assert master.call("GET", f"files/{'f' * 32}", level="available").status_code == 503


def test_a_download_is_timed_until_its_first_byte(master: Master) -> None:
    file_id = id_of(master.put("a"))
    before = master.plane.latencies.observed(OpClass.READ)
    assert master.call("GET", f"files/{file_id}/download").status_code == 200
    assert master.plane.latencies.observed(OpClass.READ) == before + 1
    assert set(master.plane.latencies.quantiles()[OpClass.READ]) == {Level.STRONG}
