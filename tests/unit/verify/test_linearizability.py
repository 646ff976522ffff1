"""The search agrees with trying all orders, and finds what is wrong."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from echofs.verify import Operation
from echofs.verify import linearizability as module
from echofs.verify.linearizability import Register, check_linearizability, successors
from tests.unit.verify.operations import MS, delete, read, write


def _kept(*history: Operation) -> bool:
    return check_linearizability(history).kept


class TestRightAndWrong:
    def test_one_after_the_other(self) -> None:
        assert _kept(write(0, 1, 1, "a"), read(2, 3, 1, "a"), write(4, 5, 2, "b"), read(6, 7, 2, "b"))

    def test_a_read_before_anything_was_written(self) -> None:
        assert _kept(read(0, 1, None, None), write(2, 3, 1, "a"))
        assert not _kept(write(0, 1, 1, "a"), read(2, 3, None, None))

    def test_a_stale_read_is_caught(self) -> None:
        assert not _kept(write(0, 1, 1, "a"), write(2, 3, 2, "b"), read(4, 5, 1, "a"))

    def test_a_read_beside_a_write_may_see_either(self) -> None:
        before, after = read(3, 4, 1, "a"), read(3, 4, 2, "b")
        assert _kept(write(0, 1, 1, "a"), write(2, 5, 2, "b"), before)
        assert _kept(write(0, 1, 1, "a"), write(2, 5, 2, "b"), after)

    def test_two_reads_beside_a_write_must_agree_on_the_order(self) -> None:
        first, second = read(3, 4, 2, "b"), read(5, 6, 1, "a")
        assert not _kept(write(0, 1, 1, "a"), write(2, 7, 2, "b"), first, second)
        assert _kept(write(0, 1, 1, "a"), write(2, 7, 2, "b"), second, replace(first, start=7 * MS, end=8 * MS))

    def test_two_writes_with_one_number_are_caught(self) -> None:
        assert not _kept(write(0, 3, 1, "a"), write(1, 4, 1, "b"))

    def test_a_lost_update_is_caught_by_its_condition(self) -> None:
        base = write(0, 1, 1, "a")
        assert _kept(base, write(2, 5, 2, "b", if_match=1))
        assert not _kept(base, write(2, 5, 2, "b", if_match=1), write(3, 6, 3, "c", if_match=1))

    def test_a_number_that_nobody_made_is_caught(self) -> None:
        assert not _kept(write(0, 1, 1, "a"), write(2, 3, 3, "c"))

    def test_a_read_that_did_not_look_at_the_content_still_has_a_version(self) -> None:
        assert _kept(write(0, 1, 1, "a"), read(2, 3, 1, None))
        assert not _kept(write(0, 1, 1, "a"), write(2, 3, 2, "b"), read(4, 5, 1, None))

    def test_a_deleted_file_stays_deleted(self) -> None:
        assert _kept(write(0, 1, 1, "a"), delete(2, 3, 2), read(4, 5, None, None))
        assert not _kept(write(0, 1, 1, "a"), delete(2, 3, 2), read(4, 5, 1, "a"))

    def test_files_do_not_know_each_other(self) -> None:
        other = replace(write(0, 1, 1, "a"), file="g")
        assert _kept(write(0, 1, 1, "a"), other)


class TestUnknownOutcomes:
    def test_a_write_without_an_answer_may_have_happened_at_any_later_time(self) -> None:
        lost = write(2, None, None, "b")
        assert _kept(write(0, 1, 1, "a"), lost, read(3, 4, 1, "a"), read(5, 6, 2, "b"))
        assert _kept(write(0, 1, 1, "a"), lost, read(3, 4, 1, "a"))

    def test_but_not_before_it_was_sent(self) -> None:
        assert not _kept(write(0, 1, 1, "a"), read(2, 3, 2, "b"), write(4, None, None, "b"))

    def test_nor_twice(self) -> None:
        lost = write(2, None, None, "b")
        assert not _kept(write(0, 1, 1, "a"), lost, read(3, 4, 2, "b"), write(5, 6, 3, "c"), read(7, 8, 4, "b"))

    def test_a_write_that_was_refused_never_happened(self) -> None:
        refused = write(2, 3, None, "b", ok=False)
        assert not _kept(write(0, 1, 1, "a"), refused, read(4, 5, 2, "b"))

    def test_a_provisional_write_may_be_committed_later_under_another_number(self) -> None:
        provisional = write(2, 3, 2, "b", committed=False)
        assert _kept(write(0, 1, 1, "a"), provisional, write(4, 5, 2, "c"), read(6, 7, 3, "b"))

    def test_weaker_reads_are_not_judged_here(self) -> None:
        old = read(4, 5, 1, "a", mode_used="hybrid")
        assert _kept(write(0, 1, 1, "a"), write(2, 3, 2, "b"), old)


def _all_orders(history: Sequence[Operation]) -> bool:
    """The definition, word for word."""
    known = [each for each in history if each.linearizable]
    others = [each for each in history if not each.linearizable and each.changes and each.ok is not False]
    for count in range(len(others) + 1):
        for chosen in itertools.combinations(others, count):
            for order in itertools.permutations([*known, *chosen]):
                if _respects_time(order) and _explains(order):
                    return True
    return False


def _respects_time(order: Sequence[Operation]) -> bool:
    return not any(
        later.linearizable and later.end is not None and later.end < earlier.start
        for earlier, later in itertools.combinations(order, 2)
    )


def _explains(order: Sequence[Operation]) -> bool:
    states = {Register()}
    for each in order:
        states = {after for state in states for after in successors(state, each)}
    return bool(states)


@pytest.mark.parametrize("seed", range(300))
def test_the_search_agrees_with_trying_all_orders(seed: int) -> None:
    chance = random.Random(seed)
    history = []
    for _ in range(chance.randint(2, 6)):
        start = chance.randint(0, 8)
        end: int | None = start + chance.randint(1, 5)
        version, digest = chance.choice([(1, "a"), (2, "b"), (2, "c"), (3, "b")])
        kind = chance.choice(["write", "write", "read", "read", "lost", "provisional", "delete"])
        if kind == "read":
            history.append(read(start, start + 1, version, digest))
        elif kind == "delete":
            history.append(delete(start, end, version))
        elif kind == "lost":
            history.append(write(start, None, None, digest))
        else:
            history.append(write(start, end, version, digest, committed=kind == "write"))
    assert _kept(*history) == _all_orders(history)


def test_a_long_history_of_many_clients_is_explained_quickly() -> None:
    chance = random.Random(1)
    history, now = [], 0
    for number in range(1, 1500):
        now += 2
        history.append(write(now - chance.randint(0, 1), now + 1, number, f"d{number}"))
        history.append(read(now - 1, now + chance.randint(2, 40), number, f"d{number}"))
        if number % 10 == 0:
            history.append(write(now, None, None, f"lost{number}"))
    verdict = check_linearizability(history)
    assert verdict.kept
    assert verdict.checked == 2998


def test_a_search_that_takes_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONFIGURATIONS", 5)
    history = [write(0, None, None, f"d{number}") for number in range(6)] + [read(1, 2, 3, "never written")]
    verdict = check_linearizability(history)
    assert verdict.undecided == ("f",)
    assert not verdict.kept


def test_a_violation_names_the_lines_where_the_explanation_ends() -> None:
    history = [write(0, 1, 1, "a"), write(2, 3, 2, "b"), read(4, 5, 1, "a")]
    (violation,) = check_linearizability(history).violations
    assert violation.lines == (history[2].line,)
    assert "at version 2" in violation.message
