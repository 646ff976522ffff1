"""What a read gets at each level, with the catalog and without it, and what a session token adds to that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.consistency import Guarantee
from echofs.core.errors import CatalogUnavailable, NotFound, Unavailable
from echofs.core.goals import parse_ask
from echofs.core.models import File, Level
from echofs.core.session_tokens import Line, Session
from echofs.services.found import Found
from echofs.services.publishing import Published
from tests.unit.services.data_plane import OWNER, DataPlane

NOBODY = Session(OWNER)


def after(published: Published, session: Session = NOBODY) -> Session:
    """What a client has seen once it was answered."""
    return session.saw(published.file.head, published.line, provisional=published.receipt.provisional)


def what(found: Found) -> tuple[File, Level, Guarantee, float | None, bool]:
    return found.file, found.level, found.guarantee, found.age, found.degraded


@pytest.fixture
def file(plane: DataPlane) -> File:
    """A file that the host's copy knows as it is."""
    file = plane.put("a", b"one").file
    plane.follow(file)
    return file


# --- strong ---


def test_a_strong_read_comes_from_the_catalog_alone(plane: DataPlane, file: File) -> None:
    found = plane.find(file.id, "strong")
    assert what(found) == (file, Level.STRONG, Guarantee.LINEARIZABLE, 0.0, False)
    plane.find(file.id, "hybrid")
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        plane.find(file.id, "strong")


