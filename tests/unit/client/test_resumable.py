"""Large uploads: gone on with where they broke off, by the same command or by a later one."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from echofs.client import Client, Unreachable, WrongContent
from echofs.client.profiles import Profile, Profiles
from echofs.client.tokens import Tokens
from tests.adapters.scripted_server import Peer
from tests.unit.client.conftest import FILE, RECEIPT, Master, Reply, ok, refusal, silence

DATA = os.urandom(3 << 20)
HALF = 1 << 20
CREATED: Reply = lambda peer: peer.answer(status="201 Created", headers="Location: /api/v1/uploads/u1.secret\r\n")  # noqa: E731


def at(offset: int, status: str = "200 OK") -> Reply:
    """How far the upload has come; an answer without a body, though it may tell of one."""
    return lambda peer: peer.raw(f"HTTP/1.1 {status}\r\nUpload-Offset: {offset}\r\nContent-Length: 0\r\n\r\n".encode())


def arrived(peer: Peer) -> None:
    peer.raw(b"HTTP/1.1 204 No Content\r\nUpload-Offset: 3145728\r\n\r\n")


def finished(data: bytes = DATA) -> Reply:
    file = {**FILE, "size": len(data), "digest": hashlib.sha256(data).hexdigest()}
    return ok({"upload": {}, "file": file}, consistency=RECEIPT)


@pytest.fixture(autouse=True)
def smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts as large is small here."""
    monkeypatch.setattr("echofs.client.storing.RESUMABLE_BYTES", len(DATA))


@pytest.fixture
def local(tmp_path: Path) -> Path:
    path = tmp_path / "film"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def profiles(master: Master, tmp_path: Path) -> Profiles:
    made = Profiles(tmp_path / "config", tmp_path / "state")
    made.save(Profile("default", master.url, "ada", tokens=Tokens("a1", "r1", 2e10)))
    return made


def interrupted(master: Master, local: Path, profiles: Profiles) -> None:
    """A command that ended as its first piece was on its way."""

    def end(_: int) -> None:
        raise KeyboardInterrupt

    master.replies = [CREATED]
    with pytest.raises(KeyboardInterrupt):
        Client.from_profile(profiles=profiles).put("films/1", local, progress=end)
    assert master.cut.wait(10)


def test_a_large_file_is_begun_sent_and_looked_at(master: Master, local: Path) -> None:
    master.replies = [CREATED, arrived, finished()]
    moved: list[int] = []
    stored = master.client().put(
        "films/1", local, content_type="video/mp4", consistency="strong", progress=moved.append
    )
    assert (stored.created, stored.receipt.replicas) == (True, 3)
    assert sum(moved) == len(DATA)
    secret = "/api/v1/uploads/u1.secret"
    assert master.lines() == ["POST /api/v1/uploads", f"PATCH {secret}", f"GET {secret}"]
    assert master.header(0, "Upload-Length") == str(len(DATA))
    tags = "path ZmlsbXMvMQ==,content_type dmlkZW8vbXA0,consistency c3Ryb25n"
    assert master.header(0, "Upload-Metadata") == tags
    assert master.bodies()[1] == DATA
    assert [master.header(number, "Authorization") for number in range(3)] == ["Bearer t1", None, None]


def test_a_broken_upload_goes_on_where_the_master_says(master: Master, local: Path) -> None:
    master.replies = [CREATED, silence, at(HALF), silence, at(HALF + 5), arrived, finished()]
    moved: list[int] = []
    master.client().put("films/1", local, progress=moved.append)
    assert [master.header(number, "Upload-Offset") for number in (1, 3, 5)] == ["0", str(HALF), str(HALF + 5)]
    assert master.bodies()[5] == DATA[HALF + 5 :]
    assert sum(moved) == len(DATA)


def test_an_upload_that_another_attempt_has_moved_is_looked_at_anew(master: Master, local: Path) -> None:
    master.replies = [CREATED, refusal("409 Conflict", "upload_moved"), at(HALF), arrived, finished()]
    master.client().put("films/1", local)
    assert master.header(3, "Upload-Offset") == str(HALF)


def test_an_upload_whose_last_answer_was_lost_is_done(master: Master, local: Path) -> None:
    master.replies = [CREATED, silence, at(len(DATA)), finished()]
    assert master.client().put("films/1", local).file.size == len(DATA)


def test_an_upload_that_never_gets_on_ends(master: Master, local: Path) -> None:
    master.replies = [CREATED, *[silence, at(0)] * 5]
    with pytest.raises(Unreachable, match="keeps breaking off"):
        master.client().put("films/1", local)


def test_a_later_command_goes_on_without_beginning_anew(master: Master, local: Path, profiles: Profiles) -> None:
    interrupted(master, local, profiles)
    [ticket] = (profiles.state_folder / "uploads").iterdir()
    assert stat.S_IMODE(ticket.stat().st_mode) == 0o600

    master.replies = [at(HALF), arrived, finished()]
    Client.from_profile(profiles=profiles).put("films/1", local)
    assert master.lines()[-3:] == [f"{method} /api/v1/uploads/u1.secret" for method in ("HEAD", "PATCH", "GET")]
    assert master.bodies()[-2] == DATA[HALF:]
    assert list((profiles.state_folder / "uploads").iterdir()) == []


def test_a_file_that_changed_meanwhile_is_begun_anew(master: Master, local: Path, profiles: Profiles) -> None:
    interrupted(master, local, profiles)
    os.utime(local, (1, 1))
    master.replies = [CREATED, arrived, finished()]
    Client.from_profile(profiles=profiles).put("films/1", local)
    assert master.lines()[-3] == "POST /api/v1/uploads"


def test_an_upload_that_expired_is_begun_anew(master: Master, local: Path, profiles: Profiles) -> None:
    interrupted(master, local, profiles)
    gone: Reply = lambda peer: peer.raw(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")  # noqa: E731
    master.replies = [gone, CREATED, arrived, finished()]
    assert Client.from_profile(profiles=profiles).put("films/1", local).file.size == len(DATA)


def test_another_file_than_was_sent_is_not_taken_for_it(master: Master, local: Path) -> None:
    master.replies = [CREATED, arrived, finished(b"other")]
    with pytest.raises(WrongContent):
        master.client().put("films/1", local)


def test_what_depends_on_what_is_there_goes_in_one_request(master: Master, local: Path) -> None:
    file = {**FILE, "size": len(DATA), "digest": hashlib.sha256(DATA).hexdigest()}
    master.replies = [ok({"file": file}, consistency=RECEIPT)]
    master.client().put("films/1", local, if_match="1-abc")
    assert master.lines() == ["POST /api/v1/files/upload?path=films%2F1"]
