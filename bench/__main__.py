"""`python -m bench`: starts nginx and EchoFS side by side, loads both in the same way and prints what came out."""

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import report
from bench.cases import CASES, MEMORY, Case, chosen
from bench.clients import Clients
from bench.cluster import Cluster, started_cluster
from bench.command import completed, positive
from bench.errors import BenchError, ReferenceMissing
from bench.memory import MemoryResult, measure_memory
from bench.nginx import Nginx, started_nginx
from bench.payload import GIB
from bench.proxy import Proxied, started_proxy
from bench.rounds import Result, Runner

_ROOM_GIB = 24
_QUICK_ROOM_GIB = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the command line asks for. Returns 0, or 1 if something could not be measured; never for a time."""
    options = _parser().parse_args(arguments)
    return completed(lambda: _within(options))


def _within(options: argparse.Namespace) -> int:
    with _folder(options.dir, options.quick) as folder:
        return _measure(options, folder)


def _parser() -> argparse.ArgumentParser:
    names = ", ".join([case.name for case in CASES] + [MEMORY])
    parser = argparse.ArgumentParser("python -m bench", description="Measure EchoFS next to nginx on this machine.")
    parser.add_argument("--quick", action="store_true", help="one short round of the cases that have a bar")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=f"name or pattern; of {names}")
    parser.add_argument("--rounds", type=positive, help="rounds per case (default 3, with --quick 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every run to FILE")
    parser.add_argument("--dir", type=Path, default=Path(".bench"), help="where the data goes meanwhile (a real disk)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of EchoFS")
    parser.add_argument("--reference-only", action="store_true", help="measure nginx alone, to know the machine")
    return parser


@contextlib.contextmanager
def _folder(parent: Path, quick: bool) -> Iterator[Path]:
    """A new folder with room enough, ignored by git and removed at the end."""
    room = _QUICK_ROOM_GIB if quick else _ROOM_GIB
    parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(parent).free / GIB
    if free < room:
        raise BenchError(f"{parent} has {free:.0f} GiB free and {room} are needed; choose another place with --dir")
    (parent / ".gitignore").write_text("*\n")
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=parent)).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            if not any(path.name != ".gitignore" for path in parent.iterdir()):
                shutil.rmtree(parent)


def _measure(options: argparse.Namespace, folder: Path) -> int:
    cases = chosen(options.only, quick=options.quick)
    with_memory = MEMORY in options.only
    if not cases and not with_memory:
        raise BenchError(f"--only {' '.join(options.only)} names no case; --help lists them")
    if with_memory and options.reference_only:
        raise BenchError("memory is measured at EchoFS's master; leave --reference-only out")
    settings = dict(_setting(text) for text in options.set)
    rounds = options.rounds or (1 if options.quick else 3)
    began = time.monotonic()
    if report.busy():
        print("bench: other programs are using this machine; run again when it is quiet for a record", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        clients = stack.enter_context(contextlib.closing(Clients()))
        nginx = _reference(stack, folder / "nginx") if cases else None
        cluster = None if options.reference_only else stack.enter_context(started_cluster(folder / "echofs", settings))
        proxied = _proxied(stack, folder / "proxy", cluster) if any(case.proxied for case in cases) else None
        line = report.machine(nginx.version if nginx else None)
        print(line, flush=True)
        memory = measure_memory(clients, cluster, quick=options.quick) if with_memory and cluster else []
        runner = Runner(clients, cluster, nginx)
        results = [_result(runner, case, rounds, proxied) for case in cases if proxied or not case.proxied]
    _show(results, memory, nginx)
    print(f"\nmeasured in {time.monotonic() - began:.0f} s")
    if options.json:
        report.write_text(options.json, json.dumps(report.as_json(line, results, memory), indent=1))
    return 1 if any(result.problem for result in results) else 0


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not name or not separator:
        raise BenchError(f"--set {text} is not of the form NAME=VALUE")
    return name, value


def _reference(stack: contextlib.ExitStack, root: Path) -> Nginx | None:
    try:
        return stack.enter_context(started_nginx(root))
    except ReferenceMissing as reason:
        print(f"bench: {reason}; EchoFS's figures follow without ratios", file=sys.stderr)
        return None


def _proxied(stack: contextlib.ExitStack, root: Path, cluster: Cluster | None) -> Proxied | None:
    if cluster is None:
        return None
    try:
        return stack.enter_context(started_proxy(root, cluster))
    except (ReferenceMissing, BenchError) as reason:
        print(f"bench: the cases through a proxy are left out: {reason}", file=sys.stderr)
        return None


def _result(runner: Runner, case: Case, rounds: int, proxied: Proxied | None) -> Result:
    result = Result(case)
    print(f"  {case.name} …", end="", flush=True, file=sys.stderr)
    try:
        runner.run(case, rounds, result, proxied if case.proxied else None)
    except BenchError as error:
        result.problem = str(error)
    print(f" {result.problem or 'done'}", flush=True, file=sys.stderr)
    return result


def _show(results: Sequence[Result], memory: Sequence[MemoryResult], nginx: Nginx | None) -> None:
    if results:
        print("\n" + report.speed_table(results))
        print(f"\n{sum(result.verified for result in results):,} files verified", end="")
        print("; nginx keeps one copy without fsync, EchoFS three with" if nginx else "; nginx is missing: no ratios")
        print("* the clients used so much CPU that the true figure is higher")
        print("\n" + report.cpu_table(results))
    if memory:
        print("\n" + report.memory_table(memory))
    for result in results:
        if result.problem:
            print(f"\n{result.case.name} failed: {result.problem}")


if __name__ == "__main__":
    sys.exit(main())
