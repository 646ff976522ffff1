"""An entry must bring back its version, and anything else must be refused politely."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.entries import Delivered, JournalEntry, OnConflict, decode, encode, placed
from echofs.core.models import ChunkRecord, Dot, IdempotencyRecord
from tests.unit.core.test_manifest import a_version, counts, digests, versions

words = st.text(st.characters(codec="utf-8"), max_size=12)
records = st.builds(ChunkRecord, digests, counts, st.lists(words, max_size=3).map(tuple))
DIGEST = "ab" * 32


@st.composite
def entries(draw: st.DrawFn) -> JournalEntry:
    owner, parent = draw(words), draw(st.sampled_from([0, 1, 7]))
    return JournalEntry(
        owner_id=owner,
        owner_name=draw(words),
        version=replace(draw(versions), parent=parent, manifest=draw(digests)),
        parent_dot=draw(st.builds(Dot, words, counts)) if parent else None,
        parent_manifest=draw(digests) if parent else "",
        chunks=tuple(draw(st.lists(records, max_size=3))),
        on_conflict=draw(st.sampled_from(OnConflict)),
        idempotency=draw(st.none() | st.builds(IdempotencyRecord, st.just(owner), words, words, words, counts)),
    )


def an_entry() -> JournalEntry:
    return JournalEntry(
        owner_id="owner",
        owner_name="änna",
        version=replace(a_version(), manifest=DIGEST),
        parent_dot=Dot("master", 6),
        parent_manifest="cd" * 32,
        chunks=(ChunkRecord(DIGEST, 7, ("w1",), ("w2", "w3")),),
        on_conflict=OnConflict.ASK,
        idempotency=IdempotencyRecord("owner", "key", "print", "{}", 5),
    )


def changed(**changes: object) -> bytes:
    fields: dict[str, Any] = json.loads(encode(an_entry()))
    return json.dumps({**fields, **changes}).encode()


@given(entries())
def test_an_entry_comes_back_as_it_was(entry: JournalEntry) -> None:
    assert decode(encode(entry)) == entry


def test_equal_entries_have_equal_bytes_in_canonical_json() -> None:
    raw = encode(an_entry())
    assert raw == encode(an_entry())
    assert list(json.loads(raw)) == sorted(json.loads(raw))


def test_what_was_delivered_adds_to_the_replicas_known_and_leaves_other_chunks() -> None:
    other = ChunkRecord("ef" * 32, 9, ("w9",))
    entry = replace(an_entry(), chunks=(*an_entry().chunks, other))
    now = placed(entry, {DIGEST: Delivered(DIGEST, ("w2", "w4"), ("w1", "w5"))})
    assert now.chunks == (ChunkRecord(DIGEST, 7, ("w1", "w2", "w4"), ("w5",)), other)
    assert replace(now, chunks=entry.chunks) == entry


def test_an_entry_knows_whether_it_deletes() -> None:
    tombstone = json.loads(changed())
    tombstone["version"]["kind"] = "tombstone"
    assert decode(json.dumps(tombstone).encode()).deletes
    assert not an_entry().deletes


@given(st.binary(max_size=60))
def test_bytes_that_are_no_entry_are_refused(raw: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (any, and nothing else)
        decode(raw)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("echofs", "manifest"),
        ("format", 2),
        ("format", True),
        ("owner", 7),
        ("owner", "\ud800"),
        ("owner_name", None),
        ("version", {}),
        ("version", []),
        ("parent_dot", []),
        ("parent_dot", ["m"]),
        ("parent_dot", ["m", -1]),
        ("parent_dot", [7, 1]),
        ("parent_dot", ["\ud800", 1]),
        ("parent_manifest", ""),
        ("parent_manifest", "AB" * 32),
        ("chunks", {}),
        ("chunks", [{"digest": DIGEST, "size": -1, "replicas": [], "owed": []}]),
        ("chunks", [{"digest": DIGEST, "size": 1, "replicas": [7], "owed": []}]),
        ("chunks", [{"digest": "x", "size": 1, "replicas": [], "owed": []}]),
        ("on_conflict", "overwrite"),
        ("idempotency", {"key": "k"}),
        ("idempotency", []),
    ],
)
def test_an_entry_with_a_wrong_field_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (any, and nothing else)
        decode(changed(**{field: value}))


@pytest.mark.parametrize("cut", range(0, 700, 50))
def test_an_entry_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  (any, and nothing else)
        decode(encode(an_entry())[:cut])
