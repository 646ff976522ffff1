"""What each process of a one-machine cluster is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from echofs.cli.orphans import SUPERVISOR_PID
from echofs.cli.plan import Part, copies, plan, url_of
from echofs.core.errors import InvalidSetting
from echofs.settings import ProcessRole, Settings, load


def settings(**environ: str) -> Settings:
    secrets = {"JWT_SECRET": "j" * 32, "CLUSTER_SECRET": "c" * 32}
    return load({**secrets, "ECHOFS_DATA_DIR": "/data", **environ}, role="all", env_file=None)


def parts(workers: int = 3, /, **environ: str) -> dict[str, Part]:
    return {part.name: part for part in plan(settings(**environ), workers, environ, supervisor=7)}


def test_controller_and_workers_come_before_those_who_need_them() -> None:
    assert list(parts()) == ["controller", "worker1", "worker2", "worker3", "master", "jobs"]


def test_they_stop_in_the_opposite_order() -> None:
    assert [part.stop_phase for part in parts(2).values()] == [2, 1, 1, 0, 0]


def test_every_worker_has_a_name_port_zone_and_store_of_its_own() -> None:
    worker = parts()["worker3"].environment
    assert worker["WORKER_ID"] == "worker3"
    assert worker["WORKER_PORT"] == "8093"
    assert worker["WORKER_URL"] == "http://127.0.0.1:8093"
    assert worker["WORKER_ZONE"] == "zone3"
    assert worker["CHUNK_STORE"] == "disk:/data/worker3"


def test_what_a_worker_is_told_makes_valid_settings() -> None:
    part = parts(2, CLUSTER_SECRET="c" * 32)["worker2"]
    told = load(part.environment, role=part.role, env_file=None)
    assert (told.worker_id, told.listen, told.worker_zone) == ("worker2", ("127.0.0.1", 8092), "zone2")


def test_ports_follow_the_settings() -> None:
    made = parts(2, MASTER_PORT="9000", WORKER_PORT="9100", CONTROLLER_PORT="9200")
    assert [part.url.rpartition(":")[2] for part in made.values() if part.listener] == ["9200", "9100", "9101", "9000"]
    assert made["master"].environment["ECHOFS_CONTROLLER_URL"] == "http://127.0.0.1:9200"


@pytest.mark.parametrize(
    ("store", "expected"),
    [
        ("memory:", "memory:"),
        ("disk:/mnt", "disk:/mnt/worker1"),
        ("disk:/mnt/", "disk:/mnt/worker1"),
        ("s3://bucket/prefix", "s3://bucket/prefix/worker1"),
        ("s3://bucket", "s3://bucket/worker1"),
        ("s3:///prefix", "s3:///prefix/worker1"),
        ("s3:", "s3:///worker1"),
    ],
)
def test_a_common_chunk_store_is_divided_among_the_workers(store: str, expected: str) -> None:
    assert parts(CHUNK_STORE=store)["worker1"].environment["CHUNK_STORE"] == expected


def test_what_is_said_for_one_worker_is_its_alone() -> None:
    own = {2: {"CHUNK_STORE": "s3://bucket", "WORKER_ZONE": "abroad"}}
    made = plan(settings(), 3, {}, supervisor=7, own=lambda index: own.get(index, {}))
    told = {part.name: part.environment for part in made}
    assert (told["worker2"]["CHUNK_STORE"], told["worker2"]["WORKER_ZONE"]) == ("s3://bucket", "abroad")
    assert (told["worker3"]["CHUNK_STORE"], told["worker3"]["WORKER_ZONE"]) == ("disk:/data/worker3", "zone3")


def test_everybody_watches_the_supervisor_and_shares_the_data_folder() -> None:
    for part in parts().values():
        assert part.environment[SUPERVISOR_PID] == "7"
        assert part.environment["ECHOFS_DATA_DIR"] == "/data"
        assert part.environment["ECHOFS_ROLE"] == part.role


def test_variables_that_would_mix_the_roles_are_not_inherited() -> None:
    assert "PROMETHEUS_MULTIPROC_DIR" not in parts(PROMETHEUS_MULTIPROC_DIR="/metrics")["master"].environment


def test_the_malloc_variables_are_set_unless_the_user_chose_others() -> None:
    assert parts()["master"].environment["MALLOC_MMAP_THRESHOLD_"] == "67108864"
    assert parts(MALLOC_TOP_PAD_="1")["jobs"].environment["MALLOC_TOP_PAD_"] == "1"


@pytest.mark.parametrize("workers", [-1, 0, 1, 65])
def test_too_few_or_too_many_workers_are_refused(workers: int) -> None:
    with pytest.raises(InvalidSetting, match="a strong write needs two workers"):
        plan(settings(), workers, {}, supervisor=7)


def test_no_more_copies_are_asked_for_than_there_are_workers() -> None:
    assert copies(settings(), 2) == 2
    assert parts(2)["master"].environment["REPLICATION_FACTOR"] == "2"
    assert parts(5)["master"].environment["REPLICATION_FACTOR"] == "3"


def test_the_secrets_of_the_environment_are_not_shown() -> None:
    assert "hunter2" not in repr(parts(JWT_SECRET="hunter2" * 8)["master"])


def test_a_role_that_listens_everywhere_is_reached_on_this_machine() -> None:
    assert url_of("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert url_of("::", 80) == "http://[::1]:80"


def test_gunicorn_runs_what_listens_and_the_command_runs_the_jobs() -> None:
    made = parts()
    assert made["worker1"].arguments[-1] == "echofs.cli.application:app_for('worker')"
    assert made["jobs"].arguments[-2:] == ["echofs", "jobs"]
    assert made["jobs"].role is ProcessRole.JOBS
    assert Path(made["jobs"].arguments[0]).is_absolute()
