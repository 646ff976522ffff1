"""Arithmetic of chunks: which chunk holds which byte, and how long lists of digests are themselves stored as chunks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from echofs.core.models import Content, Digest

MIB = 1 << 20
DIGEST_BYTES = 32
INLINE_CHUNKS = 1024
"""Files of up to this many chunks keep their digests in the version itself (32 KiB: fits any catalog's row)."""
DIGESTS_PER_LIST = 32768
"""Digests in one list chunk: 1 MiB of raw digests, the smallest chunk size allowed for files that need lists."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
EMPTY_DIGEST: Digest = hashlib.sha256(b"").hexdigest()


def digest_of(data: bytes | bytearray | memoryview) -> Digest:
    """SHA-256 (FIPS 180-4) of plain bytes, in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def is_digest(text: str) -> bool:
    """Whether this is a digest as it is written: 64 lower-case hexadecimal digits."""
    return _DIGEST.fullmatch(text) is not None


def pack_digests(digests: list[Digest]) -> bytes:
    """Digests as consecutive 32-byte values."""
    return bytes.fromhex("".join(digests))


def unpack_digests(raw: bytes | bytearray) -> list[Digest]:
    """Inverse of :func:`pack_digests`; raises ValueError on a torn list."""
    if len(raw) % DIGEST_BYTES:
        raise ValueError("a digest list must be a multiple of 32 bytes")
    text = raw.hex()
    return [text[at : at + 64] for at in range(0, len(text), 64)]


def chunk_count(content: Content) -> int:
    """Number of chunks; none for an empty file."""
    return -(-content.size // content.chunk_size)


def chunk_length(content: Content, index: int) -> int:
    """Plain length in bytes of the chunk at ``index``."""
    return min(content.chunk_size, content.size - index * content.chunk_size)


@dataclass(frozen=True, slots=True)
class Span:
    """The part of one chunk that a byte range needs: ``[start, stop)`` within chunk ``index``."""

    index: int
    start: int
    stop: int


def spans(content: Content, first: int, last: int) -> Iterator[Span]:
    """The chunks that hold the bytes ``first`` to ``last`` inclusive, in order."""
    size = content.chunk_size
    for index in range(first // size, last // size + 1):
        base = index * size
        yield Span(index, max(first - base, 0), min(last - base + 1, chunk_length(content, index)))
