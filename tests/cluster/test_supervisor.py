"""``echofs serve --role all``: up, kept up, down, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable

import pytest

from tests.cluster.cluster import Cluster, eventually, is_listening, is_running

MakeCluster = Callable[..., Cluster]
PARTS = ("controller", "worker1", "worker2", "worker3", "master", "jobs")


def urls(cluster: Cluster) -> list[str]:
    return [cluster.url, cluster.controller_url, *(cluster.worker_url(i) for i in range(1, cluster.workers + 1))]


def refusal(cluster: Cluster) -> str:
    """The one line with which a start is refused."""
    assert cluster.spawn().wait(timeout=30) == 2
    [line] = cluster.log().splitlines()
    return line


class TestARunningCluster:
    """The cluster of the module; what is killed here comes back."""

    def test_every_part_runs_and_every_role_is_healthy(self, cluster: Cluster) -> None:
        assert all(is_running(cluster.pid(part)) for part in PARTS)
        assert all(cluster.is_healthy(url) for url in urls(cluster))

    def test_it_says_where_it_is_and_where_its_data_are(self, cluster: Cluster) -> None:
        assert f"EchoFS is ready at {cluster.url} with 3 workers" in cluster.log()
        assert str(cluster.data_dir) in cluster.log()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux has 127.0.0.2 without being told")
    def test_it_listens_on_this_machine_only(self, cluster: Cluster) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.2", cluster.port))

    def test_every_worker_has_a_disk_of_its_own(self, cluster: Cluster) -> None:
        assert {f"worker{index}" for index in (1, 2, 3)} <= {path.name for path in cluster.data_dir.iterdir()}

    def test_the_secrets_are_kept_private(self, cluster: Cluster) -> None:
        assert (cluster.data_dir / "secrets.env").stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize(("part", "offset"), [("worker2", 3), ("controller", 1), ("master", 0)])
    def test_a_killed_role_comes_back(self, cluster: Cluster, part: str, offset: int) -> None:
        killed = cluster.pid(part)
        cluster.signal(part)
        eventually(lambda: cluster.pid(part) != killed, f"{part} is started again")
        eventually(lambda: cluster.is_healthy(f"http://127.0.0.1:{cluster.port + offset}"), f"{part} is healthy again")
        assert f"{part} was ended by SIGKILL" in cluster.log()

    def test_a_role_of_which_only_the_leader_was_killed_comes_back(self, cluster: Cluster) -> None:
        killed = cluster.pid("worker3")
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: cluster.pid("worker3") != killed, "worker3 is started again")
        eventually(lambda: cluster.is_healthy(cluster.worker_url(3)), "worker3 is healthy again")

    def test_the_jobs_come_back(self, cluster: Cluster) -> None:
        killed = cluster.pid("jobs")
        cluster.signal("jobs")
        eventually(lambda: cluster.pid("jobs") != killed, "the jobs are started again")
        assert is_running(cluster.pid("jobs"))

    def test_a_second_one_on_the_same_folder_is_refused(self, cluster: Cluster, make_cluster: MakeCluster) -> None:
        second = make_cluster()
        second.data_dir = cluster.data_dir
        line = refusal(second)
        assert str(cluster.data_dir) in line
        assert "--data-dir" in line
        assert cluster.is_healthy(cluster.url)


@pytest.mark.parametrize(
    ("offset", "role", "remedy"),
    [(0, "master", "--port"), (1, "controller", "CONTROLLER_PORT"), (3, "worker2", "WORKER_PORT")],
)
def test_a_busy_port_is_one_line_and_nothing_is_started(
    make_cluster: MakeCluster, offset: int, role: str, remedy: str
) -> None:
    cluster = make_cluster()
    with socket.create_server(("127.0.0.1", cluster.port + offset)):
        line = refusal(cluster)
    for part in (str(cluster.port + offset), role, remedy):
        assert part in line
    assert not any(is_listening(port) for port in range(cluster.port, cluster.port + 5))


def test_one_worker_is_refused(make_cluster: MakeCluster) -> None:
    assert "a strong write needs two workers" in refusal(make_cluster(workers=1))


def test_a_wrong_setting_is_one_line(make_cluster: MakeCluster) -> None:
    assert refusal(make_cluster(environ={"CHUNK_SIZE": "1GB"})).startswith("CHUNK_SIZE=1GB is not allowed")


def test_a_catalog_that_cannot_be_opened_ends_the_start(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(workers=2, environ={"DATABASE_URL": "sqlite:////no/such/folder/catalog.db"})
    assert cluster.spawn().wait(timeout=60) == 2
    assert "Traceback" not in cluster.log()
    assert cluster.log().splitlines()[-1].startswith("The catalog could not be brought up to date")
    assert cluster.pids() == []


def end(cluster: Cluster, number: signal.Signals) -> None:
    """Send the supervisor a signal, after which it must end without an error and leave nothing."""
    assert cluster.process is not None
    cluster.process.send_signal(number)
    # The promise to the user, not a measurement: ten seconds, and a margin for the interpreter's own end.
    assert cluster.process.wait(timeout=12) == 0
    assert cluster.pids() == []
    assert not any(is_listening(port) for port in range(cluster.port, cluster.port + 2 + cluster.workers))


def test_it_ends_in_good_order_and_starts_again_where_it_was(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(workers=2).start()
    ada = cluster.register("ada")
    stored = ada.upload("notes.txt", b"kept")
    end(cluster, signal.SIGTERM)
    cluster.start()
    assert ada.download(stored.data["file"]["id"]).body == b"kept"
    end(cluster, signal.SIGINT)
    assert "did not stop in time" not in cluster.log()


def test_a_part_that_hangs_is_killed_within_the_limit(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(workers=2).start()
    cluster.signal("worker1", signal.SIGSTOP)
    end(cluster, signal.SIGTERM)
    assert "worker1 did not stop in time" in cluster.log()


def test_a_signal_during_the_start_ends_it(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(workers=2)
    cluster.spawn()
    eventually(lambda: "started worker1" in cluster.log(), "the first parts are started")
    end(cluster, signal.SIGHUP)


def test_a_killed_supervisor_leaves_no_process(make_cluster: MakeCluster) -> None:
    cluster = make_cluster(workers=2).start()
    assert cluster.process is not None
    assert len(cluster.pids()) >= 5
    cluster.process.kill()
    cluster.process.wait()
    eventually(lambda: cluster.pids() == [], "all parts have noticed and are gone")
