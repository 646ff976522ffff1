"""Masters that go on while the catalog stands still: what they accept is readable at once by its writer, survives a
crash, and is committed under the same dot when the catalog moves again; what met somebody else's write is kept beside
it."""

from __future__ import annotations

import pytest

from tests.cluster.client import Json, Reply, User
from tests.cluster.cluster import eventually
from tests.cluster.frozen import frozen
from tests.cluster.hosts import Hosts
from tests.cluster.test_files import file_of, sha256

pytestmark = pytest.mark.chaos

NOTES = "notes/today.txt"


def receipt_of(reply: Reply) -> Json:
    assert 200 <= reply.status < 300, (reply.status, reply.body[:500])
    receipt: Json = reply.json["consistency"]
    return receipt


def strong(user: User, file_id: str) -> Json:
    """What the catalog says; nothing while it does not move."""
    reply = user.call("GET", f"/api/v1/files/{file_id}", headers={"X-EchoFS-Consistency": "strong"})
    found: Json = reply.data["file"] if reply.status == 200 else {}
    return found


class TestWhileTheCatalogStandsStill:
    def test_the_story_of_one_file(self, hosts: Hosts, user: User, database: str) -> None:
        here, there = hosts.masters
        other = user.at(there.url)
        stored = user.upload(NOTES, b"one")
        first = file_of(stored)
        file_id = first["id"]
        eventually(lambda: _copied(user, stored) and _copied(other, stored), "both hosts have copied the head")
        with frozen(database):
            refused = user.upload(NOTES, b"never", X_EchoFS_Consistency="strong")
            assert (refused.status, refused.json["error"]["code"]) == (503, "catalog_unavailable")
            assert refused.headers["Retry-After"]
            conditional = user.upload(NOTES, b"never", If_Match=f'"{first["etag"]}"')
            assert conditional.status == 503

            accepted = user.upload(NOTES, b"two")
            receipt = receipt_of(accepted)
            assert (receipt["provisional"], receipt["committed"], receipt["degraded"]) == (True, False, True)
            assert (receipt["mode_used"], receipt["version"]) == ("available", 2)
            session = {"X_EchoFS_Session": accepted.headers["X-EchoFS-Session"]}
            created = user.upload("notes/new.txt", b"new")
            assert created.status == 201

            mine = user.download(file_id)
            assert mine.body == b"two"
            assert mine.headers["X-EchoFS-Consistency"] == "available"
            elsewhere = other.download(file_id, **session)
            assert elsewhere.body == b"one", elsewhere
            assert elsewhere.headers["X-EchoFS-Guarantee"] == "none", "it cannot know what this session wrote"
            paths = {file["path"] for file in user.call("GET", "/api/v1/files?folder=notes").data["files"]}
            assert paths == {NOTES, "notes/new.txt"}

            here.kill()
            here.spawn()
            eventually(lambda: _download(user, file_id) == b"two", "the journal is read again after a crash", 60)
        eventually(lambda: strong(other, file_id).get("version") == 2, "the journal was replayed")
        assert strong(other, file_id)["digest"] == sha256(b"two")
        hosts.wait_until_well()
        versions = other.call("GET", f"/api/v1/files/{file_id}/versions").data["versions"]
        assert [version["version"] for version in versions] == [2, 1]
        assert other.download(file_of(created)["id"]).body == b"new"

    def test_two_sides_that_changed_one_file_are_both_kept(self, hosts: Hosts, user: User, database: str) -> None:
        other = user.at(hosts.masters[1].url)
        path = "both.txt"
        stored = user.upload(path, b"base")
        eventually(lambda: _copied(user, stored) and _copied(other, stored), "both hosts have copied the head")
        with frozen(database):
            dots = [receipt_of(side.upload(path, text))["dot"] for side, text in ((user, b"left"), (other, b"right"))]
            assert len(set(dots)) == 2
        kept: dict[str, bytes] = {}

        def both_committed() -> bool:
            kept.clear()
            kept.update(_kept(other))
            return set(kept.values()) == {b"left", b"right"}

        eventually(both_committed, "both sides are committed")
        (copy,) = kept.keys() - {path}
        assert "conflict, ada" in copy
        eventually(lambda: len(_conflicts(user)) == 1, "one of them met the other")
        hosts.wait_until_well()
        (conflict,) = _conflicts(user)
        assert conflict["id"] in dots


def _copied(user: User, stored: Reply) -> bool:
    """Whether that master's host can serve what was stored without the catalog."""
    session = stored.headers["X-EchoFS-Session"]
    reply = user.download(file_of(stored)["id"], X_EchoFS_Consistency="hybrid", X_EchoFS_Session=session)
    return reply.headers.get("X-EchoFS-Consistency") == "hybrid"


def _kept(user: User) -> dict[str, bytes]:
    """By path, the files of the second story as they are in the catalog."""
    listing = user.call("GET", "/api/v1/files?folder=&consistency=strong")
    files = listing.data["files"] if listing.status == 200 else []
    strongly = {"X_EchoFS_Consistency": "strong"}
    return {file["path"]: user.download(file["id"], **strongly).body for file in files if "both" in file["path"]}


def _conflicts(user: User) -> list[Json]:
    """None while the catalog has only just begun to move."""
    reply = user.call("GET", "/api/v1/conflicts")
    found: list[Json] = reply.data["conflicts"] if reply.status == 200 else []
    return found


def _download(user: User, file_id: str) -> bytes:
    try:
        return user.download(file_id).body
    except OSError:
        return b""
