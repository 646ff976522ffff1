"""What a master accepted while no worker answered is readable, outlives the master, and reaches the workers."""

from __future__ import annotations

import signal
import sqlite3
from contextlib import closing

import pytest

from tests.cluster.client import User
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.conftest import MakeCluster

pytestmark = pytest.mark.chaos

AVAILABLE = {"X_EchoFS_Consistency": "available"}
BODY = bytes(range(256)) * 5000


def spooled(cluster: Cluster) -> int:
    """Frames in the host's spool, looked for by another road."""
    with closing(sqlite3.connect(f"file:{cluster.data_dir}/journal/journal.db?mode=ro", uri=True)) as connection:
        (frames,) = connection.execute("SELECT count(*) FROM frame").fetchone()
    return int(frames)


def test_bytes_accepted_without_workers_outlive_the_master_and_reach_them(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(environ={"WORKER_TIMEOUT": "1"}).start()
    user = cluster.register("ada")
    user.upload("before.bin", BODY).data  # noqa: B018
    for index in (1, 2, 3):
        cluster.signal(f"worker{index}", signal.SIGSTOP)

    reply = user.upload("alone.bin", BODY[1:], **AVAILABLE)
    file_id = reply.data["file"]["id"]
    receipt = reply.json["consistency"]
    assert (receipt["spooled"], receipt["replicas"], receipt["committed"]) == (True, 0, True)
    assert spooled(cluster) > 0
    assert user.download(file_id).body == BODY[1:]

    before = cluster.pid("master")
    cluster.signal("master", signal.SIGKILL)
    eventually(lambda: cluster.pid("master") != before and answers(cluster), "the master is back")
    assert user.download(file_id).body == BODY[1:]

    for index in (1, 2, 3):
        cluster.signal(f"worker{index}", signal.SIGCONT)
    eventually(lambda: spooled(cluster) == 0, "the spool is empty")
    eventually(lambda: user.receipt(file_id)["replicas"] >= 2, "a quorum has it")
    assert user.download(file_id).body == BODY[1:]
    assert "corrupt" not in cluster.log()


def answers(cluster: Cluster) -> bool:
    try:
        return User(cluster.url, timeout=2).call("GET", "/api/v1/health").status in (200, 503)
    except OSError:
        return False
