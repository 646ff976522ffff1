"""Traces, recorded and made up, and policies replayed on them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.advice import OpClass, Quantiles
from echofs.core.models import Level
from echofs.core.policies import POLICIES, Params, Snapshot
from echofs.core.policies.examples import EXAMPLES, example
from echofs.core.policies.replay import replay, story, summary, table
from echofs.core.policies.traces import line_of, read_trace

RICH = replace(
    example("catalog-cut")[70],
    up=frozenset({Level.HYBRID}),
    hint=0.5,
    latencies={OpClass.READ: {Level.STRONG: Quantiles(3, 0.1, 0.2, 0.3)}},
)


def recorded(snapshots: list[Snapshot]) -> list[bytes]:
    return [line_of(snapshot) for snapshot in snapshots]


def test_a_snapshot_survives_a_trace() -> None:
    snapshots = [RICH, *example("gray-worker")]
    assert list(read_trace(recorded(snapshots))) == snapshots


@pytest.mark.parametrize("name", ["catalog-cut", "slow-links"])
def test_a_recorded_trace_replayed_twice_gives_the_same_bytes(name: str) -> None:
    lines = recorded(example(name)[50:150])
    first, second = (table(dict(POLICIES), list(read_trace(lines)), goal=0.05) for _ in range(2))
    assert first.encode() == second.encode()


def test_lines_cut_short_by_a_crash_are_left_out() -> None:
    lines = recorded(example("calm")[:3])
    assert len(list(read_trace([lines[0], lines[1][:40] + b"\n", lines[2], lines[0][:40]]))) == 2


@pytest.mark.parametrize("line", [b'{"format": 2}\n', b"[]\n", b"hello\n", b"\n", b"\xff\n"])
def test_what_is_no_trace_is_told_by_its_line(line: bytes) -> None:
    with pytest.raises(ValueError, match="line 2"):
        list(read_trace([*recorded(example("calm")[:1]), line]))


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - {"catalog-flaps"}))
def test_the_default_policy_is_worth_at_least_what_the_best_fixed_one_is(name: str) -> None:
    for op_class in (OpClass.WRITE_SMALL, OpClass.READ):
        worth = {
            policy: summary(replay(POLICIES[policy], example(name), Params(op_class))).worth
            for policy in ("slo", "fixed_strong", "fixed_available")
        }
        assert worth["slo"] >= max(worth.values()) - 1e-9


def test_a_fault_of_a_minute_is_two_switches_with_their_reasons() -> None:
    steps = replay(POLICIES["slo"], example("catalog-cut"), Params(OpClass.READ))
    lines = story("slo", steps, OpClass.READ)
    assert len(lines) == summary(steps).switches == 2
    assert "available (strong is impossible now" in lines[0]


def test_an_empty_trace_has_an_empty_summary() -> None:
    assert summary([]).ticks == 0
