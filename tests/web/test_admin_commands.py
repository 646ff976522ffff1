"""``echofs admin`` by the login of an administrator, against a master's own routes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from echofs.cli.main import echofs
from echofs.core.models import ChunkRecord, Role
from tests.web.conftest import PASSWORD, Site
from tests.web.test_admin_cluster import Cluster
from tests.web.test_administration import Master

NEW_PASSWORD = "staple of another kind"


class Served(Master):
    """A master on a socket of this machine, for commands that reach it as root-admin unless told otherwise."""

    def __init__(self, site: Site) -> None:
        self.cluster = Cluster(site)
        super().__init__(site)
        self.server = make_server("127.0.0.1", 0, site.app, threaded=True)

    def run(self, *arguments: str, user: str = "root-admin", **environ: str) -> Result:
        login = {"ECHOFS_URL": f"http://127.0.0.1:{self.server.server_port}", "ECHOFS_USERNAME": user}
        given = {**login, "ECHOFS_PASSWORD": PASSWORD, "ECHOFS_NEW_PASSWORD": NEW_PASSWORD, **environ}
        return CliRunner(env=given).invoke(echofs, ["admin", *arguments])

    def lines(self, *arguments: str) -> list[str]:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    def documents(self, *arguments: str) -> list[Any]:
        return [json.loads(line) for line in self.lines(*arguments, "--json")]


@pytest.fixture
def master(site: Site) -> Iterator[Served]:
    served = Served(site)
    thread = threading.Thread(target=served.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.server.shutdown()
    thread.join()
    served.server.server_close()


def test_users_are_listed_as_a_table_or_as_documents(master: Served) -> None:
    heading, alice, root = master.lines("users", "list")
    assert heading.split()[:3] == ["USER", "E-MAIL", "ROLE"]
    assert alice.split()[:8] == ["alice", "alice@example.org", "user", "-", "0", "0", "B", "-"]
    assert root.startswith("root-admin")
    (document,) = master.documents("users", "list", "ALICE@")
    assert (document["username"], document["usage"]) == ("alice", {"files": 0, "bytes": 0, "trash_bytes": 0})


def test_a_user_is_added_changed_and_given_a_password(master: Served) -> None:
    assert master.lines("users", "add", "bob", "bob@example.org", "--quota", "10GB") == ["Added bob."]
    bob = master.site.users.by_login("bob")
    assert (bob.role, bob.quota_bytes) == (Role.USER, 10 << 30)
    assert master.site.post("login", {"username": "bob", "password": NEW_PASSWORD}).status_code == 200
    master.lines("users", "set", "BOB@example.org", "--role", "admin", "--disable", "--quota", "none")
    bob = master.site.users.by_login("bob")
    assert (bob.role, bob.disabled, bob.quota_bytes) == (Role.ADMIN, True, None)
    master.lines("users", "set", "bob", "--enable")
    assert not master.site.users.by_login("bob").disabled
    assert master.run("users", "password", "alice").exit_code == 0
    assert master.site.post("login", {"username": "alice", "password": NEW_PASSWORD}).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("users", "set", "nobody", "--disable"), 3, "nobody"),
        (("users", "set", "root-admin", "--disable"), 6, "another administrator"),
        (("users", "set", "alice"), 2, "Nothing is to be changed"),
        (("users", "set", "alice", "--quota", "much"), 2, "a size from"),
        (("users", "add", "ALICE", "x@example.org"), 6, "taken"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(master: Served, arguments: tuple[str, ...], code: int, word: str) -> None:
    result = master.run(*arguments)
    assert (result.exit_code, word in result.output) == (code, True), result.output


@pytest.mark.parametrize("command", [("users", "list"), ("replication",), ("audit",), ("consistency", "history")])
def test_ordinary_users_are_told_that_they_may_not(master: Served, command: tuple[str, ...]) -> None:
    result = master.run(*command, user="alice")
    assert (result.exit_code, "Only an administrator" in result.output) == (4, True)


def test_replication_is_shown_with_what_is_amiss(master: Served) -> None:
    master.cluster.catalog.record_chunks([ChunkRecord("a" * 64, 1, ("w1",), ("w2",))])
    lines = master.lines("replication")
    assert lines[:2] == ["replicas owed: 1", "         1  w2"]
    assert lines[-1].startswith("critical: No jobs process")
    (document,) = master.documents("replication")
    assert document["owed_by_worker"] == {"w2": 1}


def test_the_audit_log_is_shown_the_newest_first(master: Served) -> None:
    master.lines("users", "set", "alice", "--quota", "1KB")
    newest, second = master.lines("audit", "-n", "2", "--action", "user")[0], master.lines("audit", "-n", "2")[1]
    assert newest.endswith("root-admin  127.0.0.1  user.change alice: done (quota 1024 bytes)")
    assert "account.login root-admin: done" in second
    assert master.documents("audit", "--actor", "alice", "-n", "1")[0]["action"] == "account.login"


def test_hostile_names_cannot_steer_the_terminal(master: Served) -> None:
    master.site.post("login", {"username": "\x1b[2J\nroot", "password": PASSWORD})
    (line,) = master.lines("audit", "-n", "1", "--action", "account.login", "--actor", "\x1b[2J\nroot")
    assert "\\x1b[2J\\x0aroot" in line


def test_past_decisions_are_shown(master: Served) -> None:
    master.cluster.host.order("available")
    lines = master.lines("consistency", "history", "-n", "100")
    assert any("override" in line and "by root: a test" in line for line in lines)
    assert len(master.lines("consistency", "history", "-n", "1")) == 1
