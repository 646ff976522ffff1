"""Moving and rebuilding a catalog from the command line."""

from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.users import SqlUsers
from echofs.cli.main import echofs
from echofs.core.errors import CatalogUnavailable, Conflict, InvalidRequest, Unavailable
from tests.contracts.catalog_transfer_contract import fill
from tests.contracts.users_contract import ANNA
from tests.databases import opened, sqlite_url
from tests.fakes.clock import FakeClock


@pytest.fixture
def full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a catalog with something in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    url = sqlite_url(tmp_path / "full")
    with opened(url) as engine:
        fill(SqlCatalog(engine, FakeClock()))
        SqlUsers(engine).add(ANNA)
    return url


def run(folder: Path, url: str, *arguments: str, given: bytes = b"", **environ: str) -> Result:
    environment = {"DATABASE_URL": url, "ECHOFS_DATA_DIR": str(folder / "data"), "CLUSTER_SECRET": "c" * 32, **environ}
    runner = CliRunner(env={"JWT_SECRET": "", "ECHOFS_ROLE": "", **environment})
    return runner.invoke(echofs, arguments, input=given)


def test_a_catalog_moves_through_a_file_that_only_its_owner_can_read(tmp_path: Path, full: str) -> None:
    file = tmp_path / "moved.jsonl"
    assert run(tmp_path, full, "catalog", "export", str(file)).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    other = f"sqlite:///{tmp_path}/other.db"
    taken = run(tmp_path, other, "catalog", "import", str(file))
    assert taken.exit_code == 0, taken.output
    again = run(tmp_path, other, "catalog", "export", "-")
    assert again.stdout_bytes == file.read_bytes()
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_catalog_moves_through_a_pipe(tmp_path: Path, full: str) -> None:
    written = run(tmp_path, full, "catalog", "export", "-").stdout_bytes
    other = f"sqlite:///{tmp_path}/other.db"
    assert run(tmp_path, other, "catalog", "import", "-", given=written).exit_code == 0
    assert run(tmp_path, other, "catalog", "export", "-").stdout_bytes == written


def test_a_file_that_exists_is_never_replaced(tmp_path: Path, full: str) -> None:
    file = tmp_path / "mine"
    file.write_text("precious")
    refused = run(tmp_path, full, "catalog", "export", str(file))
    assert isinstance(refused.exception, InvalidRequest)
    assert file.read_text() == "precious"


def test_an_export_that_fails_leaves_no_file(tmp_path: Path, full: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise CatalogUnavailable("gone")

    monkeypatch.setattr(SqlCatalog, "dump", fail)
    refused = run(tmp_path, full, "catalog", "export", str(tmp_path / "out"))
    assert isinstance(refused.exception, CatalogUnavailable)
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == []


@pytest.mark.parametrize("file", ["missing", "."])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, full: str, file: str) -> None:
    refused = run(tmp_path, f"sqlite:///{tmp_path}/other.db", "catalog", "import", file)
    assert isinstance(refused.exception, InvalidRequest)
    assert "cannot be read" in refused.exception.message


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path, full: str) -> None:
    refused = run(tmp_path, full, "catalog", "export", str(tmp_path / "no" / "folder"))
    assert isinstance(refused.exception, InvalidRequest)
    assert "cannot be written" in refused.exception.message


def test_a_rebuild_that_reaches_nobody_says_how_to_reach_workers(tmp_path: Path, full: str) -> None:
    url = f"sqlite:///{tmp_path}/other.db"
    # A port that is taken and not listened on refuses for as long as it is held.
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{held.getsockname()[1]}"
        controller = run(tmp_path, url, "catalog", "rebuild", ECHOFS_CONTROLLER_URL=nobody).exception
        worker = run(tmp_path, url, "catalog", "rebuild", "--worker", nobody).exception
    assert isinstance(controller, Unavailable)
    assert "--worker" in controller.message
    assert isinstance(worker, Unavailable)
    assert nobody in worker.message


def test_importing_into_a_full_catalog_is_refused(tmp_path: Path, full: str) -> None:
    written = run(tmp_path, full, "catalog", "export", "-").stdout_bytes
    assert isinstance(run(tmp_path, full, "catalog", "import", "-", given=written).exception, Conflict)


def test_the_help_says_that_an_export_holds_secrets() -> None:
    text = CliRunner().invoke(echofs, ["catalog", "export", "--help"]).output
    assert "0600" in text
    assert "password" in text
