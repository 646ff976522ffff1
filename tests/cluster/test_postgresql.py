"""Two masters on one PostgreSQL, with writers at both, while the database is cut off or stands still."""

from __future__ import annotations

import itertools
import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import psycopg2

from tests.cluster.client import User
from tests.cluster.cluster import eventually
from tests.cluster.frozen import frozen
from tests.cluster.hosts import Hosts, health
from tests.cluster.test_files import file_of, sha256

WRITES = int(os.environ.get("ECHOFS_TEST_WRITES", "160"))
"""How many versions are written; 2,000 make the test as large as the promise."""
FILES = max(WRITES // 40, 4)
CLIENTS = 16
PATIENCE_SECONDS = 60.0
RETRYABLE = (409, 503)
STRONG = {"X_EchoFS_Consistency": "strong"}
AVAILABLE = {"X_EchoFS_Consistency": "available"}


@dataclass(frozen=True)
class Write:
    """One acknowledged version."""

    file_id: str
    version: int
    digest: str


def cut_off(database: str) -> int:
    """End all other connections to the database, as its restart does; how many there were."""
    with closing(psycopg2.connect(database)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


class Writers:
    """Clients that write versions of a few files at both masters, each until it is acknowledged."""

    def __init__(self, hosts: Hosts, user: User) -> None:
        self._users = itertools.cycle([user.at(master.url) for master in hosts.masters])
        self._numbers = iter(range(WRITES))
        self._lock = threading.Lock()
        self.acknowledged: list[Write] = []
        self.refused = 0

    def run(self, user: User, seed: int) -> None:
        chance = random.Random(seed)
        while (number := self._next()) is not None:
            content = f"write {number} of client {seed}".encode()
            self._write(user, f"contested/{chance.randrange(FILES)}.txt", content, f"write-{number}")

    def all(self) -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            for ended in [pool.submit(self.run, next(self._users), seed) for seed in range(CLIENTS)]:
                ended.result()

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _write(self, user: User, path: str, content: bytes, key: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (reply := user.upload(path, content, Idempotency_Key=key, **STRONG)).status in RETRYABLE:
            assert time.monotonic() < deadline, reply.body
            assert reply.status == 409 or reply.headers["Retry-After"]
            with self._lock:
                self.refused += 1
            time.sleep(0.1)
        assert reply.status in (200, 201), reply.body
        version = reply.json["consistency"]["version"]
        with self._lock:
            self.acknowledged.append(Write(str(file_of(reply)["id"]), version, sha256(content)))


def test_every_acknowledged_version_is_in_the_history_once(hosts: Hosts, user: User, database: str) -> None:
    writers = Writers(hosts, user)
    done = threading.Thread(target=writers.all)
    done.start()
    eventually(lambda: len(writers.acknowledged) >= WRITES // 2, "half of it is written", PATIENCE_SECONDS)
    assert cut_off(database) > 0
    done.join()

    acknowledged = writers.acknowledged
    print(
        f"{WRITES} writes over {FILES} files: {len(acknowledged)} acknowledged, {writers.refused} refused and repeated"
    )
    assert len(acknowledged) == WRITES
    assert max(Counter((write.file_id, write.version) for write in acknowledged).values()) == 1
    found = {}
    for file_id in {write.file_id for write in acknowledged}:
        history = user.call("GET", f"/api/v1/files/{file_id}/versions").data["versions"]
        assert [version["version"] for version in history] == list(range(len(history), 0, -1))
        found.update({(file_id, version["version"]): version["digest"] for version in history})
    assert len(found) == WRITES
    assert {(write.file_id, write.version): write.digest for write in acknowledged} == found


def knows(user: User, file_id: str) -> bool:
    """Whether the master's host has a copy of a head, which it takes from there for a client with a token."""
    token = user.call("GET", f"/api/v1/files/{file_id}").headers["X-EchoFS-Session"]
    read = user.download(file_id, X_EchoFS_Session=token, X_EchoFS_Consistency="hybrid")
    return bool(read.headers["X-EchoFS-Consistency"] == "hybrid")


def test_a_database_that_stands_still_is_answered_for_and_comes_back(hosts: Hosts, user: User, database: str) -> None:
    kept = user.upload("kept.txt", b"kept")
    kept_id = str(file_of(kept)["id"])
    users = [user.at(master.url) for master in hosts.masters]
    # Nobody waits longer than this for an answer, however many wait.
    hurried = [User(each.url, each.token, timeout=15) for each in users]
    for each in users:
        eventually(lambda each=each: knows(each, kept_id), "the host's copy of heads has the file")  # type: ignore[misc]
    with frozen(database), ThreadPoolExecutor(CLIENTS) as pool:
        asked = [
            pool.submit(each.upload, f"late/{index}.txt", b"late", **STRONG) for each in hurried for index in range(8)
        ]
        replies = [each.result() for each in asked]
        again = [each.call("GET", "/api/v1/files?consistency=strong") for each in hurried]
        reads = [each.download(kept_id) for each in hurried]
        listings = [each.call("GET", "/api/v1/files?limit=1000").json for each in hurried]
        reports = [health(each.url) for each in users]
    assert {reply.status for reply in [*replies, *again]} == {503}
    assert all(int(reply.headers["Retry-After"]) >= 1 for reply in [*replies, *again])
    assert {report["status"] for report in reports} == {"degraded"}
    assert all("The catalog does not answer" in " ".join(report["reasons"]) for report in reports)

    for read, listing in zip(reads, listings, strict=True):
        assert (read.status, read.body) == (200, b"kept")
        assert read.headers["X-EchoFS-Consistency"] == "available"
        assert int(read.headers["X-EchoFS-Staleness-Ms"]) > 0
        assert kept_id in {file["id"] for file in listing["data"]["files"]}
        assert listing["consistency"]["degraded"]

    hosts.wait_until_well()
    for each in users:
        eventually(lambda each=each: each.upload("after.txt", b"after").status in (200, 201), "writes go on")  # type: ignore[misc]
        assert each.download(kept_id).body == b"kept"


def test_what_two_hosts_accepted_without_the_database_is_all_there_afterwards(
    hosts: Hosts, user: User, database: str
) -> None:
    users = [user.at(master.url) for master in hosts.masters]
    replies = [each.upload("alone/shared.txt", b"base", **STRONG) for each in users]
    file_id = str(file_of(replies[0])["id"])
    for each in users:
        eventually(lambda each=each: knows(each, file_id), "the host's copy of heads has the file")  # type: ignore[misc]
    with frozen(database):
        replies = [
            each.upload(f"alone/{name}.txt", f"{name} from host {number}".encode(), **AVAILABLE)
            for number, each in enumerate(users)
            for name in ("shared", f"own {number}")
        ]
        assert {reply.status for reply in replies} <= {200, 201}, [reply.body for reply in replies]
        assert all(reply.json["consistency"]["provisional"] for reply in replies)

    eventually(lambda: len(_contents(user, "alone")) == 4, "both hosts have brought what they accepted")
    contents = _contents(user, "alone")
    (beside,) = contents.keys() - {"shared.txt", "own 0.txt", "own 1.txt"}
    assert beside.startswith("shared (conflict, ada, ")
    assert {contents["shared.txt"], contents[beside]} == {b"shared from host 0", b"shared from host 1"}
    assert (contents["own 0.txt"], contents["own 1.txt"]) == (b"own 0 from host 0", b"own 1 from host 1")
    (conflict,) = user.call("GET", "/api/v1/conflicts").data["conflicts"]
    assert (conflict["rule"], conflict["state"]) == ("keep-both", "resolved")


def _contents(user: User, folder: str) -> dict[str, bytes]:
    """The bytes of all files in a folder, by name."""
    files = user.call("GET", f"/api/v1/files?folder={folder}").data["files"]
    return {file["name"]: user.download(file["id"]).body for file in files}
