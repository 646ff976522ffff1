"""What ``echofs drill`` refuses before it harms anything."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from echofs.cli import drill
from echofs.cli.main import echofs
from echofs.core.errors import InvalidRequest
from echofs.settings import ProcessRole, load, made_here

GIVEN = "a-secret-that-an-operator-gave-to-every-host"


@pytest.fixture(autouse=True)
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLUSTER_SECRET", raising=False)
    monkeypatch.setenv("ECHOFS_DATA_DIR", str(tmp_path / "data"))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(echofs, ["drill", *arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    "arguments",
    [("cut", "catalog"), ("delay", "catalog", "--by", "0.2"), ("pause", "worker:w1"), ("stop", "worker:w1")],
    ids=lambda arguments: arguments[0],
)
def test_a_cluster_whose_secrets_were_given_is_not_drilled_without_a_yes(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER_SECRET", GIVEN)
    with pytest.raises(InvalidRequest, match="add --yes") as refused:
        run(*arguments)
    assert refused.value.field == "--yes"


def test_a_cluster_of_one_machine_made_its_secrets_itself(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    settings = load({"ECHOFS_DATA_DIR": str(folder)}, role=ProcessRole.ALL, env_file=None)
    assert made_here(settings.cluster_secret, folder)
    assert not made_here(GIVEN, folder)
    assert not made_here(GIVEN, tmp_path / "elsewhere")


@pytest.mark.parametrize("target", ["worker:", "workers", "disk", "worker1"])
def test_unknown_targets_are_named(target: str, tmp_path: Path) -> None:
    load({"ECHOFS_DATA_DIR": str(tmp_path / "data")}, role=ProcessRole.ALL, env_file=None)
    with pytest.raises(InvalidRequest, match=f"{target} is no target"):
        run("cut", target)


def test_the_controller_is_cut_or_nothing() -> None:
    with pytest.raises(InvalidRequest, match="cut, not delayed"):
        run("delay", "controller", "--by", "0.1")


@pytest.mark.parametrize("arguments", [("pause", "worker:w1", "--for", "100"), ("cut", "catalog", "--for", "0")])
def test_times_have_limits(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


@pytest.fixture
def _own_signals() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_whoever_ends_the_drill_ends_the_harm(number: signal.Signals) -> None:
    ended: list[bool] = []

    class Drilling:
        def run(self, harm: Any, seconds: float) -> Iterator[str]:
            try:
                os.kill(os.getpid(), number)
                yield "harmed"
            except KeyboardInterrupt:
                yield "interrupted"
            finally:
                ended.append(True)

    drill._run(Drilling(), None, 1.0)  # type: ignore[arg-type]
    assert ended == [True]
