"""`python -m bench.listing`: a folder with thousands of files, asked for in one page over HTTP."""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median, quantiles

from bench import report
from bench.catalog.contents import Contents
from bench.catalog.engines import ENGINES, Empty
from bench.catalog.rounds import FILES_AT_ONCE
from bench.cluster import Cluster, started_cluster
from bench.command import completed
from bench.dialects import read_answer
from bench.errors import BenchError
from bench.wire import Connection, Reply

_FILES, _REQUESTS = 10_000, 40
_FEWEST = 2
"""Of anything: a percentile needs two."""
_WARM = 4
"""Requests that are not measured: a process compiles its statements when they are first asked for."""
_LARGEST_ANSWER = 32 << 20
_ENGINES = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Times:
    """What the same request took again and again: at the server until the answer could be sent, at the client until it
    was there, in milliseconds each, and the masters' processor time for one, in microseconds."""

    engine: str
    files: int
    answer_bytes: int
    server_ms: Sequence[float]
    client_ms: Sequence[float]
    cpu_us: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures what the command line asks for. Returns 0, or 1 for a wrong answer; never for a time."""
    options = _parser().parse_args(arguments)
    return completed(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    if report.busy():
        print("bench: other programs are using this machine; run again when it is quiet for a record", file=sys.stderr)
    line = f"{report.host()}, {report.load()}"
    options.dir.mkdir(parents=True, exist_ok=True)
    times = [_measured(engine, options) for engine in options.engine or _ENGINES]
    print(f"{line}\n\n{_table(times)}\n\nevery answer named every file, in order")
    if options.json:
        figures = {"machine": line, "figures": [asdict(each) for each in times]}
        report.write_text(options.json, json.dumps(figures, indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m bench.listing", description="Measure the listing of a large folder.")
    parser.add_argument("--files", type=_number, default=_FILES, help=f"in the folder (default {_FILES})")
    parser.add_argument("--requests", type=_number, default=_REQUESTS, help=f"on each engine (default {_REQUESTS})")
    parser.add_argument("--engine", action="append", choices=_ENGINES, help="only this one; may be repeated")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every time to FILE")
    parser.add_argument("--dir", type=Path, default=Path(".bench"), help="where the data goes meanwhile (a real disk)")
    return parser


def _number(text: str) -> int:
    if not text.isdigit() or int(text) < _FEWEST:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from {_FEWEST} on")
    return int(text)


def _measured(engine: str, options: argparse.Namespace) -> Times:
    """Start a cluster on an empty catalog, fill a folder of its user and ask for it."""
    with tempfile.TemporaryDirectory(prefix="listing-", dir=options.dir) as name:
        folder = Path(name).resolve()
        place = folder / engine
        place.mkdir()
        with ENGINES[engine](place) as make:
            catalog = make()
            settings = {"DATABASE_URL": catalog.url, "LOG_LEVEL": "info", "LOG_FORMAT": "json"}
            with started_cluster(folder / "echofs", settings) as cluster:
                return _asked(engine, cluster, _filled(catalog, cluster, options.files), options.requests)


def _filled(empty: Empty, cluster: Cluster, number: int) -> Contents:
    """Put so many files into one folder of the cluster's user. They have no bytes: no listing asks for them."""
    contents = Contents(number, number)
    with closing(Connection(cluster.address)) as connection:
        profile = read_answer(connection.ask(_head(cluster, "auth/profile")), 200, "the user's profile")
    owner = profile["data"]["user"]["id"]
    for start in range(0, number, FILES_AT_ONCE):
        stop = min(start + FILES_AT_ONCE, number)
        empty.catalog.restore([replace(contents.file(index), owner_id=owner) for index in range(start, stop)])
    empty.filled()
    return contents


def _asked(engine: str, cluster: Cluster, contents: Contents, requests: int) -> Times:
    ids = [f"listing-{number}" for number in range(requests)]
    heads = [_head(cluster, f"files?folder={contents.folder_of(0)}&limit={contents.files}", each) for each in ids]
    room = memoryview(bytearray(_LARGEST_ANSWER))
    client: list[float] = []
    with closing(Connection(cluster.address)) as connection:
        for _ in range(_WARM):
            connection.ask(heads[0], into=room)
        used = cluster.cpu_seconds()["master"]
        for head in heads:
            began = time.perf_counter()
            reply = connection.ask(head, into=room)
            client.append((time.perf_counter() - began) * 1000)
            _verify(replace(reply, body=bytes(room[: reply.length])), contents)
        used = cluster.cpu_seconds()["master"] - used
    return Times(engine, contents.files, reply.length, _logged(cluster, ids), client, used / requests * 1e6)


def _head(cluster: Cluster, route: str, request_id: str = "bench") -> bytes:
    return (
        f"GET /api/v1/{route} HTTP/1.1\r\nHost: bench\r\nX-Request-ID: {request_id}\r\n"
        f"Authorization: Bearer {cluster.dialect.token}\r\n\r\n"
    ).encode("ascii")


def _verify(reply: Reply, contents: Contents) -> None:
    """Every file is in the answer, once and at its place."""
    data = read_answer(reply, 200, "the listing")["data"]
    expected = [contents.file(index).path for index in range(contents.files)]
    if [file["path"] for file in data["files"]] != expected or data["next"] is not None:
        raise BenchError(f"a listing of {contents.files:,} files lacks some, or has others")


def _logged(cluster: Cluster, ids: Sequence[str]) -> list[float]:
    """What the masters' own lines say about the requests."""
    taken: dict[str, float] = {}
    for line in cluster.log.read_text("utf-8", "replace").splitlines():
        if '"endpoint": "files.listing"' in line:
            event = json.loads(line)
            taken[event["request"]] = event["ms"]
    if not taken.keys() >= set(ids):
        raise BenchError(f"{cluster.log} has no line for some of the requests")
    return [taken[each] for each in ids]


def _table(times: Sequence[Times]) -> str:
    header = ["engine", "files", "answer", "server ms, median / p95", "client ms, median / p95", "master CPU"]
    rows = [
        [
            each.engine,
            f"{each.files:,}",
            f"{each.answer_bytes / 1e6:.1f} MB",
            _middle(each.server_ms),
            _middle(each.client_ms),
            f"{each.cpu_us:,.0f} µs",
        ]
        for each in times
    ]
    return report.table(header, rows)


def _middle(milliseconds: Sequence[float]) -> str:
    return f"{median(milliseconds):.0f} / {quantiles(milliseconds, n=20)[-1]:.0f}"


if __name__ == "__main__":
    sys.exit(main())
