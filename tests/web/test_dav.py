"""Files as a folder that is mounted, over services on fakes."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from xml.etree import ElementTree

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from echofs.core.errors import AuthenticationFailed, EchoError, RateLimited, Unavailable
from echofs.core.models import File, Kind, Role
from echofs.ports.catalog import Commit, FolderChange
from echofs.ports.listing import ListQuery
from echofs.services.accounts import Principal
from echofs.services.drafting import Drafting
from echofs.services.folders import Folders
from echofs.services.replacing import GivingWay
from echofs.services.steps import Steps
from echofs.web.access import install_access
from echofs.web.dav import DavLogins, DavParts, LockStorage, dav_blueprint
from echofs.web.errors import install_errors
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.dav_locks import FakeDavLocks
from tests.unit.services.data_plane import CHUNK, OWNER, OWNER_NAME, DataPlane, bytes_of

SECRET = "an-app-password"
LOCK = (
    '<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
    "<D:locktype><D:write/></D:locktype></D:lockinfo>"
)


class Mounted:
    """Two master processes over the same files and locks; ``plane`` is the first one's."""

    def __init__(self) -> None:
        self.plane = DataPlane()
        self.checks = 0
        locks = FakeDavLocks()
        self.clients = [self._client(locks) for _ in range(2)]

    def _client(self, locks: FakeDavLocks) -> FlaskClient:
        plane = self.plane
        app = Flask("mounted", static_folder=None)
        install_errors(app)
        install_access(app, authenticate=lambda token: pytest.fail(token), verify_call=lambda *call: None)
        steps = Steps(plane.catalog, plane.replicator, plane.heads, Drafting(plane.codec, plane.clock, plane.ids))
        folders = Folders(plane.catalog, plane.journal, plane.levels, steps)
        giving_way = GivingWay(plane.catalog, plane.files, folders, plane.recovery)
        parts = DavParts(plane.catalog, plane.uploads, plane.files, folders, plane.replacing, giving_way, plane.reader)
        logins = DavLogins(self.check, plane.clock)
        storage = LockStorage(locks, plane.clock)
        app.register_blueprint(dav_blueprint(parts, storage, logins, plane.clock.monotonic, CHUNK))
        return app.test_client()

    def check(self, login: str, secret: str) -> Principal:
        self.checks += 1
        if secret == "too-often":
            raise RateLimited("Too many attempts: wait and try again.", retry_after=9)
        if secret != SECRET:
            raise AuthenticationFailed("The user name or the app password is wrong.")
        return Principal(f"{OWNER}-{login}" if login != OWNER_NAME else OWNER, login, Role.USER, "id", "id")

    def call(
        self,
        method: str,
        path: str,
        data: bytes | str = b"",
        *,
        name: str = OWNER_NAME,
        secret: str = SECRET,
        at: int = 0,
        length: int | None = None,
        **headers: str,
    ) -> TestResponse:
        proof = base64.b64encode(f"{name}:{secret}".encode()).decode()
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.clients[at].open(
            f"/dav{path}",
            method=method,
            data=data,
            headers={"Authorization": f"Basic {proof}", **named},
            environ_overrides={} if length is None else {"CONTENT_LENGTH": str(length)},
        )

    def names(self, path: str, **options: str) -> list[str]:
        """What a folder has, as a client sees it; folders end in a slash."""
        answer = self.call("PROPFIND", path, Depth="1", **options)
        assert answer.status_code == 207, answer.get_data()
        hrefs = [element.text or "" for element in ElementTree.fromstring(answer.get_data()).iter("{DAV:}href")]
        return [href.removeprefix(f"/dav{path}") for href in hrefs][1:]


@pytest.fixture
def mounted() -> Iterator[Mounted]:
    made = Mounted()
    yield made
    made.plane.stop()


