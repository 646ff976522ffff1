"""The command line: options become settings, and failures are one line."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from echofs.cli import launch, serve
from echofs.cli.main import echofs, main
from echofs.settings import ProcessRole

SECRETS = {"JWT_SECRET": "j" * 32, "CLUSTER_SECRET": "c" * 32, "ECHOFS_ROLE": ""}
Started = list[tuple[str, dict[str, str]]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Started:
    """What would have been started, instead of starting it; no ``.env`` file is near."""
    monkeypatch.chdir(tmp_path)
    calls: Started = []

    def become(role: ProcessRole, overrides: Mapping[str, str]) -> None:
        calls.append((role.value, dict(overrides)))

    def supervise(workers: int, overrides: Mapping[str, str]) -> None:
        calls.append((f"all with {workers}", dict(overrides)))

    monkeypatch.setattr(serve, "become", become)
    monkeypatch.setattr("echofs.cli.supervisor.supervise", supervise)
    return calls


def run(*arguments: str, **environ: str) -> Any:
    return CliRunner(env={**SECRETS, **environ}).invoke(echofs, arguments, catch_exceptions=False)


def test_serve_runs_a_whole_cluster_by_default(started: Started) -> None:
    assert run("serve").exit_code == 0
    assert started == [("all with 3", {})]


def test_options_of_a_cluster_win_over_the_environment(started: Started) -> None:
    run("serve", "--workers", "5", "--port", "9000", "--host", "::1", "--data-dir", "/data", MASTER_PORT="1")
    expected = {"MASTER_PORT": "9000", "MASTER_HOST": "::1", "ECHOFS_DATA_DIR": "/data"}
    assert started == [("all with 5", expected)]


@pytest.mark.parametrize(
    ("role", "variable"), [("master", "MASTER"), ("worker", "WORKER"), ("controller", "CONTROLLER")]
)
def test_port_and_host_are_those_of_the_role(started: Started, role: str, variable: str) -> None:
    result = run("serve", "--role", role, "--port", "9000", "--host", "127.0.0.1", WORKER_ID="worker1")
    assert result.exit_code == 0
    assert started == [(role, {f"{variable}_PORT": "9000", f"{variable}_HOST": "127.0.0.1"})]


def test_the_role_may_come_from_the_environment(started: Started) -> None:
    run("serve", ECHOFS_ROLE="controller")
    assert started == [("controller", {})]


def test_workers_go_with_a_whole_cluster_only(started: Started) -> None:
    result = run("serve", "--role", "master", "--workers", "3")
    assert result.exit_code == 2
    assert "--workers goes with --role all only" in result.output
    assert started == []


def test_a_role_that_listens_nowhere_cannot_be_served(started: Started) -> None:
    result = run("serve", ECHOFS_ROLE="jobs")
    assert result.exit_code == 2
    assert "ECHOFS_ROLE=jobs" in result.output
    assert started == []


def test_a_wrong_setting_is_one_line_on_standard_error_and_exit_code_2(
    started: Started, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**SECRETS, "CHUNK_SIZE": "1GB"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["echofs", "serve", "--role", "master"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("CHUNK_SIZE=1GB is not allowed")
    assert started == []


def test_a_role_replaces_the_command_by_gunicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    executed: list[Any] = []
    monkeypatch.setattr("os.execve", lambda *call: executed.append(call))
    launch.become(ProcessRole.WORKER, {"WORKER_PORT": "9000"})
    [(program, arguments, environment)] = executed
    assert program == sys.executable
    assert arguments[1:3] == ["-m", "gunicorn"]
    assert arguments[-1].endswith(":app_for('worker')")
    assert (environment["ECHOFS_ROLE"], environment["WORKER_PORT"]) == ("worker", "9000")
    assert "MALLOC_TRIM_THRESHOLD_" in environment


def test_an_administrators_password_is_no_option() -> None:
    assert "--password" not in run("admin", "create", "--help").output
    assert run("admin", "create", "--username", "a", "--email", "b", "--password", "c").exit_code == 2


def test_the_catalog_is_made_and_checked(tmp_path: Path) -> None:
    environ = {"ECHOFS_DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": ""}
    assert run("db", "upgrade", **environ).output == "The catalog is up to date.\n"
    assert run("db", "current", **environ).output == "The catalog is up to date.\n"


def test_an_old_python_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    monkeypatch.delitem(sys.modules, "echofs.cli")
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is Python 3\.9\."):
        runpy.run_module("echofs.cli.__init__")


@pytest.mark.parametrize("command", [["-m", "echofs"], ["-c", "from echofs.cli.main import main; main()"]])
def test_the_version_is_told_both_ways(command: list[str]) -> None:
    result = subprocess.run([sys.executable, *command, "--version"], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("echofs ")
