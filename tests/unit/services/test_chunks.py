"""A worker's keeping of chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from echofs.adapters.frames import Lz4Codec
from echofs.adapters.stores.memory import MemoryStore
from echofs.core.errors import CorruptFrame, InvalidRequest, StoreFull, StoreUnavailable
from echofs.core.models import ChunkKind, Digest
from echofs.ports.chunks import Frame
from echofs.ports.object_store import Stat, Value
from echofs.services import chunks
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


def test_each_kind_lies_apart_and_is_found_by_its_digest_alone(keeper: ChunkKeeper, store: FailingStore) -> None:
    frames = {kind: CODEC.encode(kind.name.encode(), kind=kind) for kind in ChunkKind}
    keeper.store(b"".join(map(_whole, frames.values())))
    digests = [frame.digest for frame in frames.values()]
    assert [len(store.list(space)) for space in ("chunk", "manifest", "list", "entry")] == [1, 1, 1, 1]
    assert keeper.fetch(digests) == list(map(_whole, frames.values()))
    assert keeper.present(digests) == [True] * 4
    for kind, frame in frames.items():
        assert keeper.listed(kind) == [frame.digest]


def test_bytes_uploaded_as_content_never_pass_for_a_manifest(keeper: ChunkKeeper) -> None:
    manifest = CODEC.encode(b"manifest", kind=ChunkKind.MANIFEST)
    keeper.store(_whole(manifest))
    keeper.store(_whole(CODEC.encode(b"manifest")) + _whole(CODEC.encode(b"forged")))
    assert keeper.listed(ChunkKind.MANIFEST) == [manifest.digest]


def test_a_listing_comes_in_pages_in_order_and_without_strange_names(
    keeper: ChunkKeeper, store: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "LISTED_TOGETHER", 2)
    body, digests = _batch([b"%d" % number for number in range(7)])
    keeper.store(body)
    for name in ("0.tmp", "0a", "0b", "zzz"):
        store.put(f"chunk/{name}", b"")
    found: list[Digest] = []
    while page := keeper.listed(ChunkKind.CONTENT, found[-1] if found else ""):
        found += page
    assert found == sorted(digests)


def test_only_copies_of_journal_entries_can_be_removed(keeper: ChunkKeeper) -> None:
    frames = {kind: CODEC.encode(b"the same bytes", kind=kind) for kind in ChunkKind}
    keeper.store(b"".join(map(_whole, frames.values())))
    for kind in set(ChunkKind) - {ChunkKind.ENTRY}:
        with pytest.raises(InvalidRequest):
            keeper.remove(kind, [frames[kind].digest])
    for _ in range(2):
        keeper.remove(ChunkKind.ENTRY, [frames[ChunkKind.ENTRY].digest])
        assert [len(keeper.listed(kind)) for kind in ChunkKind] == [1, 1, 1, 0]


def test_a_store_that_cannot_list_says_so(keeper: ChunkKeeper, store: FailingStore) -> None:
    def fail(*_args: object, **_options: object) -> list[Stat]:
        raise StoreUnavailable("EIO")

    store.list = fail  # type: ignore[method-assign, assignment]
    with pytest.raises(StoreUnavailable):
        keeper.listed(ChunkKind.MANIFEST)


def test_a_single_unreadable_chunk_is_asked_for_once(keeper: ChunkKeeper, store: FailingStore) -> None:
    body, (digest,) = _batch([b"one"])
    keeper.store(body)
    store.unreadable.add(key_of(digest))
    assert keeper.fetch([digest]) == [None]
