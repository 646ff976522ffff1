"""`python -m bench.people`: uploads by the page, by the command line and by curl in turns, and how they compare."""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench import report
from bench.cluster import WORKERS, Cluster, started_cluster
from bench.command import completed, positive
from bench.errors import BenchError, NotInstalled
from bench.payload import GIB
from bench.people import report as people_report
from bench.people.cases import CASES, PAGE, PUT, PUT_FOLDER, Case, chosen
from bench.people.page import page_contest
from bench.people.rounds import Result, run
from bench.people.ways import Contest, check_curl, file_contest, folder_contest

_ROUNDS, _QUICK_ROUNDS = 5, 1
_MOST_WAYS = 3
_ROOM = 2 * GIB
"""For the cluster itself, and what its disks need beyond the bytes."""
# The page and curl are given the same level, whatever the machine has to do meanwhile.
_SETTINGS = {"CONSISTENCY_FLOOR": "strong"}
_CONTESTS: dict[str, Callable[[Cluster, Path], AbstractContextManager[Contest]]] = {
    PAGE.name: page_contest,
    PUT.name: file_contest,
    PUT_FOLDER.name: folder_contest,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the command line asks for. Returns 0, or 1 if something could not be measured; never for a time."""
    options = _parser().parse_args(arguments)
    return completed(lambda: _within(options))


def _within(options: argparse.Namespace) -> int:
    options.dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="people-", dir=options.dir, ignore_cleanup_errors=True) as folder:
        return _measure(options, Path(folder).resolve())


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(case.name for case in CASES)
    parser = argparse.ArgumentParser("python -m bench.people", description="Measure the page and the command line.")
    parser.add_argument("--quick", action="store_true", help="one round with little to upload")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=f"name or pattern; of {names}")
    parser.add_argument("--rounds", type=positive, help=f"rounds per case (default {_ROUNDS}, with --quick 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every round to FILE")
    parser.add_argument("--dir", type=Path, default=Path(".bench"), help="where the data goes meanwhile (a real disk)")
    return parser


def _measure(options: argparse.Namespace, folder: Path) -> int:
    cases = chosen(options.only, quick=options.quick)
    if not cases:
        raise BenchError(f"--only {' '.join(options.only)} names no case; --help lists them")
    check_curl()
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _ROUNDS)
    _check_room(folder, cases, rounds)
    began = time.monotonic()
    if report.busy():
        _say("other programs are using this machine; run again when it is quiet for a record")
    line = f"{report.host()}, {report.load()}"
    with ExitStack() as stack:
        cluster = stack.enter_context(started_cluster(folder / "echofs", _SETTINGS))
        results = [_result(case, cluster, rounds, folder / case.name) for case in cases]
    print(line + "\n\n" + people_report.table(results))
    print(
        f"\n{sum(result.verified for result in results):,} files verified; measured in {time.monotonic() - began:.0f} s"
    )
    if options.json:
        report.write_text(options.json, json.dumps(people_report.as_json(line, results), indent=1))
    return 1 if any(result.problem for result in results) else 0


def _check_room(folder: Path, cases: Sequence[Case], rounds: int) -> None:
    needed = sum(case.volume for case in cases) * _MOST_WAYS * (rounds + 1) * (1 + WORKERS) + _ROOM
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BenchError(
            f"{folder.parent} has {free / GIB:.0f} GiB free and {needed / GIB:.0f} are needed; choose another place "
            "with --dir, or fewer --rounds"
        )


def _result(case: Case, cluster: Cluster, rounds: int, folder: Path) -> Result:
    result = Result(case)
    folder.mkdir()
    try:
        with _CONTESTS[case.name](cluster, folder) as contest:
            run(case, contest, cluster, rounds, folder, result)
    except NotInstalled as reason:
        result.problem = f"left out: {reason}"
    except BenchError as error:
        result.problem = str(error)
    _say(f"{case.name}: {result.problem or 'done'}")
    return result


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
