"""Attempts that fail: which are repeated, after how long, and what is told in the end."""

from __future__ import annotations

import pytest

from echofs.client import (
    Client,
    ClientError,
    NameTaken,
    NotFound,
    QuotaExceeded,
    Refused,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tests.adapters.scripted_server import refused_port
from tests.unit.client.conftest import FILE, Master, content, ok, refusal, silence


def test_what_may_pass_is_tried_again_after_as_long_as_the_master_asks(master: Master, waits: list[float]) -> None:
    master.replies = [
        refusal("503 Away", "catalog_unavailable", headers="Retry-After: 3\r\n"),
        refusal("429 Slowly", "rate_limited", headers="Retry-After: 7\r\n"),
        ok({"file": FILE}),
    ]
    assert master.client().stat("a/b.txt").id == "f1"
    assert waits == [3, 7]


def test_waits_grow_where_the_master_asks_for_none(master: Master, waits: list[float]) -> None:
    master.replies = [silence, silence, silence, silence, ok({"file": FILE})]
    master.client().stat("a/b.txt")
    assert all(0.2 * 2**number <= wait <= 0.2 * 2**number + 0.2 for number, wait in enumerate(waits))
    assert len(waits) == 4


def test_patience_ends_before_a_wait_that_exceeds_it(master: Master, waits: list[float]) -> None:
    master.replies = [refusal("503 Away", "too_few_replicas", headers="Retry-After: 90\r\n")]
    with pytest.raises(Unavailable, match="too_few_replicas") as caught:
        master.client(patience=60).stat("a")
    assert (caught.value.retry_after, caught.value.status, caught.value.code) == (90, 503, "too_few_replicas")
    assert waits == []


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        ("400 Bad", "invalid_name", Refused),
        ("404 Not Found", "not_found", NotFound),
        ("409 Conflict", "name_taken", NameTaken),
        ("507 Full", "quota_exceeded", QuotaExceeded),
        ("500 Error", "internal_error", UnexpectedAnswer),
    ],
)
def test_what_stays_so_is_told_at_once(master: Master, status: str, code: str, error: type[ClientError]) -> None:
    master.replies = [refusal(status, code, field="path")]
    with pytest.raises(error) as caught:
        master.client().stat("a")
    assert (caught.value.code, caught.value.field, caught.value.request_id) == (code, "path", "r1")
    assert len(master.lines()) == 1


def test_a_step_that_may_have_been_taken_is_not_taken_again(master: Master) -> None:
    master.replies = [silence]
    with pytest.raises(Unreachable) as caught:
        master.client().folders.move("a", "b")
    assert caught.value.sent
    assert master.lines() == ["PATCH /api/v1/folders"]


def test_a_step_that_was_turned_away_is_taken_again(master: Master) -> None:
    master.replies = [refusal("503 Away", "catalog_unavailable"), ok({"moved": 2})]
    assert master.client().folders.move("a", "b") == 2


def test_a_file_that_is_gone_after_a_lost_answer_was_deleted(master: Master) -> None:
    master.replies = [ok({"file": FILE}), silence, refusal("404 Not Found", "not_found")]
    assert master.client().delete("a/b.txt") is None


def test_a_file_that_was_never_there_is_missing(master: Master) -> None:
    master.replies = [ok({"file": FILE}), refusal("429 Slowly", "rate_limited"), refusal("404 Not Found", "not_found")]
    with pytest.raises(NotFound):
        master.client().delete("a/b.txt")


def test_nobody_there_is_one_sentence_and_every_wait_is_told() -> None:
    told: list[tuple[str, float]] = []
    url = f"http://127.0.0.1:{refused_port()}"
    client = Client(url, token="t", patience=0.5, waiting=lambda error, seconds: told.append((error.message, seconds)))
    with pytest.raises(Unreachable, match=f"Nobody answers at {url}: check that EchoFS runs there") as caught:
        client.stat("a")
    assert not caught.value.sent
    assert told
    assert all("Nobody answers" in message for message, _ in told)


def test_what_is_not_echofs_is_named_so(master: Master) -> None:
    master.replies = [lambda peer: peer.answer(b"<html>It works!</html>")]
    with pytest.raises(UnexpectedAnswer, match="not EchoFS"):
        master.client().stat("a")


def test_a_value_without_its_fields_is_no_value(master: Master) -> None:
    master.replies = [ok({"file": {"id": "f1"}})]
    with pytest.raises(UnexpectedAnswer, match="FileInfo"):
        master.client().stat("a")


@pytest.mark.parametrize("url", ["", "ftp://x", "localhost:8080", "http://", "http://h/?a=b", "http://ada:pass@h"])
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(Refused) as caught:
        Client(url, token="t")
    assert caught.value.field == "url"


@pytest.mark.parametrize("url", ["http://h:80", "http://h:80/", "http://h:80/api/v1", "http://h:80/api/v1/"])
def test_an_address_may_end_in_several_ways(url: str) -> None:
    assert Client(url, token="t").url == "http://h:80"


def test_a_name_without_an_encoding_is_refused_before_it_is_sent(master: Master) -> None:
    with pytest.raises(Refused, match="Unicode"):
        master.client().stat("a\udcff")
    assert master.lines() == []


def test_a_header_that_would_end_its_line_is_refused(master: Master) -> None:
    with pytest.raises(Refused):
        master.client().put("a", b"", if_match="x\r\nX-Evil: 1")
    assert master.lines() == []


def test_health_is_told_whether_it_is_good_or_bad(master: Master) -> None:
    report = {"status": "unavailable", "role": "master", "version": "1", "reasons": ["No worker answers."]}
    master.replies = [ok(report, status="503 Away")]
    health = master.client().health()
    assert (health.status, health.reasons) == ("unavailable", ("No worker answers.",))


def test_pages_are_asked_for_one_after_the_other(master: Master) -> None:
    master.replies = [
        ok({"files": [FILE], "folders": [], "next": "n 1"}),
        ok({"files": [{**FILE, "id": "f2"}], "folders": [], "next": None}),
    ]
    assert [file.id for file in master.client().list("a", sort="size", descending=True)] == ["f1", "f2"]
    first, second = master.lines()
    assert first == "GET /api/v1/files?limit=1000&sort=size&order=desc&folder=a"
    assert second == first + "&after=n%201"


def test_connections_are_kept(master: Master) -> None:
    master.replies = [ok({"file": FILE}), ok({"file": FILE}), content(b"hello"), ok({"file": FILE})]
    client = master.client()
    client.stat("a/b.txt")
    assert client.read("a/b.txt") == b"hello"
    client.stat("a/b.txt")
    assert master.server.connections == 1
