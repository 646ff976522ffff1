"""Turns results into tables that can be pasted into a document, and into JSON."""

import dataclasses
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench.cases import Bar, Case
from bench.memory import LIMIT_MIB, MemoryResult
from bench.payload import MIB
from bench.rounds import Pass, Result

_NONE = "–"
# Beyond this share of the cores, the clients themselves hold the figure down.
_CLIENT_SHARE = 0.4


def machine(nginx_version: str | None) -> str:
    """One line about where the figures come from: they mean little anywhere else."""
    return f"{host()}, {f'nginx {nginx_version}' if nginx_version else 'nginx not used'}, {load()}"


def host() -> str:
    """What the machine has."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}"
    )


def load() -> str:
    """What the machine had to do in the last minute, which the measurement did not ask for."""
    return f"load average at start {os.getloadavg()[0]:.1f}"


def busy() -> bool:
    """Whether other programs were at work in the last minute, so that the figures are not worth keeping."""
    return os.getloadavg()[0] > (os.cpu_count() or 1) / 2


def speed_table(results: Sequence[Result]) -> str:
    """One row per case: medians, the ratio in each round, latencies of one file, and the verdict on the bar."""
    header = ["case", "unit", "nginx", "EchoFS", "ratio (range)", "EchoFS p50/p95/p99 ms", "nginx p50/p95/p99 ms"]
    return table([*header, "bar", "verdict"], [_speed_row(result) for result in results])


def cpu_table(results: Iterable[Result]) -> str:
    """CPU seconds per GiB by role for the cases that move large files; empty if none ran."""
    rows: list[list[str]] = []
    for result in results:
        for passes in (_references(result), _measured(result)):
            if result.case.large and passes:
                rows.append([result.case.name, passes[0].system, _cpu(passes)])
    return table(["case", "system", "CPU s/GiB, median"], rows) if rows else ""


def memory_table(results: Sequence[MemoryResult]) -> str:
    """Memory of the master during large uploads; RSS counts pages shared between its processes once for each."""
    header = ["master while uploading", "idle RSS", "peak RSS", "idle PSS", "peak PSS", "above idle RSS / PSS"]
    rows = [
        [result.title]
        + [_mib(part) for part in (result.idle.resident, result.peak_resident)]
        + [_mib(part) for part in (result.idle.proportional, result.peak_proportional)]
        + [f"{_mib(result.resident_growth)} / {_mib(result.proportional_growth)}"]
        + [f"{result.rate:.0f}", f"≤ {LIMIT_MIB}", "met" if result.met else "NOT MET"]
        for result in results
    ]
    return table([*header, "MiB/s", "bar", "verdict"], rows)


def as_json(machine_line: str, results: Sequence[Result], memory: Sequence[MemoryResult]) -> dict[str, Any]:
    """Every run on its own, for comparing two records; latencies are reduced to percentiles, in milliseconds."""
    return {
        "machine": machine_line,
        "results": [
            {
                "case": dataclasses.asdict(result.case),
                "echofs": [_pass_json(run) for run in _measured(result)],
                "nginx": [_pass_json(run) for run in _references(result)],
                "ratios": _ratios(result),
                "verified": result.verified,
                "verdict": verdict(result),
                "problem": result.problem,
            }
            for result in results
        ],
        "memory": [dataclasses.asdict(result) | {"met": result.met} for result in memory],
    }


def write_text(path: Path, text: str) -> None:
    """Replaces a file by `text`."""
    path.write_text(text + "\n", encoding="utf-8")


def verdict(result: Result) -> str:
    """Whether the median reaches the bar; a case without one, or without what it compares with, is not judged."""
    bar, measured, ratios = result.case.bar, _measured(result), _ratios(result)
    if result.problem:
        return "failed"
    if bar is None or not measured or (bar.unit == "ratio" and not ratios):
        return "not judged" if bar else _NONE
    reached = median(ratios) if bar.unit == "ratio" else median(run.rate for run in measured)
    return "met" if reached >= bar.least else "NOT MET"


def _speed_row(result: Result) -> list[str]:
    case = result.case
    references, measured = _references(result), _measured(result)
    return [
        case.name,
        "files/s" if case.counted_in_files else "MiB/s",
        _rate(references),
        _rate(measured),
        _ratio_range(_ratios(result)),
        _latencies(case, measured),
        _latencies(case, references),
        _bar(case.bar),
        verdict(result),
    ]


def _pass_json(run: Pass) -> dict[str, Any]:
    ordered = sorted(run.latencies)
    shares = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
    milliseconds = {name: round(_percentile(ordered, share) * 1000, 3) for name, share in shares.items()}
    fields = {field.name: getattr(run, field.name) for field in dataclasses.fields(run) if field.name != "latencies"}
    return fields | {"latency_ms": milliseconds}


def _references(result: Result) -> list[Pass]:
    return [run for one in result.rounds for run in one.reference]


def _measured(result: Result) -> list[Pass]:
    return [one.echofs for one in result.rounds if one.echofs]


def _ratios(result: Result) -> list[float]:
    return [one.ratio for one in result.rounds if one.ratio is not None]


def _rate(passes: Sequence[Pass]) -> str:
    if not passes:
        return _NONE
    rates = [run.rate for run in passes]
    limited = median(run.client_cores for run in passes) > _CLIENT_SHARE * (os.cpu_count() or 1)
    return f"{median(rates):,.0f}{'*' if limited else ''} ({min(rates):,.0f}–{max(rates):,.0f})"


def _ratio_range(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})" if ratios else _NONE


def _latencies(case: Case, passes: Sequence[Pass]) -> str:
    ordered = sorted(latency for run in passes for latency in run.latencies)
    if case.large or not ordered:
        return _NONE
    return " / ".join(f"{_percentile(ordered, share) * 1000:.2f}" for share in (0.50, 0.95, 0.99))


def _percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _bar(bar: Bar | None) -> str:
    if bar is None:
        return _NONE
    return f"≥ {bar.least:g} × nginx" if bar.unit == "ratio" else f"≥ {bar.least:,.0f}/s"


def _cpu(passes: Sequence[Pass]) -> str:
    roles = sorted({role for run in passes for role in run.cpu_per_gib})
    figures = {role: median(run.cpu_per_gib.get(role, 0.0) for run in passes) for role in roles}
    return ", ".join(f"{role} {figure:.2f}" for role, figure in figures.items())


def _mib(count: int) -> str:
    return f"{count / MIB:.0f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [header, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )
