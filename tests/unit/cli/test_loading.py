"""What a start makes is not searched for cycles, neither then nor later."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from echofs.cli.loading import loading


class Cycle:
    """Reaches nothing but itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def searched() -> Iterator[None]:
    """The tests that follow find Python as it was."""
    yield
    gc.enable()


def test_nothing_is_searched_meanwhile_and_what_is_made_later_is() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    cycle = Cycle()
    gone = weakref.ref(cycle)
    del cycle
    gc.collect()
    assert gone() is None


def test_what_was_made_meanwhile_is_never_searched() -> None:
    with loading():
        cycle = Cycle()
    gone = weakref.ref(cycle)
    del cycle
    gc.collect()
    assert gone() is not None


def test_a_start_that_fails_leaves_the_search_on() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()
