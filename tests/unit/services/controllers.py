"""A controller among masters, on fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from echofs.core.advice import Advice, CatalogReport, Decision, OpClass, Report
from echofs.core.models import Member
from echofs.core.orders import parse_hint, parse_override
from echofs.services.controlling import Controlling
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.meters import FakeMeters
from tests.fakes.steering import DecisionsInMemory, KeptInMemory

SMALL = OpClass.WRITE_SMALL
FILE, OTHER = "a" * 32, "b" * 32
HERE = CatalogReport(True, 200, 0, 0.002, 0.005, 0.01)
AWAY = CatalogReport(False, 0, 5)


@dataclass
class Host:
    """What outlives a controller's process, and the process itself."""

    clock: FakeClock = field(default_factory=FakeClock)
    memory: KeptInMemory = field(default_factory=KeptInMemory)
    audit: DecisionsInMemory = field(default_factory=DecisionsInMemory)
    meters: FakeMeters = field(default_factory=FakeMeters)
    policy: str = "slo"

    def __post_init__(self) -> None:
        self._ids = SequentialIds()
        self.start()

    def start(self) -> None:
        """A new process, as after a crash."""
        members = [Member(f"w{number}", f"http://w{number}.test", f"z{number}") for number in (1, 2, 3)]
        self.controller = Controlling(
            lambda: members,
            self.memory,
            self.audit,
            self.clock,
            self._ids,
            self.meters,
            policy=self.policy,
            goal=0.05,
            replicas=3,
        )

    def report(self, catalog: CatalogReport = HERE, *, epoch: int = 0, process: str = "host:1") -> Advice:
        return self.controller.report(Report(process, catalog, epoch=epoch))

    def live(self, seconds: int, catalog: CatalogReport = HERE) -> Decision:
        """Let time pass, with a report and a tick each second; the decision about small writes at the end."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.report(catalog, epoch=self.epoch)
            self.controller.tick()
        return self.report(catalog, epoch=self.epoch).decisions[SMALL]

    @property
    def epoch(self) -> int:
        epoch = self.controller.status()["epoch"]
        assert isinstance(epoch, int)
        return epoch

    def order(self, level: str = "hybrid", **fields: Any) -> dict[str, Any]:
        wanted = {"level": level, "seconds": 60, "author": "root", "reason": "a test", **fields}
        return dict(self.controller.override(parse_override(wanted)))

    def wish(self, level: str = "available", **fields: Any) -> dict[str, Any]:
        return dict(self.controller.hint(parse_hint({"level": level, "author": "alice", **fields})))
