"""What clients saw: one record for each operation, in the format of :mod:`echofs.verify.history` and a few fields more.

======================  ============================================================================================
``intended``            when the operation was due, nanoseconds on the clock of ``start``: latencies count from here
``kind``                ``create``, ``replace``, ``conditional``, ``queued``, ``read``, ``delete``, ``poll``, ``final``
``asked``               the level that was asked for
``status``              the HTTP status; 0 when no whole answer came
``master``, ``size``    where it was sent, and the bytes of its body
``guarantee``           the receipt's guarantee
``decision``            the id of the decision in the receipt
``reason``              the receipt's reason, or the code of the refusal
``lines``               of a write that allows its text to be merged: its own lines, which are kept wherever they are
======================  ============================================================================================
"""

from __future__ import annotations

import dataclasses
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from echofs.verify.history import Operation, parse

NANOSECONDS = 1_000_000_000


@dataclass(slots=True)
class Record:
    """One operation. Filled in while it goes on; see the module for what the fields mean."""

    op: str
    kind: str
    file: str
    client: str
    session: str
    asked: str
    master: str
    intended: int
    start: int = 0
    end: int | None = None
    ok: bool | None = None
    status: int = 0
    size: int = 0
    version: int | None = None
    digest: str | None = None
    if_match: int | None = None
    dot: str | None = None
    committed: bool = True
    mode_used: str = ""
    staleness_ms: float | None = None
    degraded: bool = False
    guarantee: str = ""
    decision: str = ""
    reason: str = ""
    lines: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it asks for a new version."""
        return self.op in ("write", "delete")

    @property
    def acknowledged(self) -> bool:
        return self.ok is True and self.end is not None

    @property
    def answered(self) -> bool:
        """Whether the client got what it can go on with: success, or a refusal that depends on the files alone."""
        return self.end is not None and (self.ok is True or 400 <= self.status < 500)

    @property
    def seconds(self) -> float | None:
        """From when it was due to its answer; None without one."""
        return None if self.end is None else (self.end - self.intended) / NANOSECONDS


@dataclass(slots=True)
class Event:
    """Something that was done to the cluster, or that began or ended: ``fault``, ``healed``, ``killed`` and such."""

    at: int
    name: str
    detail: str = ""


@dataclass(slots=True)
class Run:
    """A scenario as it was run once. ``events`` are in order; ``found`` holds what the cluster said of itself."""

    scenario: str
    policy: str
    seed: int
    records: list[Record] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.scenario}-{self.policy}-{self.seed}"

    def moment(self, name: str) -> int | None:
        """When something happened first; None if it did not."""
        return next((event.at for event in self.events if event.name == name), None)

    def window(self) -> tuple[int, int]:
        """The fault's beginning and end."""
        begin, end = self.moment("fault"), self.moment("healed")
        assert begin is not None
        assert end is not None
        return begin, end

    def operations(self) -> list[Operation]:
        """The records as the checker takes them: without the watcher's sight of what no client wrote as it is, which
        are copies that conflicts left, and merged texts."""
        written = {record.file for record in self.records if record.kind != "poll"}
        written -= {record.file for record in self.records if record.lines}
        return parse(encode(each for each in self.records if each.kind != "poll" or each.file in written))


def encode(records: Iterable[Record]) -> list[str]:
    """One line of JSON each, without the fields that have their usual value."""
    usual = {each.name: each.default for each in dataclasses.fields(Record)}
    lines = []
    for record in records:
        values = {name: getattr(record, name) for name in usual}
        kept = {name: value for name, value in values.items() if value != usual[name] or name in ("start", "end", "ok")}
        lines.append(json.dumps(kept, separators=(",", ":")))
    return lines


def decode(line: str) -> Record:
    """The record of a line."""
    fields: Mapping[str, Any] = json.loads(line)
    lists = {name: tuple(fields[name]) for name in ("lines", "digests") if name in fields}
    return Record(**{**fields, **lists})


def save(run: Run, folder: Path) -> Path:
    """Write the history, and beside it what else is known of the run; the history's file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run.name}.jsonl.gz"
    with gzip.GzipFile(path, "wb", mtime=0) as packed:
        packed.write("".join(f"{line}\n" for line in encode(run.records)).encode())
    about = {
        "scenario": run.scenario,
        "policy": run.policy,
        "seed": run.seed,
        "events": [dataclasses.asdict(event) for event in run.events],
        "found": run.found,
    }
    (folder / f"{run.name}.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return path


def load(about: Path) -> Run:
    """The run that :func:`save` wrote."""
    fields = json.loads(about.read_text(encoding="utf-8"))
    with gzip.open(about.with_suffix(".jsonl.gz"), "rt", encoding="utf-8") as lines:
        records = [decode(line) for line in lines]
    events = [Event(**event) for event in fields["events"]]
    return Run(fields["scenario"], fields["policy"], fields["seed"], records, events, fields["found"])


def load_all(folder: Path) -> Sequence[Run]:
    """Every run in a folder, by name."""
    return [load(path) for path in sorted(folder.glob("*.json"))]
