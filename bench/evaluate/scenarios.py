"""What happens to the cluster, one story each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace

from bench.evaluate.cluster import MASTERS, WORKERS, EvaluatedCluster
from bench.evaluate.faults import CUT, DEAF, Fault, bad_network
from bench.evaluate.history import Event
from bench.evaluate.workload import USUAL, Mix
from bench.payload import KIB

SLO, SEED_SCORE, FIXED_STRONG, FIXED_AVAILABLE = "slo", "seed_score", "fixed_strong", "fixed_available"
POLICIES = (SLO, SEED_SCORE, FIXED_STRONG, FIXED_AVAILABLE)

_ROUND_TRIP_SECONDS = 0.2
_BAD_LUCK = 0.1
_GRAY_SECONDS = 0.4
_FLAP_SECONDS = 3.0


@dataclass(slots=True)
class Stage:
    """A cluster under load, and the notes of what was done to it."""

    cluster: EvaluatedCluster
    tell: Callable[[str, str], Event]

    async def hurt(self, links: tuple[str, ...], fault: Fault, what: str) -> None:
        await self.cluster.fault(links, fault)
        self.tell("fault", what)

    async def heal(self) -> None:
        await self.cluster.heal()
        self.tell("healed", "")


Story = Callable[[Stage, float], Coroutine[None, None, None]]
"""Hurts the cluster for so many seconds and heals it."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """``share`` of the fault's full length is how long the story lasts, ``rate`` the operations a second. ``compared``
    says that policies make a difference; ``sides`` that clients stay with their master and conflict on purpose."""

    name: str
    title: str
    story: Story
    share: float = 1.0
    rate: float = 20.0
    mix: Mix = field(default=USUAL)
    compared: bool = False
    sides: bool = False


def links_of_worker(*workers: str) -> tuple[str, ...]:
    """Everything that leads to some workers and away from them."""
    return tuple(name for worker in workers for name in (worker, f"controller:{worker}"))


def links_to_catalog(*names: str) -> tuple[str, ...]:
    """How some processes reach the catalog."""
    return tuple(f"catalog:{name}" for name in names)


CATALOG = links_to_catalog(*MASTERS, "jobs")


def held(links: tuple[str, ...], fault: Fault, what: str) -> Story:
    """The story of one fault that stays as it is."""

    async def story(stage: Stage, seconds: float) -> None:
        await stage.hurt(links, fault, what)
        await asyncio.sleep(seconds)
        await stage.heal()

    return story


async def undisturbed(stage: Stage, seconds: float) -> None:
    stage.tell("fault", "none")
    await asyncio.sleep(seconds)
    stage.tell("healed", "")


async def bad_everywhere(stage: Stage, seconds: float) -> None:
    await stage.hurt(stage.cluster.links, bad_network(_ROUND_TRIP_SECONDS, _BAD_LUCK), "all links")
    await asyncio.sleep(seconds)
    await stage.heal()


async def flapping(stage: Stage, seconds: float) -> None:
    """The way to the catalog is gone and there again, every few seconds."""
    stage.tell("fault", "catalog, every few seconds")
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        await stage.cluster.fault(CATALOG, CUT)
        stage.tell("flap", "cut")
        await asyncio.sleep(min(_FLAP_SECONDS, max(end - loop.time(), 0)))
        await stage.cluster.heal()
        stage.tell("flap", "healed")
        await asyncio.sleep(min(_FLAP_SECONDS, max(end - loop.time(), 0)))
    await stage.heal()


async def controller_dies(stage: Stage, seconds: float) -> None:
    controller = stage.cluster.hosts["controller"]
    await asyncio.to_thread(controller.kill)
    stage.tell("fault", "controller killed")
    await asyncio.sleep(seconds)
    controller.spawn()
    await stage.cluster.until_answering("controller")
    stage.tell("healed", "")


async def replayed_twice(stage: Stage, seconds: float) -> None:
    """A master with a journal is killed while it replays it, started again, and disturbed once more."""
    master = stage.cluster.hosts[MASTERS[0]]
    await stage.hurt(CATALOG, CUT, "catalog")
    await asyncio.sleep(seconds)
    await stage.cluster.heal()
    await asyncio.sleep(0.3)
    await asyncio.to_thread(master.kill)
    stage.tell("killed", MASTERS[0])
    master.spawn()
    await stage.cluster.until_answering(MASTERS[0])
    await stage.cluster.fault(CATALOG, CUT)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(master.kill)
    stage.tell("killed", MASTERS[0])
    master.spawn()
    await stage.cluster.heal()
    await stage.cluster.until_answering(MASTERS[0])
    stage.tell("healed", "")


_LARGE = replace(USUAL, size=64 * KIB)
_WRITES: Mapping[str, float] = {"create": 0.45, "replace": 0.35, "conditional": 0.05, "read": 0.15}

SCENARIOS = (
    Scenario("normal", "Nothing is wrong", undisturbed, share=0.5, mix=_LARGE, compared=True),
    Scenario("bad-network", "200 ms and 10 % resets or stalls", bad_everywhere, share=0.5, rate=10, compared=True),
    Scenario("one-worker", "1 of 3 workers cut", held(links_of_worker("worker1"), CUT, "worker1"), compared=True),
    Scenario("two-workers", "2 of 3 workers cut", held(links_of_worker(*WORKERS[:2]), CUT, "2 workers"), compared=True),
    Scenario("catalog", "Catalog cut", held(CATALOG, CUT, "catalog"), mix=_LARGE, compared=True),
    Scenario("busy", "100 writes a second", undisturbed, share=0.33, rate=118, mix=replace(USUAL, kinds=_WRITES)),
    Scenario("flapping", "Flapping link to the catalog", flapping, share=0.6, compared=True),
    Scenario(
        "gray-worker",
        "A worker that is slow",
        held(("worker1",), Fault(delay=_GRAY_SECONDS / 2), "worker1 400 ms slower"),
        share=0.6,
        compared=True,
    ),
    Scenario("one-way", "Answers of the catalog get lost", held(CATALOG, DEAF, "catalog, answers only"), share=0.33),
    Scenario(
        "both-sides",
        "Writers on both sides",
        held(links_to_catalog(MASTERS[1]), CUT, "catalog from master2"),
        share=0.5,
        sides=True,
    ),
    Scenario("no-controller", "Controller dead", controller_dies, share=0.5),
    Scenario("double-replay", "A master killed while it replays, twice", replayed_twice, share=0.33),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
