"""Gunicorn's settings per role. The module reads the environment when gunicorn imports it, so the tests do as gunicorn
does."""

from __future__ import annotations

import logging
import os
import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

Conf = Callable[..., dict[str, Any]]


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Conf]:
    """Imports the configuration for a role with more variables set; logging is put back afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in ("PROMETHEUS_MULTIPROC_DIR", "ECHOFS_ROLE", "ECHOFS_SUPERVISOR_PID"):
        monkeypatch.setenv(name, "")
    common = {"JWT_SECRET": "j" * 32, "CLUSTER_SECRET": "c" * 32, "ECHOFS_DATA_DIR": str(tmp_path / "data")}

    def run(application: str, **environ: str) -> dict[str, Any]:
        for name, value in (common | environ).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["gunicorn", application])
        return runpy.run_module("echofs.cli.gunicorn_conf")

    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield run
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)


def test_a_master_runs_the_processes_and_threads_it_is_given(conf: Conf) -> None:
    values = conf("wsgi:app_for('master')", MASTER_PROCESSES="2", MASTER_THREADS="24", MASTER_PORT="9000")
    assert (values["bind"], values["workers"], values["threads"]) == ("0.0.0.0:9000", 2, 24)


def test_a_worker_is_one_process_and_named_by_its_id(conf: Conf) -> None:
    values = conf('wsgi:app_for("worker")', WORKER_ID="w5", WORKER_HOST="::1")
    assert (values["bind"], values["workers"], values["threads"]) == ("[::1]:8091", 1, 16)
    assert values["proc_name"] == "echofs-w5"


def test_the_role_may_come_from_the_environment(conf: Conf) -> None:
    assert conf("wsgi:app", ECHOFS_ROLE="controller")["bind"] == "127.0.0.1:8082"


@pytest.mark.parametrize(
    ("application", "environ"),
    [("wsgi:app", {}), ("wsgi:app", {"ECHOFS_ROLE": "jobs"}), ("wsgi:app_for('master')", {"JWT_SECRET": "short"})],
)
def test_a_wrong_setting_is_one_line_and_exit_code_2(
    conf: Conf, application: str, environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        conf(application, **environ)
    assert caught.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_every_value_is_one_gunicorn_accepts(conf: Conf) -> None:
    config = Config()
    for name, value in conf("wsgi:app_for('master')").items():
        if name in config.settings:
            config.set(name, value)
    assert config.worker_class_str == "echofs.cli.gunicorn_worker.StayingThreadWorker"
    assert config.keepalive == 75
    assert config.control_socket_disable
    assert config.accesslog is None


def test_a_supervised_role_ends_sooner_than_one_on_its_own(conf: Conf) -> None:
    assert conf("wsgi:app_for('controller')")["graceful_timeout"] == 30
    supervised = conf("wsgi:app_for('controller')", ECHOFS_SUPERVISOR_PID=str(os.getppid()))
    assert supervised["graceful_timeout"] == 5


def test_counters_start_in_an_empty_folder_of_the_role(conf: Conf, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "run" / "controller-8082" / "metrics"
    folder.mkdir(parents=True)
    (folder / "counter_1.db").write_text("old")
    conf("wsgi:app_for('controller')")
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(folder)
    assert list(folder.iterdir()) == []


def test_counters_survive_when_gunicorn_reads_its_settings_again(conf: Conf) -> None:
    conf("wsgi:app_for('controller')")
    counter = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]) / "counter_1.db"
    counter.write_text("living")
    conf("wsgi:app_for('controller')", PROMETHEUS_MULTIPROC_DIR=str(counter.parent))
    assert counter.read_text() == "living"


def test_gunicorns_own_messages_go_through_our_formatter(conf: Conf, capsys: pytest.CaptureFixture[str]) -> None:
    values = conf("wsgi:app_for('controller')")
    config = Config()
    config.set("loglevel", values["loglevel"])
    logger = values["logger_class"](config)
    logger.info("Listening at: %s", "somewhere")
    line = capsys.readouterr().err
    assert line.rstrip().endswith("info    controller Listening at: somewhere")
    assert line.count("\n") == 1


def test_loops_start_in_the_serving_process_and_stop_when_it_exits(conf: Conf) -> None:
    calls: list[str] = []
    life = SimpleNamespace(start=lambda: calls.append("start"), stop=lambda: calls.append("stop"))
    application = SimpleNamespace(extensions={"echofs": life})
    worker = SimpleNamespace(app=SimpleNamespace(wsgi=lambda: application, callable=application))
    values = conf("wsgi:app_for('controller')")
    values["post_worker_init"](worker)
    values["worker_exit"](None, worker)
    assert calls == ["start", "stop"]


def test_a_role_is_loaded_before_its_processes_are_forked(conf: Conf, monkeypatch: pytest.MonkeyPatch) -> None:
    values = conf("wsgi:app_for('controller')")
    monkeypatch.delitem(sys.modules, "echofs.bootstrap.controller", raising=False)
    values["on_starting"](None)
    assert "echofs.bootstrap.controller" in sys.modules


def test_a_process_that_never_had_an_application_exits_quietly(conf: Conf) -> None:
    worker = SimpleNamespace(app=SimpleNamespace(callable=None))
    assert conf("wsgi:app_for('controller')")["worker_exit"](None, worker) is None
