"""Cursors: what is made is understood again, what is not made is refused."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.adapters.catalog.cursor import decode, encode
from echofs.core.errors import InvalidRequest
from echofs.ports.listing import SortKey

PATHS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@given(st.sampled_from(SortKey), st.integers(-(2**63) + 1, 2**63 - 1), PATHS)
def test_a_cursor_names_the_place_it_was_made_for_and_travels_in_a_query(sort: SortKey, value: int, path: str) -> None:
    cursor = encode((value, path), sort)
    assert decode(cursor, sort) == (value, path)
    assert set(cursor) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_garbage_is_refused_as_a_bad_request(garbage: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        decode(garbage, SortKey.SIZE)
    assert refused.value.field == "after"


@pytest.mark.parametrize(
    "value",
    [
        ["size", 2**63, "p"],
        ["size", True, "p"],
        ["size", 1.5, "p"],
        ["size", "1", "p"],
        ["size", 1, 2],
        ["size", 1, None],
        ["size", 1, "nul\0"],
        ["size", 1, "\ud800"],
        ["size", 1],
        ["size", 1, "p", "q"],
        ["name", 1, "p"],
        [["size"], 1, "p"],
        {"size": 1, "b": 2, "c": 3},
        "siz",
        None,
        7,
    ],
)
def test_values_no_engine_could_compare_are_refused(value: object) -> None:
    with pytest.raises(InvalidRequest):
        decode(packed(value), SortKey.SIZE)


def test_a_deeply_nested_cursor_is_refused() -> None:
    raw = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    with pytest.raises(InvalidRequest):
        decode(raw, SortKey.NAME)
