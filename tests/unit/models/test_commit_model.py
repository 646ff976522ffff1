"""Commits of one file by three writers, with lost answers and crashes, in every order.

Whether a commit may move the head is asked of the program's own rule (:mod:`echofs.adapters.catalog.verdicts`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum

import pytest

from echofs.adapters.catalog.verdicts import Head, Seen, refusal
from echofs.core.chunking import EMPTY_DIGEST
from echofs.core.models import Content, Dot, Kind, Version
from echofs.ports.catalog import Commit
from tests.unit.models.explorer import Broken, explore

WRITERS = 3
MOST_LOOKS = 3
"""As often may a writer find that it lost the race; with three writers nobody needs more."""


class At(Enum):
    """Where a writer stands."""

    BEGIN = "begin"
    LOOKED = "looked"
    DURABLE = "durable"
    ANSWER_LOST = "answer lost"
    ACKNOWLEDGED = "acknowledged"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Writer:
    at: At = At.BEGIN
    parent: int = 0
    looks: int = 0
    durable: bool = False


@dataclass(frozen=True)
class World:
    """``history`` has the dot and the parent of each version, in the order of commits; dots are writers' numbers, with
    the attempt: another parent makes another version."""

    writers: tuple[Writer, ...] = (Writer(),) * WRITERS
    history: tuple[tuple[tuple[int, int], int], ...] = ()


Rule = Callable[[World, tuple[int, int], int], bool]


def by_the_rule(world: World, dot: tuple[int, int], parent: int) -> bool:
    """Whether the program's own rule lets this version follow."""
    content = Content(0, EMPTY_DIGEST, 1)
    version = Version("f", parent + 1, parent, Kind.CONTENT, "p", content, "", parent + 1, "", Dot(str(dot), 1), 0)
    number = len(world.history)
    heads = {"f": Head("f", "owner", "p", number, deleted=False, created_at=0, size=0)} if number else {}
    holders = {("owner", "p"): "f"} if number else {}
    return refusal(Commit("owner", version), Seen(heads, holders)) is None


def steps(rule: Rule, *, repeats_by_dot: bool = True) -> Callable[[World], Iterator[tuple[str, World]]]:
    def of(world: World) -> Iterator[tuple[str, World]]:
        for number, writer in enumerate(world.writers):
            for what, after, history in _moves(world, number, writer, rule, repeats_by_dot):
                writers = (*world.writers[:number], after, *world.writers[number + 1 :])
                yield f"{number} {what}", World(writers, history)

    return of


def _moves(
    world: World, number: int, writer: Writer, rule: Rule, repeats_by_dot: bool
) -> Iterator[tuple[str, Writer, tuple[tuple[tuple[int, int], int], ...]]]:
    history = world.history
    if writer.at in (At.BEGIN, At.LOOKED, At.DURABLE, At.ANSWER_LOST):
        yield "crashes", replace(writer, at=At.CRASHED), history
    if writer.at is At.BEGIN and writer.looks < MOST_LOOKS:
        looked = replace(writer, at=At.LOOKED, parent=len(history), looks=writer.looks + 1)
        yield "looks", looked, history
    if writer.at is At.LOOKED:
        yield "makes durable", replace(writer, at=At.DURABLE, durable=True), history
    if writer.at in (At.DURABLE, At.ANSWER_LOST):
        dot = number, writer.looks
        if repeats_by_dot and any(dot == known for known, _ in history):
            yield "is answered again", replace(writer, at=At.ACKNOWLEDGED), history
        elif rule(world, dot, writer.parent):
            made = (*history, (dot, writer.parent))
            yield "commits", replace(writer, at=At.ACKNOWLEDGED), made
            yield "commits unheard", replace(writer, at=At.ANSWER_LOST), made
        else:
            yield "is refused", replace(writer, at=At.BEGIN), history


def broken(world: World) -> str | None:
    """What must never be."""
    for place, (_, parent) in enumerate(world.history):
        if parent != place:
            return "a version follows another than the head it was made from"
    if len({dot for dot, _ in world.history}) < len(world.history):
        return "one write happened twice"
    if len({writer for (writer, _), _ in world.history}) < len(world.history):
        return "one request made two versions"
    for number, writer in enumerate(world.writers):
        committed = any(maker == number for (maker, _), _ in world.history)
        if writer.at is At.ACKNOWLEDGED and not committed:
            return "an acknowledged write is not in the history"
        if committed and not writer.durable:
            return "a version refers to bytes that are nowhere"
    return None


def test_no_order_of_steps_breaks_the_commit() -> None:
    assert explore(World(), steps(by_the_rule), broken) > 1000


def test_without_the_comparison_the_search_finds_the_lost_update() -> None:
    with pytest.raises(Broken, match="follows another"):
        explore(World(), steps(lambda *_: True), broken)


def test_without_dots_the_search_finds_the_request_that_happens_twice() -> None:
    with pytest.raises(Broken, match="two versions"):
        explore(World(), steps(by_the_rule, repeats_by_dot=False), broken)
