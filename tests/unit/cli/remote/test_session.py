"""Which client a command gets, and with which code it ends."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from echofs.cli.main import echofs
from echofs.cli.remote.output import Output
from echofs.cli.remote.session import Run, open_client, remote_command
from echofs.client import (
    ClientError,
    NameTaken,
    NotAllowed,
    NotFound,
    NotLoggedIn,
    PreconditionFailed,
    QuotaExceeded,
    Refused,
    Unreachable,
    WrongContent,
)
from echofs.client.profiles import Profile, Profiles
from echofs.core.errors import EchoError, InvalidName


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No login of whoever runs the tests."""
    for name in ("PROFILE", "URL", "TOKEN", "USERNAME", "PASSWORD"):
        monkeypatch.delenv(f"ECHOFS_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def ended_by(error: BaseException) -> Result:
    @click.command()
    @remote_command
    def command(run: Run) -> None:
        raise error

    return CliRunner().invoke(command, [])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refused("No."), 2),
        (InvalidName("No."), 2),
        (NotFound("No."), 3),
        (NotLoggedIn("No."), 4),
        (NotAllowed("No."), 4),
        (Unreachable("No."), 5),
        (QuotaExceeded("No."), 5),
        (NameTaken("No."), 6),
        (PreconditionFailed("No."), 6),
        (WrongContent("No."), 1),
    ],
)
def test_each_kind_of_failure_has_its_exit_code_and_one_line(error: EchoError, code: int) -> None:
    result = ended_by(error)
    assert (result.exit_code, result.stderr, result.stdout) == (code, "No.\n", "")


def test_an_interrupted_command_ends_as_shells_expect() -> None:
    assert ended_by(KeyboardInterrupt()).exit_code == 130


def test_what_the_local_machine_refuses_is_one_line() -> None:
    result = ended_by(OSError(errno.EROFS, os.strerror(errno.EROFS), "/home/ada/.config"))
    assert (result.exit_code, result.stderr) == (1, "/home/ada/.config: Read-only file system.\n")
    assert ended_by(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))).stderr == "No space left on device.\n"


def test_what_many_transfers_wait_for_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    run = Run("", Output())
    assert run.waiting
    for message in ("Away.", "Away.", "Elsewhere.", "Away."):
        run.waiting(Unreachable(message), 60)
    assert capsys.readouterr().err.split(" Trying again in 60 s …\n") == ["Away.", "Elsewhere.", "Away.", ""]
    assert Run("", Output(quiet=True)).waiting is None


def test_only_where_the_operator_must_help_the_request_is_named() -> None:
    error = ClientError("Something went wrong.", code="internal_error", status=500, request_id="r1")
    assert ended_by(error).stderr == "Something went wrong. (request r1)\n"
    assert "r1" not in ended_by(NotFound("No.", request_id="r1")).stderr


def test_when_some_failed_the_code_is_1() -> None:
    @click.command()
    @remote_command
    def command(run: Run) -> None:
        run.failed("x", NotFound("No."))

    result = CliRunner().invoke(command, [])
    assert (result.exit_code, result.stderr) == (1, "x: No.\n")


def test_a_profile_named_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    Profiles().save(Profile("default", "http://default:1"))
    Profiles().save(Profile("work", "http://work:1"))
    assert open_client().url == "http://default:1"
    monkeypatch.setenv("ECHOFS_URL", "http://elsewhere:1")
    assert open_client().url == "http://default:1"
    monkeypatch.setenv("ECHOFS_TOKEN", "t")
    assert open_client().url == "http://elsewhere:1"
    assert open_client("work").url == "http://work:1"
    monkeypatch.delenv("ECHOFS_TOKEN")
    monkeypatch.setenv("ECHOFS_USERNAME", "ada")
    monkeypatch.setenv("ECHOFS_PASSWORD", "secret words")
    assert open_client().url == "http://elsewhere:1"


def test_without_a_login_one_is_told_how_to_get_one() -> None:
    result = CliRunner().invoke(echofs, ["ls"])
    assert (result.exit_code, "run `echofs login` first" in result.stderr) == (4, True)


def test_a_password_is_no_option() -> None:
    assert "--password" not in CliRunner().invoke(echofs, ["login", "--help"]).output
    assert CliRunner().invoke(echofs, ["login", "--password", "x"]).exit_code == 2


def test_whoever_sends_a_password_in_the_clear_is_told() -> None:
    environ = {"ECHOFS_PASSWORD": "x"}
    command = ["login", "http://files.invalid:1", "-u", "ada", "--profile", "no/name"]
    result = CliRunner(env=environ).invoke(echofs, command)
    assert "Without https everybody on the way can read the password" in result.stderr
    assert "name of a profile" in result.stderr
