"""How values look in JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.consistency import Receipt
from echofs.core.models import File, Level
from echofs.web.answers import encoded
from echofs.web.render import content_type, file_json, moment, receipt_json
from tests.web.versions import a_version


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (1_700_000_000_900_001, "2023-11-14T22:13:20.900001Z"),
        (4_102_444_799_999_999, "2099-12-31T23:59:59.999999Z"),
    ],
)
def test_times_keep_their_microseconds(value: int, text: str) -> None:
    assert moment(value) == text


@given(st.integers(0, 253_402_300_799_999_999))
def test_every_time_of_the_calendar_is_spelt_as_datetime_spells_it(value: int) -> None:
    usual = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
    assert moment(value) == usual.isoformat(timespec="microseconds").replace("+00:00", "Z")


def test_a_file_has_its_name_and_folder_apart_and_its_own_time() -> None:
    shown = file_json(File("id", "owner", a_version(path="a/b/c.txt", content_type="text/css"), created_at=0))
    assert (shown.path, shown.name, shown.folder) == ("a/b/c.txt", "c.txt", "a/b")
    assert (shown.created_at, shown.updated_at) == (moment(0), "2023-11-14T22:13:20.900000Z")
    assert shown.content_type == "text/css"
    assert "owner" not in str(shown)


def test_a_file_is_told_in_full_and_always_in_the_same_order() -> None:
    shown = file_json(File("id", "owner", a_version(path="a/c.txt"), created_at=0))
    told = json.loads(encoded(shown))["data"]
    names = "id path name folder version kind size digest content_type etag updated_at created_at"
    assert " ".join(told) == names
    assert told["kind"] == "content"
    assert told["etag"] == a_version(path="a/c.txt").etag


def test_a_name_that_has_no_utf_8_is_told_as_json_escapes_it() -> None:
    shown = file_json(File("id", "owner", a_version(path="lone \ud800"), created_at=0))
    assert json.loads(encoded(shown))["data"]["path"] == "lone \ud800"


def test_a_file_whose_versions_are_of_one_time_has_it_twice() -> None:
    version = a_version(path="c.txt")
    shown = file_json(File("id", "owner", version, created_at=version.created_at))
    assert shown.created_at == shown.updated_at == moment(version.created_at)


def test_a_file_at_the_top_lies_in_the_folder_without_name() -> None:
    assert file_json(File("id", "owner", a_version(path="c.txt"), created_at=0)).folder == ""


@pytest.mark.parametrize(
    ("given_type", "path", "shown"),
    [
        ("a/b", "x.txt", "a/b"),
        ("", "x.txt", "text/plain"),
        ("", "x", "application/octet-stream"),
        ("", "日本.png", "image/png"),
        ("", "a.b/x.2026.PNG", "image/png"),
        ("", "x.tar.gz", "application/x-tar"),
        ("", "data:text/html,x", "application/octet-stream"),
        ("", "a.txt/x", "application/octet-stream"),
    ],
)
def test_the_type_is_the_clients_or_a_guess(given_type: str, path: str, shown: str) -> None:
    assert content_type(a_version(path=path, content_type=given_type)) == shown


def test_a_receipt_says_whether_it_is_provisional() -> None:
    receipt = Receipt("auto", Level.STRONG, 1, "m:1", 2, 3, 2, ("w1", "w2"), 1, True, 12.5, "why")
    shown = receipt_json(receipt)
    assert shown["provisional"] is False
    assert (shown["mode_used"], shown["replicas"], shown["owed"]) == ("strong", 2, 1)
    assert receipt_json(replace(receipt, committed=False))["provisional"] is True
