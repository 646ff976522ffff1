"""The tus protocol over HTTP: what clients rely on, and what they must not be able to do."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from echofs.core.chunking import unpack_digests
from echofs.core.errors import AuthenticationFailed
from echofs.core.models import Role
from echofs.services.accounts import Principal
from echofs.services.reception import ADVANCE_SECONDS
from echofs.services.sessions import Sessions
from echofs.web.access import install_access
from echofs.web.errors import install_errors
from echofs.web.resumable import resumable_blueprint
from tests.fakes.seal import OpenSeal
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import CHUNK, OWNER, OWNER_NAME, DataPlane, bytes_of
from tests.unit.services.two_hosts import ANNA
from tests.web.bare_requests import Trickle

UPLOADS = "/api/v1/uploads"
MAX_SIZE = 100_000
TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {"Content-Type": "application/offset+octet-stream"}
DATA = bytes_of(5 * CHUNK + 7)
Answer = TestResponse


class NeverRead(io.RawIOBase):
    """A body that nobody may touch."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("the body was read")


def encoded(**tags: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in tags.items())


class Site:
    """A master's routes of the protocol, over services on fakes."""

    def __init__(self) -> None:
        self.plane = DataPlane()
        self.plane.users.add(ANNA)
        self.service = self.plane.resumable(max_size=MAX_SIZE)
        self.sessions = Sessions(OpenSeal())
        app = Flask("resumable", static_folder=None)
        install_errors(app)
        install_access(app, authenticate=self._authenticate, verify_call=lambda *call: None)
        app.register_blueprint(resumable_blueprint(self.service, self.sessions, self.plane.clock.monotonic, CHUNK))
        self.client: FlaskClient = app.test_client()

    def _authenticate(self, token: str) -> Principal:
        if token != "anna":
            raise AuthenticationFailed("Log in first.")
        return Principal(OWNER, OWNER_NAME, Role.USER, "jti", "sid")

    def call(self, method: str, address: str, data: Any = None, **headers: str) -> Answer:
        """With the protocol's version and no token; header names are written with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if not isinstance(data, io.IOBase):
            return self.client.open(address, method=method, data=data, headers={**TUS, **named})
        body = {"wsgi.input": data, "CONTENT_LENGTH": named.pop("Content-Length")}
        return self.client.open(address, method=method, headers={**TUS, **named}, environ_overrides=body)

    def create(self, length: int | str = len(DATA), data: Any = None, tags: str = "", **headers: str) -> Answer:
        """With a token, and a name if ``tags`` has none."""
        given = {"Authorization": "Bearer anna", "Upload_Metadata": tags or encoded(path="a/film"), **headers}
        return self.call("POST", UPLOADS, data, Upload_Length=str(length), **given)

    def begun(self, length: int = len(DATA), **tags: str) -> str:
        """The address of a new upload."""
        answer = self.create(length, tags=encoded(**{"path": "a/film", **tags}))
        assert answer.status_code == 201
        return answer.headers["Location"]

    def patch(self, address: str, data: Any, offset: int | str = 0, **headers: str) -> Answer:
        kind = {"Content_Type": "application/offset+octet-stream", "Upload_Offset": str(offset)}
        return self.call("PATCH", address, data, **{**kind, **headers})

    def offset(self, address: str) -> int:
        answer = self.call("HEAD", address)
        assert answer.status_code == 200
        return int(answer.headers["Upload-Offset"])


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.plane.stop()


def code(answer: Answer) -> str:
    found: str = answer.get_json()["error"]["code"]
    return found


# --- what a client does ----------------------------------------------------------------------------------------------


def test_anybody_may_ask_what_is_offered(site: Site) -> None:
    for address in (UPLOADS, f"{UPLOADS}/x"):
        answer = site.client.options(address)
        assert (answer.status_code, answer.data) == (204, b"")
        assert answer.headers["Tus-Resumable"] == answer.headers["Tus-Version"] == "1.0.0"
        assert answer.headers["Tus-Extension"] == "creation,creation-with-upload,termination,expiration,checksum"
        assert answer.headers["Tus-Checksum-Algorithm"] == "sha256,sha1"
        assert answer.headers["Tus-Max-Size"] == str(MAX_SIZE)


def test_an_upload_goes_on_where_it_was_and_needs_no_login_for_that(site: Site) -> None:
    tags = encoded(filename="größe.bin", folder="/a/b/", filetype="video/mp4")
    created = site.create(tags=tags)
    assert (created.status_code, created.headers["Upload-Offset"]) == (201, "0")
    address = created.headers["Location"]
    assert address.startswith(f"{UPLOADS}/")
    first = site.patch(address, DATA[:100])
    assert (first.status_code, first.data, first.headers["Upload-Offset"]) == (204, b"", "100")
    assert "Upload-Expires" in first.headers
    assert "X-EchoFS-File" not in first.headers
    head = site.call("HEAD", address)
    assert (head.status_code, head.data, head.headers["Cache-Control"]) == (200, b"", "no-store")
    shown = {name: head.headers[name] for name in ("Upload-Offset", "Upload-Length", "Upload-Metadata")}
    assert shown == {"Upload-Offset": "100", "Upload-Length": str(len(DATA)), "Upload-Metadata": tags}
    last = site.patch(address, DATA[100:], 100)
    file = site.plane.catalog.file_at(OWNER, "a/b/größe.bin")
    assert file.head.content_type == "video/mp4"
    assert site.plane.read(file.head.content) == DATA
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(DATA)))
    said = {name: last.headers[name] for name in ("X-EchoFS-File", "X-EchoFS-Version", "X-EchoFS-Consistency", "ETag")}
    assert said == {
        "X-EchoFS-File": file.id,
        "X-EchoFS-Version": "1",
        "X-EchoFS-Consistency": "strong",
        "ETag": f'"{file.head.etag}"',
    }
    assert site.call("HEAD", address).headers["X-EchoFS-File"] == file.id


def test_the_status_of_an_upload_is_told_in_json(site: Site) -> None:
    address = site.begun()
    site.patch(address, DATA[:70])
    status = site.client.get(address).get_json()
    upload = status["data"]["upload"]
    assert (upload["path"], upload["offset"], upload["length"]) == ("a/film", 70, len(DATA))
    assert "file" not in status["data"]
    site.patch(address, DATA[70:], 70)
    status = site.client.get(address).get_json()
    assert status["data"]["file"]["digest"] == hashlib.sha256(DATA).hexdigest()
    assert (status["consistency"]["committed"], status["consistency"]["replicas"]) == (True, 3)
    assert status["consistency"]["session"]


def test_bytes_may_come_with_the_creation(site: Site) -> None:
    whole = site.create(data=DATA, Content_Type=BYTES["Content-Type"])
    assert (whole.status_code, whole.headers["Upload-Offset"]) == (201, str(len(DATA)))
    assert whole.get_json()["data"]["file"]["path"] == "a/film"
    part = site.create(data=DATA[:50], Content_Type=BYTES["Content-Type"])
    assert (part.status_code, part.headers["Upload-Offset"]) == (201, "50")
    assert site.offset(part.headers["Location"]) == 50


def test_an_empty_file_is_there_at_once(site: Site) -> None:
    created = site.create(0)
    assert created.get_json()["data"]["file"]["size"] == 0
    assert site.offset(created.headers["Location"]) == 0
    assert site.plane.catalog.file_at(OWNER, "a/film").head.content.size == 0


def test_a_user_lists_what_is_unfinished_in_pages_without_its_secrets(site: Site) -> None:
    addresses = [site.begun(100 + number, path=f"film {number}") for number in range(3)]
    page = site.client.get(f"{UPLOADS}?limit=2", headers={"Authorization": "Bearer anna"}).get_json()["data"]
    assert [upload["path"] for upload in page["uploads"]] == ["film 2", "film 1"]
    assert set(page["uploads"][0]) == {"id", "path", "offset", "length", "expires_at"}
    rest = site.client.get(f"{UPLOADS}?after={page['next']}", headers={"Authorization": "Bearer anna"})
    assert [upload["path"] for upload in rest.get_json()["data"]["uploads"]] == ["film 0"]
    assert rest.get_json()["data"]["next"] == ""
    secrets = [address.partition(".")[2] for address in addresses]
    assert not any(secret in rest.text or secret in str(page) for secret in secrets)
    assert site.client.get(UPLOADS).status_code == 401


def test_an_upload_that_was_dropped_is_gone(site: Site) -> None:
    address = site.begun()
    dropped = site.call("DELETE", address)
    assert (dropped.status_code, dropped.data, dropped.headers["Tus-Resumable"]) == (204, b"", "1.0.0")
    assert site.call("HEAD", address).status_code == 404


def test_a_client_that_knows_only_post_names_the_method_it_means(site: Site) -> None:
    address = site.begun()
    sent = site.call(
        "POST", address, DATA[:9], X_HTTP_Method_Override="PATCH", Upload_Offset="0", Content_Type=BYTES["Content-Type"]
    )
    assert (sent.status_code, sent.headers["Upload-Offset"]) == (204, "9")
    assert site.call("POST", address, X_HTTP_Method_Override="head").headers["Upload-Offset"] == "9"
    assert site.call("POST", address, X_HTTP_Method_Override="DELETE").status_code == 204
    for unknown in ("", "PUT", "POST"):
        assert site.call("POST", address, X_HTTP_Method_Override=unknown).status_code == 405


def test_the_last_answer_has_the_token_by_which_reads_see_the_file(site: Site) -> None:
    address = site.begun()
    token = site.patch(address, DATA).headers["X-EchoFS-Session"]
    file = site.plane.catalog.file_at(OWNER, "a/film")
    assert [seen.file_id for seen in site.sessions.open(token, OWNER).sightings] == [file.id]
    foreign = site.sessions.token(replace(site.sessions.open(token, OWNER), user_id="ben"))
    refused = site.patch(site.begun(), NeverRead(), X_EchoFS_Session=foreign, Content_Length="5")
    assert (refused.status_code, refused.get_json()["error"]["field"]) == (400, "X-EchoFS-Session")


# --- what is refused -------------------------------------------------------------------------------------------------


def test_to_begin_one_must_be_logged_in(site: Site) -> None:
    answer = site.create(Authorization="Bearer x")
    assert (answer.status_code, answer.headers["Tus-Resumable"]) == (401, "1.0.0")


@pytest.mark.parametrize("version", ["", "0.2.2", "1.0.1"])
def test_another_version_of_the_protocol_is_refused_with_the_one_spoken(site: Site, version: str) -> None:
    address = site.begun()
    headers = {"Authorization": "Bearer anna", **({"Tus-Resumable": version} if version else {})}
    for method, at in (("POST", UPLOADS), ("HEAD", address), ("PATCH", address), ("DELETE", address)):
        answer = site.client.open(at, method=method, headers=headers)
        assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0"), method
    assert site.offset(address) == 0


@pytest.mark.parametrize("length", ["", "-1", "1.5", "0x10", "many", "9" * 30, "1 2", "٣"])
def test_a_length_that_is_none_is_refused(site: Site, length: str) -> None:
    answer = site.create(length.encode().decode("latin-1"))
    assert (answer.status_code, answer.get_json()["error"]["field"]) == (400, "Upload-Length")


def test_a_file_that_is_too_large_is_refused_at_the_beginning(site: Site) -> None:
    assert (site.create(MAX_SIZE + 1).status_code, site.create(MAX_SIZE).status_code) == (413, 201)


@pytest.mark.parametrize("header", ["Upload_Defer_Length", "Upload_Concat"])
def test_what_is_not_offered_is_refused(site: Site, header: str) -> None:
    assert site.create(**{header: "1"}).status_code == 400


@pytest.mark.parametrize(
    "tags",
    ["path", "path !!!", "path YQ", "path YQ==,path Yg==", "path YQ== x", "pa;th,", ",", "path /w=="],
)
def test_malformed_tags_are_refused(site: Site, tags: str) -> None:
    assert (site.create(tags=tags).status_code, site.service.unfinished(OWNER)) == (400, [])


@pytest.mark.parametrize(
    ("tags", "field"),
    [
        ({"name": "x"}, "Upload-Metadata"),
        ({"filename": ""}, "Upload-Metadata"),
        ({"filename": "../x"}, "path"),
        ({"filename": "x", "folder": "a//b"}, "path"),
        ({"path": "a/\0"}, "path"),
        ({"path": "x" * 300}, "path"),
        ({"path": "x", "consistency": "best"}, "consistency"),
        ({"path": "x", "digest": "abc"}, "digest"),
    ],
)
def test_names_and_wishes_are_checked_at_the_beginning(site: Site, tags: dict[str, str], field: str) -> None:
    answer = site.create(tags=encoded(**tags))
    assert (answer.status_code, answer.get_json()["error"]["field"]) == (400, field)


def test_a_creation_with_bytes_of_another_kind_is_refused(site: Site) -> None:
    assert site.create(data=b"{}", Content_Type="application/json").status_code == 415
    assert site.service.unfinished(OWNER) == []


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", ""])
def test_bytes_of_another_type_are_refused(site: Site, kind: str) -> None:
    assert site.patch(site.begun(), b"x", Content_Type=kind).status_code == 415


@pytest.mark.parametrize(
    ("offset", "status"), [("", 400), ("-1", 400), ("x", 400), ("1", 409), ("99999999", 409), ("9" * 25, 400)]
)
def test_another_offset_is_refused(site: Site, offset: str, status: int) -> None:
    address = site.begun()
    assert site.patch(address, b"x", offset).status_code == status
    assert site.offset(address) == 0


def test_a_body_longer_than_the_file_is_refused_unread(site: Site) -> None:
    address = site.begun(10)
    assert site.patch(address, NeverRead(), Content_Length="11").status_code == 413
    assert site.offset(address) == 0


def test_a_body_of_no_declared_length_that_is_too_long_counts_for_nothing_beyond(site: Site) -> None:
    address = site.begun(10)
    body = {"wsgi.input": Trickle(b"x" * 100, step=5), "wsgi.input_terminated": True}
    chunked = {**body, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = site.client.patch(address, headers={**TUS, **BYTES, "Upload-Offset": "0"}, environ_overrides=chunked)
    assert answer.status_code == 413
    assert site.offset(address) == 0


def test_what_came_of_a_body_that_ended_early_counts(site: Site) -> None:
    address = site.begun()
    answer = site.patch(address, Trickle(DATA[:150]), Content_Length=str(len(DATA)))
    assert (answer.status_code, code(answer)) == (400, "body_mismatch")
    assert site.offset(address) == 150


def test_a_wrong_address_says_the_same_as_an_unknown_one(site: Site) -> None:
    address = site.begun()
    wrong = (address[:-1], address + "x", address.partition(".")[0], f"{UPLOADS}/{'0' * 32}.x", f"{UPLOADS}/x")
    answers = [site.client.get(one) for one in wrong]
    assert {(answer.status_code, answer.get_json()["message"]) for answer in answers} == {
        (404, "There is no such upload.")
    }
    for method in ("HEAD", "PATCH", "DELETE"):
        assert {site.patch(one, b"x").status_code for one in wrong} == {404}, method


def test_an_expired_upload_is_gone(site: Site) -> None:
    address = site.begun()
    site.plane.clock.advance(169 * 3600)
    assert (site.call("HEAD", address).status_code, site.patch(address, b"x").status_code) == (410, 410)


def test_a_locked_account_goes_on_with_nothing(site: Site) -> None:
    address = site.begun()
    site.plane.users._users[OWNER] = replace(ANNA, disabled=True)
    assert site.patch(address, b"x").status_code == 403


# --- checksums -------------------------------------------------------------------------------------------------------


def tus_checksum(algorithm: str, data: bytes) -> dict[str, str]:
    return {"Upload_Checksum": f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"}


def content_digest(data: bytes) -> dict[str, str]:
    return {"Content_Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"}


CHECKSUMS: list[Callable[[bytes], dict[str, str]]] = [
    lambda data: tus_checksum("sha1", data),
    lambda data: tus_checksum("sha256", data),
    content_digest,
]


@pytest.mark.parametrize("checksum", CHECKSUMS, ids=["sha1", "sha256", "content-digest"])
def test_a_body_counts_only_with_its_checksum(site: Site, checksum: Callable[[bytes], dict[str, str]]) -> None:
    address = site.begun()
    assert site.patch(address, DATA[:100], **checksum(DATA[:100])).status_code == 204
    wrong = site.patch(address, DATA[100:], 100, **checksum(b"another"))
    assert (wrong.status_code, code(wrong)) == (460, "checksum_mismatch")
    early = site.patch(
        address, Trickle(DATA[100:200]), 100, Content_Length=str(len(DATA) - 100), **checksum(DATA[100:])
    )
    assert early.status_code == 400
    assert site.offset(address) == 100
    assert site.patch(address, DATA[100:], 100, **checksum(DATA[100:])).status_code == 204


@pytest.mark.parametrize("value", ["md5 YQ==", "sha1", "sha1 !", "sha1 YQ==", "SHA1 YQ==", "sha1 é", ""])
def test_a_checksum_that_cannot_be_read_is_refused(site: Site, value: str) -> None:
    assert site.patch(site.begun(), NeverRead(), Upload_Checksum=value, Content_Length="5").status_code == 400


def test_a_file_other_than_declared_is_refused_and_dropped(site: Site) -> None:
    address = site.begun(digest=hashlib.sha256(b"another").hexdigest().upper())
    assert site.patch(address, DATA).status_code == 460
    assert site.call("HEAD", address).status_code == 404


def test_a_creation_with_a_wrong_checksum_leaves_nothing(site: Site) -> None:
    answer = site.create(data=DATA, Content_Type=BYTES["Content-Type"], **content_digest(b"another"))
    assert answer.status_code == 460
    assert site.service.unfinished(OWNER) == []


# --- when something is away ------------------------------------------------------------------------------------------


def test_while_the_database_is_away_clients_are_told_to_come_back(site: Site) -> None:
    address = site.begun()
    site.plane.ledger.down = True
    for answer in (site.patch(address, b"x"), site.create()):
        assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    head = site.call("HEAD", address)
    assert (head.status_code, "Retry-After" in head.headers) == (423, True)
    site.plane.ledger.down = False
    assert site.offset(address) == 0


def test_a_complete_upload_is_never_shown_as_done_before_it_is_a_file(site: Site) -> None:
    address = site.begun(consistency="strong")
    site.patch(address, DATA[:-1])
    site.plane.gate.open = False
    last = site.patch(address, DATA[-1:], len(DATA) - 1)
    assert last.status_code == 503
    assert site.call("HEAD", address).status_code == 423
    site.plane.gate.open = True
    assert site.call("HEAD", address).headers["X-EchoFS-Version"] == "1"


def test_a_creation_whose_bytes_could_not_be_stored_leaves_nothing(site: Site) -> None:
    for worker_id in "bc":
        site.plane.workers[worker_id].fault = Fault.DOWN
    assert site.create(data=DATA, Content_Type=BYTES["Content-Type"]).status_code == 503
    assert site.service.unfinished(OWNER) == []


def test_what_the_quota_has_no_room_for_is_refused_at_the_beginning_and_at_the_end(site: Site) -> None:
    addresses = [site.begun(len(DATA), path=path) for path in ("one", "two", "three")]
    assert site.patch(addresses[1], DATA[:-1]).status_code == 204
    site.plane.users._users[OWNER] = replace(ANNA, quota_bytes=2 * len(DATA))
    refused = site.patch(addresses[0], DATA)
    assert (refused.status_code, code(refused)) == (507, "quota_exceeded")
    assert "2 unfinished uploads hold" in refused.get_json()["error"]["message"]
    assert site.call("DELETE", addresses[2]).status_code == 204
    assert site.patch(addresses[0], DATA).status_code == 204
    site.plane.put("other", DATA)
    for answer in (site.create(1), site.patch(addresses[1], DATA[-1:], len(DATA) - 1)):
        assert (answer.status_code, code(answer)) == (507, "quota_exceeded")


def test_a_user_ends_an_own_upload_by_the_login(site: Site) -> None:
    upload_id = site.begun().rpartition("/")[2].partition(".")[0]
    address = f"{UPLOADS}/unfinished/{upload_id}"
    assert site.client.delete(address).status_code == 401
    for status in (200, 404):
        assert site.client.delete(address, headers={"Authorization": "Bearer anna"}).status_code == status
    assert site.service.unfinished(OWNER) == []


class Breakdown(Trickle):
    """A body that takes long, behind half of which the workers fail."""

    def __init__(self, site: Site) -> None:
        super().__init__(DATA)
        self._site = site
        self._reads = 0

    def read(self, size: int = -1) -> bytes:
        workers = self._site.plane.workers
        self._site.plane.clock.advance(ADVANCE_SECONDS)
        if self._reads == 3:
            workers.until(lambda: all(len(workers[worker_id].frames) == 3 for worker_id in "abc"))
            for worker_id in "bc":
                workers[worker_id].fault = Fault.DOWN
        self._reads += 1
        return super().read(size)


def test_a_creation_that_broke_down_in_the_middle_of_its_bytes_is_gone_on_with(site: Site) -> None:
    created = site.create(data=Breakdown(site), Content_Type=BYTES["Content-Type"], Content_Length=str(len(DATA)))
    assert created.status_code == 201
    offset = int(created.headers["Upload-Offset"])
    assert 0 < offset < len(DATA)
    for worker_id in "bc":
        site.plane.workers[worker_id].fault = Fault.NONE
    assert site.patch(created.headers["Location"], DATA[offset:], offset).status_code == 204
    assert site.plane.read(site.plane.catalog.file_at(OWNER, "a/film").head.content) == DATA


def test_a_creation_that_breaks_off_leaves_nothing(site: Site) -> None:
    answer = site.create(data=Trickle(DATA[:200]), Content_Type=BYTES["Content-Type"], Content_Length=str(len(DATA)))
    assert (answer.status_code, code(answer)) == (400, "body_mismatch")
    assert site.service.unfinished(OWNER) == []


def test_a_file_that_comes_whole_costs_one_commit_and_one_line_in_the_ledger(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("it was written down before its end")

    monkeypatch.setattr(site.plane.ledger, "swap", never)
    monkeypatch.setattr(site.plane.catalog, "record_chunks", never)
    created = site.create(data=DATA, Content_Type=BYTES["Content-Type"])
    receipt = created.get_json()["consistency"]
    assert (created.status_code, receipt["replicas"], receipt["owed"]) == (201, 3, 0)
    assert not any(site.plane.workers[worker_id].fetches for worker_id in "abc")
    chunks = site.plane.catalog.file_at(OWNER, "a/film").head.content.inline
    assert len(site.plane.catalog.replicas(unpack_digests(chunks))) == 6
    assert site.client.get(created.headers["Location"]).get_json()["data"]["file"]["size"] == len(DATA)
