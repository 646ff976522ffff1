"""What the commands print: lines for people, or JSON for programs.

By ``print``, which progress bars know how to make room for.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_NEVER_RAW = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NOT_ON_TERMINALS = _NEVER_RAW | {"Cf"}
"""Cf: marks that turn the direction of text or are not seen, with which a name can look like another one."""


class Output:
    """Where results go. ``json``: one JSON document a line. ``quiet``: nothing about what was done, only what was asked
    for, and failures."""

    def __init__(self, *, json: bool = False, quiet: bool = False) -> None:
        self.json = json
        self.quiet = quiet

    def show(self, value: object, text: str) -> None:
        """Something that was asked for: ``value`` for programs, ``text`` for people."""
        if self.json:
            print(json.dumps(plain(value)))
        else:
            print(escaped(text))

    def show_lines(self, value: object, lines: Sequence[str]) -> None:
        """Something that was asked for and takes several lines for people."""
        if self.json:
            self.show(value, "")
        else:
            for line in lines:
                self.show(None, line)

    def tell(self, value: object, text: str) -> None:
        """Something that was done."""
        if self.json or not self.quiet:
            self.show(value, text)

    def fail(self, about: str, error: Mapping[str, object]) -> None:
        """Something that did not work; to standard error, and for programs among the results too."""
        if self.json:
            print(json.dumps({"path": about or None, "error": plain(error)}))
        prefix = f"{about}: " if about else ""
        note(f"{prefix}{error['message']}")


def note(text: str) -> None:
    """A line on standard error."""
    print(escaped(text, terminal=sys.stderr.isatty()), file=sys.stderr)


def escaped(text: str, *, terminal: bool | None = None) -> str:
    """Text with what could steer a terminal, or would end the line, written as an escape.

    Names come from whoever wrote them. ``terminal`` also escapes what is invisible; by default as standard output is.
    """
    hidden = _NOT_ON_TERMINALS if (sys.stdout.isatty() if terminal is None else terminal) else _NEVER_RAW
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(character) if unicodedata.category(character) in hidden else character for character in text)


def plain(value: object) -> Any:
    """A value as JSON has it."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value


def size_text(count: int) -> str:
    """A number of bytes for people, as in ``1.5 MiB``."""
    amount = float(count)
    for unit in _UNITS:
        if amount < 1024 or unit == _UNITS[-1]:
            break
        amount /= 1024
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def time_text(moment: datetime) -> str:
    """A moment in local time, to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun, as in ``1 file`` and ``2 files``."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
