"""What holds for every test."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest

from echofs.adapters.passwords import PasslibHasher
from echofs.ports.request_context import request_id

pytest_plugins = ["tests.servers.fixtures"]

_LONGEST_FIRST = (
    "tests/browser/",
    "tests/contracts/test_dynamodb_catalog.py",
    "tests/cluster/",
    "tests/web/test_fuzzing.py",
    "tests/contracts/",
    "tests/adapters/",
    "tests/web/",
)
"""Files and folders that take longest: begun last, one of them would keep all other processes waiting at the end."""

# What is made until the last test is collected stays until the end: searching it for cycles is wasted.
gc.disable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, otherwise as they were."""

    def turn(item: pytest.Item) -> int:
        places = (at for at, place in enumerate(_LONGEST_FIRST) if item.nodeid.startswith(place))
        return next(places, len(_LONGEST_FIRST))

    items.sort(key=turn)


def pytest_collection_finish() -> None:
    """From here on there is something to find."""
    gc.freeze()
    gc.enable()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests of whole clusters spend much of their time waiting."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(autouse=True)
def outside_of_any_request() -> None:
    """Tests share a thread, and the id of the last request served in it would show in other tests' log lines."""
    request_id.set("")


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Whole applications in the process of the tests hash with the least work there is: at the usual one every login
    takes a third of a second, which guards nothing here."""
    usual = PasslibHasher.__init__.__defaults__
    PasslibHasher.__init__.__defaults__ = (4,)
    yield
    PasslibHasher.__init__.__defaults__ = usual
