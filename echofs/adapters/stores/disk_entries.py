"""The layout of a segment: a header, then entries, each a key and its value.

A segment is a file of whole blocks that only ever grows. Its first block is a line of JSON, padded with zeros::

    {"echofs":"segment","format":1,"segment":ID,"seed":SEED}

Entries that were written together begin at a block and follow each other, and zeros fill the last block. An entry is a
40-byte head, its key (``space/name``) and its value; integers are little-endian::

    magic "ECHV" | format 1 B | reserved 1 B | key length 2 B | value length 8 B | stamp 8 B | XXH3-128 16 B

The stamp grows with every write of a store: of two entries with the same key the larger one counts. The checksum
(XXH3, Yann Collet), seeded with the segment's secret ``seed``, covers the 24 bytes before it, the key and the value.
So a torn entry is never taken for a whole one, nor bytes that somebody stored to look like one.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import xxhash

from echofs.core.errors import InvalidName
from echofs.ports.object_store import Value, check_key

BLOCK = 4096
"""What segments are written in: a multiple of the block size of every common disk, as direct writes need."""
FORMAT = 1
MAGIC = b"ECHV"
_HEAD = struct.Struct("<4sBBHQQ")
HEAD_BYTES = _HEAD.size + 16

Read = Callable[[int, int], bytes]
"""``size`` bytes from an offset; fewer at the end. Raises OSError."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a value lies: ``at`` is its offset in the segment, ``size`` its length in bytes."""

    key: str
    at: int
    size: int
    stamp: int


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """Who a segment is, and the secret of its checksums."""

    segment: int
    seed: int

    def pack(self) -> bytes:
        """One block."""
        fields = {"echofs": "segment", "format": FORMAT, "segment": self.segment, "seed": self.seed}
        return (json.dumps(fields, separators=(",", ":")).encode() + b"\n").ljust(BLOCK, b"\0")

    @classmethod
    def unpack(cls, block: bytes) -> SegmentHeader:
        """Raises ValueError for anything else than a header of this format."""
        fields = json.loads(block.rstrip(b"\0") or b"null")
        if not isinstance(fields, dict) or fields.get("echofs") != "segment" or fields.get("format") != FORMAT:
            raise ValueError("not a segment of a known format")
        segment, seed = fields.get("segment"), fields.get("seed")
        if not isinstance(segment, int) or not isinstance(seed, int) or not 0 <= seed < 1 << 64:
            raise ValueError("not the header of a segment")
        return cls(segment, seed)


def head_of(key: str, value: Value, stamp: int, seed: int) -> bytes:
    """What stands before a value, its key included."""
    name = key.encode()
    head = _HEAD.pack(MAGIC, FORMAT, 0, len(name), len(value), stamp)
    return head + _checksum(head + name, value, seed) + name


def padding(end: int) -> bytes:
    """What fills the block that ends the entries at ``end``."""
    return bytes(-end % BLOCK)


def scan(read: Read, start: int, end: int, seed: int) -> Iterator[Entry]:
    """All whole entries between two offsets, in order. ``start`` is a block or the end of an entry.

    After anything else than a whole entry the search goes on at the next block: what was torn by a crash, or has rotten
    since, hides none of its neighbours. Raises OSError.
    """
    at = start
    while at + HEAD_BYTES <= end:
        entry = _entry_at(read, at, end, seed)
        if entry is None:
            at += BLOCK - at % BLOCK
        else:
            yield entry
            at = entry.at + entry.size


def _entry_at(read: Read, at: int, end: int, seed: int) -> Entry | None:
    head = read(at, HEAD_BYTES)
    if len(head) < HEAD_BYTES or not head.startswith(MAGIC):
        return None
    _, version, _, key_length, size, stamp = _HEAD.unpack_from(head)
    value_at = at + HEAD_BYTES + key_length
    if version != FORMAT or value_at + size > end:
        return None
    name, value = read(at + HEAD_BYTES, key_length), read(value_at, size)
    if _checksum(head[: _HEAD.size] + name, value, seed) != head[_HEAD.size :]:
        return None
    try:
        key = name.decode()
        check_key(key)
    except (UnicodeDecodeError, InvalidName):
        return None
    return Entry(key, value_at, size, stamp)


def _checksum(head: bytes, value: Value, seed: int) -> bytes:
    state = xxhash.xxh3_128(head, seed=seed)
    state.update(value)
    return state.digest()
