"""Breadth-first search through all states that a model can reach (Clarke, Grumberg and Peled, *Model Checking*)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

S = TypeVar("S", bound=Hashable)


class Broken(AssertionError):
    """A state that must not be reached, with the shortest way to it."""


def explore(
    start: S,
    steps: Callable[[S], Iterable[tuple[str, S]]],
    broken: Callable[[S], str | None],
    *,
    most: int = 200_000,
) -> int:
    """Visit every state reachable from ``start``; how many there are. Raises :class:`Broken` for the first in which
    ``broken`` says what is wrong, and AssertionError when there are more than ``most``."""
    came_from: dict[S, tuple[S, str] | None] = {start: None}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        if (wrong := broken(state)) is not None:
            raise Broken(f"{wrong}, after: {' | '.join(_way(came_from, state))}")
        for label, after in steps(state):
            if after not in came_from:
                came_from[after] = state, label
                waiting.append(after)
        assert len(came_from) <= most, "the model is too large to be explored"
    return len(came_from)


def _way(came_from: dict[S, tuple[S, str] | None], state: S) -> list[str]:
    labels: list[str] = []
    while (step := came_from[state]) is not None:
        state, label = step
        labels.append(label)
    return labels[::-1]
