"""Lines people and machines read: complete, one per record, without secrets."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from echofs.adapters.logs import HIDDEN, configure_logging, line_formatter
from echofs.ports.request_context import request_id


def record(message: str, *args: object, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("echofs.web", logging.INFO, __file__, 1, message, args, None)
    made.__dict__.update(extra)
    made.created = 1_700_000_000.25
    return made


def as_text(message: str, *args: object, **extra: object) -> str:
    return line_formatter("text", "worker1").format(record(message, *args, **extra))


def as_json(message: str, *args: object, **extra: object) -> dict[str, Any]:
    line = line_formatter("json", "worker1").format(record(message, *args, **extra))
    assert line.isascii()
    assert "\n" not in line
    parsed: dict[str, Any] = json.loads(line)
    return parsed


def test_a_text_line_says_when_how_grave_who_and_what() -> None:
    line = as_text("stored %s chunks", 3, status=201, path="a b.txt")
    assert line == '2023-11-14T22:13:20.250Z info    worker1    stored 3 chunks status=201 path="a b.txt"'


def test_a_json_line_has_the_same_parts() -> None:
    assert as_json("stored", status=201, seconds=0.5) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "process": "worker1",
        "message": "stored",
        "status": 201,
        "seconds": 0.5,
    }


def test_no_detail_passes_for_what_every_line_begins_with() -> None:
    assert as_text("changed", level="hybrid", time="now").startswith("2023-11-14T22:13:20.250Z info ")
    line = as_json("changed", level="hybrid")
    assert (line["level"], line["level_"]) == ("info", "hybrid")


def test_lines_of_a_request_carry_its_id() -> None:
    token = request_id.set("r-17")
    try:
        assert as_text("hello").endswith("hello request=r-17")
        assert as_json("hello")["request"] == "r-17"
    finally:
        request_id.reset(token)


@pytest.mark.parametrize("evil", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x9bb", "a\udc80b", "a\u202eb"])
def test_no_value_can_break_or_colour_a_line(evil: str) -> None:
    for line in (as_text(f"got {evil}"), as_text("got", path=evil), as_text("got %s", evil)):
        assert line.isprintable()
    assert as_json("got", path=evil)["path"] == evil


def test_a_traceback_is_marked_line_by_line() -> None:
    made = record("it broke")
    try:
        raise ValueError("first\n2023-11-14T22:13:20.250Z info forged")
    except ValueError:
        made.exc_info = sys.exc_info()
    first, *rest = line_formatter("text", "master").format(made).splitlines()
    assert first.endswith("it broke")
    assert all(line.startswith("    | ") for line in rest)
    assert "forged" in rest[-1]


@pytest.mark.parametrize("key", ["password", "new_password", "jwt_secret", "Authorization", "session_token", "cookie"])
def test_values_named_like_secrets_are_hidden(key: str) -> None:
    assert as_json("login", **{key: "hunter2"})[key] == HIDDEN
    assert "hunter2" not in as_text("login", **{key: "hunter2"})


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer hunter2",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJodW50ZXIyIn0.hunter2 refused",
        "cannot reach postgresql://me:hunter2@db:5432/echofs",
    ],
)
def test_secrets_inside_text_are_hidden(text: str) -> None:
    for line in (as_text(text), as_text("failed", reason=text), as_text("failed: %s", text)):
        assert "hunter2" not in line
        assert HIDDEN in line


def test_configuring_twice_logs_once_and_respects_the_level(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        configure_logging("info", "text", "master")
        configure_logging("warning", "text", "master")
        logging.getLogger("echofs.test").info("quiet")
        logging.getLogger("echofs.test").warning("loud")
    finally:
        root.handlers[:], root.level = before
        logging.captureWarnings(False)
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition("master")[2].strip() for line in lines] == ["loud"]
