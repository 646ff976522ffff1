"""A level that workers failed is left alone for a while, and tried by one write at a time."""

from __future__ import annotations

import pytest

from echofs.core.models import Level
from echofs.services.setbacks import AVOIDED_SECONDS, Setbacks
from tests.fakes.clock import FakeClock
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import DataPlane, bytes_of

STRONG, HYBRID, AVAILABLE = Level


def test_what_was_missed_is_avoided_until_its_time_has_come_and_then_by_all_but_one() -> None:
    clock = FakeClock()
    setbacks = Setbacks(clock)
    assert setbacks.avoided() == frozenset()
    setbacks.missed(STRONG)
    assert setbacks.avoided() == {STRONG}
    clock.advance(AVOIDED_SECONDS)
    assert setbacks.avoided() == frozenset()
    assert setbacks.avoided() == {STRONG}


@pytest.mark.parametrize(("met", "left"), [(STRONG, set()), (HYBRID, {STRONG}), (AVAILABLE, {STRONG, HYBRID})])
def test_what_was_met_is_no_longer_avoided_nor_what_promises_less(met: Level, left: set[Level]) -> None:
    setbacks = Setbacks(FakeClock())
    setbacks.missed(STRONG)
    setbacks.missed(HYBRID)
    setbacks.met(met)
    assert setbacks.avoided() == left


def test_only_the_first_write_finds_out_that_workers_fail(plane: DataPlane) -> None:
    for worker_id in "ab":
        plane.workers[worker_id].fault = Fault.DOWN
    body = bytes_of(100)
    first = plane.put("a", body).receipt
    assert (first.mode_used, "in time" in first.reason) == (HYBRID, True)
    second = plane.put("b", body).receipt
    assert (second.mode_used, second.degraded) == (HYBRID, True)
    assert second.reason.startswith("Strong was not tried: workers have just failed it.")
    assert plane.put("c", body, level="strong, available").receipt.mode_used is AVAILABLE
    plane.clock.advance(AVOIDED_SECONDS)
    assert "in time" in plane.put("d", body).receipt.reason


def test_a_level_asked_for_alone_is_tried_all_the_same_and_brings_it_back_for_all(plane: DataPlane) -> None:
    plane.setbacks.missed(STRONG)
    assert plane.put("a", b"bytes").receipt.mode_used is HYBRID
    assert plane.put("b", b"bytes", level="strong").receipt.mode_used is STRONG
    assert plane.put("c", b"bytes").receipt.mode_used is STRONG
