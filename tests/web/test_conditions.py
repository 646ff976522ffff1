"""RFC 9110, sections 13 and 14, case by case."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.errors import InvalidRequest, PreconditionFailed, RangeNotSatisfiable
from echofs.web import conditions
from echofs.web.conditions import ByteRange
from tests.web.bare_requests import bare_request
from tests.web.versions import CREATED, a_version

VERSION = a_version()
ETAG = f'"{VERSION.etag}"'
OTHER = '"1-other"'
BEFORE, SAME, AFTER = (f"Tue, 14 Nov 2023 22:13:{second} GMT" for second in (19, 20, 21))

Outcome = Literal["send", "304", "412"]


def outcome(**headers: str) -> Outcome:
    request = bare_request(method="GET", headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        return "304" if conditions.not_modified(request, VERSION) else "send"
    except PreconditionFailed:
        return "412"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "send"),
        # Step 1: If-Match, by strong comparison.
        ({"If_Match": ETAG}, "send"),
        ({"If_Match": f"{OTHER}, {ETAG}"}, "send"),
        ({"If_Match": "*"}, "send"),
        ({"If_Match": OTHER}, "412"),
        ({"If_Match": f"W/{ETAG}"}, "412"),
        ({"If_Match": '"*"'}, "412"),
        ({"If_Match": ""}, "412"),
        # Step 2: If-Unmodified-Since, only without If-Match.
        ({"If_Unmodified_Since": BEFORE}, "412"),
        ({"If_Unmodified_Since": SAME}, "send"),
        ({"If_Unmodified_Since": AFTER}, "send"),
        ({"If_Unmodified_Since": "yesterday"}, "send"),
        ({"If_Match": ETAG, "If_Unmodified_Since": BEFORE}, "send"),
        ({"If_Match": OTHER, "If_Unmodified_Since": AFTER}, "412"),
        # Step 3: If-None-Match, by weak comparison.
        ({"If_None_Match": ETAG}, "304"),
        ({"If_None_Match": f"W/{ETAG}"}, "304"),
        ({"If_None_Match": f"{OTHER}, {ETAG}"}, "304"),
        ({"If_None_Match": "*"}, "304"),
        ({"If_None_Match": OTHER}, "send"),
        ({"If_None_Match": ""}, "send"),
        # Step 4: If-Modified-Since, only without If-None-Match.
        ({"If_Modified_Since": BEFORE}, "send"),
        ({"If_Modified_Since": SAME}, "304"),
        ({"If_Modified_Since": AFTER}, "304"),
        ({"If_Modified_Since": "yesterday"}, "send"),
        ({"If_None_Match": OTHER, "If_Modified_Since": AFTER}, "send"),
        ({"If_None_Match": ETAG, "If_Modified_Since": BEFORE}, "304"),
        # Steps 1 and 2 come before 3 and 4.
        ({"If_Match": OTHER, "If_None_Match": ETAG}, "412"),
        ({"If_Match": ETAG, "If_None_Match": ETAG}, "304"),
        ({"If_Match": ETAG, "If_None_Match": OTHER}, "send"),
        ({"If_Match": ETAG, "If_Modified_Since": AFTER}, "304"),
        ({"If_Unmodified_Since": BEFORE, "If_None_Match": ETAG}, "412"),
        ({"If_Unmodified_Since": AFTER, "If_None_Match": ETAG}, "304"),
        ({"If_Unmodified_Since": AFTER, "If_None_Match": OTHER}, "send"),
        ({"If_Unmodified_Since": BEFORE, "If_Modified_Since": AFTER}, "412"),
    ],
)
def test_conditions_take_precedence_as_section_13_2_2_says(headers: dict[str, str], expected: Outcome) -> None:
    assert outcome(**headers) == expected


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        (None, None),
        ("*", ("*",)),
        ('"a"', ("a",)),
        ('"a", "b"', ("a", "b")),
        ('W/"a"', ()),
        ('"*"', ()),
        ("", ()),
    ],
)
def test_the_etags_of_if_match(header: str | None, tags: tuple[str, ...] | None) -> None:
    found = conditions.if_match(bare_request(headers={} if header is None else {"If-Match": header}))
    assert (None if found is None else sorted(found)) == (None if tags is None else sorted(tags))


def test_create_only_is_asked_for_with_a_star() -> None:
    assert conditions.create_only(bare_request()) is False
    assert conditions.create_only(bare_request(headers={"If-None-Match": "*"})) is True
    for value in (ETAG, "", f"*, {ETAG}", '"*"'):
        with pytest.raises(InvalidRequest) as caught:
            conditions.create_only(bare_request(headers={"If-None-Match": value}))
        assert caught.value.field == "If-None-Match"


def test_http_times_have_whole_seconds() -> None:
    assert conditions.http_time(CREATED).isoformat() == "2023-11-14T22:13:20+00:00"


def asked(
    header: str, *, size: int = 100, method: str = "GET", if_range: str | None = None, content: int = 1
) -> ByteRange | None:
    headers = {"Range": header} if if_range is None else {"Range": header, "If-Range": if_range}
    version = a_version(size=size, content_version=content)
    return conditions.requested_range(bare_request(method=method, headers=headers), version)


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=10-19", 10, 19),
        ("bytes=99-99", 99, 99),
        ("bytes=50-", 50, 99),
        ("bytes=0-", 0, 99),
        ("bytes=90-1000", 90, 99),
        ("bytes=0-" + "9" * 50, 0, 99),
        ("bytes=-1", 99, 99),
        ("bytes=-100", 0, 99),
        ("bytes=-1000", 0, 99),
        ("bytes=-" + "9" * 50, 0, 99),
        ("BYTES=0-1", 0, 1),
        ("bytes= 0-1 ", 0, 1),
        ("bytes=0-1,", 0, 1),
        ("bytes=, 0-1", 0, 1),
        ("bytes=007-0008", 7, 8),
    ],
)
def test_one_range_is_cut_to_the_file(header: str, first: int, last: int) -> None:
    assert asked(header) == ByteRange(first, last)


@pytest.mark.parametrize(
    "header",
    [
        "bytes=100-",
        "bytes=100-200",
        "bytes=" + "9" * 50 + "-",
        "bytes=-0",
        "bytes=-000",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=5-2",
        "bytes=a-b",
        "bytes=1-b",
        "bytes=0x1-2",
        "bytes=+1-2",
        "bytes=1.5-2",
        "bytes=--1",
        "bytes=-1-",
        "bytes=1-2-3",
        "bytes=0 - 5",
        "bytes=1",
        "bytes==0-1",
        "bytes=²-³",
        "bytes=\u00a00-1",
        "bytes=" + "0" * 100 + "-1",
        "bytes=0-" + "9" * 5000,
        "bytes=0-1,x",
        "bytes=100-,200-",
    ],
)
def test_a_range_that_is_malformed_or_behind_the_end_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as caught:
        asked(header)
    assert caught.value.size == 100


@pytest.mark.parametrize("header", ["items=0-1", "0-1", "bytes", "", "bytes 0-1", "=0-1", "byte=0-1"])
def test_a_range_in_unknown_units_is_ignored(header: str) -> None:
    assert asked(header) is None


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST"])
def test_ranges_exist_only_for_get(method: str) -> None:
    assert asked("bytes=0-1", method=method) is None
    assert asked("bytes=500-", method=method) is None


def test_several_ranges_are_answered_with_the_whole() -> None:
    assert asked("bytes=0-1,50-60") is None
    assert asked("bytes=50-60,0-1") is None
    assert asked("bytes=0-1,500-") is None
    assert asked("bytes=" + ",".join(f"{at}-{at}" for at in range(0, 32, 2))) is None


@pytest.mark.parametrize(
    "header",
    [
        "bytes=0-10,10-20",
        "bytes=0-,0-",
        "bytes=0-99,-1",
        "bytes=5-6,0-50",
        "bytes=" + ",".join(f"{at}-{at}" for at in range(0, 34, 2)),
        "bytes=" + ",".join("0-" for _ in range(1000)),
        "bytes=" + ",".join(f"{at}-{at}" for at in range(1000)),
    ],
)
def test_ranges_that_could_only_cause_work_are_refused(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable):
        asked(header)


def test_an_empty_file_has_no_first_byte_and_its_last_bytes_are_all_of_it() -> None:
    assert asked("bytes=-5", size=0) is None
    assert asked(" bytes=-1", size=0) is None
    for header in ("bytes=0-", "bytes=0-0", "bytes=-0"):
        with pytest.raises(RangeNotSatisfiable) as caught:
            asked(header, size=0)
        assert caught.value.size == 0


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=30), st.integers(0, 200))
def test_whatever_the_header_the_answer_lies_within_the_file_or_is_a_refusal(text: str, size: int) -> None:
    try:
        found = asked("bytes=" + text, size=size)
    except RangeNotSatisfiable:
        return
    assert found is None or 0 <= found.first <= found.last < size


@pytest.mark.parametrize(
    ("if_range", "holds"),
    [
        (ETAG, True),
        (f" {ETAG} ", True),
        ("", True),
        (OTHER, False),
        (f"W/{ETAG}", False),
        (VERSION.etag, False),
        ("*", False),
        (f"{ETAG}, {OTHER}", False),
        (SAME, True),
        (BEFORE, False),
        (AFTER, False),
        ("yesterday", False),
    ],
)
def test_a_range_is_sent_only_while_its_if_range_holds(if_range: str, holds: bool) -> None:
    assert asked("bytes=0-1", if_range=if_range) == (ByteRange(0, 1) if holds else None)


def test_a_date_does_not_hold_once_the_content_was_replaced_because_that_may_have_been_in_the_same_second() -> None:
    assert asked("bytes=0-1", if_range=SAME, content=2) is None


def test_a_range_that_cannot_be_satisfied_is_ignored_when_its_if_range_does_not_hold() -> None:
    assert asked("bytes=500-", if_range=OTHER) is None
