"""Conflicts over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from echofs.core.conflicts import Rule
from echofs.core.entries import JournalEntry, OnConflict
from echofs.services.conflicts import Conflicts
from echofs.web.conflicts import conflicts_blueprint
from tests.unit.core.conflict_values import a_file, entry_of
from tests.unit.services.data_plane import DataPlane
from tests.web.conftest import Site


@pytest.fixture
def plane() -> Iterator[DataPlane]:
    plane = DataPlane()
    yield plane
    plane.stop()


@pytest.fixture
def conflicted(site: Site, plane: DataPlane) -> Site:
    site.app.register_blueprint(conflicts_blueprint(Conflicts(plane.catalog, plane.resolver, plane.clock)))
    return site


def _entry(site: Site, path: str = "a.txt") -> JournalEntry:
    """What alice wrote and must decide on."""
    owner_id = site.users.by_login("alice").id
    return replace(entry_of(a_file("mine", path, file_id=path), None, OnConflict.ASK), owner_id=owner_id)


def _call(site: Site, path: str = "", *, name: str = "alice", body: object = None, status: int = 200) -> Any:
    headers = {"Authorization": f"Bearer {site.login(name)['access_token']}"}
    address = f"/api/v1/conflicts{path}"
    if body is None:
        answer = site.client.get(address, headers=headers)
    else:
        answer = site.client.post(address, json=body, headers=headers)
    assert answer.status_code == status, answer.text
    return answer.get_json()


def test_a_conflict_that_waits_says_what_waits(conflicted: Site, plane: DataPlane) -> None:
    entry = _entry(conflicted)
    plane.resolver.open(entry, Rule.ASK)
    (shown,) = _call(conflicted, "?state=open")["data"]["conflicts"]
    dot = entry.version.dot
    assert (shown["id"], shown["rule"], shown["state"]) == (f"{dot.origin}:{dot.counter}", "ask", "open")
    assert (shown["path"], shown["kept"], shown["resolved_at"]) == ("a.txt", [], None)
    assert shown["mine"]["digest"] == entry.version.content.digest
    assert _call(conflicted, f"/{shown['id']}")["data"]["conflict"] == shown
    assert _call(conflicted, "?state=resolved")["data"] == {"conflicts": [], "next": None}


def test_a_decision_is_answered_with_what_was_kept(conflicted: Site, plane: DataPlane) -> None:
    plane.resolver.open(_entry(conflicted), Rule.ASK)
    (shown,) = _call(conflicted)["data"]["conflicts"]
    answer = _call(conflicted, f"/{shown['id']}/resolve", body={"keep": "mine"})["data"]["conflict"]
    assert (answer["state"], answer["mine"]) == ("resolved", None)
    assert answer["kept"] == [{"id": "a.txt", "version": 1}]
    assert answer["resolved_at"] is not None


def test_conflicts_come_in_pages(conflicted: Site, plane: DataPlane) -> None:
    for path in ("a", "b", "c"):
        plane.resolver.open(_entry(conflicted, path), Rule.ASK)
        plane.clock.advance(1)
    first = _call(conflicted, "?limit=2")["data"]
    assert [record["path"] for record in first["conflicts"]] == ["c", "b"]
    second = _call(conflicted, f"?limit=2&after={first['next']}")["data"]
    assert ([record["path"] for record in second["conflicts"]], second["next"]) == (["a"], None)


def test_another_users_conflict_is_a_missing_one(conflicted: Site, plane: DataPlane) -> None:
    conflicted.register("bob")
    plane.resolver.open(_entry(conflicted), Rule.ASK)
    (shown,) = _call(conflicted)["data"]["conflicts"]
    assert _call(conflicted, name="bob")["data"]["conflicts"] == []
    missing = _call(conflicted, "/nobody:1", name="bob", status=404)["error"]["code"]
    assert _call(conflicted, f"/{shown['id']}", name="bob", status=404)["error"]["code"] == missing
    _call(conflicted, f"/{shown['id']}/resolve", name="bob", body={"keep": "theirs"}, status=404)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("?state=closed", None, "state"),
        ("?limit=0", None, "limit"),
        ("?after=x", None, "after"),
        ("/a:1/resolve", {"keep": "none"}, "keep"),
        ("/a:1/resolve", {}, "keep"),
        ("/a:1/resolve", {"keep": "mine", "owner": "bob"}, "owner"),
    ],
)
def test_bad_requests_name_the_field(conflicted: Site, path: str, body: object, field: str) -> None:
    assert _call(conflicted, path, body=body, status=400)["error"]["field"] == field
