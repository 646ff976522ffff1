"""`python -m bench.catalog`: fills catalogs on every engine, asks them all the same and prints how long that took."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from bench import report
from bench.catalog import report as catalog_report
from bench.catalog.engines import ENGINES
from bench.catalog.questions import Subject
from bench.catalog.rounds import Seconds, filled, measured
from bench.command import completed
from bench.errors import BenchError

_SMALL, _LARGE = 1_000, 100_000
_QUICK = (200, 2_000)
_MOTO = (100, 500)
"""moto looks through all it holds for every answer."""
_ROUNDS, _SECONDS = 5, 0.25
_QUICK_ROUNDS, _QUICK_SECONDS = 1, 0.02
_STEP = 100
"""Sizes are multiples of this, so that all folders are full."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the command line asks for. Returns 0, or 1 for a wrong answer; never for a time."""
    options = _parser().parse_args(arguments)
    return completed(lambda: _within(options))


def _within(options: argparse.Namespace) -> int:
    options.dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="catalog-", dir=options.dir)))
        return _measure(options, folder.resolve(), stack)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.catalog", description="Measure the catalog's engines.")
    parser.add_argument("--quick", action="store_true", help="SQLite and PostgreSQL with few files, one short round")
    parser.add_argument("--engine", action="append", choices=ENGINES, help="only this one; may be repeated")
    parser.add_argument(
        "--files", type=_size, nargs=2, metavar=("FEW", "MANY"), help="numbers of files, for any engine"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to FILE")
    parser.add_argument("--dir", type=Path, default=Path(".bench"), help="where SQLite's files go (a real disk)")
    return parser


def _size(text: str) -> int:
    if not text.isdigit() or int(text) < 1 or int(text) % _STEP:
        raise argparse.ArgumentTypeError(f"{text} is not a multiple of {_STEP}")
    return int(text)


def _measure(options: argparse.Namespace, folder: Path, stack: ExitStack) -> int:
    began = time.monotonic()
    if report.busy():
        _say("other programs are using this machine; run again when it is quiet for a record")
    line = f"{report.host()}, {report.load()}"
    engines = options.engine or (("sqlite", "postgresql") if options.quick else tuple(ENGINES))
    subjects: list[Subject] = []
    for engine in engines:
        place = folder / engine
        place.mkdir()
        make = stack.enter_context(ENGINES[engine](place))
        subjects += filled(engine, make, _sizes(options, engine), _say)
    rounds, seconds = (_QUICK_ROUNDS, _QUICK_SECONDS) if options.quick else (_ROUNDS, _SECONDS)
    taken = measured(subjects, rounds, seconds, _say)
    _show(line, subjects, taken)
    print(f"\nmeasured in {time.monotonic() - began:.0f} s")
    if options.json:
        figures = {"machine": line, "figures": catalog_report.as_json(subjects, taken)}
        report.write_text(options.json, json.dumps(figures, indent=1))
    return 0


def _sizes(options: argparse.Namespace, engine: str) -> tuple[int, int]:
    if options.files:
        few, many = options.files
        if few >= many:
            raise BenchError(f"--files {few} {many}: name the smaller number first")
        return few, many
    if options.quick:
        return _QUICK
    return _MOTO if engine == "dynamodb" else (_SMALL, _LARGE)


def _show(line: str, subjects: Sequence[Subject], taken: Seconds) -> None:
    print(line + "\n\n" + catalog_report.table(subjects, taken))
    print(
        f"\n{sum(map(len, taken.values())):,} answers, each the right one; growth is the time with many files over few"
    )
    if any(subject.engine == "dynamodb" for subject in subjects):
        print("dynamodb is moto on this machine: its times and its growth say nothing about DynamoDB")


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
