"""Frames come back as the same bytes or not at all."""

from __future__ import annotations

import hashlib
import random
import struct
import tracemalloc

import lz4.block
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from echofs.adapters.frames import FORMAT, HEADER_BYTES, LZ4, MAGIC, RAW, Lz4Codec
from echofs.core.chunking import DIGESTS_PER_LIST, MIB, digest_of, pack_digests
from echofs.core.errors import CorruptFrame
from echofs.core.models import ChunkKind
from echofs.ports.chunks import Frame

LIMIT = 64 << 10
CODEC = Lz4Codec(LIMIT)
NOISE = random.Random(7).randbytes(LIMIT)
TEXT = (b"the quick brown fox jumps over the lazy dog\n" * 2000)[:LIMIT]


def joined(frame: Frame) -> bytes:
    return b"".join(bytes(part) for part in frame.parts)


def forged(
    plain: bytes = TEXT,
    *,
    payload: bytes | None = None,
    codec: int = RAW,
    magic: bytes = MAGIC,
    version: int = FORMAT,
    kind: int = 0,
    size: int | None = None,
    payload_length: int | None = None,
) -> bytes:
    """A frame written by hand from the documented layout, with a right checksum over whatever it claims."""
    payload = plain if payload is None else payload
    head = struct.pack(
        "<4sBBBBII32s",
        magic,
        version,
        codec,
        kind,
        0,
        len(plain) if size is None else size,
        len(payload) if payload_length is None else payload_length,
        hashlib.sha256(plain).digest(),
    )
    return head + xxhash.xxh3_128(head + payload).digest() + payload


@pytest.mark.parametrize(
    "plain",
    [b"x", b"\0", b"ab" * 5, TEXT[:1000], NOISE[:1000], TEXT, NOISE, bytes(LIMIT), TEXT[:100] + NOISE[:-100]],
    ids=["1 byte", "1 zero", "10 bytes", "text", "noise", "full text", "full noise", "full zeros", "full mixed"],
)
def test_a_chunk_comes_back_from_its_frame(plain: bytes) -> None:
    frame = CODEC.encode(plain)
    assert frame.digest == hashlib.sha256(plain).hexdigest()
    assert frame.size == len(plain)
    assert len(frame) == len(joined(frame)) <= HEADER_BYTES + len(plain)
    assert CODEC.decode(joined(frame), frame.digest, check_digest=True) == plain


@given(st.binary(min_size=1, max_size=300))
def test_any_chunk_comes_back_through_a_batch(plain: bytes) -> None:
    frame = CODEC.encode(memoryview(plain))
    [split] = CODEC.split(joined(frame))
    assert (split.digest, split.size) == (frame.digest, len(plain))
    assert CODEC.decode(split.parts[0], frame.digest, check_digest=True) == plain


def test_the_layout_is_the_documented_one() -> None:
    assert joined(CODEC.encode(NOISE)) == forged(NOISE)
    packed = lz4.block.compress(TEXT, store_size=False)
    assert joined(CODEC.encode(TEXT)) == forged(TEXT, payload=packed, codec=LZ4)


def test_text_is_compressed_and_noise_is_sent_without_a_copy() -> None:
    assert len(CODEC.encode(TEXT)) < len(TEXT) // 10
    frame = CODEC.encode(NOISE)
    assert frame.parts[1] is NOISE


def test_a_chunk_that_only_begins_compressible_is_sent_raw_if_nothing_is_saved() -> None:
    codec = Lz4Codec(4 * MIB)
    plain = TEXT + random.Random(8).randbytes(MIB)
    frame = codec.encode(plain)
    assert frame.parts[1] is plain
    assert codec.decode(joined(frame), frame.digest) == plain


def test_a_digest_that_is_known_is_not_computed_again() -> None:
    assert CODEC.encode(b"abc", "11" * 32).digest == "11" * 32


@pytest.mark.parametrize("length", [0, LIMIT + 1])
def test_a_chunk_no_reader_would_accept_is_never_framed(length: int) -> None:
    with pytest.raises(ValueError, match="65536"):
        CODEC.encode(bytes(length))


def test_a_full_list_of_digests_fits_a_codec_of_one_mebibyte() -> None:
    codec = Lz4Codec(MIB)
    packed = pack_digests([digest_of(str(number).encode()) for number in range(DIGESTS_PER_LIST)])
    frame = codec.encode(packed)
    assert codec.decode(joined(frame), frame.digest, check_digest=True) == packed


@pytest.mark.parametrize("plain", [b"x", b"some noise: \x93\x07\xfe", TEXT[:200]], ids=["1 byte", "raw", "lz4"])
def test_every_flipped_bit_is_found(plain: bytes) -> None:
    frame = CODEC.encode(plain)
    whole = joined(frame)
    for bit in range(len(whole) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CorruptFrame):
            CODEC.decode(bytes(damaged), frame.digest)
        with pytest.raises(CorruptFrame):
            CODEC.split(bytes(damaged))


@pytest.mark.parametrize("plain", [b"x", TEXT[:200]], ids=["raw", "lz4"])
def test_every_truncation_and_any_trailing_byte_is_found(plain: bytes) -> None:
    frame = CODEC.encode(plain)
    whole = joined(frame)
    for length in range(len(whole)):
        with pytest.raises(CorruptFrame):
            CODEC.decode(whole[:length], frame.digest)
        if length:
            with pytest.raises(CorruptFrame):
                CODEC.split(whole[:length])
    for tail in (b"\0", b"E", whole):
        with pytest.raises(CorruptFrame):
            CODEC.decode(whole + tail, frame.digest)


