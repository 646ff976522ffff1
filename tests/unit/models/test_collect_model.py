"""Collection against a writer that refers to the same chunk again, in every order.

Rows go live, condemned, deleting, and are dropped; a commit needs a row that is live, or brings a condemned one back;
it is refused while the row is deleting. The bytes are removed only while the row is deleting, and the row is dropped
only after the grace: when no upload is under way that stored its bytes before they were removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from echofs.core.models import ChunkState
from tests.unit.models.explorer import Broken, explore

WRITERS = 2


@dataclass(frozen=True)
class World:
    """One chunk. ``row`` is None where the catalog does not know it; ``stored`` says whether a worker holds the bytes;
    each of ``uploads`` is None (not begun), "stored" (its bytes were acknowledged), "committed" or "refused"."""

    row: ChunkState | None = ChunkState.LIVE
    stored: bool = True
    references: int = 1
    uploads: tuple[str | None, ...] = (None,) * WRITERS


@dataclass(frozen=True)
class Rules:
    """What the design demands; a test takes one away."""

    commit_needs_live: bool = True
    remove_only_deleting: bool = True
    grace: bool = True


def steps(rules: Rules) -> Callable[[World], Iterator[tuple[str, World]]]:
    def of(world: World) -> Iterator[tuple[str, World]]:
        yield from _users(world, rules)
        yield from _collector(world, rules)

    return of


def _users(world: World, rules: Rules) -> Iterator[tuple[str, World]]:
    if world.references:
        yield "a version goes", replace(world, references=world.references - 1)
    for number, upload in enumerate(world.uploads):
        if upload is None:
            yield f"{number} stores", replace(_with(world, number, "stored"), stored=True)
        if upload == "stored":
            yield f"{number} crashes", _with(world, number, "refused")
            if world.row is ChunkState.DELETING and rules.commit_needs_live:
                yield f"{number} is refused", _with(world, number, "refused")
            else:
                kept = replace(world, row=ChunkState.LIVE, references=world.references + 1)
                yield f"{number} commits", _with(kept, number, "committed")


def _collector(world: World, rules: Rules) -> Iterator[tuple[str, World]]:
    if world.row is ChunkState.LIVE and not world.references:
        yield "condemned", replace(world, row=ChunkState.CONDEMNED)
    if world.row is ChunkState.CONDEMNED:
        yield "deleting", replace(world, row=ChunkState.DELETING)
        if not rules.remove_only_deleting:
            yield "bytes removed early", replace(world, stored=False)
    if world.row is ChunkState.DELETING:
        yield "bytes removed", replace(world, stored=False)
        if not world.stored and (not rules.grace or "stored" not in world.uploads):
            yield "row dropped", replace(world, row=None)


def _with(world: World, number: int, state: str) -> World:
    return replace(world, uploads=(*world.uploads[:number], state, *world.uploads[number + 1 :]))


def broken(world: World) -> str | None:
    if world.references and not world.stored:
        return "a version refers to bytes that were removed"
    if world.references and world.row is not ChunkState.LIVE:
        return "a version refers to a chunk on its way out"
    return None


def test_no_order_of_steps_removes_what_is_referred_to() -> None:
    assert explore(World(), steps(Rules()), broken) > 20


@pytest.mark.parametrize("rule", ["commit_needs_live", "remove_only_deleting", "grace"])
def test_each_rule_is_needed(rule: str) -> None:
    with pytest.raises(Broken):
        explore(World(), steps(replace(Rules(), **{rule: False})), broken)
