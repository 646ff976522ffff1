"""Plays one scenario on a running cluster and brings its history home."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from bench.evaluate.cluster import MASTERS, EvaluatedCluster
from bench.evaluate.history import Event, Record, Run
from bench.evaluate.load import Load
from bench.evaluate.pairs import Pair, prepared_pairs, send_pairs
from bench.evaluate.readback import accounted_for, read_back
from bench.evaluate.scenarios import Scenario, Stage
from bench.evaluate.watch import watch_heads
from bench.evaluate.workload import Workload, afterwards

_FIRST_FILES = 40
_POLL_SECONDS = 0.25
_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Length:
    """Seconds of load before the fault, of a full fault, and after healing."""

    before: float = 4.0
    fault: float = 60.0
    after: float = 6.0


async def play(cluster: EvaluatedCluster, scenario: Scenario, run: Run, length: Length) -> None:
    """Load the cluster, hurt it, heal it, watch it and read everything back into ``run``."""
    name = f"{run.scenario}-{run.policy}-{run.seed}".replace("_", "-")
    user = await asyncio.to_thread(cluster.user, name)
    workload = Workload(run.seed, MASTERS, crossing=0.0 if scenario.sides else 0.2)
    load = Load(cluster.ports, user.token, workload)
    run.records = load.records
    try:
        await _first_files(load, scenario)
        pairs = await prepared_pairs(load, length.fault * scenario.share) if scenario.sides else []
        await load.offer(scenario.rate, length.before, scenario.mix)
        await _fault(cluster, scenario, run, load, length, pairs)
        await load.ended()
        run.found["amiss"] = await cluster.until_well()
        await _end_conflicts(load, run)
        found = await read_back(load, MASTERS[1])
        run.found["versions_read_back"] = found.versions
        kept = accounted_for(found, load.records)
        run.records.append(_final(kept))
    finally:
        load.close()


async def _first_files(load: Load, scenario: Scenario) -> None:
    for _ in range(_FIRST_FILES):
        order = load.workload.next(type(scenario.mix)({"create": 1}, {"strong": 1}, {}, scenario.mix.size))
        record = await load.take(order, time.monotonic_ns())
        if not record.ok:
            raise BenchError(f"a file could not be stored before anything was wrong: {record.status} {record.reason}")


async def _fault(
    cluster: EvaluatedCluster, scenario: Scenario, run: Run, load: Load, length: Length, pairs: Sequence[Pair]
) -> None:
    def tell(name: str, detail: str) -> Event:
        event = Event(time.monotonic_ns(), name, detail)
        run.events.append(event)
        return event

    story = asyncio.create_task(scenario.story(Stage(cluster, tell), length.fault * scenario.share))
    conflicts = asyncio.create_task(send_pairs(load, pairs))
    try:
        while not story.done():
            await load.offer(scenario.rate, _POLL_SECONDS, scenario.mix)
        await asyncio.gather(story, conflicts)
    finally:
        story.cancel()
        conflicts.cancel()
    stop = asyncio.Event()
    watches = [asyncio.create_task(watch_heads(load, master, stop)) for master in MASTERS]
    await load.offer(scenario.rate, length.after, afterwards(scenario.mix))
    stop.set()
    await asyncio.gather(*watches)


async def _end_conflicts(load: Load, run: Run) -> None:
    """Keep the list of conflicts, and decide those that wait for their owner: both sides stay."""
    answer = await load.call(MASTERS[1], "GET", "/api/v1/conflicts?limit=1000")
    if answer.status != 200:
        raise BenchError(f"the conflicts cannot be listed: {answer.status}")
    run.found["conflicts"] = json.loads(answer.body)["data"]["conflicts"]
    for conflict in run.found["conflicts"]:
        if conflict["state"] == "open":
            path = f"/api/v1/conflicts/{conflict['id']}/resolve"
            decided = await load.call(MASTERS[1], "POST", path, _JSON, b'{"keep": "both"}')
            if decided.status != 200:
                raise BenchError(f"a conflict cannot be resolved: {decided.status} {decided.body[:200]!r}")


def _final(digests: list[str]) -> Record:
    now = time.monotonic_ns()
    return Record("final", "final", "", "reader", "", "strong", MASTERS[1], now, now, now, True, digests=tuple(digests))
