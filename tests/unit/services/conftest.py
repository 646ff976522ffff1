"""What the services' tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.services.data_plane import DataPlane


@pytest.fixture
def plane() -> Iterator[DataPlane]:
    plane = DataPlane()
    yield plane
    plane.stop()
