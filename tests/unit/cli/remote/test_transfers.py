"""Many transfers: failures are counted, hopeless ones end the command, and an interruption ends those that run."""

from __future__ import annotations

import threading
from typing import NoReturn

import pytest

from echofs.cli.remote import transfers
from echofs.cli.remote.output import Output
from echofs.cli.remote.progress import Moved
from echofs.cli.remote.session import Run
from echofs.cli.remote.transfers import Done, Stopped, Transfer, run_transfers
from echofs.client import NotFound, NotLoggedIn


def fine(name: str) -> Transfer:
    return Transfer(name, 1, lambda moved: Done({"path": name}, f"{name} done"))


def failing(name: str, error: BaseException) -> Transfer:
    def act(moved: Moved) -> NoReturn:
        raise error

    return Transfer(name, 1, act)


@pytest.fixture
def run() -> Run:
    return Run("", Output())


def test_each_transfer_has_its_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run_transfers(run, map(fine, "abcdefgh"), 3, hint="")
    assert sorted(capsys.readouterr().out.split("\n")) == ["", *[f"{name} done" for name in "abcdefgh"]]
    assert run.failures == 0


def test_what_fails_is_told_and_the_rest_goes_on(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    missing, unreadable = NotFound("There is no such file."), PermissionError(13, "Permission denied")
    run_transfers(run, [failing("x", missing), failing("y", unreadable), fine("z")], 1, hint="")
    printed = capsys.readouterr()
    assert printed.out == "z done\n"
    assert printed.err == "x: There is no such file.\ny: Permission denied.\n"
    assert run.failures == 2


def test_a_login_that_ended_ends_the_command(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    many = [failing("x", NotLoggedIn("Log in.")), *[fine(str(number)) for number in range(100)]]
    with pytest.raises(NotLoggedIn):
        run_transfers(run, many, 1, hint="")
    assert len(capsys.readouterr().out.splitlines()) < len(many) - 1


def test_an_interruption_ends_those_that_run_and_says_how_to_go_on(
    run: Run,
) -> None:
    running, ended = threading.Event(), threading.Event()

    def endless(moved: Moved) -> NoReturn:
        running.set()
        try:
            while True:
                moved(1)
        except Stopped:
            ended.set()
            raise

    def interrupt(moved: Moved) -> NoReturn:
        assert running.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_transfers(run, [Transfer("a", 1, endless), Transfer("b", 1, interrupt)], 2, hint="Go on so.")
    assert ended.is_set()
    assert (run.hint, run.stuck) == ("Go on so.", False)


def test_a_transfer_that_hangs_keeps_nobody_from_leaving(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "END_SECONDS", 0.0)
    running, free = threading.Event(), threading.Event()

    def hangs(moved: Moved) -> Done:
        running.set()
        free.wait(10)
        return Done({}, "")

    def interrupt(moved: Moved) -> NoReturn:
        assert running.wait(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_transfers(run, [Transfer("a", 1, hangs), Transfer("b", 1, interrupt)], 2, hint="")
    assert run.stuck
    free.set()
