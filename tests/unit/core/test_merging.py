"""Merges are clean, or do not happen."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.merging import MAX_BYTES, NotMergeable, merge, merge_lines

BASE = b"one\ntwo\nthree\nfour\nfive\n"


def _text(base: bytes, mine: bytes, theirs: bytes) -> bytes:
    return merge(base, mine, theirs, as_json=False)


def _json(base: object, mine: object, theirs: object) -> object:
    return json.loads(merge(*(json.dumps(value).encode() for value in (base, mine, theirs)), as_json=True))


def test_changes_of_different_lines_come_together() -> None:
    mine, theirs = BASE.replace(b"one", b"ONE"), BASE.replace(b"five", b"FIVE")
    assert _text(BASE, mine, theirs) == b"ONE\ntwo\nthree\nfour\nFIVE\n"


def test_lines_added_and_removed_in_different_places_come_together() -> None:
    mine, theirs = BASE.replace(b"two\n", b""), BASE.replace(b"four\n", b"four\nand a half\n")
    assert _text(BASE, mine, theirs) == b"one\nthree\nfour\nand a half\nfive\n"


def test_the_same_change_on_both_sides_is_one_change() -> None:
    both = BASE.replace(b"three", b"3")
    assert _text(BASE, both, both + b"six\n") == both + b"six\n"


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (BASE.replace(b"three", b"3"), BASE.replace(b"three", b"drei")),
        (BASE.replace(b"two", b"2"), BASE.replace(b"three", b"3")),
        (BASE + b"six\n", BASE + b"sechs\n"),
        (BASE.replace(b"three\n", b""), BASE.replace(b"three", b"3")),
        (b"", BASE + b"six\n"),
        (BASE[:-1], BASE + b"six\n"),
    ],
)
def test_changes_of_one_line_or_of_neighbours_are_not_merged(mine: bytes, theirs: bytes) -> None:
    with pytest.raises(NotMergeable):
        _text(BASE, mine, theirs)


@pytest.mark.parametrize("strange", [b"\xff\xfe\n" + BASE, b"\0" + BASE, b"x" * (MAX_BYTES + 1), b"\n" * 30_000])
def test_what_is_no_text_or_too_large_is_not_merged(strange: bytes) -> None:
    with pytest.raises(NotMergeable):
        _text(BASE, strange, BASE)


def test_line_ends_stay_as_they_are() -> None:
    assert _text(b"a\r\nb\r\nc", b"A\r\nb\r\nc", b"a\r\nb\r\nC") == b"A\r\nb\r\nC"


def _lines() -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=6)


@given(_lines(), _lines(), _lines())
def test_a_merge_is_the_same_whoever_makes_it(base: list[bytes], mine: list[bytes], theirs: list[bytes]) -> None:
    assert _or_none(base, mine, theirs) == _or_none(base, theirs, mine)


@given(_lines(), _lines())
def test_a_side_that_changed_nothing_leaves_the_other_as_it_is(base: list[bytes], other: list[bytes]) -> None:
    assert merge_lines(base, base, other) == other
    assert merge_lines(base, other, other) == other


@given(_lines(), _lines(), _lines())
def test_no_line_is_lost_that_only_one_side_added(base: list[bytes], mine: list[bytes], theirs: list[bytes]) -> None:
    marked = [line.upper() if line not in base else line for line in mine]
    merged = _or_none(base, marked, theirs)
    for line in {line for line in marked if line not in base} if merged is not None else ():
        assert marked.count(line) == (merged or []).count(line)


def _or_none(base: list[bytes], mine: list[bytes], theirs: list[bytes]) -> list[bytes] | None:
    try:
        return merge_lines(base, mine, theirs)
    except NotMergeable:
        return None


def test_different_keys_come_together_however_deep() -> None:
    base = {"a": 1, "deep": {"x": 1, "y": 2}, "list": [1]}
    mine = {"a": 2, "deep": {"x": 1, "y": 2, "z": 3}, "list": [1]}
    theirs = {"deep": {"x": 5, "y": 2}, "list": [1, 2], "a": 1}
    assert _json(base, mine, theirs) == {"a": 2, "deep": {"x": 5, "y": 2, "z": 3}, "list": [1, 2]}


def test_a_key_that_one_side_removed_is_gone() -> None:
    assert _json({"a": 1, "b": 2}, {"b": 2}, {"a": 1, "b": 3}) == {"b": 3}


@pytest.mark.parametrize(
    ("base", "mine", "theirs"),
    [
        ({"a": 1}, {"a": 2}, {"a": 3}),
        ({"a": 1}, {}, {"a": 3}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [0, 1]}),
        ({"a": 1}, {"a": True}, {"a": 1.0}),
        ([], {}, 1),
    ],
)
def test_one_key_changed_on_both_sides_is_not_merged(base: object, mine: object, theirs: object) -> None:
    with pytest.raises(NotMergeable):
        _json(base, mine, theirs)


@pytest.mark.parametrize(
    "strange",
    [b'{"a": 1, "a": 2}', b"{", b'{"a": NaN}', b'{"a": 1.10}', b'{"a": "\\ud800"}', b"[" * 9000 + b"]" * 9000],
)
def test_json_that_would_not_come_out_as_it_went_in_is_not_merged(strange: bytes) -> None:
    with pytest.raises(NotMergeable):
        merge(b'{"b": 1}', strange, b'{"b": 1, "c": 2}', as_json=True)


def test_merged_json_keeps_its_spelling_where_lines_can_be_merged() -> None:
    base = b'{\n  "a": 1,\n  "between": [ 1,2 ],\n  "b": 2\n}\n'
    mine, theirs = base.replace(b'"a": 1', b'"a": 10'), base.replace(b'"b": 2', b'"b": 20')
    assert merge(base, mine, theirs, as_json=True) == base.replace(b" 1,\n", b" 10,\n", 1).replace(b" 2\n", b" 20\n")


def test_merged_json_is_laid_out_like_the_other_side() -> None:
    base, mine, theirs = b'{"a":1,"b":2}', b'{"a":2,"b":2}', b'{\n "a": 1,\n "b": 3\n}\n'
    assert merge(base, mine, theirs, as_json=True) == b'{\n  "a": 2,\n  "b": 3\n}\n'


def test_values_that_python_takes_for_equal_are_not() -> None:
    for base, mine in product([1, 1.0, True], repeat=2):
        assert repr(_json({"a": base}, {"a": mine}, {"a": base})) == repr({"a": mine})
