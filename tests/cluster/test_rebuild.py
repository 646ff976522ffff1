"""The database is lost, the files are not. ECHOFS_TEST_TREE makes the tree larger than every test run needs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cluster.client import PASSWORD, User
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.conftest import MakeCluster
from tests.cluster.trees import folders, grow, picture

pytestmark = pytest.mark.chaos

FILES = int(os.environ.get("ECHOFS_TEST_TREE", "24"))
PEOPLE = ("anna", "ben.b", "Чарли")


def run(cluster: Cluster, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The command with the cluster's settings."""
    environment = {**cluster.environment, "ECHOFS_DATA_DIR": str(cluster.data_dir), **environ}
    command = [sys.executable, "-m", "echofs", *arguments]
    return subprocess.run(
        command, cwd=cluster.folder, env=environment, capture_output=True, text=True, timeout=1000, check=False
    )


def test_every_file_name_owner_and_version_comes_back_from_the_workers_alone(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.start()
    users = {name: _registered(cluster, name) for name in PEOPLE}
    for seed, user in enumerate(users.values()):
        grow(user, FILES // len(users), seed)
    before = {name: (picture(user), folders(user)) for name, user in users.items()}
    assert sum(len(files) for files, _ in before.values()) == FILES

    cluster.stop()
    for left in cluster.data_dir.glob("catalog.db*"):
        left.unlink()
    cluster.start()
    eventually(lambda: _rebuilt(cluster), "the workers are known to the controller")

    assert "not empty" in run(cluster, "catalog", "rebuild").stderr
    after = {}
    for name in PEOPLE:
        reset = run(cluster, "admin", "reset-password", name, ECHOFS_ADMIN_PASSWORD=PASSWORD)
        assert reset.returncode == 0, reset.stderr
        user = User.logged_in(cluster.url, name)
        after[name] = (picture(user), folders(user))
    assert after == before
    _rebuilds_from_named_workers(cluster)


def _rebuilds_from_named_workers(cluster: Cluster) -> None:
    """Without the controller, into another database."""
    named = [word for index in (1, 2, 3) for word in ("--worker", cluster.worker_url(index))]
    elsewhere = {"DATABASE_URL": f"sqlite:///{cluster.folder}/second.db", "CONTROLLER_PORT": "1"}
    done = run(cluster, "catalog", "rebuild", *named, **elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"Rebuilt {FILES} files" in done.stdout


def _registered(cluster: Cluster, name: str) -> User:
    answer = {"username": name, "email": f"{name.encode().hex()}@example.org", "password": PASSWORD}
    User(cluster.url).post_json("/api/v1/auth/register", answer).data  # noqa: B018
    return User.logged_in(cluster.url, name)


def _rebuilt(cluster: Cluster) -> bool:
    done = run(cluster, "catalog", "rebuild")
    if done.returncode == 2 and "No worker" in done.stderr:
        return False
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 accounts were made again" in done.stdout
    return True
