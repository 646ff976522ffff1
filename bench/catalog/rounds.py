"""Filling catalogs and asking them all the same, in turns, so that a slow minute of the machine hits every one."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from random import Random

from bench.catalog.contents import Contents, Writer
from bench.catalog.engines import Maker
from bench.catalog.questions import QUESTIONS, Question, Subject
from bench.errors import BenchError
from echofs.ports.catalog import Catalog
from echofs.ports.listing import ListQuery

FILES_AT_ONCE = 250
"""How many files one call fills in: PostgreSQL gives up on a statement after a few seconds."""
_LEAST_CALLS = 5
_SEED = 1
_VERIFIED_AT_ONCE = 1000

Seconds = dict[tuple[str, str, bool], list[float]]
"""How long each call took, by question, engine, and whether the catalog was the large one."""


def filled(engine: str, make: Maker, sizes: Sequence[int], say: Callable[[str], None]) -> list[Subject]:
    """A catalog of each size. Folders have as many files in all of them."""
    subjects = []
    for number in sizes:
        empty, contents, began = make(), Contents(number, sizes[0] // 10), time.monotonic()
        for start in range(0, number, FILES_AT_ONCE):
            empty.catalog.restore(contents.entries(start, min(start + FILES_AT_ONCE, number)))
        empty.filled()
        say(f"{engine}: filled with {number:,} files in {time.monotonic() - began:.0f} s")
        subjects.append(Subject(engine, number != sizes[0], empty.catalog, contents, Writer()))
    return subjects


def measured(subjects: Sequence[Subject], rounds: int, seconds: float, say: Callable[[str], None]) -> Seconds:
    """Ask every question of every catalog for so many seconds in each round, after a first round that is not timed.

    Raises :class:`BenchError` for any answer that is not the right one.
    """
    taken: Seconds = defaultdict(list)
    random = Random(_SEED)
    for number in range(rounds + 1):
        for question in QUESTIONS:
            for subject in subjects:
                times = _ask(question, subject, random, seconds if number else 0.0)
                if number:
                    taken[question.name, subject.engine, subject.grown] += times
        say(f"round {number} of {rounds} done" if number else "warm")
    for subject in subjects:
        _verify_commits(subject)
    return taken


def _ask(question: Question, subject: Subject, random: Random, seconds: float) -> list[float]:
    times: list[float] = []
    while sum(times) < seconds or len(times) < _LEAST_CALLS:
        asked = question.ask(subject, random)
        began = time.perf_counter()
        answer = asked.call()
        times.append(time.perf_counter() - began)
        if answer != asked.expected:
            raise BenchError(f"{subject.engine} with {subject.contents.files:,} files: wrong answer to {question.name}")
    return times


def _verify_commits(subject: Subject) -> None:
    """Everything that was committed is there, and nothing else."""
    if list(_all_files(subject.catalog, Writer.OWNER)) != [file.id for file in subject.writer.files]:
        raise BenchError(f"{subject.engine} with {subject.contents.files:,} files: a commit is missing")


def _all_files(catalog: Catalog, owner_id: str) -> list[str]:
    found: list[str] = []
    after = ""
    while True:
        page = catalog.files(ListQuery(owner_id, after=after, limit=_VERIFIED_AT_ONCE))
        found += [file.id for file in page.files]
        after = page.next
        if not after:
            return found
