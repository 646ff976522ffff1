"""Names of what is kept beside something else."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.conflict_names import conflict_names, copy_id, restored_names
from echofs.core.models import Dot
from echofs.core.names import check_path
from tests.unit.core.conflict_values import CREATED


def _name(path: str, user: str = "anna", when: int = CREATED) -> str:
    return next(conflict_names(path, user, when))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.txt", "a (conflict, anna, 2026-11-24).txt"),
        ("docs/plan.tar.gz", "docs/plan.tar (conflict, anna, 2026-11-24).gz"),
        ("Makefile", "Makefile (conflict, anna, 2026-11-24)"),
        (".bashrc", ".bashrc (conflict, anna, 2026-11-24)"),
        (
            "1. a long title. And more words of it here",
            "1. a long title. And more words of it here (conflict, anna, 2026-11-24)",
        ),
    ],
)
def test_a_name_says_whose_and_of_which_day_it_is(path: str, name: str) -> None:
    assert _name(path) == name


def test_further_names_are_numbered() -> None:
    assert list(islice(conflict_names("a.txt", "anna", CREATED), 3))[1:] == [
        "a (conflict, anna, 2026-11-24, 2).txt",
        "a (conflict, anna, 2026-11-24, 3).txt",
    ]


def test_a_damaged_user_name_gets_nowhere() -> None:
    assert _name("a.txt", "../etc") == "a (conflict, unknown, 2026-11-24).txt"


def test_a_clock_far_ahead_still_has_a_day() -> None:
    assert _name("a.txt", when=2**62) == "a (conflict, anna, 9999-12-31).txt"


_PART = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/"), min_size=1, max_size=255
).filter(lambda part: part not in (".", "..") and len(part.encode()) <= 255)


@given(st.lists(_PART, min_size=1, max_size=12).map("/".join).filter(lambda path: len(path.encode()) <= 1024), _PART)
def test_every_name_is_a_good_path_and_no_two_are_the_same(path: str, user: str) -> None:
    names = list(islice(conflict_names(path, user, CREATED), 12))
    assert len({path, *names}) == 13
    for name in names:
        assert check_path(name) == name


def test_each_dot_has_a_file_of_its_own() -> None:
    ids = {copy_id(Dot(origin, counter)) for origin in ("a", "b", "a 1") for counter in (1, 2, 12)}
    assert len(ids) == 9
    assert all(len(file_id) == 32 for file_id in ids)
    assert copy_id(Dot("a", 1)) == copy_id(Dot("a", 1))


def test_a_restored_file_keeps_its_suffix_and_its_folder() -> None:
    names = restored_names("d/e/report.tar.gz")
    assert [next(names) for _ in range(2)] == ["d/e/report.tar (restored).gz", "d/e/report.tar (restored, 2).gz"]
