"""`python -m bench.evaluate`: hurts a whole cluster in many ways and reports what its promises were worth."""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from bench.command import completed
from bench.errors import BenchError
from bench.evaluate.cluster import EvaluatedCluster
from bench.evaluate.figures import Figures, figures_of
from bench.evaluate.history import Run, load_all, save
from bench.evaluate.plan import FULL, SHORT, Plan, Turn
from bench.evaluate.play import play
from bench.evaluate.proxies import Proxies
from bench.evaluate.report import summary, write_report
from bench.evaluate.scenarios import BY_NAME, POLICIES
from tests.servers import lifeline, postgresql

_RESULTS = Path(".bench/evaluate")


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluates what the command line asks for. Returns 0, or 1 when a promise was broken or something could
    not be measured; never for a time or a share."""
    options = _parser().parse_args(arguments)
    return completed(lambda: _evaluated(options), "evaluate")


def _evaluated(options: argparse.Namespace) -> int:
    if not options.report_only:
        if not options.add:
            shutil.rmtree(options.results, ignore_errors=True)
        _measure(_plan(options), options.results)
    return _report(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.evaluate", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="three scenarios, a minute and a half, nothing written to docs"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help=f"of {', '.join(BY_NAME)}; patterns work"
    )
    parser.add_argument("--policy", action="append", choices=POLICIES, help="only these; may be repeated")
    parser.add_argument("--fault", type=float, metavar="SECONDS", help="length of a full fault (60; brief ones 12)")
    parser.add_argument("--seeds", type=int, metavar="COUNT", help="how many seeds the main policy runs with")
    parser.add_argument("--results", type=Path, default=_RESULTS, help="where histories go (ignored by git)")
    parser.add_argument("--add", action="store_true", help="keep the histories that are there and report on all")
    parser.add_argument("--docs", type=Path, metavar="FOLDER", help="write evaluation.md and its plots there")
    parser.add_argument("--report-only", action="store_true", help="report on the histories that are there")
    return parser


def _plan(options: argparse.Namespace) -> Plan:
    plan = SHORT if options.short else FULL
    names = [name for name in BY_NAME if any(fnmatchcase(name, pattern) for pattern in options.only)]
    if options.only and not names:
        raise BenchError(f"--only {' '.join(options.only)} names no scenario; --help lists them")
    return plan.narrowed(names, options.policy or (), options.fault, options.seeds)


def _measure(plan: Plan, results: Path) -> None:
    began = time.monotonic()
    with ExitStack() as stack:
        server = stack.enter_context(lifeline.started("tests.servers.postgresql", postgresql.DURABLE))
        for (policy, seed), turns in plan.clusters():
            with _folder(results) as folder:
                asyncio.run(_evaluate(folder, server, policy, seed, turns, results))
    _say(f"measured in {time.monotonic() - began:.0f} s")


@contextmanager
def _folder(results: Path) -> Iterator[Path]:
    results.mkdir(parents=True, exist_ok=True)
    (results / ".gitignore").write_text("*\n")
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=results)).resolve()
    try:
        yield folder
    except BenchError:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    else:
        shutil.rmtree(folder, ignore_errors=True)


async def _evaluate(folder: Path, server: str, policy: str, seed: int, turns: Sequence[Turn], results: Path) -> None:
    proxies = Proxies()
    cluster: EvaluatedCluster | None = None
    try:
        cluster = EvaluatedCluster(folder, server, proxies, policy=policy, seed=seed)
        await cluster.start()
        for turn in turns:
            run = Run(turn.scenario.name, policy, seed)
            _say(f"{run.name}: {turn.length.fault * turn.scenario.share:.0f} s")
            await play(cluster, turn.scenario, run, turn.length)
            save(run, results)
    finally:
        if cluster is not None:
            cluster.stop()
        proxies.close()


def _report(options: argparse.Namespace) -> int:
    runs = load_all(options.results)
    if not runs:
        raise BenchError(f"there are no histories in {options.results}")
    figures: list[Figures] = [figures_of(run) for run in runs]
    print(summary(figures))
    if options.docs:
        write_report(figures, options.docs)
        _say(f"{options.docs / 'evaluation.md'} is written")
    broken = [
        f"{each.run.name}: {verdict.promise}" for each in figures for verdict in each.verdicts if verdict.violations
    ]
    for line in broken:
        _say(f"BROKEN {line}")
    return 1 if broken else 0


def _say(text: str) -> None:
    print(f"evaluate: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
