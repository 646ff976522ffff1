"""Runs a case: nginx, EchoFS and nginx again back to back, so that a slow minute of the machine hits all three."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from statistics import mean
from typing import Protocol

from bench.cases import Case
from bench.clients import Clients
from bench.dialects import Dialect
from bench.loads import Job, Stored
from bench.payload import GIB, MIB
from bench.processes import warm_memory
from bench.wire import Address

_labels = count()

# Three copies of the largest file, and some room.
_WARMED = GIB


class System(Protocol):
    """Something that keeps files: the reference or EchoFS."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> Address: ...

    @property
    def dialect(self) -> Dialect: ...

    def cpu_seconds(self) -> dict[str, float]:
        """CPU seconds used so far, by role."""


@dataclass(frozen=True)
class Pass:
    """One timed run of a case against one system. `rate` is in the case's unit, latencies are seconds per file."""

    system: str
    rate: float
    seconds: float
    files: int
    latencies: tuple[float, ...]
    cpu_per_gib: dict[str, float]
    client_cores: float


@dataclass(frozen=True)
class Round:
    """EchoFS between two runs of the reference, which are missing where nginx is."""

    echofs: Pass | None
    reference: tuple[Pass, ...]

    @property
    def ratio(self) -> float | None:
        """EchoFS's rate as a share of the mean of the reference before and after."""
        if self.echofs is None or not self.reference:
            return None
        return self.echofs.rate / mean(run.rate for run in self.reference)


@dataclass
class Result:
    """All rounds of a case; `problem` says why they are fewer than asked for, or none."""

    case: Case
    rounds: list[Round] = field(default_factory=list)
    verified: int = 0
    problem: str | None = None


class Runner:
    """Runs cases against the systems there are; both may be absent, though not together."""

    def __init__(self, clients: Clients, echofs: System | None, nginx: System | None) -> None:
        self._clients = clients
        self._echofs = echofs
        self._nginx = nginx

    def run(self, case: Case, rounds: int, result: Result, echofs: System | None = None) -> None:
        """Adds `rounds` rounds to `result`, after an untimed run of each system. `echofs` stands in for EchoFS."""
        subject = echofs or self._echofs
        stored = {system.name: self._settled_files(case, system, result) for system in (subject, self._nginx) if system}

        def timed(system: System | None) -> Pass | None:
            return self._timed(case, system, stored[system.name], result) if system else None

        for system in (self._nginx, subject):
            timed(system)
        for _ in range(rounds):
            before, measured, after = timed(self._nginx), timed(subject), timed(self._nginx)
            result.rounds.append(Round(measured, tuple(run for run in (before, after) if run)))

    def _settled_files(self, case: Case, system: System, result: Result) -> list[tuple[Stored, ...]]:
        """What each client will download: nothing for uploads."""
        if case.action == "upload":
            return [() for _ in range(case.clients)]
        upload = replace(case, action="upload", seconds=None, limit=case.kept)
        jobs = _jobs(upload, system, [() for _ in range(case.clients)])
        self._clients.prepare(jobs)
        self._clients.run()
        return self._verified(result)

    def _timed(self, case: Case, system: System, stored: Sequence[tuple[Stored, ...]], result: Result) -> Pass:
        self._clients.prepare(_jobs(case, system, stored))
        # Unwritten pages of the run before would be flushed on this run's account.
        os.sync()
        if case.action == "upload" and case.size >= MIB:
            warm_memory(_WARMED)
        used_before = system.cpu_seconds()
        timings = self._clients.run()
        used_after = system.cpu_seconds()
        self._verified(result)
        seconds = max(timing.ended for timing in timings) - min(timing.started for timing in timings)
        latencies = tuple(latency for timing in timings for latency in timing.latencies)
        volume = len(latencies) * case.size
        client_cpu = sum(timing.cpu_seconds for timing in timings)
        used = {role: spent - used_before.get(role, 0.0) for role, spent in used_after.items()} | {"client": client_cpu}
        return Pass(
            system=system.name,
            rate=len(latencies) / seconds if case.counted_in_files else volume / MIB / seconds,
            seconds=seconds,
            files=len(latencies),
            latencies=latencies,
            cpu_per_gib={role: spent / (volume / GIB) for role, spent in used.items()},
            client_cores=client_cpu / seconds,
        )

    def _verified(self, result: Result) -> list[tuple[Stored, ...]]:
        files = self._clients.verify()
        result.verified += sum(map(len, files))
        return files


def _jobs(case: Case, system: System, stored: Sequence[tuple[Stored, ...]]) -> list[Job]:
    # A new name every time: replacing a file deletes the old one, and ext4 is slow for a while after deletions.
    label = f"{case.name}-{next(_labels)}"
    return [
        Job(
            address=system.address,
            dialect=system.dialect,
            prefix=f"{label}-{number}",
            size=case.size,
            limit=case.limit,
            seconds=case.seconds,
            mixed=case.mixed,
            stored=files,
        )
        for number, files in enumerate(stored)
    ]
