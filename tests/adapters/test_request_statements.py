"""What one request asks of the catalog: as much for many files, versions and chunks as for one, on each engine.

PostgreSQL is counted in round trips, which also shows a statement that the driver repeats for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from psycopg2 import extensions
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from echofs.adapters.catalog import postgresql
from echofs.adapters.catalog.audit import SqlAudit
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.users import SqlUsers
from echofs.core.models import User
from echofs.services.accounts import Accounts
from echofs.services.auditing import Auditing
from echofs.services.sessions import Sessions
from echofs.web.access import install_access
from echofs.web.downloads import Timing, downloads_blueprint
from echofs.web.errors import install_errors
from echofs.web.files import files_blueprint
from echofs.web.reading import Reading
from echofs.web.tokens import Authenticator, Tokens, TokenSettings
from echofs.web.uploads import uploads_blueprint
from tests.contracts.catalog_values import first, following, make
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.passwords import PlainHasher
from tests.fakes.seal import OpenSeal
from tests.statements import watched
from tests.unit.services.data_plane import CHUNK, DataPlane, bytes_of

SECRET = "a secret of at least thirty-two bytes"
PASSWORD = "correct horse battery"
MANY = 8
Counter = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        with opened(sqlite_url(tmp_path)) as engine:
            yield engine
    else:
        with emptied_postgresql(request.getfixturevalue("postgresql_url")) as engine:
            yield engine


@contextmanager
def round_trips(_: Engine) -> Iterator[list[str]]:
    made: list[str] = []

    def wait(connection: Any) -> None:
        made.append("round trip")
        postgresql._wait(connection)

    extensions.set_wait_callback(wait)
    try:
        yield made
    finally:
        postgresql.install_patience()


class Master:
    """The routes about files over a real catalog and fake workers, and one user."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.plane = DataPlane(catalog=SqlCatalog(engine, FakeClock()))
        app = Flask("echofs-tests", static_folder=None)
        auditing = Auditing(SqlAudit(engine), self.plane.clock, SequentialIds())
        accounts = Accounts(SqlUsers(engine), PlainHasher(), auditing, self.plane.clock, SequentialIds())
        tokens = Tokens(app, TokenSettings(SECRET))
        user: User = accounts.register("ada", "ada@example.org", PASSWORD)
        install_errors(app)
        install_access(app, authenticate=Authenticator(tokens, accounts, self.plane.clock), verify_call=lambda *_: None)
        monotonic, sessions = self.plane.clock.monotonic, Sessions(OpenSeal())
        reading = Reading(self.plane.reads, self.plane.listings, sessions)
        app.register_blueprint(uploads_blueprint(self.plane.uploads, sessions, monotonic, CHUNK))
        app.register_blueprint(files_blueprint(self.plane.files, self.plane.replacing, reading, monotonic))
        timing = Timing(monotonic, lambda level, seconds: None)
        app.register_blueprint(
            downloads_blueprint(self.plane.files, reading, self.plane.reader, self.plane.meters, timing)
        )
        with app.app_context():
            token = tokens.issue(user, "session").access
        self._headers = {"Authorization": f"Bearer {token}"}
        self._client = app.test_client()
        self.call("GET", "files")  # opens the connections, and has the token remembered

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        answer = self._client.open(
            f"/api/v1/{path}", method=method, headers={**self._headers, **options.pop("headers", {})}, **options
        )
        assert answer.status_code < 300, answer.get_data(as_text=True)
        answer.get_data()
        return answer

    def upload(self, path: str, size: int = CHUNK) -> str:
        """Returns the file's id."""
        headers = {"Content-Type": "application/octet-stream"}
        answer = self.call("POST", f"files/upload?path={path}", data=bytes_of(size), headers=headers)
        return str(answer.get_json()["data"]["file"]["id"])

    def cost(self, call: Callable[[], object]) -> int:
        counting = watched if self._engine.dialect.name == "sqlite" else round_trips
        with counting(self._engine) as sent:
            call()
        return len(sent)


@pytest.fixture
def master(engine: Engine) -> Iterator[Master]:
    made = Master(engine)
    yield made
    made.plane.stop()


REQUESTS: dict[str, Callable[[Master, str], object]] = {
    "list": lambda master, _: master.call("GET", "files"),
    "list a folder": lambda master, _: master.call("GET", "files?folder=d"),
    "details": lambda master, file_id: master.call("GET", f"files/{file_id}"),
    "download": lambda master, file_id: master.call("GET", f"files/{file_id}/download"),
    "versions": lambda master, file_id: master.call("GET", f"files/{file_id}/versions"),
    "receipt": lambda master, file_id: master.call("GET", f"files/{file_id}/receipt"),
    "upload": lambda master, _: master.upload("d/other"),
    "replace": lambda master, _: master.upload("d/file"),
    "move": lambda master, file_id: master.call("PATCH", f"files/{file_id}", json={"path": f"moved/{file_id}"}),
    "delete": lambda master, file_id: master.call("DELETE", f"files/{file_id}"),
}
MOST = {"list": 1, "list a folder": 2, "details": 1, "download": 1, "versions": 1, "receipt": 1}
WRITE_MOST = 14


@pytest.mark.parametrize("what", REQUESTS)
def test_a_request_costs_as_much_for_many_as_for_one(master: Master, what: str) -> None:
    def cost(file_id: str) -> int:
        return master.cost(lambda: REQUESTS[what](master, file_id))

    small = master.upload("d/small")
    first = cost(small)
    for number in range(MANY):
        master.upload(f"d/{number}")
        large = master.upload("d/file", MANY * CHUNK)
    assert cost(large) <= first <= MOST.get(what, WRITE_MOST)


def test_an_upload_of_many_chunks_costs_as_much_as_one_of_few(master: Master) -> None:
    few = master.cost(lambda: master.upload("d/few", CHUNK))
    assert master.cost(lambda: master.upload("d/many", MANY * CHUNK)) <= few


def test_commits_made_together_cost_as_much_as_one(master: Master) -> None:
    catalog = master.plane.catalog
    alone = make(catalog, first("d/alone"))
    cost = master.cost(lambda: make(catalog, following(alone)))
    files = [make(catalog, first(f"d/{number}")) for number in range(MANY)]
    batch = [following(file) for file in files]
    assert master.cost(lambda: catalog.commit(batch)) == cost


def test_a_token_that_is_not_remembered_costs_two(master: Master) -> None:
    master.plane.clock.advance(2)
    assert master.cost(lambda: master.call("GET", "files")) <= 1 + 2
