"""Turns what was measured into the table and the JSON."""

from collections.abc import Sequence
from statistics import median, quantiles
from typing import Any

from bench import report
from bench.catalog.questions import QUESTIONS, Question, Subject
from bench.catalog.rounds import Seconds


def table(subjects: Sequence[Subject], taken: Seconds) -> str:
    """For each question and engine the medians with few and with many files, and how many times as long it took."""
    header = ["", *(column for small, large in _pairs(subjects) for column in _columns(small, large))]
    rows = [[question.name, *_cells(question, subjects, taken)] for question in QUESTIONS]
    return report.table(header, rows)


def as_json(subjects: Sequence[Subject], taken: Seconds) -> list[dict[str, Any]]:
    """Median, 95th percentile and number of the calls behind every figure, in milliseconds."""
    return [
        {
            "question": question.name,
            "engine": subject.engine,
            "files": subject.contents.files,
            "calls": len(times),
            "p50_ms": round(median(times) * 1000, 3),
            "p95_ms": round(quantiles(times, n=20)[-1] * 1000, 3),
        }
        for question in QUESTIONS
        for subject in subjects
        if (times := taken[question.name, subject.engine, subject.grown])
    ]


def _pairs(subjects: Sequence[Subject]) -> list[tuple[Subject, Subject]]:
    return list(zip(subjects[::2], subjects[1::2], strict=True))


def _columns(small: Subject, large: Subject) -> list[str]:
    return [f"{small.engine} {small.contents.files:,}", f"{large.contents.files:,}", "growth"]


def _cells(question: Question, subjects: Sequence[Subject], taken: Seconds) -> list[str]:
    cells = []
    for small, large in _pairs(subjects):
        few, many = (median(taken[question.name, each.engine, each.grown]) for each in (small, large))
        cells += [_figure(question, few), _figure(question, many), f"{many / few:.2f}"]
    return cells


def _figure(question: Question, seconds: float) -> str:
    return f"{question.commits / seconds:,.0f}/s" if question.commits else f"{seconds * 1000:.2f} ms"
