"""The chunk frame: how a chunk travels and lies on a disk. ``docs/formats.md`` documents the format.

A frame is a 64-byte header and a payload, all integers little-endian::

    magic "ECHF" | format 1 B | codec 1 B | kind 1 B | reserved 1 B | plain length 4 B | payload length 4 B |
    SHA-256 32 B | XXH3-128 16 B

The digest is that of the plain bytes. The checksum (XXH3, Yann Collet) covers the 48 bytes before it and the payload:
an LZ4 payload with flipped bits would often decode silently to other bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import lz4.block
import xxhash

from echofs.core.chunking import digest_of
from echofs.core.errors import CorruptFrame
from echofs.core.models import ChunkKind, Digest
from echofs.ports.chunks import ChunkCodec, Frame

MAGIC = b"ECHF"
FORMAT = 1
RAW, LZ4 = 0, 1
_HEADER = struct.Struct("<4sBBBxII32s")
HEADER_BYTES = _HEADER.size + 16
_PROBE_BYTES = 64 << 10
_WORTHWHILE = 0.9
"""Compressed data must come to less than this share of the plain bytes, or reading it back costs more than it saves."""
_KINDS = {kind.value: kind for kind in ChunkKind}


@dataclass(frozen=True, slots=True)
class _Header:
    codec: int
    kind: ChunkKind
    size: int
    payload_length: int
    digest: Digest


class Lz4Codec(ChunkCodec):
    """Frames with LZ4 block payloads, or raw ones where LZ4 saves too little. ``chunk_size`` bounds every
    allocation: a chunk has 1 to that many plain bytes, and encoding another length raises ValueError."""

    def __init__(self, chunk_size: int) -> None:
        self._chunk_size = chunk_size

    def encode(
        self, plain: bytes | memoryview, digest: Digest | None = None, kind: ChunkKind = ChunkKind.CONTENT
    ) -> Frame:
        # A frame that no reader would accept must never be written.
        if not 0 < len(plain) <= self._chunk_size:
            raise ValueError(f"a chunk has 1 to {self._chunk_size} bytes, not {len(plain)}")
        digest = digest or digest_of(plain)
        codec, payload = _compress(plain)
        head = _HEADER.pack(MAGIC, FORMAT, codec, kind, len(plain), len(payload), bytes.fromhex(digest))
        return Frame(digest, len(plain), (head + _checksum(head, payload), payload), kind)

    def split(self, body: bytes | memoryview) -> list[Frame]:
        view = memoryview(body)
        frames: list[Frame] = []
        at = 0
        while at < len(view):
            head = self._header(view[at : at + HEADER_BYTES])
            end = at + HEADER_BYTES + head.payload_length
            frame = view[at:end]
            _verify(frame, head.payload_length)
            frames.append(Frame(head.digest, head.size, (frame,), head.kind))
            at = end
        return frames

    def decode(self, data: bytes | memoryview, digest: Digest, *, check_digest: bool = False) -> bytes:
        view = memoryview(data)
        head = self._header(view[:HEADER_BYTES])
        if head.digest != digest:
            raise CorruptFrame("The frame carries another chunk than the one asked for.")
        _verify(view, head.payload_length)
        plain = _decompress(head.codec, view[HEADER_BYTES:], head.size)
        if check_digest and digest_of(plain) != digest:
            raise CorruptFrame("The chunk's bytes do not have its digest.")
        return plain

    def _header(self, head: memoryview) -> _Header:
        if len(head) < HEADER_BYTES:
            raise CorruptFrame("The frame ends within its header.")
        magic, version, codec, kind, size, payload_length, raw_digest = _HEADER.unpack_from(head)
        if magic != MAGIC or version != FORMAT or codec not in (RAW, LZ4) or kind not in _KINDS:
            raise CorruptFrame("The frame is not of a known format.")
        possible = payload_length == size if codec == RAW else payload_length < size
        if not 0 < size <= self._chunk_size or not possible:
            raise CorruptFrame("The frame claims an impossible length.")
        return _Header(codec, _KINDS[kind], size, payload_length, raw_digest.hex())


def _compress(plain: bytes | memoryview) -> tuple[int, bytes | memoryview]:
    probe = plain[:_PROBE_BYTES]
    if len(lz4.block.compress(probe, store_size=False)) >= len(probe) * _WORTHWHILE:
        return RAW, plain
    packed: bytes = lz4.block.compress(plain, store_size=False)
    return (LZ4, packed) if len(packed) < len(plain) * _WORTHWHILE else (RAW, plain)


def _decompress(codec: int, payload: memoryview, size: int) -> bytes:
    if codec == RAW:
        return bytes(payload)
    try:
        plain: bytes = lz4.block.decompress(payload, uncompressed_size=size)
    except lz4.block.LZ4BlockError as error:
        raise CorruptFrame("The frame's payload cannot be decompressed.") from error
    if len(plain) != size:
        raise CorruptFrame("The frame's payload has not the length it claims.")
    return plain


def _checksum(head: bytes | memoryview, payload: bytes | memoryview) -> bytes:
    state = xxhash.xxh3_128(head)
    state.update(payload)
    return state.digest()


def _verify(frame: memoryview, payload_length: int) -> None:
    if len(frame) != HEADER_BYTES + payload_length:
        raise CorruptFrame("The frame has not the length its header claims.")
    if _checksum(frame[: _HEADER.size], frame[HEADER_BYTES:]) != frame[_HEADER.size : HEADER_BYTES]:
        raise CorruptFrame("The frame fails its checksum.")
