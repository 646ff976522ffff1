"""The story docs/consistency.md tells, by the real commands: cut the catalog, write, watch, heal, watch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cluster.client import Json, User
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.test_files import file_of

pytestmark = pytest.mark.chaos

PATH = "notes.txt"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """With one process for the master: each hears of a drill by itself, within a second."""
    started = Cluster(tmp_path_factory.mktemp("cluster"), environ={"MASTER_PROCESSES": "1"})
    try:
        yield started.start()
    finally:
        started.stop()


@pytest.fixture
def user(cluster: Cluster) -> User:
    return cluster.register("ada")


def drill(cluster: Cluster, *arguments: str) -> subprocess.Popen[str]:
    environ = {**cluster.environment, "ECHOFS_DATA_DIR": str(cluster.data_dir), "MASTER_PORT": str(cluster.port)}
    return subprocess.Popen(
        [sys.executable, "-m", "echofs", "drill", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def written(user: User, text: bytes) -> Json:
    receipt: Json = user.upload(PATH, text).json["consistency"]
    return receipt


def test_a_write_during_a_cut_is_provisional_and_is_committed_when_it_ends(cluster: Cluster, user: User) -> None:
    stored = user.upload(PATH, b"one")
    file_id, receipt = file_of(stored)["id"], stored.json["consistency"]
    assert (receipt["mode_used"], receipt["committed"]) == ("strong", True)
    cutting = drill(cluster, "cut", "catalog", "--for", "8")
    strongly = {"X_EchoFS_Consistency": "strong"}
    eventually(lambda: user.upload("other.txt", b"other", **strongly).status == 503, "the master feels the cut")
    during = written(user, b"two")
    assert (during["mode_used"], during["provisional"], during["degraded"]) == ("available", True, True)
    assert user.download(file_id).body == b"two"
    said, _ = cutting.communicate(timeout=60)
    assert cutting.returncode == 0, said
    assert "catalog" in said

    def committed() -> bool:
        found = user.call("GET", f"/api/v1/files/{file_id}", headers={"X-EchoFS-Consistency": "strong"})
        return found.status == 200 and found.data["file"]["version"] == during["version"]

    eventually(committed, "what was accepted is in the catalog")
    assert user.download(file_id, **strongly).body == b"two"


def test_a_cluster_that_may_be_in_production_is_drilled_only_when_told_so(cluster: Cluster) -> None:
    environ = {**cluster.environment, "CLUSTER_SECRET": "given-rather-than-made-" + "x" * 32}
    refused = subprocess.run(
        [sys.executable, "-m", "echofs", "drill", "cut", "catalog", "--for", "1"],
        env={**environ, "ECHOFS_DATA_DIR": str(cluster.data_dir)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
