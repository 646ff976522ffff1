"""One cluster whose workers keep chunks on a disk and in buckets of two S3 servers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import disks
from tests.cluster.cluster import Cluster, eventually
from tests.cluster.conftest import MakeCluster
from tests.cluster.test_files import MIB, file_of, sha256
from tests.contracts import s3_places

pytestmark = pytest.mark.chaos


@pytest.fixture
def cluster(make_cluster: MakeCluster, aws_endpoint: str, rclone: tuple[str, Path], s3_credentials: None) -> Cluster:
    """Worker 1 on a disk, worker 2 on one endpoint, worker 3 on another."""
    for endpoint in (aws_endpoint, rclone[0]):
        s3_places.vendor_client(endpoint)
    environ = {
        **s3_places.KEYS,
        "CHUNK_STORE_2": f"s3://{s3_places.BUCKET}/two",
        "S3_ENDPOINT_URL_2": aws_endpoint,
        "CHUNK_STORE_3": "s3:///three",
        "S3_BUCKET_NAME_3": s3_places.BUCKET,
        "S3_ENDPOINT_URL_3": rclone[0],
    }
    return make_cluster(environ=environ).start()


def test_a_file_lies_in_all_stores_and_survives_the_loss_of_any_worker(
    cluster: Cluster, aws_endpoint: str, rclone: tuple[str, Path]
) -> None:
    ada = cluster.register("ada")
    content = os.urandom(3 * MIB + 7)
    file_id = str(file_of(ada.upload("mixed.bin", content))["id"])
    eventually(lambda: bool(ada.receipt(file_id)["complete"]), "three replicas of every chunk")

    first = f"chunk/{sha256(content[:MIB])}"
    in_bucket = s3_places.vendor_client(aws_endpoint).get_object(Bucket=s3_places.BUCKET, Key=f"two/{first}")
    frame = disks.values(cluster.data_dir / "worker1")[first]
    assert in_bucket["Body"].read() == frame
    assert (rclone[1] / s3_places.BUCKET / "three" / first).read_bytes() == frame

    for index in (1, 2, 3):
        cluster.kill_worker(index)
        assert ada.download(file_id).body == content
        eventually(lambda index=index: cluster.is_healthy(cluster.worker_url(index)), "it is back")  # type: ignore[misc]


def test_a_bucket_that_is_not_there_ends_the_start_in_one_line(
    make_cluster: MakeCluster, rclone: tuple[str, Path], s3_credentials: None
) -> None:
    environ = {**s3_places.KEYS, "CHUNK_STORE": "s3://nowhere", "S3_ENDPOINT_URL": rclone[0]}
    cluster = make_cluster(workers=2, environ=environ)
    assert cluster.spawn().wait(timeout=60) == 2
    assert "Traceback" not in cluster.log()
    assert "there is no bucket nowhere" in cluster.log()
