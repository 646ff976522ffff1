"""Sessions, bounds, loss and names: each promise, kept and broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.verify.durability import check_dots, check_lost
from echofs.verify.sessions import check_sessions
from echofs.verify.staleness import check_bounds, stale_for
from tests.unit.verify.operations import MS, delete, operation, read, write

OURS = {"session": "s"}


class TestSessions:
    def test_reading_less_than_one_wrote_is_caught(self) -> None:
        assert check_sessions([write(0, 1, 2, "b", **OURS), read(2, 3, 2, "b", **OURS)]).kept
        assert not check_sessions([write(0, 1, 2, "b", **OURS), read(2, 3, 1, "a", **OURS)]).kept

    def test_reading_less_than_one_has_seen_is_caught(self) -> None:
        assert not check_sessions([read(0, 1, 2, "b", **OURS), read(2, 3, 1, "a", **OURS)]).kept

    def test_an_answer_that_came_after_the_read_was_sent_binds_nobody(self) -> None:
        assert check_sessions([write(0, 5, 2, "b", **OURS), read(2, 3, 1, "a", **OURS)]).kept

    def test_other_sessions_and_other_files_bind_nobody(self) -> None:
        assert check_sessions([write(0, 1, 2, "b", session="t"), read(2, 3, 1, "a", **OURS)]).kept
        assert check_sessions([replace(write(0, 1, 2, "b", **OURS), file="g"), read(2, 3, 1, "a", **OURS)]).kept

    def test_a_read_that_was_flagged_promised_nothing(self) -> None:
        assert check_sessions([write(0, 1, 2, "b", **OURS), read(2, 3, 1, "a", degraded=True, **OURS)]).kept

    def test_ones_own_provisional_write_binds_too(self) -> None:
        own = write(0, 1, 2, "b", committed=False, **OURS)
        assert not check_sessions([own, read(2, 3, 1, "a", mode_used="available", **OURS)]).kept

    def test_but_no_strong_read_because_it_may_have_met_another(self) -> None:
        own = write(0, 1, 2, "b", committed=False, **OURS)
        assert check_sessions([own, read(2, 3, 1, "a", **OURS)]).kept
        seen = read(0, 1, 2, "b", mode_used="available", **OURS)
        assert check_sessions([seen, read(2, 3, 1, "a", **OURS)]).kept
        hybrid = read(0, 1, 2, "b", mode_used="hybrid", **OURS)
        assert not check_sessions([hybrid, read(2, 3, 1, "a", **OURS)]).kept

    def test_a_file_may_vanish_only_when_somebody_deleted_it(self) -> None:
        gone = read(4, 5, None, None, **OURS)
        assert not check_sessions([write(0, 1, 1, "a", **OURS), gone]).kept
        assert check_sessions([write(0, 1, 1, "a", **OURS), delete(2, 3, 2, session="t"), gone]).kept
        assert not check_sessions([write(0, 1, 1, "a", **OURS), gone, delete(6, 7, 2, session="t")]).kept


class TestBounds:
    @pytest.mark.parametrize(("label", "kept"), [(None, False), (50, False), (99, False), (100, True), (5000, True)])
    def test_a_version_replaced_a_tenth_of_a_second_ago(self, label: int | None, kept: bool) -> None:
        old = read(101, 120, 1, "a", mode_used="hybrid", staleness_ms=label)
        assert check_bounds([write(0, 0, 1, "a"), write(0, 1, 2, "b"), old]).kept is kept

    def test_a_write_that_was_not_answered_before_the_read_replaces_nothing(self) -> None:
        assert check_bounds([write(0, 1, 1, "a"), write(2, 9, 2, "b"), read(5, 6, 1, "a")]).kept

    def test_the_earliest_of_all_later_versions_counts(self) -> None:
        history = [write(0, 1, 1, "a"), write(0, 50, 2, "b"), write(2, 10, 3, "c"), read(60, 61, 1, "a")]
        ((_, stale, cause),) = stale_for(history)
        assert stale == 50 * MS
        assert cause is history[2]

    def test_provisional_writes_replace_nothing_yet(self) -> None:
        assert check_bounds([write(0, 1, 2, "b", committed=False), read(5, 6, 1, "a")]).kept

    def test_nothing_is_stale_once_a_file_was_written(self) -> None:
        assert not check_bounds([write(0, 1, 1, "a"), read(5, 6, None, None)]).kept
        assert check_bounds([write(0, 1, 1, "a"), delete(2, 3, 2), read(5, 6, None, None)]).kept


class TestLoss:
    def test_content_that_is_nowhere_was_lost(self) -> None:
        end = operation("final", 90, 91, digests=("a",))
        assert check_lost([write(0, 1, 1, "a"), end]).kept
        assert not check_lost([write(0, 1, 1, "a"), write(2, 3, 2, "b"), end]).kept

    def test_provisional_writes_may_not_be_lost_either(self) -> None:
        assert not check_lost([write(0, 1, 1, "a", committed=False), operation("final", 90, 91)]).kept

    def test_what_was_refused_or_never_answered_may(self) -> None:
        history = [write(0, 1, None, "a", ok=False), write(2, None, None, "b"), operation("final", 90, 91)]
        verdict = check_lost(history)
        assert verdict.kept
        assert verdict.checked == 0

    def test_a_history_that_was_not_read_back_proves_nothing(self) -> None:
        assert check_lost([write(0, 1, 1, "a")]).checked == 0


class TestNames:
    def test_a_dot_given_to_two_writes_is_caught(self) -> None:
        assert not check_dots([write(0, 1, 1, "a", dot="m:1"), write(2, 3, 2, "b", dot="m:1")]).kept
        assert check_dots([write(0, 1, 1, "a", dot="m:1"), write(2, 3, 2, "b", dot="m:2")]).kept

    def test_the_same_answer_given_again_is_no_second_write(self) -> None:
        assert check_dots([write(0, 1, 1, "a", dot="m:1"), write(2, 3, 1, "a", dot="m:1")]).kept

    def test_a_version_given_to_two_writes_is_caught(self) -> None:
        assert not check_dots([write(0, 3, 1, "a"), write(1, 4, 1, "b")]).kept

    def test_provisional_numbers_may_meet(self) -> None:
        assert check_dots([write(0, 3, 1, "a"), write(1, 4, 1, "b", committed=False)]).kept