def test_a_batch_is_split_into_its_frames_without_copies() -> None:
    frames = [CODEC.encode(plain) for plain in (TEXT, b"x", NOISE, TEXT[:50])]
    body = b"".join(joined(frame) for frame in frames)
    found = CODEC.split(body)
    assert [(frame.digest, frame.size, len(frame)) for frame in found] == [
        (frame.digest, frame.size, len(frame)) for frame in frames
    ]
    assert all(isinstance(frame.parts[0], memoryview) and frame.parts[0].obj is body for frame in found)
    assert CODEC.split(b"") == []


def test_a_batch_with_bytes_left_over_or_one_bad_frame_is_refused_whole() -> None:
    good = joined(CODEC.encode(TEXT))
    bad = bytearray(good)
    bad[-1] ^= 1
    for body in (good + b"\0", good + MAGIC, good + bytes(bad), bytes(bad) + good):
        with pytest.raises(CorruptFrame):
            CODEC.split(body)


def test_the_frame_of_another_chunk_is_refused() -> None:
    frame = CODEC.encode(TEXT)
    with pytest.raises(CorruptFrame, match="another chunk"):
        CODEC.decode(joined(frame), digest_of(NOISE))


def test_bytes_that_do_not_have_their_digest_are_found_when_asked() -> None:
    frame = CODEC.encode(TEXT, digest_of(NOISE))
    assert CODEC.decode(joined(frame), digest_of(NOISE)) == TEXT
    with pytest.raises(CorruptFrame, match="digest"):
        CODEC.decode(joined(frame), digest_of(NOISE), check_digest=True)


@pytest.mark.parametrize(
    "data",
    [
        forged(magic=b"ECHG"),
        forged(version=FORMAT + 1),
        forged(version=0),
        forged(codec=2),
        forged(size=0),
        forged(size=LIMIT + 1),
        forged(size=2**32 - 1),
        forged(payload_length=2**32 - 1),
        forged(payload_length=LIMIT - 1),
        forged(payload=TEXT[:-1]),
        forged(TEXT[:10], payload=TEXT[:10] + b"z"),
        forged(TEXT[:10], payload=b"", codec=LZ4),
        forged(TEXT[:10], payload=TEXT[:10], codec=LZ4),
        forged(payload=b"\xff" * 100, codec=LZ4),
        forged(payload=lz4.block.compress(TEXT, store_size=False)[:-3], codec=LZ4),
        forged(payload=lz4.block.compress(TEXT[:-1], store_size=False), codec=LZ4),
        forged(TEXT[:-1], payload=lz4.block.compress(TEXT, store_size=False), codec=LZ4),
        bytes(HEADER_BYTES),
        bytes(HEADER_BYTES * 2),
    ],
)
def test_a_frame_with_a_right_checksum_and_wrong_claims_is_refused(data: bytes) -> None:
    for digest in (
        hashlib.sha256(TEXT).hexdigest(),
        hashlib.sha256(TEXT[:10]).hexdigest(),
        hashlib.sha256(TEXT[:-1]).hexdigest(),
        "00" * 32,
    ):
        with pytest.raises(CorruptFrame):
            CODEC.decode(data, digest)


@pytest.mark.parametrize("claim", [LIMIT, LIMIT + 1, 2**31, 2**32 - 1])
def test_a_forged_length_never_allocates_more_than_a_chunk(claim: int) -> None:
    bomb = lz4.block.compress(bytes(255 * 50_000), store_size=False)[: LIMIT - 1]
    data = forged(b"", payload=bomb, codec=LZ4, size=claim)
    tracemalloc.start()
    try:
        with pytest.raises(CorruptFrame):
            CODEC.decode(data, digest_of(b""))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * LIMIT


@given(st.binary(max_size=200))
def test_random_bytes_are_no_frame(data: bytes) -> None:
    with pytest.raises(CorruptFrame):
        CODEC.decode(data, "00" * 32)
    if data:
        with pytest.raises(CorruptFrame):
            CODEC.split(data)


@pytest.mark.parametrize("kind", ChunkKind)
def test_the_kind_of_a_chunk_stands_in_its_header_and_comes_back(kind: ChunkKind) -> None:
    frame = CODEC.encode(TEXT, kind=kind)
    assert frame.kind is kind
    assert joined(frame)[6] == kind
    (again,) = CODEC.split(joined(frame))
    assert (again.kind, again.digest) == (kind, frame.digest)
    assert CODEC.decode(joined(frame), frame.digest) == TEXT
    assert CODEC.split(forged(kind=kind))[0].kind is kind


def test_an_unknown_kind_is_refused_and_a_changed_one_fails_the_checksum() -> None:
    with pytest.raises(CorruptFrame, match="known format"):
        CODEC.split(forged(kind=4))
    changed = bytearray(joined(CODEC.encode(TEXT)))
    changed[6] = ChunkKind.MANIFEST
    with pytest.raises(CorruptFrame, match="checksum"):
        CODEC.split(bytes(changed))
