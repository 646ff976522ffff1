"""Sharing a group of chunks out to workers."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from echofs.core.reading import assign

candidates_maps = st.dictionaries(
    st.text("0123456789abcdef", min_size=1, max_size=4),
    st.lists(st.sampled_from(["w1", "w2", "w3", "w4", "w5"]), unique=True),
    max_size=12,
)


@given(candidates_maps, st.integers(1, 5), st.integers(0, 20))
def test_every_chunk_with_candidates_is_asked_of_exactly_one_of_its_likely_holders(
    candidates: dict[str, list[str]], likely: int, turn: int
) -> None:
    shares = assign(candidates, likely, turn)
    asked = Counter(digest for share in shares.values() for digest in share)
    assert set(asked) == {digest for digest, workers in candidates.items() if workers}
    assert all(count == 1 for count in asked.values())
    assert all(worker in candidates[digest][:likely] for worker, share in shares.items() for digest in share)


@given(candidates_maps, st.integers(1, 5), st.integers(0, 20))
def test_the_same_question_has_the_same_answer(candidates: dict[str, list[str]], likely: int, turn: int) -> None:
    assert assign(candidates, likely, turn) == assign(candidates, likely, turn)


def test_one_worker_that_holds_all_is_asked_for_all() -> None:
    candidates = {"d1": ["w1", "w2"], "d2": ["w2", "w3"], "d3": ["w3", "w2"]}
    assert assign(candidates, 2, 0) == {"w2": ["d1", "d2", "d3"]}


def test_unlikely_holders_are_not_asked() -> None:
    assert assign({"d1": ["w1", "w2", "w3"], "d2": ["w2", "w3", "w1"]}, 1, 0) == {"w1": ["d1"], "w2": ["d2"]}


def test_equally_good_workers_take_turns() -> None:
    candidates = {f"d{number}": ["w1", "w2", "w3"] for number in range(4)}
    asked = Counter(worker for turn in range(30) for worker in assign(candidates, 3, turn))
    assert asked == {"w1": 10, "w2": 10, "w3": 10}


def test_nothing_to_read_asks_nobody() -> None:
    assert assign({}, 3, 0) == {}
    assert assign({"d1": []}, 3, 0) == {}
