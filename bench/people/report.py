"""Turns what was measured into the table and the JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

from bench import report
from bench.payload import MIB
from bench.people.cases import Case
from bench.people.rounds import Result, Sent

_NONE = "–"


def table(results: Sequence[Result]) -> str:
    """One row per case and way: medians, and in brackets the range over the rounds.

    CPU seconds are those of the programs that send, and those of the cluster.
    """
    header = ["case", "way", "speed (range)", "× curl (range)", "bar", "verdict", "CPU s"]
    return report.table(header, [row for result in results for row in _rows(result)])


def as_json(line: str, results: Sequence[Result]) -> dict[str, Any]:
    """Every round on its own; `line` is about the machine."""
    return {"machine": line, "cases": [_result_json(result) for result in results]}


def _rows(result: Result) -> list[list[str]]:
    if not result.sent:
        return [[result.case.name, result.case.what, _NONE, _NONE, _bar(result.case), "not measured", _NONE]]
    return [_row(result, way) for way in result.sent]


def _row(result: Result, way: str) -> list[str]:
    case, ratios = result.case, result.ratios(way)
    bar = verdict = ratio = _NONE
    if way != result.reference:
        ratio = _spread(ratios, ".2f")
    if way == result.subject:
        bar, verdict = _bar(case), _verdict(result, median(ratios))
    return [case.name, way, _speed(case, result.sent[way]), ratio, bar, verdict, _cpu(result.sent[way])]


def _verdict(result: Result, ratio: float) -> str:
    if result.problem:
        return "failed"
    return "met" if ratio >= result.case.bar else "NOT MET"


def _speed(case: Case, sent: Sequence[Sent]) -> str:
    if case.files > 1:
        return f"{_spread([case.files / each.seconds for each in sent], ',.0f')} files/s"
    return f"{_spread([case.volume / MIB / each.seconds for each in sent], ',.0f')} MiB/s"


def _cpu(sent: Sequence[Sent]) -> str:
    return f"{median(each.client_cpu for each in sent):.2f} + {median(each.cluster_cpu for each in sent):.2f}"


def _spread(figures: Sequence[float], form: str) -> str:
    return f"{median(figures):{form}} ({min(figures):{form}}–{max(figures):{form}})"


def _bar(case: Case) -> str:
    return f"≥ {case.bar:g}"


def _result_json(result: Result) -> dict[str, Any]:
    case = result.case
    ways = {
        way: {"rounds": [asdict(each) for each in sent], "times_reference": result.ratios(way)}
        for way, sent in result.sent.items()
    }
    return {
        "case": case.name,
        "files": case.files,
        "bytes_per_file": case.size,
        "bar": case.bar,
        "reference": result.reference,
        "subject": result.subject,
        "ways": ways,
        "files_verified": result.verified,
        "problem": result.problem,
    }
