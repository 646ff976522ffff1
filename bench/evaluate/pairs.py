"""Conflicts on purpose: two writers who cannot see each other change the same file, in the proportions below."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.errors import BenchError
from bench.evaluate.arrivals import poisson
from bench.evaluate.cluster import MASTERS
from bench.evaluate.load import Load
from bench.evaluate.workload import KnownFile, Order, content_digest
from bench.payload import KIB

CONFLICTS: Mapping[str, float] = {
    "both replace": 0.35,
    "both create": 0.15,
    "text, merged": 0.20,
    "delete and replace": 0.15,
    "same bytes": 0.10,
    "owner decides": 0.05,
}
"""The published mix: what both sides do, and its share. ``owner decides`` asks for a queue and is never automatic."""
QUEUED = "queued"
"""The kind of a write whose conflict waits for its owner."""
PAIRS_PER_SECOND = 2.0
_SIZE = 4 * KIB
_LINES = 12
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_ON_CONFLICT = "X-EchoFS-On-Conflict"


@dataclass(frozen=True, slots=True)
class Pair:
    """A conflict to come: its kind, seconds after the cut, and the file both sides know, None for a new path."""

    kind: str
    offset: float
    file: KnownFile | None


async def prepared_pairs(load: Load, seconds: float) -> list[Pair]:
    """Draw the pairs of a cut that lasts so long, and make their files while both sides can learn of them."""
    dice = load.workload.dice
    offsets = list(poisson(PAIRS_PER_SECOND, seconds, dice))
    kinds = dice.choices(list(CONFLICTS), list(CONFLICTS.values()), k=len(offsets))
    pairs = []
    for offset, kind in zip(offsets, kinds, strict=True):
        file = None if kind == "both create" else await _made(load, kind)
        pairs.append(Pair(kind, offset, file))
    return pairs


async def send_pairs(load: Load, pairs: Sequence[Pair]) -> None:
    """Let both sides of each pair write when they are due."""
    begin = time.monotonic_ns()
    for pair in pairs:
        due = begin + int(pair.offset * 1e9)
        await asyncio.sleep(max(due - time.monotonic_ns(), 0) / 1e9)
        for order in _pair(load, pair.kind, pair.file):
            load.send(order, due)


async def _made(load: Load, kind: str) -> KnownFile:
    """A file that no other operation of the load touches."""
    workload = load.workload
    path = workload.new_path()
    body, headers = (_text(path, {}), _TEXT) if kind == "text, merged" else (workload.bodies.next(_SIZE), {})
    session = workload.session(MASTERS[0])
    order = Order("create", "strong", MASTERS[0], session, None, path, body, headers, private=True)
    record = await load.take(order, time.monotonic_ns())
    if not record.ok or record.version is None:
        raise BenchError(f"a file could not be stored before anything was wrong: {record.status} {record.reason}")
    return KnownFile(record.file, path, record.version, "", content_digest(body))


def _pair(load: Load, kind: str, file: KnownFile | None) -> list[Order]:
    """What each side does."""
    orders = []
    same = load.workload.bodies.next(_SIZE)
    path = file.path if file else load.workload.new_path()
    for side, master in enumerate(MASTERS):
        session = load.workload.session(master)
        body = same if kind == "same bytes" else load.workload.bodies.next(_SIZE)
        order = Order("replace", "auto", master, session, file, path, body, private=True)
        if kind == "text, merged":
            line = f"{path} as {master} wrote it"
            text = _text(path, {3 + side * 6: line})
            order = replace(order, body=text, headers={**_TEXT, _ON_CONFLICT: "merge"}, lines=(line,))
        elif kind == "owner decides":
            order = replace(order, kind=QUEUED, headers={_ON_CONFLICT: "ask"})
        elif kind == "delete and replace" and side == 0:
            order = replace(order, kind="delete", body=b"")
        elif kind == "both create":
            order = replace(order, kind="create")
        orders.append(order)
    return orders


def _text(path: str, changed: Mapping[int, str]) -> bytes:
    return "".join(f"{changed.get(number, f'line {number} of {path}')}\n" for number in range(_LINES)).encode()
