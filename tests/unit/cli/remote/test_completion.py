"""Shells complete commands, and paths at the master if it answers at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from echofs.cli.main import echofs
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


def test_nothing_is_completed_while_the_master_is_away(master: Master) -> None:
    master.replies = [refusal("503 Away", "unavailable")]
    assert completed("photos/20") == []
