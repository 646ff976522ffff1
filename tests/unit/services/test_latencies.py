"""What is said about how long requests take rests on enough of what happened lately."""

from __future__ import annotations

from echofs.core.advice import OpClass
from echofs.core.models import Level
from echofs.services.latencies import FEWEST, FORGOTTEN_SECONDS, KEPT, Latencies
from tests.fakes.clock import FakeClock

SMALL, LARGE = OpClass.WRITE_SMALL, OpClass.WRITE_LARGE


def test_a_level_is_expected_to_take_what_nearly_all_took() -> None:
    latencies = Latencies(FakeClock())
    for milliseconds in range(1, 101):
        latencies.observe(SMALL, Level.STRONG, milliseconds / 1000)
    assert latencies.expected(SMALL) == {Level.STRONG: 0.096}
    assert latencies.expected(LARGE) == {}


def test_few_samples_and_old_ones_say_nothing() -> None:
    clock = FakeClock()
    latencies = Latencies(clock)
    for _ in range(FEWEST - 1):
        latencies.observe(SMALL, Level.HYBRID, 0.5)
    assert latencies.expected(SMALL) == {}
    assert latencies.quantiles()[SMALL][Level.HYBRID].samples == FEWEST - 1
    latencies.observe(SMALL, Level.HYBRID, 0.5)
    assert latencies.expected(SMALL) == {Level.HYBRID: 0.5}
    clock.advance(FORGOTTEN_SECONDS + 1)
    assert latencies.expected(SMALL) == {}
    assert latencies.quantiles() == {}


def test_only_so_many_are_kept_the_newest() -> None:
    latencies = Latencies(FakeClock())
    for number in range(3 * KEPT):
        latencies.observe(SMALL, Level.STRONG, float(number))
    assert latencies.quantiles()[SMALL][Level.STRONG].samples == KEPT
    assert latencies.quantiles()[SMALL][Level.STRONG].p50 >= 2 * KEPT
