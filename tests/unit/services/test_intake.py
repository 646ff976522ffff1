"""From bytes to chunks: any split of the same bytes is the same file, and memory stays bounded."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from echofs.core import chunking
from echofs.core.errors import BodyMismatch, CatalogUnavailable, TooFewReplicas, TooLarge
from echofs.core.models import ChunkKind, ChunkRecord
from echofs.services import shipping
from echofs.services.intake import Intake
from echofs.services.shipping import MAX_UNSAFE, Shipment
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import CHUNK, DataPlane, bytes_of


def _records(plane: DataPlane, shipment: Shipment, intake: Intake) -> list[ChunkRecord]:
    """Where the chunks of an upload lie once its manifest was sent behind them."""
    manifest = plane.codec.encode(b"a manifest", kind=ChunkKind.MANIFEST)
    assert shipment.close(intake.send_behind(manifest)) == []
    return shipment.records()


def _splits(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    for start, stop in itertools.pairwise(edges):
        yield data[start:stop]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 6 * CHUNK + 1), cuts=st.lists(st.integers(0, 6 * CHUNK + 1), max_size=12))
def test_any_split_of_the_bytes_is_the_same_content(plane: DataPlane, size: int, cuts: list[int]) -> None:
    data = bytes_of(size)
    shipment = plane.shipment()
    intake = plane.intake(shipment)
    for piece in _splits(data, [min(cut, size) for cut in cuts]):
        intake.write(piece)
    content = intake.finish(size, hashlib.sha256(data).hexdigest())
    assert (content.size, content.digest, content.chunk_size, content.lists) == (
        size,
        hashlib.sha256(data).hexdigest(),
        CHUNK,
        b"",
    )
    pieces = [data[at : at + CHUNK] for at in range(0, size, CHUNK)]
    assert content.inline == b"".join(hashlib.sha256(piece).digest() for piece in pieces)
    records = _records(plane, shipment, intake)
    assert [record.digest for record in records] == chunking.unpack_digests(content.inline)
    assert [record.size for record in records] == [len(piece) for piece in pieces]
    assert plane.read_by_hand(content) == data


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_a_body_in_whole_chunks_and_a_body_byte_by_byte_are_the_same(plane: DataPlane, size: int) -> None:
    data = bytes_of(size)
    whole, single = plane.intake(), plane.intake()
    for at in range(0, size, CHUNK):
        whole.write(data[at : at + CHUNK])
    for at in range(size):
        single.write(data[at : at + 1])
    assert whole.finish(None, None) == single.finish(None, None)


def test_an_empty_file_has_no_chunks_and_the_digest_of_nothing(plane: DataPlane) -> None:
    shipment = plane.shipment()
    intake = plane.intake(shipment)
    content = intake.finish(0, hashlib.sha256(b"").hexdigest())
    assert (content.size, content.inline, content.lists) == (0, b"", b"")
    assert content.digest == chunking.EMPTY_DIGEST
    assert _records(plane, shipment, intake) == []


@pytest.mark.parametrize("declared", [0, 99, 101])
def test_a_body_of_another_length_than_declared_is_refused(plane: DataPlane, declared: int) -> None:
    intake = plane.intake()
    intake.write(bytes_of(100))
    with pytest.raises(BodyMismatch, match="100 bytes"):
        intake.finish(declared, None)
    assert plane.all_released()


@pytest.mark.parametrize("size", [0, 10, CHUNK, 5 * CHUNK])
def test_a_body_of_another_digest_than_declared_is_refused(plane: DataPlane, size: int) -> None:
    intake = plane.intake()
    intake.write(bytes_of(size))
    with pytest.raises(BodyMismatch, match="SHA-256"):
        intake.finish(size, hashlib.sha256(b"other").hexdigest())
    assert plane.all_released()


def test_a_body_beyond_the_limit_is_refused_as_soon_as_it_is(plane: DataPlane) -> None:
    intake = plane.intake(max_size=100)
    intake.write(bytes_of(100))
    with pytest.raises(TooLarge, match="100 bytes"):
        intake.write(b"x")
    assert plane.all_released()


def test_the_same_chunk_many_times_is_one_chunk_listed_many_times(plane: DataPlane) -> None:
    data = b"same" * (CHUNK // 4) * 5
    shipment = plane.shipment()
    intake = plane.intake(shipment)
    intake.write(data)
    content = intake.finish(None, None)
    assert len(set(chunking.unpack_digests(content.inline))) == 1
    assert len(_records(plane, shipment, intake)) == 5
    assert plane.read_by_hand(content) == data


# --- large files --------------------------------------------------------------------------------------------------


@pytest.fixture
def small_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    monkeypatch.setattr(chunking, "DIGESTS_PER_LIST", 8)


@pytest.mark.usefixtures("small_lists")
@pytest.mark.parametrize(("chunks", "lists"), [(4, 0), (5, 1), (7, 1), (8, 1), (9, 2), (16, 2), (17, 3)])
def test_the_digests_of_a_large_file_are_kept_in_chunks_of_their_own(plane: DataPlane, chunks: int, lists: int) -> None:
    data = bytes_of(chunks * CHUNK)
    shipment = plane.shipment()
    intake = plane.intake(shipment)
    intake.write(data)
    content = intake.finish(None, None)
    records = _records(plane, shipment, intake)
    assert len(content.lists) == lists * 32
    assert len(content.inline) == (0 if lists else chunks * 32)
    assert len(records) == chunks + lists
    assert plane.read_by_hand(content) == data


def test_a_long_upload_records_its_chunks_ahead_of_the_commit(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "RECORD_AHEAD", 4)
    shipment = plane.shipment()
    intake = plane.intake(shipment)
    intake.write(bytes_of(30 * CHUNK))
    digests = chunking.unpack_digests(intake.finish(None, None).inline)
    left = [record.digest for record in _records(plane, shipment, intake)]
    ahead = plane.catalog.replicas(digests)
    assert len(left) < 4 + MAX_UNSAFE + 1
    assert set(ahead) == set(digests) - set(left)
    assert all(workers == ("a", "b", "c") for workers in ahead.values())


def test_a_catalog_that_is_away_ends_a_long_upload_and_holds_no_memory(
    plane: DataPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "RECORD_AHEAD", 4)
    plane.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        plane.intake().write(bytes_of(40 * CHUNK))
    assert plane.all_released()


def test_no_more_than_a_few_chunks_are_on_their_way_at_once() -> None:
    plane = DataPlane(clock_runs=False)
    for worker_id in "abc":
        plane.workers[worker_id].fault = Fault.SLOW
    shipment = plane.shipment()
    plane.intake(shipment).write(bytes_of((MAX_UNSAFE + 1) * CHUNK))  # the last one waits for the manifest
    assert len(shipment._window) == MAX_UNSAFE
    plane.replicator.stop()
    assert plane.budget.held == 0


def test_a_quorum_that_is_lost_ends_the_upload_and_holds_no_memory(plane: DataPlane) -> None:
    intake = plane.intake()
    intake.write(bytes_of(20 * CHUNK))
    plane.workers["a"].fault = plane.workers["b"].fault = Fault.DOWN
    with pytest.raises(TooFewReplicas):
        intake.write(bytes_of(20 * CHUNK))
    assert plane.all_released()


def test_an_upload_that_is_dropped_holds_no_memory(plane: DataPlane) -> None:
    plane.workers["c"].fault = Fault.SILENT
    plane.intake().write(bytes_of(20 * CHUNK))
    assert plane.all_released()
