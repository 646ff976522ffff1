"""An operator's word about consistency, on its way to the controller."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from echofs.cli import consistency
from echofs.cli.main import echofs
from echofs.core.errors import EchoError, InvalidRequest, NotFound
from tests.unit.services.controllers import FILE, Host


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    """The controller that the command would call."""
    host = Host()
    monkeypatch.setattr(consistency, "_steering", lambda: host.controller)
    return host


def run(*arguments: str) -> Result:
    return CliRunner().invoke(echofs, ["admin", "consistency", *arguments], catch_exceptions=False)


def test_an_order_is_given_shown_explained_and_cleared(host: Host) -> None:
    given = run("override", "available", "--seconds", "60", "--reason", "a test", "--author", "root")
    order = given.output.split()[-1]
    shown = run("status").output
    assert "policy slo" in shown
    assert f"override {order}: available for all by root: a test" in shown
    decision = next(line.split()[2].rstrip(":") for line in shown.splitlines() if line.startswith("read"))
    assert json.loads(run("explain", decision).output)["override"] == order
    assert run("clear", order).exit_code == 0
    assert "override" not in run("status").output
    with pytest.raises(NotFound):
        run("clear", order)


def test_the_first_decisions_can_be_explained_too(host: Host) -> None:
    line = run("status").output.splitlines()[1]
    assert json.loads(run("explain", line.split()[2].rstrip(":")).output)["level"] == "strong"


def test_critical_files_are_marked_listed_and_unmarked(host: Host) -> None:
    run("critical", FILE, "--author", "root")
    assert run("critical").output.split() == [FILE]
    assert "critical" in run("status", "--file", FILE).output
    run("critical", FILE, "--remove")
    assert run("critical").output == ""


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(
    "arguments",
    [
        ("override", "available", "--seconds", "0", "--reason", "x"),
        ("override", "available", "--seconds", "60", "--reason", " "),
        ("override", "available", "--seconds", "60", "--reason", "x", "--file", "x"),
        ("critical", "x"),
        ("status", "--file", "x"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest):
        run(*arguments)


def test_an_unknown_level_is_refused_with_the_choices() -> None:
    refused = run("override", "fearless", "--seconds", "60", "--reason", "x")
    assert (refused.exit_code, "strong" in refused.output) == (2, True)


def test_a_decision_nobody_knows_is_an_error(host: Host) -> None:
    with pytest.raises(EchoError, match="no such decision"):
        run("explain", "1-read-99")
