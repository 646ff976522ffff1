"""Shells complete commands, and paths at the master if it answers at once."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from echofs.cli.main import echofs
from echofs.cli.remote.completion import Bash
from echofs.cli.remote.paths import REMOTE
from echofs.client.profiles import Profile, Profiles
from echofs.client.tokens import Tokens
from tests.unit.client.conftest import FILE, Master, ok, refusal

FOLDERS = {"folders": [{"path": "photos/2026", "name": "2026", "parent": "photos"}]}
FILES = {"files": [{**FILE, "path": "photos/20.jpg"}, {**FILE, "path": "photos/cat.jpg"}], "folders": [], "next": None}


@pytest.fixture
def master(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Master]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    master = Master()
    Profiles().save(Profile("default", master.url, "ada", tokens=Tokens("a1", "r1", 2e10)))
    yield master
    master.server.stop()


def completed(incomplete: str) -> list[str]:
    command = echofs.get_command(click.Context(echofs), "rm")
    assert command is not None
    context = click.Context(command)
    return [item.value for item in REMOTE.shell_complete(context, command.params[0], incomplete)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_its_script(shell: str) -> None:
    result = CliRunner().invoke(echofs, ["completion", shell])
    assert result.exit_code == 0
    assert "_ECHOFS_COMPLETE" in result.output


@pytest.mark.parametrize(("lead"), ["", "/", "echofs://"])
def test_a_path_is_completed_by_what_is_in_its_folder(master: Master, lead: str) -> None:
    master.replies = [ok(FOLDERS), ok(FILES)]
    assert completed(f"{lead}photos/20") == [f"{lead}photos/2026/", f"{lead}photos/20.jpg"]
    assert master.lines()[0] == "GET /api/v1/folders?parent=photos"


@pytest.mark.parametrize(
    ("line", "words", "begun"),
    [
        ("echofs cat ", ["cat"], ""),
        ("echofs cat wo", ["cat"], "wo"),
        ("echofs cat a echofs://wo", ["cat", "a"], "echofs://wo"),
        ("echofs cat my\\ files/so", ["cat"], "my files/so"),
        ('echofs cat "my files/so', ["cat"], "my files/so"),
        ("ec", [], "ec"),
    ],
)
def test_bash_tells_the_words_before_the_cursor(
    monkeypatch: pytest.MonkeyPatch, line: str, words: list[str], begun: str
) -> None:
    monkeypatch.setenv("COMP_WORDS", line)
    assert Bash(echofs, {}, "echofs", "_ECHOFS_COMPLETE").get_completion_args() == (words, begun)


@pytest.mark.parametrize(
    ("word", "answer", "completed"),
    [
        ("photos/20", "path,photos/2026/", "photos/2026/"),
        ("echofs://photos/20", "path,echofs://photos/2026/", "//photos/2026/"),
        ("my", "path,my files/a, b *.txt", "my files/a, b *.txt"),
        ("sta", "plain,stat", "stat"),
    ],
)
def test_bash_is_given_what_stands_for_its_word(tmp_path: Path, word: str, answer: str, completed: str) -> None:
    program = tmp_path / "echofs"
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)
    line = f"echofs cat {word}"
    script = f"""
        compopt() {{ echo "option $2"; }}
        {Bash(echofs, {}, "echofs", "_ECHOFS_COMPLETE").source()}
        COMP_LINE='{line}' COMP_POINT={len(line)}
        _echofs_completion {program} '{word.removeprefix("echofs:")}'
        echo "${{COMPREPLY[@]}}"
    """
    said = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == completed
    assert ("option nospace" in said) == completed.endswith("/")
    assert ("option filenames" in said) == answer.startswith("path")


@pytest.mark.parametrize(
    ("upload", "before", "kinds"),
    [
        (True, (), {"file"}),
        (True, ("a",), {"file", "plain"}),
        (False, (), {"plain"}),
        (False, ("a",), {"file", "plain"}),
    ],
)
def test_local_files_are_completed_where_they_may_stand(
    master: Master, upload: bool, before: tuple[str, ...], kinds: set[str]
) -> None:
    master.replies = [ok(FOLDERS), ok(FILES)]
    command = echofs.get_command(click.Context(echofs), "put" if upload else "get")
    assert command is not None
    sources = command.params[0]
    context = click.Context(command)
    context.params["sources"] = before
    assert {item.type for item in sources.shell_complete(context, "photos/20")} == kinds


def test_nothing_is_completed_while_the_master_is_away(master: Master) -> None:
    master.replies = [refusal("503 Away", "unavailable")]
    assert completed("photos/20") == []
