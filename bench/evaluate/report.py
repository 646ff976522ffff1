"""The report: every target with what was reached, and every run. All of it is computed from histories."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.evaluate.figures import Figures, Traffic
from bench.evaluate.plots import PLOTS, draw
from bench.evaluate.scenarios import BY_NAME, POLICIES
from bench.evaluate.targets import Outcome, mean_utility, merged, outcomes
from bench.evaluate.utility import GOAL_SECONDS
from echofs.core.policies.utility import WORTH

_WORDS = {True: "met", False: "**MISSED**", None: "not measured"}
_FOLDER = "evaluation"

_HEAD = """# Evaluation

Made by `make evaluate` ([how](../bench/evaluate/README.md)). Nothing here is written by hand: every figure is computed
from what clients saw, and targets that were missed say so.

"""


def summary(figures: Sequence[Figures]) -> str:
    """For the terminal: targets, then one line for each run."""
    lines = [f"{_WORDS[each.met].strip('*'):12} {each.target}: {each.reached}" for each in outcomes(figures)]
    return "\n".join([*lines, "", *(_line(each) for each in figures)])


def write_report(figures: Sequence[Figures], docs: Path) -> None:
    """Write ``evaluation.md`` and its plots into a folder of documentation."""
    plots = docs / _FOLDER
    plots.mkdir(parents=True, exist_ok=True)
    for old in plots.glob("*.png"):
        old.unlink()
    drawn = draw(figures, plots)
    text = _HEAD + _about(figures) + _targets(outcomes(figures)) + _policy_table(figures)
    text += _run_table(figures) + _verdicts(figures) + _utility() + _pictures(drawn)
    (docs / "evaluation.md").write_text(text, encoding="utf-8")


def _about(figures: Sequence[Figures]) -> str:
    lengths = sorted({round(_seconds(each)) for each in figures})
    seeds = ", ".join(map(str, sorted({each.run.seed for each in figures})))
    processors = os.cpu_count()
    system = f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"
    lines = (
        f"{datetime.now(UTC):%d %B %Y}, {processors} processors, {system}, Python {platform.python_version()},"
        " PostgreSQL 18. A controller, three workers, two masters and the jobs are",
        "processes of their own; clients, proxies and the database share the same processors with them.",
        f"{len(figures)} runs with seeds {seeds}; faults lasted {lengths[0]} to {lengths[-1]} s.",
        "Availability, latencies, levels and utility are those of operations due while the fault lasted. A latency",
        "counts from the moment an operation was due, and operations are due whatever became of those before.",
    )
    return "\n".join(lines) + "\n\n"


def _targets(found: Sequence[Outcome]) -> str:
    rows = [(each.target, each.reached, _WORDS[each.met]) for each in found]
    return "## Targets\n\n" + table(("target", "reached", ""), rows)


def _policy_table(figures: Sequence[Figures]) -> str:
    compared = {each.run.scenario for each in figures if each.run.policy != POLICIES[0]}
    rows = []
    for scenario in (name for name in BY_NAME if name in compared):
        for policy in POLICIES:
            runs = [each for each in figures if each.run.scenario == scenario and each.run.policy == policy]
            if runs:
                auto = merged([run.writes["auto"] for run in runs if "auto" in run.writes])
                rows.append(
                    (
                        BY_NAME[scenario].title,
                        f"`{policy}`",
                        _number(mean_utility(runs), "{:.3f}"),
                        *_columns(auto),
                        str(max(run.switches for run in runs)),
                    )
                )
    heads = ("scenario", "policy", "utility", "auto writes available", "p50 ms", "p95 ms", "p99 ms", "switches")
    return "## Policies side by side\n\n" + table(heads, rows) if rows else ""


def _run_table(figures: Sequence[Figures]) -> str:
    rows = []
    for each in figures:
        for name, group in (("write", each.writes), ("read", each.reads)):
            rows += [
                (each.run.name, f"{name} {level}", str(found.offered), *_columns(found))
                for level, found in group.items()
            ]
    heads = ("run", "operation", "number", "available", "p50 ms", "p95 ms", "p99 ms")
    return "## Every run\n\n" + table(heads, rows)


def _verdicts(figures: Sequence[Figures]) -> str:
    rows = []
    for each in figures:
        broken = sum(len(verdict.violations) for verdict in each.verdicts)
        undecided = sum(len(verdict.undecided) for verdict in each.verdicts)
        stale = ", ".join(f"{level} {count}" for level, count in sorted(each.staleness.stale.items())) or "0"
        rows.append(
            (
                each.run.name,
                f"{round(_seconds(each))} s",
                "kept" if not broken and not undecided else f"{broken} broken, {undecided} undecided",
                stale,
                str(each.staleness.unlabelled),
                _converged(each),
                f"{each.lost} of {each.acknowledged}",
                str(each.deleted),
                ", ".join(f"{name} {count}" for name, count in sorted(each.conflicts.items())),
            )
        )
    heads = (
        "run",
        "fault",
        "promises",
        "stale reads",
        "unlabelled",
        "converged: mean / max s",
        "lost",
        "of deleted files",
        "conflicts",
    )
    return "## Promises\n\n" + table(heads, rows)


def _converged(each: Figures) -> str:
    found = each.convergence
    return f"{len(found.seconds)}: {_number(found.mean)} / {_number(found.worst)}"


def _utility() -> str:
    worths = ", ".join(f"{worth} at `{level}`" for level, worth in WORTH.items())
    return (
        f"## Utility\n\nThe mean worth of all `auto` operations: {worths}, and nothing without an answer within"
        f" {GOAL_SECONDS * 1000:.0f} ms.\n\n"
    )


def _pictures(drawn: Iterable[Path]) -> str:
    pictures = [f"![{path.stem}]({_FOLDER}/{path.name})" for path in drawn]
    return f"## {PLOTS}\n\n" + "\n\n".join(pictures) + "\n" if pictures else ""


def _line(each: Figures) -> str:
    writes = "; ".join(f"{level} {' '.join(_columns(found))}" for level, found in each.writes.items())
    return f"{each.run.name}: utility {_number(each.utility, '{:.3f}')}, {each.switches} switches, writes: {writes}"


def _columns(found: Traffic) -> tuple[str, str, str, str]:
    shares = (found.milliseconds(share) for share in (0.5, 0.95, 0.99))
    return (_number(found.availability, "{:.2%}"), *(_number(value, "{:.1f}") for value in shares))  # type: ignore[return-value]


def _seconds(each: Figures) -> float:
    begin, end = each.run.window()
    return (end - begin) / 1e9


def _number(value: float | None, form: str = "{:.2f}") -> str:
    return "–" if value is None else form.format(value)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n\n"
