"""Listings come from the catalog, and while it is away from what this host knows, marked as such."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.consistency import Guarantee
from echofs.core.errors import CatalogUnavailable, InvalidRequest
from echofs.core.goals import parse_ask
from echofs.core.models import Level
from echofs.core.session_tokens import Line, Session, Unmet
from echofs.ports.listing import ListQuery
from echofs.services.listings import FoundPage
from tests.unit.services.data_plane import OWNER, DataPlane

NOBODY = Session(OWNER)


def listed(
    plane: DataPlane, level: str = "auto", session: Session = NOBODY, folder: str | None = "", **query: object
) -> FoundPage:
    return plane.listings.page(ListQuery(OWNER, folder=folder, **query), parse_ask(level), session)  # type: ignore[arg-type]


def paths(found: FoundPage) -> list[str]:
    return [file.path for file in found.page.files]


@pytest.fixture
def plane(plane: DataPlane) -> DataPlane:
    """Three files that the host's copy knows."""
    plane.follow(*(plane.put(path, b"one").file for path in ("a", "b", "sub/c")))
    return plane


@pytest.mark.parametrize("level", ["auto", "strong", "hybrid", "available"])
def test_the_catalog_answers_at_every_level(plane: DataPlane, level: str) -> None:
    plane.put("new", b"one")
    found = listed(plane, level)
    assert paths(found) == ["a", "b", "new"]
    assert found.folders == ["sub"]
    assert (found.level, found.guarantee, found.age, found.degraded) == (
        Level.STRONG,
        Guarantee.LINEARIZABLE,
        0.0,
        False,
    )


@pytest.mark.parametrize("level", ["auto", "strong", "available"])
def test_a_listing_says_that_the_sessions_own_write_is_not_committed_yet(plane: DataPlane, level: str) -> None:
    plane.cut_catalog()
    written = plane.put("new", b"one", level="available")
    session = NOBODY.saw(written.file.head, written.line, provisional=True)
    plane.heal_catalog()
    found = listed(plane, level, session)
    assert (found.degraded, found.reason) == (True, Unmet.WAITING.value)
    assert not listed(plane, level).degraded
    plane.replay()
    found = listed(plane, level, session)
    assert (paths(found), found.degraded, found.reason) == (["a", "b", "new"], False, "")


def test_without_the_catalog_the_copy_is_listed_with_its_age(plane: DataPlane) -> None:
    plane.cut_catalog()
    plane.clock.advance(60)
    found = listed(plane)
    assert paths(found) == ["a", "b"]
    assert found.folders == ["sub"]
    assert (found.level, found.guarantee, found.age, found.degraded) == (Level.AVAILABLE, Guarantee.NONE, 60.0, True)
    assert found.reason == "The catalog does not answer: these are the files that this master knows."
    assert found.session.position == plane.follower.position()
    assert not listed(plane, "available").degraded
    assert paths(listed(plane, folder="sub")) == ["sub/c"]


def test_pages_follow_each_other_without_the_catalog(plane: DataPlane) -> None:
    plane.cut_catalog()
    first = listed(plane, folder=None, limit=2)
    rest = listed(plane, folder=None, limit=2, after=first.page.next)
    assert paths(first) + paths(rest) == ["a", "b", "sub/c"]
    assert (rest.page.next, rest.folders) == ("", [])
    with pytest.raises(InvalidRequest):
        listed(plane, folder=None, after="nonsense")


def test_provisional_versions_are_listed_in_the_place_of_those_before(plane: DataPlane) -> None:
    plane.cut_catalog()
    a, b = (plane.follower.at(OWNER, path) for path in "ab")
    assert a is not None
    assert b is not None
    plane.files.move(OWNER, a.file.id, "z", plane.wish(level="available"))
    plane.files.delete(OWNER, b.file.id, plane.wish(level="available"))
    plane.put("new", b"one", level="available")
    found = listed(plane, "available")
    assert paths(found) == ["new", "z"]
    assert found.provisional


def test_a_listing_that_lacks_what_was_seen_is_marked(plane: DataPlane) -> None:
    head = plane.put("a", b"two").file.head
    session = NOBODY.saw(head, Line.of(head))
    plane.cut_catalog()
    found = listed(plane, "available", session)
    assert (found.degraded, found.guarantee) == (True, Guarantee.NONE)
    assert Unmet.OLDER.value in found.reason
    ahead = replace(NOBODY, position=99)
    assert Unmet.BEHIND.value in listed(plane, "available", ahead).reason
    with pytest.raises(CatalogUnavailable):
        listed(plane, "hybrid", session)


def test_a_listing_that_has_what_was_seen_keeps_the_sessions_guarantees(plane: DataPlane) -> None:
    copy = plane.follower.at(OWNER, "a")
    assert copy is not None
    session = NOBODY.saw(copy.file.head, Line.of(copy.file.head))
    plane.cut_catalog()
    assert listed(plane, "available", session).guarantee is Guarantee.SESSION
    assert listed(plane, "hybrid", session).guarantee is Guarantee.BOUNDED
    assert listed(plane, "hybrid").guarantee is Guarantee.LAGGING


def test_a_hybrid_listing_never_lags_more_than_it_may(plane: DataPlane) -> None:
    plane.cut_catalog()
    plane.clock.advance(5)
    assert listed(plane, "hybrid").level is Level.HYBRID
    with pytest.raises(CatalogUnavailable):
        listed(plane, "bounded;t=4s")
    plane.clock.advance(0.1)
    with pytest.raises(CatalogUnavailable):
        listed(plane, "hybrid")
    plane.floors.least = Level.HYBRID
    with pytest.raises(CatalogUnavailable):
        listed(plane, "available")


def test_a_strong_listing_comes_from_the_catalog_alone(plane: DataPlane) -> None:
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        listed(plane, "strong")
    plane.floors.least = Level.STRONG
    for level in ("auto", "available"):
        with pytest.raises(CatalogUnavailable):
            listed(plane, level)


def test_a_copy_that_had_to_leave_files_out_says_so(plane: DataPlane) -> None:
    plane.follower.begin(7, whole=False)
    plane.follow(plane.put("late", b"one").file)
    plane.cut_catalog()
    found = listed(plane, "available")
    assert paths(found) == ["late"]
    assert found.degraded
    assert "There may be others" in found.reason


def test_a_host_that_never_had_a_copy_lists_nothing(plane: DataPlane) -> None:
    plane.follower.begin(0, whole=True)
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        listed(plane, "available")
