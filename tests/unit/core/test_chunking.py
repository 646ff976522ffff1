"""Arithmetic of chunks, checked against slicing real bytes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.chunking import (
    DIGEST_BYTES,
    DIGESTS_PER_LIST,
    EMPTY_DIGEST,
    INLINE_CHUNKS,
    MIB,
    chunk_count,
    chunk_length,
    digest_of,
    pack_digests,
    spans,
    unpack_digests,
)
from echofs.core.models import Content


def content(size: int, chunk_size: int) -> Content:
    return Content(size=size, digest=EMPTY_DIGEST, chunk_size=chunk_size)


def test_a_digest_is_the_sha256_in_lower_case_hexadecimal() -> None:
    assert digest_of(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_of(memoryview(b"abc")) == digest_of(bytearray(b"abc")) == digest_of(b"abc")
    assert digest_of(b"") == EMPTY_DIGEST


@given(st.lists(st.binary(max_size=8).map(lambda data: hashlib.sha256(data).hexdigest()), max_size=20))
def test_packed_digests_unpack_to_the_same_list(digests: list[str]) -> None:
    packed = pack_digests(digests)
    assert len(packed) == DIGEST_BYTES * len(digests)
    assert unpack_digests(packed) == digests


@pytest.mark.parametrize("length", [1, 31, 33, 63])
def test_a_torn_list_of_digests_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="multiple of 32"):
        unpack_digests(bytes(length))


def test_a_list_chunk_fits_the_largest_frame_and_inline_digests_fit_a_row() -> None:
    assert DIGESTS_PER_LIST * DIGEST_BYTES == MIB
    assert INLINE_CHUNKS * DIGEST_BYTES == 32 << 10


@pytest.mark.parametrize(
    ("size", "lengths"), [(0, []), (1, [1]), (9, [9]), (10, [10]), (11, [10, 1]), (20, [10, 10]), (21, [10, 10, 1])]
)
def test_chunks_are_equal_but_for_the_last(size: int, lengths: list[int]) -> None:
    file = content(size, 10)
    assert chunk_count(file) == len(lengths)
    assert [chunk_length(file, index) for index in range(chunk_count(file))] == lengths


@given(st.data(), st.integers(1, 200), st.integers(1, 40))
def test_the_spans_of_a_range_are_exactly_its_bytes(data: st.DataObject, size: int, chunk_size: int) -> None:
    file = content(size, chunk_size)
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    plain = bytes(number % 251 for number in range(size))
    chunks = [plain[at : at + chunk_size] for at in range(0, size, chunk_size)]
    parts = list(spans(file, first, last))
    assert b"".join(chunks[part.index][part.start : part.stop] for part in parts) == plain[first : last + 1]
    assert all(0 <= part.start < part.stop <= len(chunks[part.index]) for part in parts)
    assert [part.index for part in parts] == list(range(first // chunk_size, last // chunk_size + 1))
