"""A worker that stays away is replaced without a command."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import disks
from tests.cluster.client import User
from tests.cluster.cluster import eventually
from tests.cluster.hosts import Hosts
from tests.cluster.test_files import MIB, file_of, sha256

pytestmark = pytest.mark.chaos


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path, jobs_too={"REPLACE_AFTER": "1"}, workers=4)
    try:
        yield made.start()
    finally:
        made.stop()


def test_every_chunk_of_a_worker_killed_for_good_has_three_replicas_again(hosts: Hosts) -> None:
    user = User.registered(hosts.masters[0].url, "ada")
    contents = [os.urandom(2 * MIB + number) for number in range(8)]
    files = [str(file_of(user.upload(f"{number}.bin", content))["id"]) for number, content in enumerate(contents)]
    chunks = {sha256(content[at : at + MIB]) for content in contents for at in range(0, len(content), MIB)}
    dead, *living = hosts.workers
    had = disks.values(dead.folder / "data" / "worker1")
    assert any(f"chunk/{digest}" in had for digest in chunks)

    dead.kill()

    def whole() -> bool:
        receipts = [user.receipt(file_id) for file_id in files]
        return all(receipt["complete"] and receipt["replicas"] >= 3 for receipt in receipts)

    eventually(whole, "three replicas of everything without the dead worker", 60)
    kept = [set(disks.values(worker.folder / "data" / worker.folder.name)) for worker in living]
    for digest in chunks:
        assert sum(f"chunk/{digest}" in values for values in kept) == 3
    assert [user.digest(file_id) for file_id in files] == [sha256(content) for content in contents]