def test_a_strong_read_says_when_what_the_session_wrote_is_not_committed_yet(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    session = after(plane.put("a", b"two", level="available"))
    plane.heal_catalog()
    found = plane.find(file.id, "strong", session)
    assert what(found) == (file, Level.STRONG, Guarantee.LINEARIZABLE, 0.0, True)
    assert "is not part of this one" in found.reason
    plane.replay()
    found = plane.find(file.id, "strong", found.session)
    assert (found.file.head.number, found.degraded) == (2, False)
    assert found.session.of(file.id).waiting == ()


def test_a_file_that_waits_on_another_master_is_not_said_to_be_missing(plane: DataPlane) -> None:
    plane.cut_catalog()
    published = plane.put("new", b"one", level="available")
    plane.heal_catalog()
    session = after(published)
    with pytest.raises(Unavailable, match="not committed yet"):
        plane.find(published.file.id, "strong", session)
    with pytest.raises(NotFound):
        plane.find(published.file.id, "strong")
    plane.replay()
    plane.files.delete(OWNER, published.file.id, plane.wish())
    with pytest.raises(NotFound):
        plane.find(published.file.id, "strong", session)


# --- hybrid ---


def test_without_a_token_a_hybrid_read_asks_the_catalog_rather_than_the_copy(plane: DataPlane, file: File) -> None:
    plane.heads_cached.away = True
    plane.clock.advance(1)
    replaced = plane.put("a", b"two").file
    assert what(plane.find(file.id, "hybrid"))[:2] == (replaced, Level.STRONG)


def test_with_a_token_a_hybrid_read_comes_from_a_young_copy_that_has_what_was_seen(
    plane: DataPlane, file: File
) -> None:
    plane.heads_cached.away = True
    session = plane.find(file.id, "strong").session
    plane.clock.advance(4)
    found = plane.find(file.id, "hybrid", session)
    assert what(found) == (file, Level.HYBRID, Guarantee.BOUNDED, 4.0, False)
    assert found.session.position == plane.follower.position()
    plane.clock.advance(2)
    assert plane.find(file.id, "hybrid", session).level is Level.STRONG


@pytest.mark.parametrize(("text", "level"), [("bounded;t=2s", Level.HYBRID), ("bounded;t=1900ms", Level.STRONG)])
def test_a_bounded_read_never_lags_more_than_it_may(plane: DataPlane, file: File, text: str, level: Level) -> None:
    plane.heads_cached.away = True
    session = plane.find(file.id, "strong").session
    plane.clock.advance(2)
    assert plane.find(file.id, text, session).level is level


def test_a_hybrid_read_of_what_the_copy_does_not_have_yet_asks_the_catalog(plane: DataPlane, file: File) -> None:
    plane.heads_cached.away = True
    published = plane.put("a", b"two")
    found = plane.find(file.id, "hybrid", after(published))
    assert what(found) == (published.file, Level.STRONG, Guarantee.LINEARIZABLE, 0.0, False)
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        plane.find(file.id, "hybrid", after(published))


def test_a_hybrid_read_from_the_shared_cache_is_checked_against_the_token(plane: DataPlane, file: File) -> None:
    plane.find(file.id, "hybrid")
    second = replace(file.head, number=2, parent=1)
    session = NOBODY.saw(second, Line.of(second))
    assert plane.find(file.id, "hybrid", session).level is Level.STRONG
    assert plane.find(file.id, "hybrid").level is Level.HYBRID


def test_without_the_catalog_a_hybrid_read_goes_on_while_the_copy_is_young(plane: DataPlane, file: File) -> None:
    session = plane.find(file.id, "strong").session
    plane.cut_catalog()
    plane.clock.advance(5)
    assert what(plane.find(file.id, "hybrid")) == (file, Level.HYBRID, Guarantee.LAGGING, 5.0, False)
    assert what(plane.find(file.id, "hybrid", session)) == (file, Level.HYBRID, Guarantee.BOUNDED, 5.0, False)
    plane.clock.advance(0.001)
    for each in (session, NOBODY):
        with pytest.raises(CatalogUnavailable):
            plane.find(file.id, "hybrid", each)


def test_a_hybrid_read_never_shows_a_provisional_version(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    session = after(plane.put("a", b"two", level="available"))
    assert plane.find(file.id, "hybrid").file == file
    with pytest.raises(CatalogUnavailable):
        plane.find(file.id, "hybrid", session)
    plane.heal_catalog()
    found = plane.find(file.id, "hybrid", session)
    assert what(found) == (file, Level.STRONG, Guarantee.LINEARIZABLE, 0.0, True)


def test_a_hybrid_read_of_a_file_that_the_copy_knows_as_deleted_finds_nothing(plane: DataPlane, file: File) -> None:
    session = plane.find(file.id, "strong").session
    plane.follow(plane.files.delete(OWNER, file.id, plane.wish()).file)
    plane.cut_catalog()
    for each in (session, NOBODY):
        with pytest.raises(NotFound):
            plane.find(file.id, "hybrid", each)


# --- available ---


def test_an_available_read_asks_the_catalog_when_it_answers(plane: DataPlane, file: File) -> None:
    plane.clock.advance(60)
    replaced = plane.put("a", b"two").file
    assert what(plane.find(file.id, "available")) == (replaced, Level.STRONG, Guarantee.LINEARIZABLE, 0.0, False)


def test_without_the_catalog_an_available_read_tells_its_age(plane: DataPlane, file: File) -> None:
    session = plane.find(file.id, "strong").session
    plane.cut_catalog()
    plane.clock.advance(3600)
    assert what(plane.find(file.id, "available")) == (file, Level.AVAILABLE, Guarantee.NONE, 3600.0, False)
    found = plane.find(file.id, "available", session)
    assert what(found) == (file, Level.AVAILABLE, Guarantee.SESSION, 3600.0, False)


def test_a_gate_that_has_not_noticed_yet_makes_no_difference(plane: DataPlane, file: File) -> None:
    plane.catalog.down = True
    assert plane.find(file.id, "available").file == file


def test_an_available_read_that_lacks_what_was_seen_is_marked(plane: DataPlane, file: File) -> None:
    session = after(plane.put("a", b"two"))
    plane.cut_catalog()
    found = plane.find(file.id, "available", session)
    assert what(found) == (file, Level.AVAILABLE, Guarantee.NONE, 0.0, True)
    assert found.reason == "This session has seen a newer version of the file."
    assert found.session.of(file.id).committed == 2


def test_a_copy_behind_another_that_the_session_read_from_is_marked(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    session = replace(NOBODY, position=(plane.follower.position() or 0) + 1)
    found = plane.find(file.id, "available", session)
    assert (found.degraded, found.guarantee) == (True, Guarantee.NONE)
    assert "later state" in found.reason


def test_a_provisional_version_is_readable_at_once(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    plane.clock.advance(2)
    published = plane.put("a", b"two", level="available")
    for session in (NOBODY, after(published)):
        found = plane.find(file.id, "available", session)
        assert what(found) == (published.file, Level.AVAILABLE, Guarantee.CAUSAL, 2.0, False)
        assert found.provisional
        assert found.session.of(file.id).waiting[0].dot == published.file.head.dot
    new = plane.put("new", b"one", level="available")
    found = plane.find(new.file.id, "available")
    assert (found.file, found.provisional, found.age) == (new.file, True, 2.0)


def test_a_provisional_version_holds_the_provisional_ones_before_it(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    first = after(plane.put("a", b"two", level="available"))
    for data in (b"three", b"four"):
        last = plane.put("a", data, level="available")
    found = plane.find(file.id, "available", first)
    assert what(found)[:3] == (last.file, Level.AVAILABLE, Guarantee.CAUSAL)
    assert not found.degraded


def test_an_overtaken_provisional_version_says_so_and_claims_no_age(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    mine = plane.put("a", b"mine", level="available")
    theirs = replace(file, head=replace(file.head, number=2, parent=1, dot=replace(file.head.dot, origin="theirs")))
    plane.follow(theirs)
    found = plane.find(file.id, "available", after(mine))
    assert what(found) == (mine.file, Level.AVAILABLE, Guarantee.CAUSAL, None, True)
    assert "Another version was committed meanwhile" in found.reason
    # Whoever has seen the other one is shown that, as the copy has it.
    session = NOBODY.saw(theirs.head, Line.of(theirs.head))
    assert what(plane.find(file.id, "available", session))[:3] == (theirs, Level.AVAILABLE, Guarantee.SESSION)


def test_a_provisional_end_is_an_end(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    plane.files.delete(OWNER, file.id, plane.wish(level="available"))
    for level in ("available", "auto"):
        with pytest.raises(NotFound):
            plane.find(file.id, level)


def test_what_this_master_does_not_know_is_not_said_to_be_missing(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable, match="does not know the file"):
        plane.find("f" * 32, "available")


def test_a_deleted_file_that_the_session_has_seen_alive_since_is_not_said_to_be_missing(
    plane: DataPlane, file: File
) -> None:
    plane.follow(plane.files.delete(OWNER, file.id, plane.wish()).file)
    revived = replace(file.head, number=3, parent=2)
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        plane.find(file.id, "available", NOBODY.saw(revived, Line.of(revived)))
    with pytest.raises(NotFound):
        plane.find(file.id, "available")


def test_nothing_is_anybody_elses(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    mine = plane.put("a", b"two", level="available")
    for level in ("available", "hybrid", "auto"):
        with pytest.raises(CatalogUnavailable):
            plane.find(mine.file.id, level, owner_id="stranger")


# --- auto, lists and floors ---


def test_left_to_itself_a_read_asks_the_catalog_and_goes_on_without_it(plane: DataPlane, file: File) -> None:
    assert what(plane.find(file.id)) == (file, Level.STRONG, Guarantee.LINEARIZABLE, 0.0, False)
    plane.cut_catalog()
    plane.clock.advance(9)
    found = plane.find(file.id)
    assert what(found) == (file, Level.AVAILABLE, Guarantee.NONE, 9.0, True)
    assert found.reason == "The catalog does not answer: this is what this master last knew."
    assert plane.meters.count("degraded_reads", level="available") == 1
    assert plane.meters.count("staleness_seconds", level="available") == 9.0
    assert plane.meters.count("staleness_seconds", level="strong") == 0.0


def test_left_to_itself_a_read_finds_what_waits_here_also_when_the_catalog_is_back(
    plane: DataPlane, file: File
) -> None:
    plane.cut_catalog()
    second = plane.put("a", b"two", level="available")
    new = plane.put("new", b"one", level="available")
    plane.heal_catalog()
    found = plane.find(file.id, "auto", after(second))
    assert (found.file, found.provisional, found.degraded) == (second.file, True, True)
    found = plane.find(new.file.id)
    assert (found.file, found.provisional, found.degraded) == (new.file, True, True)
    plane.floors.least = Level.HYBRID
    assert plane.find(file.id, "auto", after(second)).file == file
    with pytest.raises(NotFound):
        plane.find(new.file.id)


def test_left_to_itself_a_read_goes_no_lower_than_the_floor(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    plane.floors.least = Level.HYBRID
    assert what(plane.find(file.id)) == (file, Level.HYBRID, Guarantee.LAGGING, 0.0, True)
    plane.clock.advance(6)
    with pytest.raises(CatalogUnavailable):
        plane.find(file.id)
    plane.floors.least = Level.STRONG
    with pytest.raises(CatalogUnavailable):
        plane.find(file.id)


def test_a_level_below_the_floor_is_raised_to_it(plane: DataPlane, file: File) -> None:
    plane.floors.least = Level.STRONG
    found = plane.find(file.id, "available")
    assert (found.level, found.degraded) == (Level.STRONG, False)
    assert found.reason == "Strong is the least that the system's floor allows."
    plane.cut_catalog()
    for level in ("available", "hybrid", "strong, available"):
        with pytest.raises(CatalogUnavailable):
            plane.find(file.id, level)


def test_a_list_goes_on_to_the_next_level_and_says_so(plane: DataPlane, file: File) -> None:
    assert not plane.find(file.id, "strong, available").degraded
    plane.cut_catalog()
    plane.clock.advance(7)
    found = plane.find(file.id, "strong, hybrid, available")
    assert what(found) == (file, Level.AVAILABLE, Guarantee.NONE, 7.0, True)
    with pytest.raises(CatalogUnavailable):
        plane.find(file.id, "strong, hybrid")


def test_a_catalog_that_is_too_slow_for_the_latency_hoped_for_is_not_waited_for(plane: DataPlane, file: File) -> None:
    plane.heads_cached.away = True
    session = plane.find(file.id, "strong").session
    plane.gate.calls = [0.2] * 9
    found = plane.find(file.id, "strong@50ms, hybrid", session)
    assert (found.level, found.degraded) == (Level.HYBRID, True)
    assert found.reason == "The catalog was expected to take 200 ms."
    assert plane.find(file.id, "strong@250ms, hybrid", session).level is Level.STRONG
    assert plane.find(file.id, "strong@50ms", session).level is Level.STRONG


# --- by path ---


def at(plane: DataPlane, path: str, level: str = "auto", session: Session = NOBODY) -> Found:
    return plane.reads.find_at(OWNER, path, parse_ask(level), session)


@pytest.mark.parametrize("level", ["auto", "strong", "hybrid", "available"])
def test_a_file_is_found_by_its_path_as_by_its_id(plane: DataPlane, file: File, level: str) -> None:
    first = plane.find(file.id, level)  # The cache knows it from now on.
    assert at(plane, "a", level).file == first.file
    assert what(at(plane, "a", level)) == what(plane.find(file.id, level))
    for path in ("A", "a/", "b", ""):
        with pytest.raises(NotFound):
            at(plane, path, level)


@pytest.mark.parametrize("level", ["auto", "strong", "hybrid", "available"])
def test_a_file_that_was_moved_is_found_at_its_new_path_only(plane: DataPlane, file: File, level: str) -> None:
    plane.find(file.id, "hybrid")
    plane.heads_cached.away = True  # The cache is not told of the move, and comes back.
    moved = plane.files.move(OWNER, file.id, "b", plane.wish()).file
    plane.heads_cached.away = False
    assert at(plane, "b", level).file == moved
    with pytest.raises(NotFound):
        at(plane, "a", level)


def test_without_the_catalog_a_path_is_what_this_host_knows(plane: DataPlane, file: File) -> None:
    plane.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        at(plane, "a", "strong")
    assert at(plane, "a", "available").file == file
    moved = plane.files.move(OWNER, file.id, "b", plane.wish(level="available")).file
    assert at(plane, "b").file == moved
    for unknown in ("a", "c"):
        with pytest.raises(CatalogUnavailable):
            at(plane, unknown)


def test_a_provisional_file_is_found_by_its_path_by_whoever_may_see_it(plane: DataPlane) -> None:
    plane.cut_catalog()
    published = plane.put("new", b"one", level="available")
    plane.heal_catalog()
    assert at(plane, "new", "available").file == published.file
    with pytest.raises(NotFound):
        at(plane, "new", "strong")
