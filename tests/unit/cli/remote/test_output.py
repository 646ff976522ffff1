"""What is printed: nothing that a name can steer a terminal with, and JSON that is always one line."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from echofs.cli.remote.output import Output, counted, escaped, plain, size_text, table
from echofs.client import WorkerCount


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("photo ü 🌲.jpg", "photo ü 🌲.jpg"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("two\nlines\r", "two\\x0alines\\x0d"),
        ("\x9b31m", "\\x9b31m"),
        ("half\udcff", "half\\udcff"),
        ("line\u2028end", "line\\u2028end"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("no\u200bthing", "no\\u200bthing"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_a_terminal_shows_what_is_invisible_and_obeys_nothing(name: str, shown: str) -> None:
    assert escaped(name, terminal=True) == shown


def test_a_pipe_gets_names_as_they_are_but_for_ends_of_lines() -> None:
    assert escaped("gpj.\u202eexe", terminal=False) == "gpj.\u202eexe"
    assert escaped("two\nlines\x1b", terminal=False) == "two\\x0alines\\x1b"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (1536 << 20, "1.5 GiB"), (5 << 60, "5120.0 PiB")],
)
def test_sizes_are_for_people(count: int, text: str) -> None:
    assert size_text(count) == text


def test_numbers_have_their_nouns() -> None:
    assert [counted(1, "file"), counted(1200, "file"), counted(2, "copy", "copies")] == [
        "1 file",
        "1,200 files",
        "2 copies",
    ]


def test_columns_are_as_wide_as_they_must_be() -> None:
    assert table([("a", "bb", "c"), ("aaa", "b", "")]) == ["a    bb  c", "aaa  b"]


def test_values_become_json() -> None:
    value = {"worker": WorkerCount("w1", 3), "at": datetime(2026, 11, 24, tzinfo=UTC), "list": (1, None)}
    assert plain(value) == {
        "worker": {"worker_id": "w1", "chunks": 3},
        "at": "2026-11-24T00:00:00Z",
        "list": [1, None],
    }


def test_json_has_a_line_for_each_result_and_failure(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(json=True, quiet=True)
    out.show({"path": "a\nb\u202e"}, "")
    out.tell({"path": "c"}, "")
    out.fail("d", {"code": "not_found", "message": "There is no d."})
    printed = capsys.readouterr()
    assert [json.loads(line) for line in printed.out.splitlines()] == [
        {"path": "a\nb\u202e"},
        {"path": "c"},
        {"path": "d", "error": {"code": "not_found", "message": "There is no d."}},
    ]
    assert printed.out.isascii()
    assert printed.err == "d: There is no d.\n"


def test_quiet_leaves_out_what_was_done_but_not_what_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    out = Output(quiet=True)
    out.tell({}, "done")
    out.show({}, "asked for")
    assert capsys.readouterr().out == "asked for\n"