def test_what_is_put_is_there_with_its_bytes_etag_and_type(mounted: Mounted) -> None:
    content = bytes_of(5 * CHUNK + 3)
    assert mounted.call("PUT", "/a.bin", content, Content_Type="image/png").status_code == 201
    file = mounted.plane.catalog.file_at(OWNER, "a.bin")
    answer = mounted.call("GET", "/a.bin")
    assert (answer.status_code, answer.get_data()) == (200, content)
    assert answer.headers["ETag"] == f'"{file.head.etag}"'
    assert file.head.content_type == "image/png"
    assert mounted.call("PUT", "/a.bin", b"shorter").status_code == 204
    assert [version.number for version in mounted.plane.catalog.versions(OWNER, file.id)] == [2, 1]


@pytest.mark.parametrize(("asked", "first", "last"), [("0-9", 0, 9), ("70-200", 70, 200), ("-5", 318, 322)])
def test_a_range_is_that_part_of_it(mounted: Mounted, asked: str, first: int, last: int) -> None:
    content = bytes_of(5 * CHUNK + 3)
    mounted.call("PUT", "/a.bin", content)
    answer = mounted.call("GET", "/a.bin", Range=f"bytes={asked}")
    assert (answer.status_code, answer.get_data()) == (206, content[first : last + 1])


def test_a_body_shorter_than_declared_leaves_nothing(mounted: Mounted) -> None:
    answer = mounted.call("PUT", "/a.bin", b"short", length=100)
    assert answer.status_code == 400
    assert mounted.call("GET", "/a.bin").status_code == 404


def test_names_are_kept_exactly(mounted: Mounted) -> None:
    for quoted, name in {
        "/a%20b%23%3F.txt": "a b#?.txt",
        "/e%CC%81": "e\u0301",
        "/%C3%A9": "é",
        "/%25.txt": "%.txt",
    }.items():
        assert mounted.call("PUT", quoted, name.encode()).status_code == 201
        assert mounted.plane.catalog.file_at(OWNER, name).path == name
        assert mounted.call("GET", quoted).get_data() == name.encode()
    assert len(mounted.names("/")) == 4


@pytest.mark.parametrize(
    "path", ["/a%00b", "/a%0Ab", "/%ff%fe", "/..%2f..%2fetc", "/x/../../../etc/passwd", f"/{'n' * 10_000}"]
)
def test_a_hostile_name_stores_nothing(mounted: Mounted, path: str) -> None:
    answer = mounted.call("PUT", path, b"x")
    assert 400 <= answer.status_code < 500 or answer.status_code == 201
    assert all(".." not in file.path for file in mounted.plane.catalog.files(ListQuery(OWNER)).files)
    assert mounted.call("GET", path).status_code in (200, 400, 404)


def test_folders_are_made_listed_moved_and_deleted_with_what_is_in_them(mounted: Mounted) -> None:
    assert mounted.call("MKCOL", "/docs").status_code == 201
    assert mounted.call("MKCOL", "/docs").status_code == 405
    assert mounted.call("MKCOL", "/no/parent").status_code == 409
    mounted.call("PUT", "/docs/a", b"1")
    mounted.call("MKCOL", "/docs/sub")
    mounted.call("PUT", "/docs/sub/b", b"2")
    assert mounted.names("/docs/") == ["sub/", "a"]
    assert mounted.call("MOVE", "/docs", Destination="http://localhost/dav/papers").status_code == 201
    assert mounted.names("/") == ["papers/"]
    assert mounted.call("GET", "/papers/sub/b").get_data() == b"2"
    assert mounted.call("DELETE", "/papers").status_code == 204
    assert mounted.names("/") == []


def test_a_copy_is_another_file_of_the_same_bytes(mounted: Mounted) -> None:
    mounted.call("PUT", "/a", b"1")
    mounted.call("MKCOL", "/docs")
    mounted.call("PUT", "/docs/b", b"2")
    assert mounted.call("COPY", "/a", Destination="http://localhost/dav/c").status_code == 201
    assert mounted.call("COPY", "/docs", Destination="http://localhost/dav/more").status_code == 201
    assert mounted.call("COPY", "/a", Destination="http://localhost/dav/c", Overwrite="F").status_code == 412
    assert mounted.call("COPY", "/docs/b", Destination="http://localhost/dav/c").status_code == 204
    assert [mounted.call("GET", path).get_data() for path in ("/a", "/c", "/more/b")] == [b"1", b"2", b"2"]


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("source", ["/docs/more", "/docs/more/a"])
def test_a_folder_is_not_replaced_by_something_in_it(mounted: Mounted, method: str, source: str) -> None:
    for folder in ("/docs", "/docs/more"):
        mounted.call("MKCOL", folder)
    mounted.call("PUT", "/docs/more/a", b"kept")
    assert mounted.call(method, source, Destination="http://localhost/dav/docs").status_code == 403
    assert mounted.call("GET", "/docs/more/a").data == b"kept"


