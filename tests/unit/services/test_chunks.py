"""A worker's keeping of chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from echofs.adapters.frames import Lz4Codec
from echofs.adapters.stores.memory import MemoryStore
from echofs.core.errors import CorruptFrame, StoreFull, StoreUnavailable
from echofs.core.models import Digest
from echofs.ports.chunks import Frame
from echofs.ports.object_store import Stat, Value
from echofs.services.chunks import ChunkKeeper, key_of
from tests.fakes.meters import FakeMeters

CODEC = Lz4Codec(1024)


class FailingStore(MemoryStore):
    """A store with bad spots and a mood."""

    def __init__(self) -> None:
        super().__init__()
        self.unreadable: set[str] = set()
        self.write_error: StoreUnavailable | None = None

    def put_many(self, values: Mapping[str, Value]) -> None:
        if self.write_error is not None:
            raise self.write_error
        super().put_many(values)

    def get(self, key: str) -> tuple[bytes, Stat]:
        if key in self.unreadable:
            raise StoreUnavailable("EIO")
        return super().get(key)


@pytest.fixture
def store() -> FailingStore:
    return FailingStore()


@pytest.fixture
def meters() -> FakeMeters:
    return FakeMeters()


@pytest.fixture
def keeper(store: FailingStore, meters: FakeMeters) -> ChunkKeeper:
    return ChunkKeeper(store, CODEC, meters, "w1")


def _batch(plains: Sequence[bytes]) -> tuple[bytes, list[Digest]]:
    frames = [CODEC.encode(plain) for plain in plains]
    return b"".join(_whole(frame) for frame in frames), [frame.digest for frame in frames]


def _whole(frame: Frame) -> bytes:
    return b"".join(frame.parts)


def test_a_batch_is_stored_as_it_came_and_handed_out_in_the_order_asked_for(
    keeper: ChunkKeeper, store: FailingStore, meters: FakeMeters
) -> None:
    body, (one, two) = _batch([b"one", b"two" * 300])
    result = keeper.store(body)
    assert (result.stored, result.failed, result.full) == ((one, two), {}, False)
    absent = CODEC.encode(b"absent").digest
    found = keeper.fetch([two, absent, one])
    assert [frame and CODEC.decode(frame, digest) for frame, digest in zip(found, (two, absent, one), strict=True)] == [
        b"two" * 300,
        None,
        b"one",
    ]
    assert store.get(key_of(one))[0] + store.get(key_of(two))[0] == body
    assert keeper.present([two, absent, one]) == [True, False, True]
    assert meters.count("chunks_stored", worker="w1") == 2


def test_storing_twice_changes_nothing(keeper: ChunkKeeper, store: FailingStore) -> None:
    body, digests = _batch([b"one"])
    keeper.store(body)
    assert keeper.store(body).stored == tuple(digests)
    assert len(store.list("chunk")) == 1


def test_a_rotten_replica_is_replaced_by_a_good_one(keeper: ChunkKeeper, store: FailingStore) -> None:
    body, (digest,) = _batch([b"one"])
    store.put(key_of(digest), b"rotten")
    keeper.store(body)
    assert keeper.fetch([digest]) == [body]


def test_one_corrupt_frame_refuses_its_whole_batch_and_stores_nothing(keeper: ChunkKeeper, store: FailingStore) -> None:
    body, _ = _batch([b"one", b"two"])
    for broken in (body[:-1], body[:-1] + bytes([body[-1] ^ 1]), body + b"x"):
        with pytest.raises(CorruptFrame):
            keeper.store(broken)
    assert store.list("chunk") == []


@pytest.mark.parametrize(("error", "full"), [(StoreUnavailable("EIO"), False), (StoreFull("no room"), True)])
def test_a_store_that_fails_is_reported_for_every_chunk(
    keeper: ChunkKeeper, store: FailingStore, meters: FakeMeters, error: StoreUnavailable, full: bool
) -> None:
    body, digests = _batch([b"one", b"two"])
    store.write_error = error
    result = keeper.store(body)
    assert result.stored == ()
    assert result.failed == dict.fromkeys(digests, error.message)
    assert result.full is full
    assert meters.totals["chunks_stored"] == 0


def test_an_unreadable_chunk_does_not_hide_its_neighbours(keeper: ChunkKeeper, store: FailingStore) -> None:
    body, (one, two, three) = _batch([b"one", b"two", b"three"])
    keeper.store(body)
    store.unreadable.add(key_of(two))
    found = keeper.fetch([one, two, three, CODEC.encode(b"absent").digest])
    assert [frame is not None for frame in found] == [True, False, True, False]
