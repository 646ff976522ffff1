"""Runs the ways of a case in turns, so that a slow minute of the machine hits all of them."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from bench.payload import GIB, MIB
from bench.people.cases import Case
from bench.people.sources import written
from bench.people.ways import Contest
from bench.processes import warm_memory


@dataclass
class Result:
    """Seconds of each round by way, the reference first; `problem` says why rounds are missing."""

    case: Case
    reference: str = ""
    subject: str = ""
    seconds: dict[str, list[float]] = field(default_factory=dict)
    verified: int = 0
    problem: str | None = None

    def ratios(self, way: str) -> list[float]:
        """Round by round, how many times as fast as the reference a way was."""
        pairs = zip(self.seconds[self.reference], self.seconds[way], strict=True)
        return [reference / measured for reference, measured in pairs]


def run(case: Case, contest: Contest, rounds: int, folder: Path, result: Result) -> None:
    """Adds so many rounds to `result`, after one that is not timed; everything that is stored is verified.

    Every round begins with the way with which the one before ended. Raises `BenchError`.
    """
    result.reference, result.subject = contest.reference.name, contest.subject.name
    for number in range(rounds + 1):
        taken = {}
        for place, way in enumerate(contest.ways if number % 2 else reversed(contest.ways)):
            source = written(case, folder / f"{case.name}-{number}-{place}.bin")
            # Unwritten pages of what was before would be flushed on this run's account.
            os.sync()
            if case.size >= MIB:
                warm_memory(GIB)
            taken[way.name] = way.send(source)
            result.verified += contest.account.verify(source)
        if number:
            for way in contest.ways:
                result.seconds.setdefault(way.name, []).append(taken[way.name])
