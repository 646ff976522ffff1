"""The evaluation's arithmetic, on histories written by hand."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.evaluate.arrivals import percentile, poisson
from bench.evaluate.figures import by_level, convergence_of, figures_of, staleness_of, switches_of, traffic
from bench.evaluate.history import Event, Record, Run, decode, encode, load, save
from bench.evaluate.readback import Found, accounted_for
from bench.evaluate.utility import utility
from bench.evaluate.workload import USUAL, Bodies, Workload, afterwards, content_digest

MS = 1_000_000
SECOND = 1_000 * MS


def record(op: str = "write", at: int = 0, took: int | None = 10 * MS, **fields: object) -> Record:
    """An acknowledged operation of a strong level, unless something else is said."""
    values: dict[str, object] = {
        "kind": "read" if op == "read" else "replace",
        "file": "f",
        "client": "c",
        "session": "",
        "asked": "auto",
        "master": "master1",
        "intended": at,
        "start": at,
        "end": None if took is None else at + took,
        "ok": True,
        "status": 200,
        "mode_used": "strong",
    }
    return Record(op, **{**values, **fields})  # type: ignore[arg-type]


def run_of(*records: Record, begin: int = 0, healed: int = 10 * SECOND) -> Run:
    return Run("catalog", "slo", 1, list(records), [Event(begin, "fault"), Event(healed, "healed")])


class TestArrivals:
    def test_are_as_many_as_the_rate_says_and_the_same_for_a_seed(self) -> None:
        moments = list(poisson(50, 100, random.Random(1)))
        assert 4700 < len(moments) < 5300
        assert moments == sorted(moments) == list(poisson(50, 100, random.Random(1)))

    @pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
    def test_percentiles_are_values_that_occurred(self, share: float, value: int) -> None:
        assert percentile(random.Random(1).sample(range(1, 101), 100), share) == value

    def test_nothing_has_no_percentile(self) -> None:
        assert percentile([], 0.5) is None


class TestTraffic:
    def test_latency_counts_from_when_an_operation_was_due_not_from_when_it_was_sent(self) -> None:
        late = record(at=0, start=900 * MS, end=1000 * MS)
        assert traffic([late]).milliseconds(0.5) == 1000

    def test_refusals_for_lack_of_catalog_or_workers_and_lost_answers_count_against_availability(self) -> None:
        found = traffic(
            [
                record(),
                record(took=200 * MS, ok=None, status=503),
                record(took=None, ok=None, status=0),
                record(ok=False, status=412),
            ]
        )
        assert (found.offered, found.answered, found.refusals) == (4, 2, (0.2,))
        assert found.availability == 0.5
        assert len(found.seconds) == 1

    def test_levels_are_kept_apart_and_bounds_count_together(self) -> None:
        found = by_level([record(asked="bounded;t=2s"), record(asked="bounded;t=1s"), record(asked="strong")])
        assert {level: each.offered for level, each in found.items()} == {"bounded": 2, "strong": 1}


class TestStaleness:
    def history(self, **read: object) -> Run:
        first = record(at=0, version=1, digest="a")
        second = record(at=SECOND, version=2, digest="b")
        return run_of(first, second, record("read", at=3 * SECOND, version=1, digest="a", **read))

    def test_a_stale_read_with_a_wide_label_is_labelled(self) -> None:
        found = staleness_of(self.history(mode_used="hybrid", staleness_ms=4000.0))
        assert (found.stale["hybrid"], found.unlabelled) == (1, 0)
        assert found.worst_ms == 1990

    def test_a_label_that_says_less_than_the_truth_is_none(self) -> None:
        assert staleness_of(self.history(mode_used="hybrid", staleness_ms=1000.0)).unlabelled == 1

    def test_a_degraded_read_is_labelled(self) -> None:
        assert staleness_of(self.history(mode_used="available", degraded=True)).unlabelled == 0

    def test_a_present_read_is_not_stale(self) -> None:
        found = staleness_of(run_of(record(version=1, digest="a"), record("read", at=SECOND, version=1, digest="a")))
        assert (found.stale.total(), found.reads["strong"]) == (0, 1)


class TestConvergence:
    def shown(self, at: int, digest: str, master: str = "master2") -> Record:
        return record("read", at=at, took=0, kind="poll", version=2, digest=digest, master=master)

    def test_counts_from_healing_to_the_first_sight_at_another_master(self) -> None:
        written = record(at=SECOND, version=2, digest="b", committed=False)
        found = convergence_of(
            run_of(
                written,
                self.shown(9 * SECOND, "b", "master1"),
                self.shown(12 * SECOND, "b"),
                self.shown(11 * SECOND, "b"),
            )
        )
        assert (found.seconds, found.missing) == ((1.0,), 0)

    def test_only_the_last_version_of_a_file_at_each_master_has_to_arrive(self) -> None:
        found = convergence_of(
            run_of(
                record(at=2 * SECOND, version=3, digest="c", committed=False),
                record(at=SECOND, version=2, digest="b", committed=False),
                record(at=SECOND, version=2, digest="d", committed=False, master="master2"),
                self.shown(11 * SECOND, "c"),
                self.shown(13 * SECOND, "d", "master1"),
            )
        )
        assert found.seconds == (1.0, 3.0)
        assert (found.mean, found.worst) == (2.0, 3.0)

    def test_what_was_never_shown_is_missing(self) -> None:
        assert convergence_of(run_of(record(version=2, digest="b", committed=False))).missing == 1

    def test_what_was_replaced_before_healing_need_not_be_shown(self) -> None:
        provisional = record(version=2, digest="b", committed=False)
        assert convergence_of(run_of(provisional, record(at=SECOND, version=3, digest="c"))).missing == 0

    def test_committed_writes_have_nothing_to_converge(self) -> None:
        assert convergence_of(run_of(record(version=2, digest="b"))).mean is None


class TestSwitches:
    def test_each_change_of_the_usual_level_counts_and_single_exceptions_do_not(self) -> None:
        levels = ["strong"] * 2 + ["available"] * 3 + ["strong"]
        writes = [
            record(at=second * SECOND + index * MS, mode_used=level)
            for second, level in enumerate(levels)
            for index in range(5)
        ]
        writes.append(record(at=7 * MS, mode_used="hybrid"))
        assert switches_of(writes, 0) == 2

    def test_masters_that_differ_have_not_switched(self) -> None:
        writes = [
            record(at=second * SECOND + index * MS, mode_used=level, master=level)
            for second, level in enumerate(["strong", "available"] * 3)
            for index in range(5)
        ]
        assert switches_of(writes, 0) == 0


class TestUtility:
    @pytest.mark.parametrize(
        ("one", "worth"),
        [
            (record(), 1.0),
            (record(mode_used="hybrid"), 0.7),
            (record(mode_used="available", committed=False), 0.4),
            (record(took=51 * MS), 0.0),
            (record(ok=None, status=503), 0.0),
            (record(took=None, ok=None), 0.0),
            (record(ok=False, status=412, mode_used=""), 1.0),
        ],
    )
    def test_of_one_operation(self, one: Record, worth: float) -> None:
        assert utility([one]) == worth

    def test_is_the_mean_of_those_that_left_the_choice(self) -> None:
        assert utility([record(), record(ok=None, status=503), record(asked="strong", took=None)]) == 0.5
        assert utility([record(asked="strong")]) is None


class TestFiguresOfARun:
    def test_only_what_was_due_while_the_fault_lasted_counts(self) -> None:
        run = run_of(
            record(at=SECOND, asked="auto", version=1, digest="a"),
            record(at=6 * SECOND, asked="auto", took=None, ok=None),
            record(at=11 * SECOND, asked="auto", version=2, digest="b"),
            record("final", kind="final", at=20 * SECOND, file="", digests=("a",)),
            begin=5 * SECOND,
        )
        found = figures_of(run)
        assert found.writes["auto"].offered == 1
        assert found.writes["auto"].availability == 0.0
        assert found.acknowledged == 2
        assert found.lost == 1

    def test_a_history_comes_back_as_it_was_saved(self, tmp_path: Path) -> None:
        run = run_of(record(version=1, digest="a", lines=("x",)), record("final", kind="final", digests=("a",)))
        run.found["conflicts"] = [{"rule": "identical", "state": "resolved"}]
        save(run, tmp_path)
        assert load(tmp_path / "catalog-slo-1.json") == run
        assert [decode(line) for line in encode(run.records)] == run.records

    def test_files_that_only_the_watcher_saw_are_not_checked(self) -> None:
        copy = record("read", kind="poll", file="copy", version=1, digest="z")
        assert [each.file for each in run_of(record(version=1, digest="a"), copy).operations()] == ["f"]


class TestReadingBack:
    def test_content_of_deleted_files_and_merged_lines_count_as_kept(self) -> None:
        found = Found()
        found.add(b"one\ntwo\n", "text/plain; charset=utf-8")
        records = [
            record(digest="merged", lines=("two",)),
            record(digest="unmerged", lines=("three",)),
            record(file="g", digest="gone"),
            record("delete", kind="delete", file="g"),
            record(digest="lost"),
        ]
        assert accounted_for(found, records) == sorted([content_digest(b"one\ntwo\n"), "merged", "gone"])


class TestWorkload:
    def test_the_same_seed_gives_the_same_orders(self) -> None:
        def drawn() -> list[tuple[str, str, str, str, str]]:
            workload = Workload(5, ("a", "b"))
            orders = [workload.next(USUAL) for _ in range(40)]
            return [(each.kind, each.level, each.master, each.path, each.digest) for each in orders]

        assert drawn() == drawn()

    def test_busy_sessions_are_not_waited_for(self) -> None:
        workload = Workload(5, ("a", "b"))
        one, other = workload.session(), workload.session()
        assert one.name != other.name
        workload.release(one)
        assert workload.session() is one

    def test_every_body_is_another(self) -> None:
        bodies = Bodies(random.Random(1))
        assert len({content_digest(bodies.next(size)) for size in [4096] * 500}) == 500
        assert len(bodies.next(65536)) == 65536

    def test_after_healing_nothing_that_exists_is_changed(self) -> None:
        kinds = afterwards(USUAL).kinds
        assert set(kinds) == {"create", "read"}
        assert sum(kinds.values()) == pytest.approx(sum(USUAL.kinds.values()))
