"""What holds for every test."""

from __future__ import annotations

import os

import pytest

from echofs.ports.request_context import request_id

pytest_plugins = ["tests.servers.fixtures"]


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests of whole clusters spend much of their time waiting."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def outside_of_any_request() -> None:
    """Tests share a thread, and the id of the last request served in it would show in other tests' log lines."""
    request_id.set("")
