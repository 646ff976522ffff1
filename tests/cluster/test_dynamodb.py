"""A whole cluster whose files are on DynamoDB."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import tus
from tests.cluster.cluster import Cluster
from tests.cluster.conftest import MakeCluster
from tests.tables import CREDENTIALS, REGION, names

BODY = os.urandom(3 << 20) + b"the end"


@pytest.fixture
def environ(aws_endpoint: str) -> dict[str, str]:
    """The settings of a cluster on tables that do not exist yet."""
    place = {"CATALOG": "dynamodb", "AWS_REGION": REGION, "DYNAMODB_ENDPOINT_URL": aws_endpoint}
    return {**CREDENTIALS, **place, **names().by_setting()}


@pytest.fixture
def cluster(make_cluster: MakeCluster, environ: dict[str, str]) -> Cluster:
    return make_cluster(environ={**environ, "MASTER_PROCESSES": "1"})


def command(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One run of ``echofs`` with the cluster's settings."""
    Path(cluster.data_dir).mkdir(parents=True, exist_ok=True)
    environment = {**cluster.environment, "ECHOFS_DATA_DIR": str(cluster.data_dir)}
    command = [sys.executable, "-m", "echofs", *arguments]
    return subprocess.run(
        command, cwd=cluster.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def test_files_on_dynamodb_survive_a_worker(cluster: Cluster) -> None:
    refused = command(cluster, "db", "upgrade"), command(cluster, "db", "current")
    assert [run.returncode for run in refused] == [0, 2]
    assert "DYNAMODB_FILES_TABLE" in refused[1].stderr
    assert "Traceback" not in refused[1].stderr
    assert command(cluster, "db", "create").returncode == 0
    cluster.start()
    user = cluster.register("ada")
    file = user.upload("docs/a.bin", BODY).data["file"]
    tus.uploader(user, "docs/b.bin", BODY, 2 << 20).upload()
    cluster.kill_worker(1)
    assert user.download(file["id"]).body == BODY
    newer = user.call("PUT", f"/api/v1/files/{file['id']}/content", BODY[::-1]).data["file"]
    assert newer["version"] == 2
    assert [each["path"] for each in user.call("GET", "/api/v1/files").data["files"]] == ["docs/a.bin", "docs/b.bin"]
    assert user.download(file["id"]).body == BODY[::-1]
