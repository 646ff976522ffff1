"""Floors: the most particular demand counts, and none goes below the system's."""

from __future__ import annotations

import pytest

from echofs.core.floors import floor_of
from echofs.core.models import Floor, FloorScope, Level

ME = "owner-1"
FILE = Floor(ME, FloorScope.FILE, "f1", Level.AVAILABLE)
INNER = Floor(ME, FloorScope.FOLDER, "a/b", Level.HYBRID)
OUTER = Floor(ME, FloorScope.FOLDER, "a", Level.STRONG)
MINE = Floor(ME, FloorScope.USER, "", Level.HYBRID)
ALL = [MINE, OUTER, INNER, FILE]


@pytest.mark.parametrize(
    ("floors", "file_id", "path", "level", "source"),
    [
        ([], "f1", "a/x", Level.AVAILABLE, "the system's floor"),
        ([MINE], "f1", "x", Level.HYBRID, "the user's floor"),
        ([MINE, OUTER], "f1", "a/x", Level.STRONG, "the folder's floor"),
        ([MINE, OUTER], "f1", "ab/x", Level.HYBRID, "the user's floor"),
        ([MINE, OUTER], "f1", "a", Level.HYBRID, "the user's floor"),
        ([OUTER, INNER], "f1", "a/b/c/x", Level.HYBRID, "the folder's floor"),
        (ALL, "f1", "a/b/x", Level.AVAILABLE, "the file's floor"),
        (ALL, "f2", "a/b/x", Level.HYBRID, "the folder's floor"),
        (ALL, "", "a/b/x", Level.HYBRID, "the folder's floor"),
    ],
)
def test_the_most_particular_floor_counts(
    floors: list[Floor], file_id: str, path: str, level: Level, source: str
) -> None:
    found = floor_of(floors, file_id, path)
    assert (found.level, found.source, found.critical) == (level, source, False)


def test_a_file_whose_place_is_unknown_may_be_in_any_folder() -> None:
    assert floor_of([MINE, OUTER, INNER], "f1", "").level is Level.STRONG
    stronger_user = Floor(ME, FloorScope.USER, "", Level.STRONG)
    assert floor_of([stronger_user, INNER], "f1", "").level is Level.STRONG
    assert floor_of(ALL, "f1", "").level is Level.AVAILABLE


def test_no_floor_goes_below_the_systems() -> None:
    found = floor_of(ALL, "f1", "a/b/x", Level.STRONG)
    assert (found.level, found.source) == (Level.STRONG, "the system's floor")


@pytest.mark.parametrize("scope", FloorScope)
def test_a_critical_floor_demands_strong_whatever_is_more_particular(scope: FloorScope) -> None:
    key = {FloorScope.FILE: "f1", FloorScope.FOLDER: "a", FloorScope.USER: ""}[scope]
    critical = Floor(ME, scope, key, Level.AVAILABLE, critical=True)
    found = floor_of([FILE, INNER, critical], "f1", "a/b/x")
    assert (found.level, found.critical) == (Level.STRONG, True)


def test_an_operator_may_call_a_file_critical() -> None:
    assert floor_of([FILE], "f1", "x", critical={"f1"}).level is Level.STRONG
    assert floor_of([FILE], "", "x", critical={"f1", ""}).level is Level.AVAILABLE
