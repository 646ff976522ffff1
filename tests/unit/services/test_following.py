"""The copy of heads follows the catalog, tells its age rightly, and begins anew with another catalog."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.errors import CatalogUnavailable
from echofs.ports.catalog import Changes
from echofs.ports.listing import ListQuery
from echofs.services.following import FOLLOW_SECONDS, Following
from tests.contracts.catalog_values import ALICE, first, following, make
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.follower import MemoryFollower
from tests.fakes.gate import FakeGate


class World:
    """A catalog and the copy of one host."""

    def __init__(self, *, capacity: int = 10_000) -> None:
        self.clock = FakeClock()
        self.catalog = MemoryCatalog(self.clock)
        self.follower = MemoryFollower(self.clock, capacity=capacity)
        self.gate = FakeGate()
        self.following = Following(self.catalog, self.follower, self.gate, self.clock, capacity=capacity)

    def follow(self) -> None:
        """The next round, at its time."""
        self.clock.advance(FOLLOW_SECONDS)
        self.following.run_once()

    def whole(self) -> bool:
        page = self.follower.page(ListQuery(ALICE))
        assert page is not None
        return page.whole


@pytest.fixture
def world() -> World:
    return World()


def test_it_begins_with_what_is_there_and_goes_on_from_there(world: World) -> None:
    old = make(world.catalog, first("old"))
    world.follow()
    assert world.follower.head(ALICE, old.id) == (old, 0.0, 1)
    assert world.whole()
    changed = make(world.catalog, following(old))
    world.follow()
    assert world.follower.head(ALICE, old.id) == (changed, 0.0, 2)


def test_a_long_history_is_taken_in_in_one_round(world: World) -> None:
    files = [make(world.catalog, first(f"file-{number}")) for number in range(2500)]
    world.follow()
    assert world.follower.age() == 0.0
    assert all(world.follower.head(ALICE, file.id) for file in files)


def test_of_more_than_it_can_hold_it_takes_the_latest(world: World) -> None:
    world = World(capacity=5)
    files = [make(world.catalog, first(f"file-{number}")) for number in range(8)]
    world.follow()
    assert [file.path for file in files if world.follower.head(ALICE, file.id)] == [f"file-{n}" for n in range(3, 8)]
    assert not world.whole()


def test_its_age_counts_from_before_the_question(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = world.catalog.changes

    def slowly(after: int, limit: int) -> Changes:
        changes = ask(after, limit)
        world.clock.advance(3)
        return changes

    monkeypatch.setattr(world.catalog, "changes", slowly)
    world.follow()
    assert world.follower.age() == 3.0


def test_what_is_withheld_keeps_it_from_calling_itself_fresh(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.follow()
    ask = world.catalog.changes
    world.clock.advance(2)
    with monkeypatch.context() as withholding:
        withholding.setattr(
            world.catalog, "changes", lambda after, limit: replace(ask(after, limit), files=(), upto=after, newest=9)
        )
        world.follow()
    assert world.follower.age() == 2.0 + FOLLOW_SECONDS


def test_another_catalog_than_before_is_followed_from_its_beginning(world: World) -> None:
    for number in range(5):
        make(world.catalog, first(f"file-{number}"))
    world.follow()
    world.catalog.clear()
    file = make(world.catalog, first("restored"))
    world.follow()
    page = world.follower.page(ListQuery(ALICE))
    assert page is not None
    assert page.page.files == (file,)


def test_one_process_of_the_host_asks(world: World) -> None:
    with world.follower.lead():
        world.follow()
        assert world.follower.position() is None
    world.follow()
    assert world.follower.position() == 0


def test_a_process_does_not_ask_what_another_of_its_host_has_just_asked(world: World) -> None:
    world.follow()
    make(world.catalog, first("new"))
    world.clock.advance(FOLLOW_SECONDS / 4)
    world.following.run_once()
    assert world.follower.position() == 0
    world.follow()
    assert world.follower.position() == 1


def test_while_the_gate_is_shut_nothing_is_asked(world: World) -> None:
    world.gate.open = False
    world.follow()
    assert world.follower.position() is None
    world.gate.open = True
    world.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        world.follow()


def test_a_catalog_without_an_order_of_changes_is_not_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryCatalog, "follows", False)
    world.follow()
    assert (world.follower.position(), world.follower.age()) == (None, None)
