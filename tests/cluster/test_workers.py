"""A worker is emptied, removed and taken back with the commands an operator has, while people work."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest

from tests.cluster.client import Reply, User
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.conftest import MakeCluster

pytestmark = pytest.mark.chaos


def _workers(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """``echofs admin workers`` on the cluster's host."""
    return subprocess.run(
        [sys.executable, "-m", "echofs", "admin", "workers", *arguments],
        cwd=cluster.folder,
        env={**cluster.environment, "ECHOFS_DATA_DIR": str(cluster.data_dir)},
        capture_output=True,
        text=True,
        check=False,
    )


def _states(user: User) -> dict[str, str]:
    listed = user.call("GET", "/api/v1/workers/health").data["workers"]
    return {worker["worker_id"]: worker["state"] for worker in listed}


def _holders(reply: Reply) -> set[str]:
    assert reply.status == 201, reply.body
    return set(reply.json["consistency"]["workers"])


def test_a_worker_is_drained_removed_and_taken_back(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(environ={"MASTER_PROCESSES": "1"}).start()
    user = cluster.register("ada")
    data = os.urandom(3 << 20)
    old = user.upload("old.bin", data)
    file_id = str(old.json["data"]["file"]["id"])
    eventually(lambda: bool(user.receipt(file_id)["complete"]), "all three workers have it")

    refused = _workers(cluster, "remove", "worker1", "--yes")
    assert (refused.returncode, "drain it first" in refused.stderr) == (2, True)

    assert _workers(cluster, "drain", "worker1").returncode == 0
    eventually(lambda: _states(user)["worker1"] == "draining", "the master knows that worker1 is drained")
    assert "draining" in _workers(cluster, "list").stdout
    assert _holders(user.upload("new.bin", os.urandom(3 << 20))) == {"worker2", "worker3"}
    assert user.digest(file_id) == hashlib.sha256(data).hexdigest()
    assert {"worker_id": "worker1", "chunks": 4} in user.receipt(file_id)["workers"]

    assert _workers(cluster, "remove", "worker1", "--yes").returncode == 0
    eventually(lambda: "worker1" not in _states(user), "the master asks worker1 no more")
    assert user.digest(file_id) == hashlib.sha256(data).hexdigest()
    cluster.signal("controller")
    eventually(lambda: cluster.is_healthy(cluster.controller_url), "the controller is back")
    assert "gone" in _workers(cluster, "list").stdout

    assert _workers(cluster, "undrain", "worker1").returncode == 0
    eventually(lambda: _states(user).get("worker1") == "up", "worker1 is up again")
    eventually(lambda: "worker1" in _holders(user.upload("newer.bin", data)), "worker1 is given chunks again")
