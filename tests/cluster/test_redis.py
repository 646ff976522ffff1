"""Two masters that share Redis, which is paused and killed under them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cluster.client import PASSWORD, User
from tests.cluster.cluster import eventually, free_ports
from tests.cluster.hosts import GUNICORN_MASTER, Host, Hosts, health
from tests.servers.valkey_process import ValkeyProcess

HYBRID = {"X-EchoFS-Consistency": "hybrid"}


@pytest.fixture(scope="module")
def redis() -> Iterator[ValkeyProcess]:
    server = ValkeyProcess().start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, redis: ValkeyProcess) -> Iterator[Hosts]:
    made = Hosts(tmp_path_factory.mktemp("redis"), {"REDIS_ADDR": redis.addr, "LOGIN_RATE": "10/minute"})
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture(scope="module")
def user(hosts: Hosts) -> User:
    return User.registered(hosts.masters[0].url, "ada")


def put(user: User, path: str, body: bytes) -> str:
    """The file's id."""
    file_id: str = user.upload(path, body).data["file"]["id"]
    return file_id


def level_of(user: User, file_id: str) -> str:
    reply = user.call("GET", f"/api/v1/files/{file_id}", headers=HYBRID)
    assert reply.headers["X-EchoFS-Consistency"] == reply.json["consistency"]["mode_used"]
    return str(reply.json["consistency"]["mode_used"])


def redis_is(hosts: Hosts, state: str) -> bool:
    return all(health(master.url)["details"]["redis"] == state for master in hosts.masters)  # type: ignore[index]


@contextmanager
def working(user: User, other: User) -> Iterator[list[str]]:
    """Write at one master and read at the other all the while; what went wrong."""
    wrong: list[str] = []
    over = threading.Event()

    def work() -> None:
        number = 0
        while not over.is_set():
            number += 1
            body = str(number).encode()
            try:
                file_id = put(user, f"work/{number % 3}", body)
                reply = other.call("GET", f"/api/v1/files/{file_id}/download")
                if (reply.status, reply.body) != (200, body):
                    wrong.append(f"{reply.status} {reply.body!r} instead of {body!r}")
                hybrid = other.call("GET", f"/api/v1/files/{file_id}/download", headers=HYBRID)
                if hybrid.status != 200:
                    wrong.append(f"{hybrid.status} for a hybrid read")
            except (AssertionError, OSError) as error:
                wrong.append(repr(error))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield wrong
    finally:
        over.set()
        thread.join()


def test_a_hybrid_read_at_one_master_sees_the_write_at_another(hosts: Hosts, user: User) -> None:
    other = user.at(hosts.masters[1].url)
    file_id = put(user, "a.txt", b"1")
    both = (user, other)
    eventually(lambda: {level_of(one, file_id) for one in both} == {"hybrid"}, "both masters use the cache", 30)
    for number in range(20):
        body = str(number).encode()
        put(user, "a.txt", body)
        first, second = (other.call("GET", f"/api/v1/files/{file_id}/download", headers=HYBRID) for _ in range(2))
        assert (first.body, second.body) == (body, body)
        assert second.headers["X-EchoFS-Version"] == str(number + 2)
        assert 0 <= int(second.headers["X-EchoFS-Staleness-Ms"]) <= 5000
        user, other = other, user
    assert user.call("DELETE", f"/api/v1/files/{file_id}").status == 200
    assert other.call("GET", f"/api/v1/files/{file_id}", headers=HYBRID).status == 404


def test_a_cached_file_is_unknown_to_other_users(hosts: Hosts, user: User) -> None:
    file_id = put(user, "private.txt", b"1")
    eventually(lambda: level_of(user, file_id) == "hybrid", "the head is cached", 30)
    stranger = User.registered(hosts.masters[1].url, "eve")
    foreign = stranger.call("GET", f"/api/v1/files/{file_id}", headers=HYBRID)
    unknown = stranger.call("GET", f"/api/v1/files/{'f' * 32}", headers=HYBRID)
    assert (foreign.status, foreign.json["message"]) == (404, unknown.json["message"])


def test_a_logout_at_one_master_is_effective_at_the_other_at_once(hosts: Hosts, user: User) -> None:
    for _ in range(10):
        session = User.logged_in(hosts.masters[0].url, "ada")
        other = session.at(hosts.masters[1].url)
        assert other.call("GET", "/api/v1/auth/profile").status == 200
        assert session.call("POST", "/api/v1/auth/logout").status == 200
        assert other.call("GET", "/api/v1/auth/profile").status == 401


def test_guesses_at_both_masters_count_together(hosts: Hosts, user: User) -> None:
    User.registered(hosts.masters[0].url, "bob")
    nobody = [User(master.url) for master in hosts.masters]
    body = {"username": "bob", "password": "not the password"}
    replies = [nobody[number % 2].post_json("/api/v1/auth/login", body).status for number in range(11)]
    assert replies == [401] * 10 + [429]


def test_nothing_fails_while_redis_hangs_dies_and_returns(hosts: Hosts, user: User, redis: ValkeyProcess) -> None:
    with working(user, user.at(hosts.masters[1].url)) as wrong:
        redis.pause()
        eventually(lambda: redis_is(hosts, "away"), "the masters notice that Redis hangs", 30)
        assert User.logged_in(hosts.masters[1].url, "ada", PASSWORD).token
        redis.resume()
        eventually(lambda: redis_is(hosts, "ok"), "the masters use Redis again", 30)
        redis.kill()
        eventually(lambda: redis_is(hosts, "away"), "the masters notice that Redis is gone", 30)
        redis.start()
        eventually(lambda: redis_is(hosts, "ok"), "the masters use the new Redis", 30)
    assert wrong == []
    file_id = put(user, "after.txt", b"1")
    eventually(lambda: level_of(user, file_id) == "hybrid", "heads are cached again", 30)


def test_a_master_starts_without_redis_and_says_so(hosts: Hosts, user: User, tmp_path: Path) -> None:
    port = free_ports(1)
    wrong = {"REDIS_ADDR": "redis://:the-password@127.0.0.1:1/0"}
    lonely: Host = hosts.master("lonely", port, GUNICORN_MASTER, wrong)
    lonely.spawn()
    try:
        lonely.wait_until_healthy()
        file_id = put(user.at(lonely.url), "lonely.txt", b"1")
        assert level_of(user.at(lonely.url), file_id) == "strong"
        eventually(lambda: "There is no connection to Redis at 127.0.0.1:1" in lonely.log(), "the log says so", 30)
        assert "the-password" not in lonely.log()
    finally:
        lonely.stop()
