"""Looking at a disk store's files without its code's help."""

from __future__ import annotations

import json
import shutil
import sqlite3
import struct
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import xxhash


@dataclass(frozen=True)
class Found:
    """A whole entry in a segment."""

    path: Path
    key: str
    at: int
    value: bytes
    stamp: int


def entries(root: Path) -> list[Found]:
    """Every whole entry below a root, dead ones too, in the order of their stamps."""
    found = []
    for path in (root / "segments").glob("*.seg"):
        raw = path.read_bytes()
        seed = json.loads(raw[:4096].rstrip(b"\0"))["seed"]
        at = 4096
        while (at := raw.find(b"ECHV", at)) >= 0:
            _, form, _, key_length, size, stamp = struct.unpack_from("<4sBBHQQ", raw, at)
            value_at = at + 40 + key_length
            key, value = raw[at + 40 : value_at], raw[value_at : value_at + size]
            if form == 1 and xxhash.xxh3_128_digest(raw[at : at + 24] + key + value, seed) == raw[at + 24 : at + 40]:
                found.append(Found(path, key.decode(), value_at, value, stamp))
            at += 1
    return sorted(found, key=lambda entry: entry.stamp)


def values(root: Path) -> dict[str, bytes]:
    """The newest whole entry of each key."""
    return {entry.key: entry.value for entry in entries(root)}


def flip(entry: Found) -> None:
    """Spoil the last byte of a value where it lies."""
    with open(entry.path, "r+b") as file:
        file.seek(entry.at + len(entry.value) - 1)
        file.write(bytes([entry.value[-1] ^ 1]))


def indexed(root: Path) -> dict[str, bytes]:
    """What the index and the segments together say. A copy of the index is read: its own is locked by the store."""
    with tempfile.TemporaryDirectory() as folder:
        for path in root.glob("index.db*"):
            shutil.copy(path, folder)
        with closing(sqlite3.connect(Path(folder) / "index.db")) as index:
            rows = index.execute("SELECT key, segment, at, size FROM value").fetchall()
    found = {}
    for key, segment, at, size in rows:
        with open(root / "segments" / f"{segment:08x}.seg", "rb") as file:
            file.seek(at)
            found[key] = file.read(size)
    return found
