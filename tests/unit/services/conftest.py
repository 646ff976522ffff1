"""What the services' tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.services.data_plane import DataPlane
from tests.unit.services.two_hosts import ANNA


@pytest.fixture
def plane() -> Iterator[DataPlane]:
    plane = DataPlane()
    yield plane
    plane.stop()


@pytest.fixture
def here(plane: DataPlane) -> DataPlane:
    """A host that can be cut off from the catalog."""
    plane.users.add(ANNA)
    return plane


@pytest.fixture
def there(here: DataPlane) -> Iterator[DataPlane]:
    """Another host of the same cluster."""
    plane = DataPlane(beside=here)
    yield plane
    plane.stop()
