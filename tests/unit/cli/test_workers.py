"""An operator's word about workers, on its way to the controller."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from echofs.cli import workers
from echofs.cli.main import echofs
from echofs.core.errors import Conflict
from echofs.core.models import Intent, Member, MemberState
from tests.fakes.cluster import FakeController

WORKERS = [
    Member("w1", "http://w1.test:8091", "rack-a", free_bytes=3 << 29),
    Member("worker-2", "http://w2.test:8091", "b", state=MemberState.DRAINING, intent=Intent.DRAINING),
    Member("w3", "http://w3.test:8091", "c", state=MemberState.GONE, intent=Intent.GONE),
]


@pytest.fixture
def controller(monkeypatch: pytest.MonkeyPatch) -> FakeController:
    """The one the command would call."""
    fake = FakeController(WORKERS)
    monkeypatch.setattr(workers, "_controller", lambda: fake)
    return fake


def run(*arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(echofs, ["admin", "workers", *arguments], input=given, catch_exceptions=False)


@pytest.mark.usefixtures("controller")
def test_the_list_shows_how_each_worker_is_and_what_is_wanted_of_it() -> None:
    assert [line.split() for line in run("list").output.splitlines()] == [
        ["WORKER", "ZONE", "STATE", "WANTED", "FREE", "ADDRESS"],
        ["w1", "rack-a", "up", "-", "1.5", "GiB", "http://w1.test:8091"],
        ["worker-2", "b", "draining", "drained", "-", "http://w2.test:8091"],
        ["w3", "c", "gone", "removed", "-", "http://w3.test:8091"],
    ]


def test_a_list_without_workers_is_its_heading(controller: FakeController) -> None:
    controller.list = []
    assert run("list").output.split() == ["WORKER", "ZONE", "STATE", "WANTED", "FREE", "ADDRESS"]


@pytest.mark.parametrize(
    ("command", "intent"), [("drain", Intent.DRAINING), ("undrain", Intent.UP), ("remove", Intent.GONE)]
)
def test_the_controller_is_told_what_is_wanted(controller: FakeController, command: str, intent: Intent) -> None:
    result = run(command, "w1", given="y\n")
    assert (result.exit_code, controller.intents) == (0, {"w1": intent})
    assert "w1" in result.output


def test_a_worker_is_removed_only_once_that_is_confirmed(controller: FakeController) -> None:
    assert run("remove", "w1", given="n\n").exit_code == 1
    assert controller.intents == {}
    assert run("remove", "w1", "--yes").exit_code == 0
    assert controller.intents == {"w1": Intent.GONE}


def test_a_refusal_of_the_controller_is_passed_on(controller: FakeController) -> None:
    controller.error = Conflict("The worker 'w1' serves requests: drain it first.")
    with pytest.raises(Conflict, match="drain it first"):
        run("remove", "w1", "--yes")
