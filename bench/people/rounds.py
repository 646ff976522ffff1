"""Runs the ways of a case in turns, so that a slow minute of the machine hits all of them."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from bench.cluster import Cluster
from bench.payload import GIB, MIB
from bench.people.cases import Case
from bench.people.sources import Source, written
from bench.people.ways import Contest, Way
from bench.processes import cpu_seconds, family, warm_memory


@dataclass(frozen=True)
class Sent:
    """One timed upload. CPU seconds are those of the programs that send, and of the whole cluster."""

    seconds: float
    client_cpu: float
    cluster_cpu: float


@dataclass
class Result:
    """What came out of each round by way, the reference first; `problem` says why rounds are missing."""

    case: Case
    reference: str = ""
    subject: str = ""
    sent: dict[str, list[Sent]] = field(default_factory=dict)
    verified: int = 0
    problem: str | None = None

    def ratios(self, way: str) -> list[float]:
        """Round by round, how many times as fast as the reference a way was."""
        pairs = zip(self.sent[self.reference], self.sent[way], strict=True)
        return [reference.seconds / measured.seconds for reference, measured in pairs]


def run(case: Case, contest: Contest, cluster: Cluster, rounds: int, folder: Path, result: Result) -> None:
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
            taken[way.name] = _timed(way, source, cluster)
            result.verified += contest.account.verify(source)
        if number:
            for way in contest.ways:
                result.sent.setdefault(way.name, []).append(taken[way.name])


def _timed(way: Way, source: Source, cluster: Cluster) -> Sent:
    client, served = _client_cpu(cluster), sum(cluster.cpu_seconds().values())
    seconds = way.send(source)
    return Sent(seconds, _client_cpu(cluster) - client, sum(cluster.cpu_seconds().values()) - served)


def _client_cpu(cluster: Cluster) -> float:
    """CPU seconds of everything that this program ever started, the cluster excepted."""
    ended = os.times()
    living = set(family(os.getpid())) - set(family(cluster.pid))
    return ended.children_user + ended.children_system + sum(map(cpu_seconds, living))
