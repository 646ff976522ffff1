"""Strong reads ask the catalog; hybrid ones may find a head in the cache, and never another user's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from echofs.core.errors import CatalogUnavailable, NotFound
from echofs.core.models import Level
from echofs.services.heads import Heads
from tests.unit.services.data_plane import OWNER, DataPlane


@pytest.fixture
def plane() -> Iterator[DataPlane]:
    plane = DataPlane()
    yield plane
    plane.stop()


def test_a_strong_read_asks_the_catalog_whatever_is_cached(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.find(file.id, "hybrid")
    plane.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        plane.find(file.id, "strong")


def test_a_hybrid_read_asks_the_catalog_once_and_then_the_cache(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    first = plane.find(file.id, "hybrid")
    assert (first.file, first.level, first.age) == (file, Level.STRONG, 0.0)
    plane.catalog.down = True
    plane.clock.advance(2)
    second = plane.find(file.id, "hybrid")
    assert (second.file, second.level, second.age) == (file, Level.HYBRID, 2.0)
    assert plane.meters.count("head_lookups", result="miss") == 1
    assert plane.meters.count("head_lookups", result="hit") == 1


def test_a_head_older_than_the_client_allows_is_asked_for_again(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.find(file.id, "hybrid")
    plane.clock.advance(2)
    assert plane.find(file.id, "bounded;t=1s").level is Level.STRONG
    assert plane.find(file.id, "bounded;t=1s").level is Level.HYBRID


def test_the_age_counts_from_the_sending_of_the_question(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    file = plane.put("a", b"one").file
    ask = plane.catalog.file

    def slowly(owner_id: str, file_id: str) -> object:
        found = ask(owner_id, file_id)
        plane.clock.advance(3)
        return found

    with monkeypatch.context() as slow:
        slow.setattr(plane.catalog, "file", slowly)
        plane.find(file.id, "hybrid")
    assert plane.find(file.id, "hybrid").age == 3.0


def test_after_any_write_a_hybrid_read_finds_it(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.find(file.id, "hybrid")
    replaced = plane.put("a", b"two").file
    assert plane.find(file.id, "hybrid").file == replaced
    moved = plane.files.move(OWNER, file.id, "b", plane.wish()).file
    assert plane.find(file.id, "hybrid").file == moved
    plane.files.delete(OWNER, file.id, plane.wish())
    with pytest.raises(NotFound):
        plane.find(file.id, "hybrid")


def test_a_cached_file_of_another_user_is_not_found_as_the_catalog_says_it(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    with pytest.raises(NotFound) as unknown:
        plane.find("f" * 32, "hybrid", owner_id="stranger")
    plane.find(file.id, "hybrid")
    with pytest.raises(NotFound) as foreign:
        plane.find(file.id, "hybrid", owner_id="stranger")
    assert foreign.value.message == unknown.value.message


def test_without_a_usable_cache_hybrid_reads_ask_the_catalog(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.heads_cached.away = True
    assert plane.find(file.id, "hybrid").level is Level.STRONG
    assert plane.find(file.id, "hybrid").level is Level.STRONG
    assert plane.meters.count("head_lookups", result="away") == 2
    assert Heads(plane.catalog, None, plane.meters).look(OWNER, file.id, 5.0).file is None


def test_a_new_file_needs_no_cache_to_be_told(plane: DataPlane) -> None:
    plane.heads_cached.away = True
    assert plane.put("a", b"one").receipt.reason == ""


def test_a_receipt_says_when_other_masters_could_not_be_told(plane: DataPlane) -> None:
    plane.put("a", b"one")
    plane.heads_cached.away = True
    published = plane.put("a", b"two")
    assert published.receipt.committed
    assert "for 5 s hybrid reads" in published.receipt.reason


def test_a_repeated_answer_tells_the_other_masters_again(plane: DataPlane) -> None:
    file = plane.put("a", b"one").file
    plane.heads_cached.away = True
    plane.put("a", b"two", key="again")
    plane.heads_cached.away = False
    lookup = plane.heads_cached.find(file.id)
    replayed = plane.uploads.replay(OWNER, plane.wish("again"))
    assert replayed is not None
    assert "hybrid reads" not in replayed.receipt.reason
    plane.heads_cached.keep(file, lookup)
    assert plane.heads_cached.find(file.id).file is None
