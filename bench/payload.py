"""Bytes to upload: every file differs from every other in each 64 KiB, so that no two uploads share a chunk."""

import hashlib
import os
import random
import struct
from collections.abc import Iterator

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

_STAMP_EVERY = 64 * KIB
_TILE = 4 * MIB
_STAMP = struct.Struct("<8sII")


class Payload:
    """A family of files of one size, numbered from 0, made tile by tile in one reused buffer.

    The same number always gives the same bytes, so that a digest can be worked out after the clock has stopped.
    `size` is in bytes and at least 16; with `mixed`, half of it is text that LZ4 shrinks and half is random.
    """

    def __init__(self, size: int, *, mixed: bool = False) -> None:
        self.size = size
        self._nonce = os.urandom(8)
        length = min(size, _TILE)
        self._buffer = bytearray(_half_text(length) if mixed else os.urandom(length))

    def tiles(self, number: int) -> Iterator[memoryview]:
        """The bytes of file `number` in order; a tile is valid only until the next one is asked for."""
        view = memoryview(self._buffer)
        for start in range(0, self.size, _TILE):
            length = min(_TILE, self.size - start)
            for offset in range(0, length, _STAMP_EVERY):
                _STAMP.pack_into(self._buffer, offset, self._nonce, number, (start + offset) // _STAMP_EVERY)
            yield view[:length]

    def digest(self, number: int) -> str:
        """SHA-256 of file `number`, in hexadecimal."""
        digest = hashlib.sha256()
        for tile in self.tiles(number):
            digest.update(tile)
        return digest.hexdigest()


def _half_text(length: int) -> bytes:
    """Text and random bytes in turn, a whole chunk of each where the length allows it."""
    unit = min(MIB, length // 2)
    text = _text(unit)
    parts = [text if index % 2 == 0 else os.urandom(unit) for index in range(length // unit + 1)]
    return b"".join(parts)[:length]


def _text(length: int) -> bytes:
    """Made-up prose with the skewed word frequencies of a natural language."""
    source = random.Random(1)
    words = ["".join(source.choices("etaoinshrdlucmfwyp", k=source.randint(2, 9))) for _ in range(2000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    prose = " ".join(source.choices(words, weights, k=length // 3 + 1))
    return prose.encode("ascii")[:length]
