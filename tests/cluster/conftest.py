"""Real processes. Every cluster started by a test is gone when the test ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.client import User
from tests.cluster.cluster import Cluster
from tests.cluster.hosts import Hosts
from tests.servers.postgresql import create_database

MakeCluster = Callable[..., Cluster]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder starts real processes."""
    for item in items:
        if "tests/cluster/" in item.path.as_posix():
            item.add_marker(pytest.mark.cluster)


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    """Makes clusters, not yet started; takes the arguments of :class:`Cluster` except its folder."""
    made: list[Cluster] = []

    def make(**options: object) -> Cluster:
        made.append(Cluster(tmp_path / f"cluster{len(made)}", **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One running cluster of three workers for all tests of a module that do no lasting harm."""
    started = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        yield started.start()
    finally:
        started.stop()


@pytest.fixture(scope="module")
def database(postgresql_server: str) -> str:
    """An empty database of the module's own."""
    return create_database(postgresql_server)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Hosts]:
    """Hosts whose catalog is that database; a module may have others."""
    url = database.replace("postgresql://", "postgres://") + "?sslmode=disable"
    made = Hosts(tmp_path_factory.mktemp("hosts"), database_url=url)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def user(hosts: Hosts) -> User:
    """A user of those hosts, at the first master."""
    return User.registered(hosts.masters[0].url, "ada")
