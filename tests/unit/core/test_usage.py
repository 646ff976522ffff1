"""What versions change in what a user has stored, and what a quota refuses."""

from __future__ import annotations

import pytest

from echofs.core.models import Content, Dot, Kind, Version
from echofs.core.usage import MOST_UNFINISHED, Allowance, Held, Usage, change, refusal


def version(kind: Kind, size: int) -> Version:
    content = Content(size, "0" * 64, 64)
    return Version("f", 2, 1, kind, "a", content, "", 1, "0" * 64, Dot("m", 1), 0)


@pytest.mark.parametrize(
    ("kind", "size", "replaced", "trashed", "expected"),
    [
        (Kind.CONTENT, 5, None, 0, Usage(1, 5, 0)),
        (Kind.CONTENT, 5, 3, 0, Usage(0, 2, 0)),
        (Kind.CONTENT, 1, 3, 0, Usage(0, -2, 0)),
        (Kind.MOVE, 3, 3, 0, Usage()),
        (Kind.TOMBSTONE, 0, 3, 0, Usage(-1, -3, 3)),
        (Kind.TOMBSTONE, 0, None, 3, Usage()),
        (Kind.CONTENT, 3, None, 3, Usage(1, 3, -3)),
        (Kind.CONTENT, 7, None, 3, Usage(1, 7, -3)),
    ],
)
def test_each_kind_of_version_changes_its_part(
    kind: Kind, size: int, replaced: int | None, trashed: int, expected: Usage
) -> None:
    assert change(version(kind, size), replaced, trashed) == expected


@pytest.mark.parametrize(
    ("growth", "quota", "refused"),
    [(10, 100, False), (11, 100, True), (11, None, False), (0, 5, False), (-1, 5, False)],
)
def test_only_growth_beyond_the_quota_is_refused(growth: int, quota: int | None, refused: bool) -> None:
    assert (refusal(Usage(2, 60, 30), growth, quota) is not None) is refused


def test_a_refusal_says_how_much_is_left() -> None:
    refused = refusal(Usage(1, 60, 30), 2000, 100)
    assert refused is not None
    assert refused.code == "quota_exceeded"
    assert "2,000 bytes, and 10 of your quota of 100" in refused.message


def test_what_unfinished_uploads_hold_counts_together_with_the_files() -> None:
    allowance = Allowance(0, 100, Usage(1, 60, 10))
    assert allowance.refusal(Held(2, 20), 10) is None
    assert allowance.refusal(Held(2, 90), 0) is None
    refused = allowance.refusal(Held(2, 20), 11)
    assert refused is not None
    assert "10 of your quota of 100 are left: files take 70, 2 unfinished uploads hold 20." in refused.message


def test_an_upload_needs_only_the_room_by_which_it_is_larger_than_what_it_replaces() -> None:
    allowance = Allowance(0, 100, Usage(1, 60, 0), replaced=60)
    assert allowance.refusal(Held(1, 30), 70) is None
    assert allowance.refusal(Held(1, 30), 71) is not None


def test_many_uploads_that_would_replace_one_file_need_room_beside_each_other() -> None:
    allowance = Allowance(0, 100, Usage(1, 120, 0), replaced=60)
    assert allowance.refusal(Held(), 60) is None
    assert allowance.refusal(Held(1, 60), 60) is not None


def test_unfinished_uploads_are_bounded_in_number_without_a_quota_too() -> None:
    assert Allowance(0).refusal(Held(MOST_UNFINISHED - 1, 1 << 60), 1 << 60) is None
    refused = Allowance(0).refusal(Held(MOST_UNFINISHED, 0), 0)
    assert refused is not None
    assert "1,000 unfinished uploads" in refused.message
