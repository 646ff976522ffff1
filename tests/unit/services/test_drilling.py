"""A drill from beginning to end, on a clock that moves when somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest

from echofs.core.errors import Unavailable
from echofs.services.drilling import Drilling, Harm
from tests.fakes.clock import FakeClock

Report = Mapping[str, object]


class Levels:
    """A controller that is asked for nothing but the level of small writes; None: it does not answer."""

    def __init__(self, level: Callable[[], str | None]) -> None:
        self._level = level

    def status(self) -> Mapping[str, object]:
        level = self._level()
        if level is None:
            raise Unavailable("away")
        return {"levels": {"write_small": level}}


class Drilled:
    """A cluster that is unwell while harmed, and for ``recovering`` seconds afterwards."""

    def __init__(self, recovering: float = 0.0) -> None:
        self.clock = FakeClock()
        self.recovering = recovering
        self.harmed = False
        self.ended: list[float] = []
        self.interrupt_at: float | None = None
        self.began = self.clock.monotonic()

    @property
    def now(self) -> float:
        return self.clock.monotonic() - self.began

    def masters(self) -> Sequence[Report]:
        unwell = self.harmed or (bool(self.ended) and self.now - self.ended[0] < self.recovering)
        waiting = 7 if unwell else 0
        return [
            {"status": "ok", "details": {"journal_depth": 0, "replicas_owed": 0}},
            {
                "status": "degraded" if unwell else "ok",
                "details": {"journal_depth": waiting, "replicas_owed": 2 * waiting},
            },
        ]

    def sleep(self, seconds: float) -> None:
        if self.interrupt_at is not None and self.now >= self.interrupt_at:
            self.interrupt_at = None
            raise KeyboardInterrupt
        self.clock.advance(seconds)

    def begin(self) -> None:
        self.harmed = True

    def end(self) -> None:
        self.harmed = False
        self.ended.append(self.now)

    def run(self, seconds: float = 5.0) -> list[str]:
        levels = Levels(lambda: "available" if self.harmed else "strong")
        drilling = Drilling(levels, self.masters, self.clock, self.sleep)  # type: ignore[arg-type]
        return list(drilling.run(Harm("cut catalog", self.begin, self.end), seconds))


def test_the_harm_lasts_as_long_as_asked_and_the_report_says_what_was_seen() -> None:
    drilled = Drilled(recovering=2.0)
    lines = drilled.run(5.0)

    assert drilled.ended == [5.0]
    assert lines[0] == "cut catalog for 5 s"
    assert lines[-5:] == [
        "health: not ok in 5 of 5 looks while the fault lasted",
        "level of small writes: available → strong",
        "journal: at most 7 versions",
        "replicas owed: at most 14",
        "well 2 s after healing: journal empty, nothing owed",
    ]


def test_an_interruption_ends_the_harm_at_once() -> None:
    drilled = Drilled()
    drilled.interrupt_at = 2.0
    lines = drilled.run(60.0)
    assert drilled.ended == [2.0]
    assert not drilled.harmed
    assert "interrupted; the fault is over" in lines


def test_what_does_not_become_well_is_said() -> None:
    assert Drilled(recovering=1000.0).run(1.0)[-1] == "not well 60 s after healing: see /health"


def test_masters_and_a_controller_that_say_nothing_are_no_reason_to_stop() -> None:
    drilled = Drilled()
    drilling = Drilling(Levels(lambda: None), lambda: [{}], drilled.clock, drilled.sleep)  # type: ignore[arg-type]
    lines = list(drilling.run(Harm("cut controller", drilled.begin, drilled.end), 2.0))
    assert "silent" in lines[1]
    assert "level of small writes: unknown" in lines


def test_a_harm_that_cannot_begin_is_undone_all_the_same() -> None:
    drilled = Drilled()

    def fail() -> None:
        raise Unavailable("The controller does not answer.")

    drilling = Drilling(Levels(lambda: "strong"), drilled.masters, drilled.clock, drilled.sleep)  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        list(drilling.run(Harm("cut catalog", fail, drilled.end), 2.0))
    assert drilled.ended == [0.0]
