"""What holds for every test."""

from __future__ import annotations

import pytest

from echofs.ports.request_context import request_id

pytest_plugins = ["tests.servers.fixtures"]


@pytest.fixture(autouse=True)
def outside_of_any_request() -> None:
    """Tests share a thread, and the id of the last request served in it would show in other tests' log lines."""
    request_id.set("")
