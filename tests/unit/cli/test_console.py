"""Whoever works at a machine, and what they are asked for."""

from __future__ import annotations

import getpass
import os

import pytest
from click.testing import CliRunner

from echofs.cli import console
from echofs.cli.main import echofs
from echofs.core.errors import InvalidRequest

VARIABLE = "ECHOFS_NEW_PASSWORD"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(console, "_can_be_asked", lambda: True)


def test_a_user_without_a_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert console.operator_name() == f"uid {os.getuid()}"


def test_where_nobody_can_be_asked_the_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(console, "_can_be_asked", lambda: False)
    with pytest.raises(InvalidRequest, match=VARIABLE):
        console.asked_password("Password", VARIABLE)
    monkeypatch.setenv(VARIABLE, "correct horse")
    assert console.asked_password("Password", VARIABLE) == "correct horse"


@pytest.mark.usefixtures("terminal")
def test_ctrl_c_at_a_question_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.termui.hidden_prompt_func", interrupted)
    result = CliRunner(env={"ECHOFS_PASSWORD": None}).invoke(echofs, ["login", "-u", "ada"])
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (130, "Interrupted.")


def test_without_a_terminal_a_login_needs_a_name() -> None:
    result = CliRunner(env={"ECHOFS_USERNAME": None}).invoke(echofs, ["login"])
    assert (result.exit_code, "-u" in result.stderr) == (2, True)
