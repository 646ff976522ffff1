"""Changes of one file that met, and what its owner makes of them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.cluster.client import User
from tests.cluster.cluster import eventually
from tests.cluster.conftest import database, hosts  # noqa: F401
from tests.cluster.frozen import frozen
from tests.cluster.hosts import Host, Hosts

pytestmark = pytest.mark.chaos

PATH = "plan.txt"


@pytest.fixture(scope="module")
def cluster(hosts: Hosts) -> Host:  # noqa: F811
    """What the page is served by here."""
    return hosts.masters[0]


def test_both_sides_of_a_conflict_are_kept(visitor: Visitor, hosts: Hosts, database: str) -> None:  # noqa: F811
    page = visitor.page
    sides = [User.logged_in(hosts.masters[0].url, visitor.name)]
    sides.append(sides[0].at(hosts.masters[1].url))
    stored = sides[0].upload(PATH, b"base")
    known = {"X_EchoFS_Consistency": "hybrid", "X_EchoFS_Session": stored.headers["X-EchoFS-Session"]}

    def copied(side: User) -> bool:
        return side.download(stored.data["file"]["id"], **known).headers.get("X-EchoFS-Consistency") == "hybrid"

    eventually(lambda: all(map(copied, sides)), "both hosts have copied the head")
    with frozen(database):
        for side, text in zip(sides, (b"left", b"right"), strict=True):
            assert side.upload(PATH, text, X_EchoFS_On_Conflict="ask").json["consistency"]["provisional"]

    def waiting() -> bool:
        reply = sides[0].call("GET", "/api/v1/conflicts")
        return reply.status == 200 and len(reply.data["conflicts"]) == 1

    eventually(waiting, "what was written later waits for a decision")
    page.reload()
    expect(page.get_by_label("1 to be decided")).to_be_visible()
    visitor.part("Conflicts")
    conflict = page.get_by_role("region", name=f"Conflict about {PATH}")
    expect(conflict).to_contain_text("met another change of the same file")
    conflict.get_by_role("button", name="Keep both").click()
    expect(page.get_by_role("heading", name="Nothing to decide")).to_be_visible()
    expect(page.get_by_label("1 to be decided")).to_have_count(0)
    visitor.part("Files")
    expect(page.get_by_role("row")).to_have_count(3)
    files = visitor.ask("GET", "/files?folder=")["files"]
    assert {visitor.stored(file["path"]) for file in files} == {b"left", b"right"}
