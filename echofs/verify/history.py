"""Histories: one operation a line, as JSON, in any order.

======================  ============================================================================================
``op``                  ``write``, ``delete``, ``read``, or ``final``
``client``              whoever waits for one answer before sending the next request
``session``             whose session tokens were passed on, "" for none
``file``                the register: a file's id, or a path that is never used again once it was deleted
``start``, ``end``      when the request was sent and the answer read, nanoseconds on one monotonic clock; ``end`` is
                        null when no answer came
``ok``                  true: acknowledged; false: refused for certain; null: nobody knows whether it happened
``version``             the number that was made or seen; null for a read that found nothing, or when unknown
``digest``              what tells this content from every other; null for a deletion, a read that found nothing, or
                        one that did not look at the content
``if_match``            the number the write demanded to replace; null for no condition
``dot``                 the version's unique name, or null
``committed``           false: provisional
``mode_used``           the level of the receipt
``staleness_ms``        the receipt's bound on how old the read's version is; null for none
``degraded``            the receipt says that session guarantees could not be kept
``digests``             of ``final`` alone: all contents found after everything was healed, in whatever file
======================  ============================================================================================

Fields that are left out count as null, false or "". Others are ignored.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KINDS = ("write", "delete", "read", "final")


class HistoryError(ValueError):
    """A line is no operation; the message names it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One line. ``line`` counts from 1."""

    line: int
    op: str
    file: str
    start: int
    end: int | None
    ok: bool | None
    client: str = ""
    session: str = ""
    version: int | None = None
    digest: str | None = None
    if_match: int | None = None
    dot: str | None = None
    committed: bool = True
    mode_used: str = ""
    staleness_ms: float | None = None
    degraded: bool = False
    digests: tuple[str, ...] = ()

    @property
    def acknowledged(self) -> bool:
        """Whether the client was told that it happened."""
        return self.ok is True and self.end is not None

    @property
    def changes(self) -> bool:
        """Whether it asks for a new version."""
        return self.op in ("write", "delete")

    @property
    def linearizable(self) -> bool:
        """Whether its receipt claims a place in one order of all operations on the file."""
        if not self.acknowledged or self.op == "final":
            return False
        return self.committed if self.changes else self.mode_used == "strong"


def read_history(path: Path) -> list[Operation]:
    """The operations of a file, which may be compressed (``.gz``). Raises :class:`HistoryError` and OSError."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return parse(lines)
    with path.open(encoding="utf-8") as lines:
        return parse(lines)


def parse(lines: Iterable[str]) -> list[Operation]:
    """The operations of all lines that are not empty. Raises :class:`HistoryError`."""
    return [_operation(number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _operation(number: int, line: str) -> Operation:
    try:
        fields = json.loads(line)
    except ValueError:
        raise HistoryError(f"line {number} is not JSON") from None
    if not isinstance(fields, dict) or fields.get("op") not in KINDS:
        raise HistoryError(f"line {number} is no operation: op is one of {', '.join(KINDS)}")
    return Operation(
        line=number,
        op=fields["op"],
        file=_take(fields, "file", str, number) or "",
        start=_take(fields, "start", int, number) or 0,
        end=_take(fields, "end", int, number),
        ok=_take(fields, "ok", bool, number),
        client=_take(fields, "client", str, number) or "",
        session=_take(fields, "session", str, number) or "",
        version=_take(fields, "version", int, number),
        digest=_take(fields, "digest", str, number),
        if_match=_take(fields, "if_match", int, number),
        dot=_take(fields, "dot", str, number),
        committed=fields.get("committed") is not False,
        mode_used=_take(fields, "mode_used", str, number) or "",
        staleness_ms=_take(fields, "staleness_ms", (int, float), number),
        degraded=fields.get("degraded") is True,
        digests=tuple(_take(fields, "digests", list, number) or ()),
    )


def _take(fields: Mapping[str, Any], name: str, kind: type | tuple[type, ...], number: int) -> Any:
    value = fields.get(name)
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        return value
    raise HistoryError(f"line {number}: {name} is not what it should be")
