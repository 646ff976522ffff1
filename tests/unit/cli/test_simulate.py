"""Policies on traces, from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from echofs.cli.main import echofs
from echofs.core.errors import InvalidRequest
from echofs.core.policies.examples import example
from echofs.core.policies.traces import line_of


def run(*arguments: str) -> Result:
    return CliRunner().invoke(echofs, ["simulate", *arguments], catch_exceptions=False)


def test_a_recorded_trace_gives_the_same_bytes_twice(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_bytes(b"".join(line_of(snapshot) for snapshot in example("catalog-cut")[50:140]))
    first, second = (run(str(trace), "--policy", "slo", "--switches").output for _ in range(2))
    assert first.encode() == second.encode()
    assert "available (strong is impossible now" in first


def test_policies_stand_side_by_side(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_bytes(b"".join(line_of(snapshot) for snapshot in example("calm")[:3]))
    output = run(str(trace)).output
    assert [line.split()[1] for line in output.splitlines()[1:5]] == [
        "slo",
        "seed_score",
        "fixed_strong",
        "fixed_available",
    ]


def test_a_made_up_trace_goes_by_its_name() -> None:
    assert "seed_score" in run("calm", "--policy", "seed_score").output


def test_what_is_no_trace_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="catalog-cut"):
        run(str(tmp_path / "missing"))
    other = tmp_path / "other"
    other.write_text("hello\n")
    with pytest.raises(InvalidRequest, match="line 1"):
        run(str(other))
    assert run("calm", "--goal-ms", "0").exit_code == 2
