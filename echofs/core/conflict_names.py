"""What files are called that are kept beside others, and conflicts by those who ask for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import PurePosixPath

from echofs.core.errors import InvalidName
from echofs.core.models import Dot, Timestamp
from echofs.core.names import MAX_PART_BYTES, MAX_PATH_BYTES, check_user_name, parent_of

MAX_SUFFIX_BYTES = 16
"""What follows the last dot of a longer name is no suffix."""
_LAST_MOMENT: Timestamp = 253_402_300_799_000_000
"""The end of the year 9999: a clock may be far ahead."""


def conflict_id(dot: Dot) -> str:
    """Under which a conflict is recorded: the dot of the version that came later."""
    return f"{dot.origin}:{dot.counter}"


def copy_id(dot: Dot) -> str:
    """The file that a version becomes that is kept beside another."""
    return hashlib.sha256(f"kept beside {dot.origin} {dot.counter}".encode()).hexdigest()[:32]


def conflict_names(path: str, user_name: str, when: Timestamp) -> Iterator[str]:
    """Paths for a file kept beside another: "name (conflict, user, 2026-11-24).ext" in the same folder, and then with
    numbers."""
    day = datetime.fromtimestamp(min(when, _LAST_MOMENT) / 1_000_000, UTC).date().isoformat()
    return _beside(path, f"conflict, {_safe(user_name)}, {day}")


def restored_names(path: str) -> Iterator[str]:
    """Paths for a file that comes back while another has its own: "name (restored).ext" beside it, and then with
    numbers."""
    return _beside(path, "restored")


def _beside(path: str, mark: str) -> Iterator[str]:
    """A name too long is shortened; a folder with a path too long gives way to the one it lies in."""
    name = path.rpartition("/")[2]
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > MAX_SUFFIX_BYTES:
        suffix = ""
    stem = name.removesuffix(suffix) if suffix else name
    for number in count(1):
        end = f" ({mark}{f', {number}' if number > 1 else ''}){suffix}"
        folder = parent_of(path)
        while len(folder.encode()) > MAX_PATH_BYTES - MAX_PART_BYTES - 1:
            folder = parent_of(folder)
        part = _shortened(stem, MAX_PART_BYTES - len(end.encode())) + end
        yield f"{folder}/{part}" if folder else part


def _safe(user_name: str) -> str:
    """The name comes from a file that may be damaged."""
    try:
        return check_user_name(user_name)
    except InvalidName:
        return "unknown"


def _shortened(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")
