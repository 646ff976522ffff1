"""Reading histories, and the command that checks them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from echofs.verify import HistoryError, check, read_history
from echofs.verify.__main__ import main
from echofs.verify.history import parse

GOOD = {"op": "write", "file": "f", "start": 1, "end": 2, "ok": True, "version": 1, "digest": "a", "dot": "m:1"}
STALE = {"op": "read", "file": "f", "start": 5, "end": 6, "ok": True, "version": None, "mode_used": "strong"}


def _file(folder: Path, *operations: object) -> Path:
    path = folder / "history.jsonl"
    path.write_text("\n".join(json.dumps(each) for each in operations) + "\n")
    return path


def test_lines_become_operations_with_their_numbers(tmp_path: Path) -> None:
    first, second = read_history(_file(tmp_path, {**GOOD, "anything": "else"}, STALE))
    assert (first.line, first.op, first.version, first.committed, first.linearizable) == (1, "write", 1, True, True)
    assert (second.line, second.digest, second.staleness_ms, second.degraded) == (2, None, None, False)


def test_a_compressed_history_reads_the_same(tmp_path: Path) -> None:
    path = _file(tmp_path, GOOD, STALE)
    packed = tmp_path / "history.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_history(packed) == read_history(path)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "line 2 is not JSON"),
        ("[]", "line 2 is no operation"),
        ('{"op": "guess"}', "line 2 is no operation"),
        ('{"op": "read", "start": "now"}', "line 2: start"),
        ('{"op": "read", "start": true}', "line 2: start"),
        ('{"op": "read", "ok": 1}', "line 2: ok"),
    ],
)
def test_what_is_no_history_is_named_by_its_line(line: str, what: str) -> None:
    with pytest.raises(HistoryError, match=what):
        parse([json.dumps(GOOD), line])


def test_every_promise_gets_a_verdict() -> None:
    assert len({verdict.promise for verdict in check([])}) == 5
    assert all(verdict.kept for verdict in check([]))


def test_the_command_tells_kept_from_broken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(_file(tmp_path, GOOD))]) == 0
    assert "BROKEN" not in capsys.readouterr().out
    assert main([str(_file(tmp_path, GOOD, STALE))]) == 1
    shown = capsys.readouterr().out
    assert "BROKEN" in shown
    assert "lines 1, 2" in shown


def test_the_command_refuses_what_it_cannot_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main([str(tmp_path / "none")]) == 2
    assert main([str(_file(tmp_path, []))]) == 2
    assert "Traceback" not in capsys.readouterr().err
