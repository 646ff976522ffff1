"""Streaming ranges: the right bytes, a few chunks ahead, and no memory kept by whoever goes away."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from echofs.core import chunking
from echofs.core.errors import ChunkUnavailable, Unavailable
from echofs.core.models import Content, Digest
from echofs.services.streaming import GROUP_CHUNKS, GROUPS_AHEAD
from tests.unit.services.data_plane import CHUNK, LIMIT, DataPlane, bytes_of

CHUNKS = 30
SIZE = CHUNKS * CHUNK + 17
DATA = bytes_of(SIZE)


@pytest.fixture
def content(plane: DataPlane) -> Content:
    return plane.put("file", DATA).file.head.content


@pytest.fixture
def listed(plane: DataPlane, monkeypatch: pytest.MonkeyPatch) -> Content:
    """The same bytes with lists of eight digests."""
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    monkeypatch.setattr(chunking, "DIGESTS_PER_LIST", 8)
    monkeypatch.setattr("echofs.services.streaming.DIGESTS_PER_LIST", 8)
    content = plane.put("listed", DATA).file.head.content
    assert len(content.lists) == 4 * 32
    return content


def _lose(plane: DataPlane, content: Content, index: int) -> Digest:
    digest = list(plane.reader.digests(content))[index]
    for worker_id in "abc":
        plane.workers[worker_id].lose(digest)
    return digest


def _close(pieces: Iterator[bytes]) -> None:
    pieces.close()  # type: ignore[attr-defined]


_EDGES = st.sampled_from([edge for at in range(0, SIZE, CHUNK) for edge in (at - 1, at, at + 1) if 0 <= edge < SIZE])
_PLACES = st.one_of(st.integers(0, SIZE - 1), _EDGES)


@pytest.mark.parametrize("kind", ["content", "listed"])
def test_any_range_is_the_same_slice_of_the_bytes(plane: DataPlane, kind: str, request: pytest.FixtureRequest) -> None:
    content = request.getfixturevalue(kind)

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(one=_PLACES, other=_PLACES)
    @example(one=0, other=SIZE - 1)
    @example(one=SIZE - 1, other=SIZE - 1)
    @example(one=CHUNK - 1, other=CHUNK)
    def check(one: int, other: int) -> None:
        first, last = min(one, other), max(one, other)
        pieces = list(plane.reader.stream(content, first, last))
        assert b"".join(pieces) == DATA[first : last + 1]
        assert all(0 < len(piece) <= CHUNK for piece in pieces)

    check()
    assert plane.read_budget.held == 0


@pytest.mark.parametrize("size", [1, CHUNK, GROUP_CHUNKS * CHUNK, GROUP_CHUNKS * GROUPS_AHEAD * CHUNK])
def test_whole_files_of_exact_multiples_come_back_whole(plane: DataPlane, size: int) -> None:
    content = plane.put("exact", DATA[:size]).file.head.content
    assert b"".join(plane.reader.stream(content, 0, size - 1)) == DATA[:size]


def test_an_empty_file_is_no_pieces(plane: DataPlane) -> None:
    content = plane.put("empty", b"").file.head.content
    assert list(plane.reader.stream(content, 0, -1)) == []
    assert list(plane.reader.digests(content)) == []


@pytest.mark.parametrize("start", [0, 1, 7, 8, 9, 16, 30])
def test_digests_start_anywhere_in_the_lists(plane: DataPlane, listed: Content, start: int) -> None:
    pieces = [DATA[at : at + CHUNK] for at in range(0, SIZE, CHUNK)]
    assert list(plane.reader.digests(listed, start)) == [chunking.digest_of(piece) for piece in pieces[start:]]


# --- failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [10, CHUNK + 10, SIZE - 1])
def test_a_file_that_cannot_be_read_is_an_error_before_its_first_byte(
    plane: DataPlane, content: Content, last: int
) -> None:
    _lose(plane, content, 0)
    with pytest.raises(ChunkUnavailable):
        plane.reader.stream(content, 0, last)
    assert plane.read_budget.held == 0


def test_a_chunk_that_is_lost_further_on_ends_the_stream_with_an_error(plane: DataPlane, content: Content) -> None:
    lost = _lose(plane, content, 20)
    pieces = plane.reader.stream(content, 0, SIZE - 1)
    received: list[bytes] = []
    with pytest.raises(ChunkUnavailable) as failed:
        received.extend(pieces)
    assert failed.value.digest == lost
    assert b"".join(received) == DATA[: 20 * CHUNK]
    assert plane.read_budget.held == 0


def test_ranges_beside_a_lost_chunk_are_served(plane: DataPlane, content: Content) -> None:
    _lose(plane, content, 20)
    assert b"".join(plane.reader.stream(content, 0, 20 * CHUNK - 1)) == DATA[: 20 * CHUNK]
    assert b"".join(plane.reader.stream(content, 21 * CHUNK, SIZE - 1)) == DATA[21 * CHUNK :]


@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_list_that_is_lost_ends_the_stream_with_an_error_and_holds_no_memory(
    plane: DataPlane, listed: Content, which: int
) -> None:
    for worker_id in "abc":
        plane.workers[worker_id].lose(chunking.unpack_digests(listed.lists)[which])
    with pytest.raises(ChunkUnavailable):
        list(plane.reader.stream(listed, 0, SIZE - 1))
    assert plane.read_budget.held == 0


def test_a_range_that_ends_with_a_list_does_not_need_the_next_one(plane: DataPlane, listed: Content) -> None:
    for worker_id in "abc":
        plane.workers[worker_id].lose(chunking.unpack_digests(listed.lists)[1])
    assert b"".join(plane.reader.stream(listed, 0, 8 * CHUNK - 1)) == DATA[: 8 * CHUNK]


def test_a_reader_that_was_stopped_refuses_and_holds_no_memory(plane: DataPlane, content: Content) -> None:
    plane.reader.stop()
    with pytest.raises(Unavailable, match="stopping"):
        plane.reader.stream(content, 0, SIZE - 1)
    assert plane.read_budget.held == 0


# --- memory -------------------------------------------------------------------------------------------------------


def test_memory_is_given_back_when_the_stream_is_closed_before_it_is_used(plane: DataPlane, content: Content) -> None:
    pieces = plane.reader.stream(content, 0, SIZE - 1)
    assert plane.read_budget.held > 0
    _close(pieces)
    assert plane.read_budget.held == 0
    assert list(pieces) == []
    _close(pieces)


@pytest.mark.parametrize("taken", [1, 2, GROUP_CHUNKS, GROUP_CHUNKS + 1, CHUNKS])
def test_memory_is_given_back_when_the_stream_is_closed_early(plane: DataPlane, content: Content, taken: int) -> None:
    pieces = plane.reader.stream(content, 0, SIZE - 1)
    assert b"".join(next(pieces) for _ in range(taken)) == DATA[: taken * CHUNK]
    _close(pieces)
    assert plane.read_budget.held == 0
    assert list(pieces) == []


def test_memory_is_bounded_however_slow_the_client_is(plane: DataPlane, content: Content) -> None:
    pieces = plane.reader.stream(content, 0, SIZE - 1)
    most = plane.read_budget.held
    for _ in pieces:
        most = max(most, plane.read_budget.held)
    assert 0 < most <= GROUPS_AHEAD * GROUP_CHUNKS * CHUNK
    assert plane.read_budget.held == 0


def test_a_download_goes_on_without_reading_ahead_when_the_budget_is_used_up(
    plane: DataPlane, content: Content
) -> None:
    plane.read_budget.acquire(LIMIT, timeout=0)
    assert b"".join(plane.reader.stream(content, 0, SIZE - 1)) == DATA
    assert plane.read_budget.held == LIMIT


def test_groups_are_fetched_ahead_of_the_client_and_no_further(plane: DataPlane, content: Content) -> None:
    fetched: list[Sequence[Digest]] = []
    read, changed = plane.chunks.read, threading.Condition()

    def watch(digests: Sequence[Digest], turn: int = 0) -> dict[Digest, bytes]:
        with changed:
            fetched.append(digests)
            changed.notify_all()
        return read(digests, turn)

    plane.chunks.read = watch  # type: ignore[method-assign]
    pieces = plane.reader.stream(content, 0, SIZE - 1)
    with changed:
        assert changed.wait_for(lambda: len(fetched) == GROUPS_AHEAD, timeout=10)
    for _ in range(GROUP_CHUNKS + 1):
        next(pieces)
    with changed:
        assert changed.wait_for(lambda: len(fetched) == GROUPS_AHEAD + 1, timeout=10)
    assert {len(digests) for digests in fetched} == {GROUP_CHUNKS}
    _close(pieces)
    assert plane.read_budget.held == 0
