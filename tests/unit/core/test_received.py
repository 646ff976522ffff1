"""How far an upload has come, as numbers and digests."""

from __future__ import annotations

import pytest

from echofs.core import chunking
from echofs.core.received import Received

CHUNK = 10


def digest(number: int) -> str:
    return f"{number:064x}"


@pytest.fixture(autouse=True)
def _few_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four digests fill what stands inline, eight a list."""
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    monkeypatch.setattr(chunking, "DIGESTS_PER_LIST", 8)


def after(chunks: int) -> Received:
    """What so many whole chunks make, folded whenever it is full; folds are named by how much they end behind."""
    received = Received(CHUNK)
    for number in range(chunks):
        if received.is_full:
            received = received.with_fold(digest(1000 + number))
        received = received.with_chunk(digest(number))
    return received


def test_a_piece_is_replaced_by_the_chunk_that_begins_with_it() -> None:
    begun = Received(CHUNK).with_chunk(digest(0)).with_piece(digest(90), 3)
    assert (begun.size, begun.whole_size, begun.piece_size) == (13, 10, 3)
    grown = begun.with_piece(digest(91), 7)
    assert (grown.size, grown.ending()) == (17, [digest(0), digest(91)])
    filled = grown.with_chunk(digest(1))
    assert (filled.size, filled.piece_size, filled.piece) == (20, 0, "")
    assert filled.ending() == [digest(0), digest(1)]


@pytest.mark.parametrize("chunks", range(1, 30))
def test_what_is_written_down_stays_small_and_every_chunk_is_in_one_place(chunks: int) -> None:
    received = after(chunks)
    lists = len(received.lists) // chunking.DIGEST_BYTES
    inline = len(received.inline) // chunking.DIGEST_BYTES
    assert received.size == chunks * CHUNK
    assert 1 <= inline <= 4
    assert received.folded_chunks in (0, 4)
    assert bool(received.folded) == bool(received.folded_chunks)
    assert lists * 8 + received.folded_chunks + inline == chunks
    assert received.ending() == [digest(number) for number in range(chunks - inline, chunks)]


def test_the_last_fold_of_a_list_is_the_list() -> None:
    full = after(9)
    assert (chunking.unpack_digests(full.lists), full.folded, full.ending()) == ([digest(1008)], "", [digest(8)])


@pytest.mark.parametrize(("size", "needed"), [(0, False), (40, False), (41, True)])
def test_a_file_of_more_chunks_than_a_version_holds_needs_lists(size: int, needed: bool) -> None:
    assert Received(CHUNK, size).needs_lists is needed


def test_the_content_names_its_chunks_or_its_lists() -> None:
    short = after(2).with_piece(digest(9), 5)
    content = short.content(digest(7))
    assert (content.size, content.digest, content.chunk_size, content.lists) == (25, digest(7), CHUNK, b"")
    assert chunking.unpack_digests(content.inline) == [digest(0), digest(1), digest(9)]
    listed = after(9).content(digest(7), b"l" * 64)
    assert (listed.inline, listed.lists) == (b"", b"l" * 64)