@pytest.mark.parametrize(("method", "trash"), [("COPY", []), ("MOVE", ["new"])])
def test_what_goes_onto_a_file_becomes_its_next_version(mounted: Mounted, method: str, trash: list[str]) -> None:
    for path in ("old", "new"):
        mounted.call("PUT", f"/{path}", path)
    old = mounted.plane.catalog.file_at(OWNER, "old")
    assert mounted.call(method, "/new", Destination="http://localhost/dav/old").status_code == 204
    assert mounted.call("GET", "/old").get_data() == b"new"
    assert [each.number for each in mounted.plane.catalog.versions(OWNER, old.id)] == [2, 1]
    assert [each.path for each in mounted.plane.catalog.trash(OWNER).files] == trash


class OneFailure:
    """A catalog whose first step that is more than a deletion fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, catalog: MemoryCatalog) -> None:
        self._failed = False
        self._one, self._together = catalog._commit_one, catalog.commit_together
        monkeypatch.setattr(catalog, "_commit_one", self._commit_one)
        monkeypatch.setattr(catalog, "commit_together", self._commit_together)

    def _commit_one(self, commit: Commit) -> File | EchoError:
        return Unavailable("Not this time.") if self._fails([commit]) else self._one(commit)

    def _commit_together(self, commits: Sequence[Commit], step: FolderChange | None = None) -> list[File]:
        if self._fails(commits):
            raise Unavailable("Not this time.")
        return self._together(commits, step)

    def _fails(self, commits: Sequence[Commit]) -> bool:
        if self._failed or all(commit.version.kind is Kind.TOMBSTONE for commit in commits):
            return False
        self._failed = True
        return True


@pytest.mark.parametrize(
    ("method", "source", "target"),
    [
        ("COPY", "/file", "/other"),
        ("COPY", "/file", "/docs"),
        ("MOVE", "/file", "/other"),
        ("MOVE", "/file", "/docs"),
        ("MOVE", "/more", "/other"),
        ("MOVE", "/more", "/docs"),
    ],
)
def test_what_fails_to_take_a_place_leaves_everything_as_it_was(
    mounted: Mounted, monkeypatch: pytest.MonkeyPatch, method: str, source: str, target: str
) -> None:
    for path in ("/docs", "/more"):
        mounted.call("MKCOL", path)
    for path in ("/file", "/other", "/docs/a", "/more/b"):
        mounted.call("PUT", path, path)
    OneFailure(monkeypatch, mounted.plane.catalog)
    assert mounted.call(method, source, Destination=f"http://localhost/dav{target}").status_code == 503
    for path in ("/file", "/other", "/docs/a", "/more/b"):
        assert mounted.call("GET", path).get_data() == path.encode()
    assert mounted.plane.catalog.trash(OWNER).files == ()


@pytest.mark.parametrize("method", ["DELETE", "MOVE"])
def test_the_folder_that_has_everything_stays(mounted: Mounted, method: str) -> None:
    mounted.call("PUT", "/a", b"1")
    assert mounted.call(method, "/", Destination="http://localhost/dav/x").status_code in (403, 409)
    assert mounted.names("/") == ["a"]


def test_nobody_sees_anothers_files(mounted: Mounted) -> None:
    mounted.call("PUT", "/a", b"1")
    assert mounted.call("GET", "/a", name="ben").status_code == 404
    assert mounted.names("/", name="ben") == []


def test_a_lock_holds_at_every_master_and_for_its_owner_only(mounted: Mounted) -> None:
    mounted.call("PUT", "/a", b"1")
    locked = mounted.call("LOCK", "/a", LOCK, Timeout="Second-100")
    assert locked.status_code == 200
    token = locked.headers["Lock-Token"]
    assert mounted.call("PUT", "/a", b"2", at=1).status_code == 423
    assert mounted.call("LOCK", "/a", LOCK, at=1).status_code == 423
    assert mounted.call("PUT", "/a", b"2", at=1, If=f"({token})").status_code == 204
    assert mounted.call("PUT", "/a", b"ben's", name="ben").status_code == 201
    assert mounted.call("UNLOCK", "/a", at=1, Lock_Token=token).status_code == 204
    assert mounted.call("PUT", "/a", b"3").status_code == 204


def test_a_lock_ends_by_itself_unless_it_is_renewed(mounted: Mounted) -> None:
    token = mounted.call("LOCK", "/new", LOCK, Timeout="Second-100").headers["Lock-Token"]
    mounted.plane.clock.advance(90)
    assert mounted.call("LOCK", "/new", If=f"({token})", Timeout="Second-100").status_code == 200
    mounted.plane.clock.advance(90)
    assert mounted.call("PUT", "/new", b"1").status_code == 423
    mounted.plane.clock.advance(11)
    assert mounted.call("PUT", "/new", b"1").status_code in (201, 204)


def test_without_an_app_password_nothing_is_told(mounted: Mounted) -> None:
    for answer in (
        mounted.clients[0].open("/dav/", method="PROPFIND"),
        mounted.clients[0].get("/dav/a", headers={"Authorization": "Bearer token"}),
        mounted.call("GET", "/a", secret="wrong"),
    ):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert mounted.call("GET", "/a", secret="too-often").status_code == 429


def test_a_login_is_checked_once_a_second(mounted: Mounted) -> None:
    for _ in range(3):
        mounted.names("/")
    assert mounted.checks == 1
    mounted.plane.clock.advance(1)
    mounted.names("/")
    assert mounted.checks == 2


def test_everything_below_at_once_is_refused(mounted: Mounted) -> None:
    for headers in ({"Depth": "infinity"}, {"Depth": "Infinity"}, {"Depth": " infinity "}, {"Depth": "2"}, {}):
        answer = mounted.call("PROPFIND", "/", **headers)
        assert answer.status_code == 403
        assert b"propfind-finite-depth" in answer.get_data()


def test_without_the_catalog_the_answer_is_to_try_again(mounted: Mounted) -> None:
    mounted.call("PUT", "/a", b"1")
    mounted.plane.cut_catalog()
    for method in ("GET", "PUT", "DELETE", "MKCOL"):
        assert mounted.call(method, "/a", b"" if method != "PUT" else b"2").status_code == 503


@pytest.mark.parametrize("destination", ["http://[/x", "http://localhost/dav/a%0d%0aSet-Cookie:x", "/dav/%ff"])
def test_a_destination_that_is_none_is_refused(mounted: Mounted, destination: str) -> None:
    mounted.call("PUT", "/a", b"1")
    for method in ("COPY", "MOVE"):
        answer = mounted.call(method, "/a", Destination=destination)
        assert (answer.status_code, answer.get_json()["error"]["field"]) == (400, "Destination")
    assert mounted.names("/") == ["a"]


@pytest.mark.parametrize("method", ["GET", "PUT", "MKCOL", "DELETE"])
def test_a_path_that_is_no_text_is_refused(mounted: Mounted, method: str) -> None:
    proof = base64.b64encode(f"{OWNER_NAME}:{SECRET}".encode()).decode()
    answer = mounted.clients[0].open(
        "/dav/f",
        method=method,
        headers={"Authorization": f"Basic {proof}"},
        environ_overrides={"PATH_INFO": "/dav/f\xff1"},
    )
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "invalid_name")


@pytest.mark.parametrize("method", ["LOCK", "PROPFIND", "COPY", "MKCOL"])
def test_only_files_are_large(mounted: Mounted, method: str) -> None:
    assert mounted.call(method, "/a", b"x" * 65_537, Depth="0").status_code == 413
