"""Floors are effective at once where they are set, and count for a while without the catalog."""

from __future__ import annotations

import pytest

from echofs.core.errors import CatalogUnavailable, InvalidName, InvalidRequest, NotFound
from echofs.core.models import File, Floor, FloorScope, Level
from echofs.ports.catalog import Changes
from echofs.services import floors as module
from echofs.services.floors import Floors
from echofs.services.parents import Place
from tests.contracts.catalog_values import ALICE, BOB, deleted, first, make, moved
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.follower import MemoryFollower
from tests.fakes.offline import MemoryFloors

STRONG, HYBRID, AVAILABLE = Level


class World:
    """A catalog, and two masters of one host."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.catalog = MemoryCatalog(self.clock)
        self.offline = MemoryFloors(self.clock)
        self.follower = MemoryFollower(self.clock)
        self.critical: set[str] = set()
        self.floors, self.elsewhere = self.master(), self.master()

    def master(self, system: Level = AVAILABLE) -> Floors:
        return Floors(
            self.catalog,
            self.offline,
            self.follower,
            self.clock,
            system=system,
            offline_seconds=300,
            critical=lambda: self.critical,
        )

    def follow(self, file: File) -> None:
        self.follower.begin(0, whole=True)
        self.follower.take(Changes((file,), 1, 1), 0, self.clock.monotonic())

    def cut(self, seconds: float = 2.0) -> None:
        self.clock.advance(seconds)
        self.catalog.down = True


@pytest.fixture
def world() -> World:
    return World()


def folder(path: str, level: Level = STRONG) -> Floor:
    return Floor(ALICE, FloorScope.FOLDER, path, level)


def of_file(file: File, level: Level = STRONG) -> Floor:
    return Floor(ALICE, FloorScope.FILE, file.id, level)


def test_without_floors_the_systems_holds(world: World) -> None:
    assert world.floors.find(ALICE, "f").level is AVAILABLE
    assert world.master(HYBRID).find(ALICE, "f").level is HYBRID
    assert world.master(HYBRID).system is HYBRID


def test_a_floor_is_effective_at_once_here_and_within_a_second_elsewhere(world: World) -> None:
    for master in (world.floors, world.elsewhere):
        assert master.find(ALICE, path="a/x").level is AVAILABLE
    world.floors.put(folder("a"))
    assert world.floors.find(ALICE, path="a/x").level is STRONG
    assert world.floors.find(BOB, path="a/x").level is AVAILABLE
    world.clock.advance(1)
    assert world.elsewhere.find(ALICE, path="a/x").level is STRONG
    world.floors.drop(ALICE, FloorScope.FOLDER, "a")
    assert world.floors.find(ALICE, path="a/x").level is AVAILABLE


def test_a_floor_holds_although_the_catalog_goes_away_right_after(world: World) -> None:
    for master in (world.floors, world.elsewhere):
        assert master.find(ALICE, path="a/x").level is AVAILABLE
    world.floors.put(folder("b"))
    world.floors.put(folder("a"))
    world.cut()
    for master in (world.floors, world.elsewhere, world.master()):
        assert [master.find(ALICE, path=path).level for path in ("a/x", "b/x", "c/x")] == [STRONG, STRONG, AVAILABLE]


def test_an_answer_from_before_a_change_is_not_remembered(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = world.catalog.floors

    def change_meanwhile(owner_id: str) -> list[Floor]:
        found = ask(owner_id)
        monkeypatch.undo()
        world.floors.put(folder("a"))
        return found

    monkeypatch.setattr(world.catalog, "floors", change_meanwhile)
    world.floors.find(ALICE, path="a/x")
    assert world.floors.find(ALICE, path="a/x").level is STRONG


def test_a_file_known_by_its_id_alone_is_in_its_folder(world: World) -> None:
    file = make(world.catalog, first("a/x"))
    world.follow(file)
    world.floors.put(folder("a"))
    assert world.floors.find(ALICE, file.id).level is STRONG
    # The copy still has it where it was.
    moved_file = make(world.catalog, moved(file, "b/x"))
    assert world.floors.find(ALICE, file.id).level is AVAILABLE
    world.follow(moved_file)
    world.cut()
    assert world.floors.find(ALICE, file.id).level is AVAILABLE
    assert world.floors.find(ALICE, "unknown").level is STRONG


def test_a_file_known_by_its_path_alone_has_its_own_floor(world: World) -> None:
    file = make(world.catalog, first("a/x"))
    world.follow(file)
    world.floors.put(of_file(file))
    assert world.floors.floor(Place(ALICE, path="a/x")).level is STRONG
    assert world.floors.floor(Place(ALICE, path="a/y")).level is AVAILABLE
    world.cut()
    assert world.floors.find(ALICE, path="a/x").level is STRONG
    assert world.floors.find(ALICE, path="a/y").level is AVAILABLE


def test_what_operators_call_critical_is_strong(world: World) -> None:
    file = make(world.catalog, first("a/x"))
    world.critical.add(file.id)
    assert world.floors.find(ALICE, file.id).critical
    assert world.floors.find(ALICE, path="a/x").critical
    assert not world.floors.find(ALICE, path="a/y").critical


def test_without_the_catalog_floors_count_for_a_while_and_then_nobody_is_served(world: World) -> None:
    world.floors.put(folder("a"))
    assert world.floors.find(ALICE, path="b").level is AVAILABLE
    world.cut(300)
    for master in (world.floors, world.elsewhere, world.master()):
        assert master.find(ALICE, path="a/x").level is STRONG
        assert master.find(ALICE, path="b/x").level is AVAILABLE
    world.clock.advance(0.1)
    with pytest.raises(CatalogUnavailable, match="which consistency"):
        world.floors.find(ALICE, path="b/x")
    with pytest.raises(CatalogUnavailable, match="which consistency"):
        world.floors.find(BOB, path="b/x")


def test_whoever_was_served_by_the_catalog_is_served_without_it(world: World) -> None:
    world.floors.put(folder("a"))
    for _ in range(60):
        world.floors.remember(ALICE)
        world.clock.advance(1)
    assert world.offline.kept == 4  # Before it was set, then, at the next question, and every half minute.
    world.cut(250)
    world.floors.remember(BOB)
    assert world.floors.find(ALICE, path="a/x").level is STRONG


def test_what_stays_the_same_is_kept_seldom(world: World) -> None:
    for _ in range(60):
        world.floors.find(ALICE)
        world.clock.advance(1)
    assert world.offline.kept == 2
    world.elsewhere.put(folder("a"))
    world.floors.find(ALICE)
    assert world.offline.recall(ALICE) == ((folder("a"),), 0.0)


def test_the_folder_is_kept_without_the_slashes_around_it(world: World) -> None:
    assert world.floors.put(folder("/a/b/")) == folder("a/b")
    world.floors.drop(ALICE, FloorScope.FOLDER, "/a/b")
    assert world.floors.listed(ALICE) == []
    with pytest.raises(InvalidName):
        world.floors.put(folder("a//b"))


def test_a_file_that_is_not_ones_own_has_no_floor(world: World) -> None:
    theirs = make(world.catalog, first("a", owner=BOB))
    mine = make(world.catalog, first("a"))
    gone = make(world.catalog, deleted(mine))
    for file in (theirs, gone):
        with pytest.raises(NotFound):
            world.floors.put(of_file(file))


def test_their_number_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_FLOORS", 2)
    world.floors.put(folder("a"))
    world.floors.put(folder("b"))
    with pytest.raises(InvalidRequest, match="remove one"):
        world.floors.put(folder("c"))
    assert world.floors.put(folder("b", HYBRID)) == folder("b", HYBRID)
