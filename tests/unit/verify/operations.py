"""Histories written down in a line each."""

from __future__ import annotations

import itertools
from dataclasses import replace

from echofs.verify import Operation

_lines = itertools.count(1)
MS = 1_000_000


def operation(op: str, start: int, end: int | None, **fields: object) -> Operation:
    """One acknowledged, committed, strong operation on the file ``f``; times in milliseconds."""
    usual = Operation(
        next(_lines), op, "f", start * MS, None if end is None else end * MS, True if end is not None else None,
        mode_used="strong",
    )  # fmt: skip
    return replace(usual, **fields)  # type: ignore[arg-type]


def write(start: int, end: int | None, version: int | None, digest: str, **fields: object) -> Operation:
    """A write of ``digest`` that was answered with ``version``."""
    return operation("write", start, end, version=version, digest=digest, **fields)


def read(start: int, end: int, version: int | None, digest: str | None, **fields: object) -> Operation:
    """A read that found this."""
    return operation("read", start, end, version=version, digest=digest, **fields)


def delete(start: int, end: int | None, version: int | None, **fields: object) -> Operation:
    """A tombstone."""
    return operation("delete", start, end, version=version, **fields)
