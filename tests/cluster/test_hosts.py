"""The roles spread over hosts and started by hand, with two masters on one catalog, and a master behind nginx."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from tests import disks
from tests.cluster import tus
from tests.cluster.client import BOUNDARY, PASSWORD, User
from tests.cluster.cluster import POLL_SECONDS, eventually
from tests.cluster.hosts import NGINX, Host, Hosts, health, nginx_before
from tests.cluster.test_files import MIB, file_of, sha256
from tests.cluster.ways_in import ADMINS_ONLY, changed, id_of, ways_in

FORM = f"multipart/form-data; boundary={BOUNDARY}"
RAW = "application/octet-stream"
REFUSED = " status=400 "
MISSED = "The controller does not answer; the last list of workers is used."


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """One running cluster for all tests; each leaves it whole."""
    made = Hosts(tmp_path_factory.mktemp("hosts"))
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def user(hosts: Hosts) -> User:
    return User.registered(hosts.masters[0].url, "ada")


@pytest.fixture(scope="module")
def warden(hosts: Hosts) -> User:
    return hosts.administrator("warden")


@pytest.fixture
def other(hosts: Hosts, user: User) -> User:
    """The same user with the same token at the second master."""
    return user.at(hosts.masters[1].url)


def paths_of(user: User) -> set[str]:
    return {file["path"] for file in user.call("GET", "/api/v1/files?limit=1000").data["files"]}


def missing_the_controller(report: dict[str, object]) -> bool:
    return report["status"] == "degraded" and MISSED in str(report["reasons"])


class TestTwoMasters:
    def test_a_file_uploaded_at_one_is_downloaded_at_the_other(self, user: User, other: User) -> None:
        content = os.urandom(3 * MIB + 7)
        here = user.upload("here.bin", content)
        there = other.upload("there.bin", content[::-1])

        assert here.status == there.status == 201
        assert other.download(str(file_of(here)["id"])).body == content
        assert user.download(str(file_of(there)["id"])).body == content[::-1]

    def test_of_writers_at_both_that_know_the_same_version_one_wins(self, user: User, other: User) -> None:
        first = user.upload("both.txt", b"base")
        path = f"/api/v1/files/{file_of(first)['id']}/content"
        headers = {"If-Match": first.headers["ETag"], "Content-Type": RAW}

        assert other.call("PUT", path, b"there", headers).status == 200
        assert user.call("PUT", path, b"here", headers).status == 412

    def test_a_logout_at_one_ends_the_session_at_the_other(self, hosts: Hosts) -> None:
        here = User.registered(hosts.masters[0].url, "grace")
        there = here.at(hosts.masters[1].url)
        still = User.logged_in(there.url, "grace")
        assert there.call("GET", "/api/v1/auth/profile").status == 200

        assert here.call("POST", "/api/v1/auth/logout").status == 200

        eventually(lambda: there.call("GET", "/api/v1/auth/profile").status == 401, "the session has ended", 5)
        assert still.call("GET", "/api/v1/auth/profile").status == 200


class TestSomebodyIsShutOut:
    def test_a_disabled_user_comes_in_nowhere(self, hosts: Hosts, warden: User) -> None:
        mallory = User.registered(hosts.masters[0].url, "mallory")
        user_id, ways = id_of(mallory), ways_in(mallory.url, "mallory")
        assert [(way.name, master.port) for master in hosts.masters for way in ways if way.is_shut(master.url)] == []
        assert changed(warden, user_id, disabled=True).status == 200
        for master in hosts.masters:
            for way in ways:
                eventually(lambda way=way, url=master.url: way.is_shut(url), f"{way.name} is shut", 5)  # type: ignore[misc]
            login = User(master.url).post_json("/api/v1/auth/login", {"username": "mallory", "password": PASSWORD})
            assert login.status == 401

        assert changed(warden, user_id, disabled=False).status == 200
        for way in ways:
            assert way.is_shut(mallory.url) or way.name.startswith("upload"), way

    def test_a_demoted_administrator_is_none_any_more(self, hosts: Hosts, warden: User) -> None:
        user_id = id_of(User.registered(hosts.masters[1].url, "deputy"))
        assert changed(warden, user_id, role="admin").status == 200
        deputy = User.logged_in(hosts.masters[1].url, "deputy")
        assert all(deputy.at(master.url).call("GET", ADMINS_ONLY).status == 200 for master in hosts.masters)
        assert changed(warden, user_id, role="user").status == 200
        for master in hosts.masters:
            there = deputy.at(master.url)
            eventually(lambda there=there: there.call("GET", ADMINS_ONLY).status == 401, "the session has ended", 5)  # type: ignore[misc]
        assert User.logged_in(deputy.url, "deputy").call("GET", ADMINS_ONLY).status == 403


class TestAHostFails:
    def test_a_killed_worker_costs_a_replica_which_returns_with_it(self, hosts: Hosts, user: User, other: User) -> None:
        before = os.urandom(2 * MIB)
        kept = str(file_of(user.upload("before.bin", before))["id"])
        content = os.urandom(3 * MIB)
        hosts.workers[0].kill()
        try:
            reply = user.upload("during.bin", content)
            file_id = str(file_of(reply)["id"])
            receipt = reply.json["consistency"]
            count = other.receipt(file_id)
            assert reply.status == 201
            assert receipt["committed"] is True
            assert (receipt["replicas"], receipt["zones"]) == (2, 2)
            assert sorted(receipt["workers"]) == ["worker2", "worker3"]
            assert receipt["owed"] > 0
            assert (count["replicas"], count["complete"]) == (2, False)
            assert other.digest(file_id) == sha256(content)
            assert other.digest(kept) == sha256(before)
        finally:
            hosts.workers[0].spawn()

        hosts.workers[0].wait_until_healthy()
        eventually(lambda: bool(other.receipt(file_id)["complete"]), "three replicas by themselves", 60)
        assert other.receipt(file_id)["replicas"] == 3
        assert f"chunk/{sha256(content[:MIB])}" in disks.values(hosts.workers[0].folder / "data" / "worker1")
        hosts.wait_until_well()

    def test_without_the_controller_files_go_on_and_health_says_so(self, hosts: Hosts, user: User, other: User) -> None:
        hosts.controller.stop()
        try:
            for master in hosts.masters:
                # Each process of a master notices for itself, so two answers in a row may differ for a moment.
                eventually(lambda url=master.url: missing_the_controller(health(url)), "it is missed")  # type: ignore[misc]
                assert User(master.url).call("GET", "/health").status == 200
            content = os.urandom(2 * MIB)
            reply = user.upload("alone.bin", content)
            assert reply.status == 201
            assert reply.json["consistency"]["replicas"] >= 2
            assert other.download(str(file_of(reply)["id"])).body == content
        finally:
            hosts.controller.spawn()
        hosts.controller.wait_until_healthy()
        hosts.wait_until_well()


class TestResumableUploads:
    def test_an_upload_goes_on_at_another_master_after_its_own_was_killed(
        self, hosts: Hosts, user: User, other: User
    ) -> None:
        content = os.urandom(26 * MIB + 5)
        begun = tus.uploader(user, "resumed.bin", content, 3 * MIB + 1)
        begun.upload(stop_at=5 * MIB)
        there = tus.at(other.url, begun.url)
        try:
            with closing(tus.open_patch(begun.url, content, 5 * MIB, 12 * MIB)) as running:
                # A request that takes long is written down while it is under way.
                for at in range(12 * MIB, 25 * MIB, MIB // 4):
                    running.sendall(content[at : at + MIB // 4])
                    if tus.offset(there) > 8 * MIB:
                        break
                    time.sleep(POLL_SECONDS)
                hosts.masters[0].kill()
            assert 8 * MIB < tus.offset(there) < len(content)
            tus.resumed(there, content, 7 * MIB).upload()
        finally:
            hosts.masters[0].spawn()
        file = other.call("GET", there.removeprefix(other.url)).data["file"]
        assert (file["path"], file["version"], file["digest"]) == ("resumed.bin", 1, sha256(content))
        assert other.digest(file["id"]) == sha256(content)
        hosts.masters[0].wait_until_healthy()
        assert tus.offset(tus.at(user.url, there)) == len(content)
        hosts.wait_until_well()

    def test_requests_with_checksums_and_an_empty_file_make_what_was_sent(self, user: User) -> None:
        for path, content in (("checked.bin", os.urandom(3 * MIB + 9)), ("empty.bin", b"")):
            sent = tus.uploader(user, path, content, MIB + 3, checksum=True)
            sent.upload()
            file = user.call("GET", sent.url.removeprefix(user.url)).data["file"]
            assert (file["path"], file["digest"], file["size"]) == (path, sha256(content), len(content))


@pytest.fixture(scope="module", params=[False, True], ids=["unbuffered", "buffered"])
def buffered(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def proxy(buffered: bool, hosts: Hosts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """nginx before the second master."""
    if not NGINX:
        pytest.skip("nginx is not installed")
    folder = tmp_path_factory.mktemp("nginx") / "prefix"
    started = nginx_before(hosts.masters[1], folder, buffered=buffered)
    try:
        started.spawn()
        started.wait_until_healthy()
        yield started
    finally:
        started.stop()


def cut_short(user: User, method: str, path: str, kind: str, body: bytes) -> bytes:
    """Send a body that ends before its declared length, and hang up; what was answered until then."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: echofs\r\nContent-Length: {len(body) + MIB}\r\nContent-Type: {kind}\r\n"
        f"Authorization: Bearer {user.token}\r\n\r\n"
    )
    answer = b""
    with socket.create_connection(("127.0.0.1", int(user.url.rsplit(":", 1)[1])), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
    return answer


def form(path: str, content: bytes) -> bytes:
    """The form up to the end of its file."""
    field = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="path"\r\n\r\n{path}\r\n'
    part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="x"\r\nContent-Type: {RAW}\r\n\r\n'
    return (field + part).encode() + content


class TestBehindNginx:
    @pytest.mark.parametrize("size", [0, 20 * MIB], ids=["empty", "20-MiB"])
    def test_files_come_back_byte_for_byte(self, proxy: Host, user: User, size: int) -> None:
        content = os.urandom(size)
        through = user.at(proxy.url)

        raw = through.upload(f"proxied/{proxy.port}/{size}.bin", content)
        formed = through.upload_form(f"proxied/{proxy.port}/{size}-form.bin", content)

        assert raw.status == formed.status == 201
        for reply in (raw, formed):
            assert file_of(reply)["size"] == size
            assert through.digest(str(file_of(reply)["id"])) == sha256(content)

    def test_a_body_cut_short_leaves_nothing(self, hosts: Hosts, proxy: Host, buffered: bool, user: User) -> None:
        through = user.at(proxy.url)
        kept = through.upload(f"cut/{proxy.port}/kept.bin", b"as it was")
        file_id = str(file_of(kept)["id"])
        before = paths_of(user)
        refused = hosts.masters[1].log().count(REFUSED)
        some = os.urandom(2 * MIB)
        raw, formed = f"cut-{proxy.port}-raw.bin", f"cut-{proxy.port}-form.bin"

        answers = [
            cut_short(through, "POST", f"/api/v1/files/upload?path={raw}", RAW, some),
            cut_short(through, "POST", "/api/v1/files/upload", FORM, form(formed, some)),
            cut_short(through, "PUT", f"/api/v1/files/{file_id}/content", RAW, some),
        ]

        assert not any(answer.startswith(b"HTTP/1.1 2") for answer in answers)
        reached = 0 if buffered else len(answers)
        eventually(
            lambda: hosts.masters[1].log().count(REFUSED) == refused + reached, "the master has ended what reached it"
        )
        assert paths_of(user) == before
        assert user.call("GET", f"/api/v1/files/{file_id}").data["file"]["version"] == 1
        assert user.download(file_id).body == b"as it was"

    def test_what_arrived_of_a_resumable_upload_counts(self, proxy: Host, buffered: bool, user: User) -> None:
        content = os.urandom(9 * MIB)
        begun = tus.uploader(user.at(proxy.url), f"proxied-{proxy.port}.bin", content, 9 * MIB)
        begun.upload(stop_at=MIB + 1)
        tus.break_off(begun.url, content, MIB + 1, 5 * MIB + 17)
        # What nginx still had in its own buffer is lost.
        arrived = tus.wait_for_offset(begun.url, MIB + 1 if buffered else 4 * MIB)
        assert arrived <= (MIB + 1 if buffered else 5 * MIB + 17)
        tus.resumed(begun.url, content, 9 * MIB).upload()
        file = user.call("GET", begun.url.removeprefix(proxy.url)).data["file"]
        assert (file["digest"], user.digest(file["id"])) == (sha256(content), sha256(content))

    @pytest.mark.parametrize(
        "path", ["/metrics", "//metrics", "/%6detrics", "/internal", "/internal/v1/members", "/v1/mode?object_id=x"]
    )
    def test_what_is_for_operators_is_closed_from_outside(self, proxy: Host, path: str) -> None:
        assert User(proxy.url).call("GET", path).status == 403
