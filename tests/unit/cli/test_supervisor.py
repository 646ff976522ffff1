"""One supervisor per data folder, and what it tells the user. Real processes are in tests/cluster."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from echofs.cli.orphans import orphaned
from echofs.cli.supervisor import LOCK_FILE, only_supervisor, welcome
from echofs.core.errors import InvalidSetting
from echofs.settings import Settings, load


def settings(**environ: str) -> Settings:
    secrets = {"JWT_SECRET": "j" * 32, "CLUSTER_SECRET": "c" * 32}
    return load({**secrets, **environ}, role="all", env_file=None)


def test_a_second_supervisor_of_a_folder_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with (
        only_supervisor(tmp_path / "data"),
        pytest.raises(InvalidSetting, match=rf"process {os.getpid()}\).*--data-dir"),
        only_supervisor(tmp_path / "data"),
    ):
        raise AssertionError("two supervisors")


def test_the_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with only_supervisor(tmp_path), open(tmp_path / LOCK_FILE) as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidSetting, match="file cannot be written"), only_supervisor(tmp_path / "file"):
        raise AssertionError("held a file")


def test_the_greeting_says_where_to_go_where_the_data_is_and_how_to_begin() -> None:
    text = welcome(settings(MASTER_PORT="9000", ECHOFS_DATA_DIR="/data"), 3)
    assert "ready at http://127.0.0.1:9000 with 3 workers" in text
    assert "kept 3 times" in text
    assert "/data" in text
    assert "curl http://127.0.0.1:9000/api/v1/auth/register" in text


def test_a_process_is_orphaned_when_its_parent_is_another_one() -> None:
    assert not orphaned(os.getppid())
    assert orphaned(os.getpid())
