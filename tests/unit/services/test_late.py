"""What comes after a version was written down is recorded when the catalog can know what it is about."""

from __future__ import annotations

import pytest

from echofs.core.errors import CatalogUnavailable
from echofs.services.late import settle_late
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import DataPlane


def _settle(plane: DataPlane) -> None:
    settle_late(plane.replicator, plane.catalog, plane.journal, plane.gate)


def _put_with_two_late(level: str) -> DataPlane:
    """One worker has it at once, the two others after the answer."""
    plane = DataPlane(clock_runs=False)
    plane.workers["b"].fault = plane.workers["c"].fault = Fault.SLOW
    if level == "available":
        plane.cut_catalog()
    plane.put("a", b"bytes", level=level)
    plane.workers.release("b")
    plane.workers.release("c")
    assert plane.all_released()
    plane.workers["b"].fault = plane.workers["c"].fault = Fault.NONE
    return plane


def test_late_replicas_of_a_committed_version_leave_the_outbox() -> None:
    plane = _put_with_two_late("hybrid")
    assert plane.catalog.outbox_depth() == 4
    _settle(plane)
    assert plane.catalog.outbox_depth() == 0
    plane.stop()


def test_those_of_a_provisional_version_wait_until_it_is_committed() -> None:
    plane = _put_with_two_late("available")
    _settle(plane)
    plane.heal_catalog()
    _settle(plane)
    plane.replay()
    assert plane.catalog.outbox_depth() == 4
    _settle(plane)
    assert plane.catalog.outbox_depth() == 0
    plane.stop()


def test_a_catalog_that_is_away_unnoticed_is_an_error_and_repair_does_the_rest() -> None:
    plane = _put_with_two_late("hybrid")
    plane.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        _settle(plane)
    plane.catalog.down = False
    while plane.repair.run_once():
        continue
    assert plane.catalog.outbox_depth() == 0
    plane.stop()
