"""Files on a whole cluster: what goes up comes back, and receipts say what happened."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from tests import disks
from tests.cluster.client import BOUNDARY, Reply, User
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.conftest import MakeCluster

MIB = 1 << 20


@pytest.fixture(scope="module")
def user(cluster: Cluster) -> User:
    return cluster.register("ada")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def file_of(reply: Reply) -> dict[str, object]:
    found: dict[str, object] = reply.data["file"]
    return found


@pytest.mark.parametrize("size", [0, 1, MIB - 1, MIB, MIB + 1, 4 * MIB, 9 * MIB + 7], ids=lambda size: f"{size}-bytes")
@pytest.mark.parametrize("form", [False, True], ids=["raw", "form"])
def test_every_size_comes_back_byte_for_byte(user: User, size: int, form: bool) -> None:
    content = os.urandom(size)
    path = f"sizes/{form}/{size}.bin"
    reply = user.upload_form(path, content) if form else user.upload(path, content)

    assert reply.status == 201
    assert file_of(reply)["digest"] == sha256(content)
    assert file_of(reply)["size"] == size
    assert user.download(str(file_of(reply)["id"])).body == content


def test_a_real_program_comes_back(user: User) -> None:
    program = Path(sys.executable).resolve().read_bytes()
    reply = user.upload("bin/python", program)
    assert user.digest(str(file_of(reply)["id"])) == sha256(program)


def test_a_receipt_counts_real_acknowledgements(user: User) -> None:
    receipt = user.upload("receipt.bin", os.urandom(3 * MIB)).json["consistency"]
    assert receipt["mode_used"] == "strong"
    assert receipt["committed"] is True
    assert receipt["replicas"] >= 2
    assert receipt["zones"] == len(receipt["workers"]) == receipt["replicas"]
    assert receipt["owed"] == 0 or receipt["replicas"] < 3


def test_replicas_are_counted_on_the_workers(cluster: Cluster, user: User) -> None:
    content = os.urandom(2 * MIB)
    file_id = str(file_of(user.upload("counted.bin", content))["id"])
    eventually(lambda: bool(user.receipt(file_id)["complete"]), "three replicas of every chunk")
    for segment in (cluster.data_dir / "worker2" / "segments").iterdir():
        segment.unlink()

    count = user.receipt(file_id)

    assert count["replicas"] == 2
    assert count["complete"] is False
    assert {row["worker_id"]: row["chunks"] for row in count["workers"]} == {"worker1": 3, "worker2": 0, "worker3": 3}


def test_rotten_replicas_are_not_served_and_those_found_are_made_anew(cluster: Cluster, user: User) -> None:
    contents = [os.urandom(1000) for _ in range(12)]
    ids = [str(file_of(user.upload(f"rotten/{sha256(content)}", content))["id"]) for content in contents]
    eventually(lambda: all(user.receipt(file_id)["complete"] for file_id in ids), "three replicas of every chunk")
    roots = [cluster.data_dir / worker for worker in ("worker1", "worker2")]
    keys = {f"chunk/{sha256(content)}" for content in contents}
    for root in roots:
        assert keys <= disks.values(root).keys()
        for entry in disks.entries(root):
            if entry.key in keys:
                disks.flip(entry)
        assert not keys & disks.values(root).keys()

    assert [user.download(file_id).body for file_id in ids] == contents

    # Which worker is asked first differs from chunk to chunk: of twelve, some met a rotten one.
    def healed() -> int:
        return sum(len(keys & disks.values(root).keys()) for root in roots)

    eventually(lambda: healed() > 0, "the rotten replicas that were read are replaced")


def test_a_short_body_is_refused_and_leaves_nothing(cluster: Cluster, user: User) -> None:
    for path, body, kind in (
        ("/api/v1/files/upload?path=short.bin", b"x" * 40, "application/octet-stream"),
        ("/api/v1/files/upload", f"--{BOUNDARY}\r\n".encode() * 2, f"multipart/form-data; boundary={BOUNDARY}"),
    ):
        with socket.create_connection(("127.0.0.1", cluster.port)) as connection:
            head = (
                f"POST {path} HTTP/1.1\r\nHost: echofs\r\nContent-Length: 100\r\nContent-Type: {kind}\r\n"
                f"Authorization: Bearer {user.token}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(65536).startswith(b"HTTP/1.1 400")
    names = [file["path"] for file in user.call("GET", "/api/v1/files?limit=1000").data["files"]]
    assert "short.bin" not in names


def test_a_wrong_digest_is_refused(user: User) -> None:
    wrong = user.upload("digest.bin", b"content", Content_Digest="sha-256=:" + "A" * 43 + "=:")
    assert wrong.status == 400
    assert wrong.json["error"]["code"] == "body_mismatch"


@pytest.mark.parametrize(
    "name", ["Zürich ☂ 日本.txt", "e\u0301.txt", "\u00e9.txt", "a'b\"c;d.txt", "100%25.txt", "\u202egnp.exe", " space "]
)
def test_names_are_kept_exactly(user: User, name: str) -> None:
    reply = user.upload(f"names/{name}", b"1")
    assert file_of(reply)["name"] == name
    disposition = user.download(str(file_of(reply)["id"])).headers["Content-Disposition"]
    assert disposition.startswith("attachment")
    assert disposition.isascii()


@pytest.mark.parametrize("path", ["../x", "a/../b", "a//b", "nul\0", "line\nbreak", "x" * 10_000, "a/"])
def test_bad_names_are_refused(user: User, path: str) -> None:
    reply = user.upload_form(path, b"1")
    assert reply.status == 400
    assert reply.json["error"]["code"] == "invalid_name"


def test_an_overlong_address_is_refused(user: User) -> None:
    assert user.upload("x" * 10_000, b"1").status == 414


def test_the_same_path_again_is_a_new_version(user: User) -> None:
    first = user.upload("again.txt", b"one")
    second = user.upload("again.txt", b"two")
    assert (first.status, second.status) == (201, 200)
    assert file_of(second)["id"] == file_of(first)["id"]
    assert file_of(second)["version"] == 2
    file_id = str(file_of(first)["id"])
    assert user.download(file_id).body == b"two"
    assert user.call("GET", f"/api/v1/files/{file_id}/download?version=1").body == b"one"


def test_of_concurrent_conditional_writers_exactly_one_wins(user: User) -> None:
    first = user.upload("race.txt", b"base")
    file_id, etag = str(file_of(first)["id"]), first.headers["ETag"]
    statuses: list[int] = []

    def write(number: int) -> None:
        body = f"writer {number}".encode()
        headers = {"If-Match": etag, "Content-Type": "application/octet-stream"}
        statuses.append(user.call("PUT", f"/api/v1/files/{file_id}/content", body, headers).status)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert sorted(statuses) == [200] + [412] * 7
    assert user.call("GET", f"/api/v1/files/{file_id}").data["file"]["version"] == 2


def test_create_only_and_idempotency(user: User) -> None:
    assert user.upload("once.txt", b"1", If_None_Match="*").status == 201
    assert user.upload("once.txt", b"2", If_None_Match="*").status == 412
    first = user.upload("keyed.txt", b"content", Idempotency_Key="key-1")
    again = user.upload("keyed.txt", b"content", Idempotency_Key="key-1")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json["consistency"] == first.json["consistency"]
    assert file_of(again)["version"] == 1
    assert user.upload("other.txt", b"content", Idempotency_Key="key-1").status == 422


def test_ranges_and_conditions(user: User) -> None:
    content = os.urandom(2 * MIB + 100)
    reply = user.upload("ranges.bin", content)
    file_id, etag = str(file_of(reply)["id"]), reply.headers["ETag"]
    part = user.download(file_id, Range=f"bytes={MIB - 5}-{MIB + 4}")
    assert (part.status, part.body) == (206, content[MIB - 5 : MIB + 5])
    assert part.headers["Content-Range"] == f"bytes {MIB - 5}-{MIB + 4}/{len(content)}"
    assert user.download(file_id, Range="bytes=-7").body == content[-7:]
    assert user.download(file_id, Range=f"bytes={len(content)}-").status == 416
    assert user.download(file_id, Range="bytes=x-y").status == 416
    assert user.download(file_id, If_None_Match=etag).status == 304
    assert user.download(file_id, Range="bytes=0-0", If_Range='"other"').status == 200


def test_active_content_is_never_shown(user: User) -> None:
    file_id = str(file_of(user.upload("page.html", b"<script>", Content_Type="text/html"))["id"])
    reply = user.call("GET", f"/api/v1/files/{file_id}/download?inline=1")
    assert reply.headers["Content-Disposition"].startswith("attachment")
    assert reply.headers["Content-Type"] == "application/octet-stream"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"


def test_moving_and_deleting(user: User) -> None:
    file_id = str(file_of(user.upload("old/name.txt", b"x"))["id"])
    user.upload("taken.txt", b"y")
    headers = {"Content-Type": "application/json"}
    assert user.call("PATCH", f"/api/v1/files/{file_id}", b'{"path": "taken.txt"}', headers).status == 409
    moved = user.call("PATCH", f"/api/v1/files/{file_id}", b'{"path": "new/name.txt"}', headers)
    assert moved.data["file"]["path"] == "new/name.txt"
    assert user.download(file_id).body == b"x"
    assert user.call("DELETE", f"/api/v1/files/{file_id}").status == 200
    assert user.call("GET", f"/api/v1/files/{file_id}").status == 404
    assert user.upload("new/name.txt", b"z").status == 201


def test_listing_by_folder_in_pages(user: User) -> None:
    for name in ("b.txt", "a.txt", "c.txt", "sub/d.txt"):
        user.upload(f"listed/{name}", name.encode())
    page = user.call("GET", "/api/v1/files?folder=listed&limit=2").data
    assert [file["name"] for file in page["files"]] == ["a.txt", "b.txt"]
    assert page["folders"] == ["listed/sub"]
    rest = user.call("GET", f"/api/v1/files?folder=listed&limit=2&after={page['next']}").data
    assert [file["name"] for file in rest["files"]] == ["c.txt"]
    assert rest["next"] is None


def test_anothers_file_is_as_if_it_did_not_exist(cluster: Cluster, user: User) -> None:
    file_id = str(file_of(user.upload("private.txt", b"secret"))["id"])
    other = cluster.register("eve")
    for method, path in (
        ("GET", ""),
        ("GET", "/download"),
        ("GET", "/receipt"),
        ("GET", "/versions"),
        ("DELETE", ""),
        ("PUT", "/content"),
    ):
        mine = other.call(method, f"/api/v1/files/{file_id}{path}", b"" if method == "PUT" else None)
        none = other.call(method, f"/api/v1/files/{'0' * 32}{path}", b"" if method == "PUT" else None)
        assert mine.status == none.status == 404
        assert mine.json["error"]["message"] == none.json["error"]["message"]
    assert other.call("GET", "/api/v1/files").data["files"] == []


def test_workers_killed_between_and_during_uploads(make_cluster: MakeCluster, tmp_path: Path) -> None:
    fragile = make_cluster().start()
    user = fragile.register("ada")
    before = os.urandom(5 * MIB)
    first = str(file_of(user.upload("before.bin", before))["id"])
    source = tmp_path / "large.bin"
    source.write_bytes(os.urandom(48 * MIB))

    fragile.kill_worker(1)
    assert user.digest(first) == sha256(before)
    eventually(lambda: fragile.is_healthy(fragile.worker_url(1)), "the first worker is back")

    reached = threading.Event()
    answers: list[Reply] = []

    class Slow:
        """A body that stops halfway until the next worker is dead."""

        def __init__(self) -> None:
            self.file = source.open("rb")
            self.read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            if self.read_bytes >= 24 * MIB and not reached.is_set():
                fragile.kill_worker(2)
                reached.set()
            piece = self.file.read(size)
            self.read_bytes += len(piece)
            return piece

        def seek(self, offset: int, whence: int = 0) -> int:
            return self.file.seek(offset, whence)

    answers.append(user.upload("during.bin", Slow()))  # type: ignore[arg-type]
    receipt = answers[0].json["consistency"]
    second = str(file_of(answers[0])["id"])

    assert answers[0].status == 201
    assert receipt["replicas"] >= 2
    assert (receipt["owed"] > 0) == (receipt["replicas"] < 3)
    assert user.digest(second) == sha256(source.read_bytes())
    eventually(
        lambda: bool(user.receipt(first)["complete"] and user.receipt(second)["complete"]),
        "every chunk has three replicas again",
        60,
    )
    eventually(lambda: user.call("GET", "/health").json["data"]["status"] == "ok", "health is green again", 30)
