"""Traces: what was known tick by tick, one JSON object a line, as a controller records it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from echofs.core.fields import Fields, canonical
from echofs.core.models import Level
from echofs.core.policies.values import Snapshot
from echofs.core.report_json import (
    encode_latencies,
    encode_link,
    encode_quantiles,
    read_latencies,
    read_link,
    read_quantiles,
)

FORMAT = 1
_BEGINNING = b'{"'


def fields_of(snapshot: Snapshot) -> dict[str, object]:
    """The snapshot as JSON has it."""
    return {
        "format": FORMAT,
        "at": round(snapshot.at, 3),
        "masters": snapshot.masters,
        "catalog_reachable": snapshot.catalog_reachable,
        "catalog": encode_quantiles(snapshot.catalog),
        "catalog_errors": snapshot.catalog_errors,
        "links": [encode_link(link) for link in snapshot.links],
        "workers": snapshot.workers,
        "reached": snapshot.reached,
        "up": sorted(snapshot.up),
        "lag": snapshot.lag,
        "outbox_depth": snapshot.outbox_depth,
        "journal_depth": snapshot.journal_depth,
        "writes_per_second": snapshot.writes_per_second,
        "reads_per_second": snapshot.reads_per_second,
        "hint": snapshot.hint,
        "latencies": encode_latencies(snapshot.latencies),
    }


def line_of(snapshot: Snapshot) -> bytes:
    """One line of a trace."""
    return canonical(fields_of(snapshot)) + b"\n"


def read_trace(lines: Iterable[bytes]) -> Iterator[Snapshot]:
    """The snapshots of a trace in order. Lines that a crash cut short are left out. Raises ValueError naming the first
    line that is something else."""
    for number, line in enumerate(lines, start=1):
        try:
            parsed = json.loads(line)
        except (ValueError, RecursionError):
            if not line.startswith(_BEGINNING):
                raise ValueError(f"line {number} is no snapshot") from None
            continue
        try:
            yield _snapshot(Fields(parsed, "snapshot"))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None


def _snapshot(fields: Fields) -> Snapshot:
    if fields.number("format") != FORMAT:
        raise ValueError("a snapshot of another release")
    return Snapshot(
        at=fields.decimal("at"),
        masters=fields.number("masters"),
        catalog_reachable=fields.decimal("catalog_reachable", most=1),
        catalog=read_quantiles(fields.within("catalog")),
        catalog_errors=fields.number("catalog_errors"),
        links=tuple(read_link(link) for link in fields.objects("links")),
        workers=fields.number("workers"),
        reached=fields.number("reached"),
        up=frozenset(Level(level) for level in fields.texts("up")),
        lag=fields.decimal("lag"),
        outbox_depth=fields.number("outbox_depth"),
        journal_depth=fields.number("journal_depth"),
        writes_per_second=fields.decimal("writes_per_second"),
        reads_per_second=fields.decimal("reads_per_second"),
        hint=fields.decimal("hint", most=1),
        latencies=read_latencies(fields.within("latencies")),
    )
