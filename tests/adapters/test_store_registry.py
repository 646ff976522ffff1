from __future__ import annotations

from typing import Any

import pytest

from echofs.adapters.stores import registry
from echofs.adapters.stores.disk import DiskStore
from echofs.adapters.stores.memory import MemoryStore
from echofs.adapters.stores.registry import StoreOptions
from echofs.core.errors import InvalidSetting, StoreFull, ValueTooLarge


def open_store(url: str, **options: Any):
    return registry.open_store(url, owner="w1", max_value_bytes=100, options=StoreOptions(**options))


def test_disk_opens_the_folder_named(tmp_path):
    store = open_store(f"disk:{tmp_path}/a:b")
    assert isinstance(store, DiskStore)
    with store, pytest.raises(ValueTooLarge):
        store.put("s/a", bytes(101))
    assert (tmp_path / "a:b" / "identity.json").exists()


def test_the_reserve_is_passed_on(tmp_path):
    store = open_store(f"disk:{tmp_path}", reserve_bytes=1 << 60)
    with pytest.raises(StoreFull):
        store.put("s/a", b"")


def test_memory_opens_an_empty_store():
    store = open_store("memory:")
    assert isinstance(store, MemoryStore)
    assert store.limits.max_value_bytes == 100


@pytest.mark.parametrize("url", ["", "disk", "/var/lib", "ftp://bucket", "DISK:/x", "file:/x", ":x"])
def test_an_unknown_scheme_is_refused_and_the_known_ones_named(url):
    with pytest.raises(InvalidSetting, match=r"disk:, dynamodb:, memory:, s3:") as refusal:
        open_store(url)
    assert refusal.value.field == "CHUNK_STORE"


@pytest.mark.parametrize(
    "url", ["disk:", "memory:x", "disk:a\0b", "s3:bucket", "s3://B", "s3://bucket/a//b", "s3://bucket/../a"]
)
def test_a_known_scheme_with_a_wrong_rest_is_refused(url):
    with pytest.raises(InvalidSetting) as refusal:
        open_store(url)
    assert refusal.value.field == "CHUNK_STORE"


@pytest.mark.parametrize("url", ["s3:", "s3:///prefix"])
def test_a_bucket_named_nowhere_is_missed(url):
    with pytest.raises(InvalidSetting, match="S3_BUCKET_NAME is not set") as refusal:
        open_store(url)
    assert refusal.value.field == "S3_BUCKET_NAME"


def test_a_store_too_small_for_a_chunk_frame_is_refused(monkeypatch):
    monkeypatch.setitem(registry.SCHEMES, "small", lambda request: MemoryStore(max_value_bytes=99))
    with pytest.raises(InvalidSetting, match="99") as refusal:
        open_store("small:")
    assert refusal.value.field == "CHUNK_STORE"
