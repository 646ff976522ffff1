"""How much memory the master needs for large uploads: it must not grow with the file."""

import threading
from dataclasses import dataclass
from statistics import median

from bench.clients import Clients
from bench.cluster import Cluster
from bench.loads import Job
from bench.payload import GIB, MIB
from bench.processes import Memory, memory

LIMIT_MIB = 150

_SAMPLE_SECONDS = 0.02
_IDLE_SAMPLES = 25


@dataclass(frozen=True)
class MemoryResult:
    """Memory of all the master's processes together, in bytes, and the rate of the uploads in MiB/s."""

    title: str
    idle: Memory
    peak_resident: int
    peak_proportional: int
    samples: int
    rate: float

    @property
    def resident_growth(self) -> int:
        """Peak over idle, shared pages counted for each process."""
        return self.peak_resident - self.idle.resident

    @property
    def proportional_growth(self) -> int:
        """Peak over idle, shared pages counted once."""
        return self.peak_proportional - self.idle.proportional

    @property
    def met(self) -> bool:
        """Whether both growths stay within the bar; the stricter reading decides."""
        return max(self.resident_growth, self.proportional_growth) <= LIMIT_MIB * MIB


class Sampler:
    """Looks at a cluster's master every 20 ms, as a context manager, and keeps what it saw."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.seen: list[Memory] = []

    def __enter__(self) -> "Sampler":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        masters: list[int] = []
        while True:
            if len(self.seen) % _IDLE_SAMPLES == 0:
                # gunicorn may replace a process at any time, but looking for it costs more than reading it.
                masters = self._cluster.processes().get("master", [])
            self.seen.append(memory(masters))
            if self._stop.wait(_SAMPLE_SECONDS):
                return


def measure_memory(clients: Clients, cluster: Cluster, *, quick: bool) -> list[MemoryResult]:
    """Uploads one large file, then four at once, to a cluster that has just started: 1 GiB each, `quick` 256 MiB.

    Idle is the master after a login and before its first upload. Raises `BenchError` if an upload is not kept whole.
    """
    size = GIB // 4 if quick else GIB
    idle = _idle(cluster)
    return [_uploading(clients, cluster, idle, size, files) for files in (1, 4)]


def _idle(cluster: Cluster) -> Memory:
    with Sampler(cluster) as sampler:
        threading.Event().wait(_IDLE_SAMPLES * _SAMPLE_SECONDS)
    return Memory(
        resident=int(median(seen.resident for seen in sampler.seen)),
        proportional=int(median(seen.proportional for seen in sampler.seen)),
    )


def _uploading(clients: Clients, cluster: Cluster, idle: Memory, size: int, files: int) -> MemoryResult:
    jobs = [
        Job(cluster.address, cluster.dialect, prefix=f"memory-{files}-{number}", size=size, limit=1)
        for number in range(files)
    ]
    clients.prepare(jobs)
    with Sampler(cluster) as sampler:
        timings = clients.run()
    clients.verify()
    seconds = max(timing.ended for timing in timings) - min(timing.started for timing in timings)
    return MemoryResult(
        title=f"{files} × {size // MIB:,} MiB",
        idle=idle,
        peak_resident=max(seen.resident for seen in sampler.seen),
        peak_proportional=max(seen.proportional for seen in sampler.seen),
        samples=len(sampler.seen),
        rate=files * size / MIB / seconds,
    )
