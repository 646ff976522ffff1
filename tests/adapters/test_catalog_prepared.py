"""Statements that go past SQLAlchemy do what they do through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, event, select, update
from sqlalchemy.exc import IntegrityError, OperationalError

from echofs.adapters.catalog import prepared
from echofs.adapters.catalog.rows import insert_missing, insert_rows
from echofs.adapters.catalog.tables import DELETING, LIVE, chunks, files
from tests.contracts.catalog_values import digest
from tests.databases import opened, sqlite_url

ROWS = [{"digest": digest(name), "size": 1, "state": LIVE, "touched_at": 2} for name in "ab"]
FILE = {
    "id": "a",
    "owner_id": "o",
    "folder": "",
    "path": "p",
    "name_key": "p",
    "head": 1,
    "deleted": False,
    "size": 1 << 40,
    "created_at": 1,
    "updated_at": 2,
}
INSERT = insert_rows(chunks, "sqlite")
INSERT_MISSING = insert_missing(chunks, "sqlite")
TOUCH = (
    update(chunks)
    .where(chunks.c.digest == bindparam("of", type_=chunks.c.digest.type), chunks.c.state != DELETING)
    .values(touched_at=bindparam("now"))
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with opened(sqlite_url(tmp_path)) as engine, engine.begin() as connection:
        yield connection


def test_values_are_stored_as_sqlalchemy_stores_them(connection: Connection) -> None:
    connection.execute(INSERT, [ROWS[0]])
    prepared.run(connection, INSERT, [ROWS[1]])
    stored = connection.exec_driver_sql("SELECT DISTINCT typeof(digest), length(digest) FROM chunks").all()
    assert stored == [("blob", 32)]
    assert {row.digest for row in connection.execute(select(chunks))} == {row["digest"] for row in ROWS}


def test_it_counts_the_rows_that_changed(connection: Connection) -> None:
    assert prepared.run(connection, INSERT_MISSING, [ROWS[0]]) == 1
    assert prepared.run(connection, INSERT_MISSING, [ROWS[0]]) == 0
    assert prepared.run(connection, INSERT_MISSING, ROWS) == 1


def test_an_answer_is_the_one_sqlalchemy_gives(connection: Connection) -> None:
    connection.execute(INSERT, ROWS)
    connection.execute(insert_rows(files, "sqlite"), [FILE, {**FILE, "id": "b", "deleted": True}])
    for query in (select(chunks).order_by(chunks.c.digest), select(files).where(files.c.head == bindparam("head"))):
        assert prepared.fetch(connection, query, {"head": 1}) == [
            tuple(row) for row in connection.execute(query, {"head": 1})
        ]


def test_values_of_the_statement_itself_are_kept(connection: Connection) -> None:
    prepared.run(connection, INSERT, [ROWS[0], {**ROWS[1], "state": DELETING}])
    touched = [{"of": row["digest"], "now": 3} for row in ROWS]
    assert prepared.run(connection, TOUCH, touched) == 1
    assert prepared.run(connection, TOUCH, touched[1:]) == 0


@pytest.mark.parametrize("rows", [ROWS[:1], ROWS])
def test_what_the_driver_refuses_is_the_error_sqlalchemy_raises(connection: Connection, rows: list[object]) -> None:
    connection.execute(INSERT, ROWS)
    with pytest.raises(IntegrityError) as usual:
        connection.execute(INSERT, rows)
    with pytest.raises(IntegrityError) as past:
        prepared.run(connection, INSERT, rows)
    assert str(past.value.orig) == str(usual.value.orig)


def test_a_second_writer_is_refused_as_sqlalchemy_would(tmp_path: Path) -> None:
    with opened(sqlite_url(tmp_path)) as engine:

        @event.listens_for(engine, "connect", insert=False)
        def _hurry(driver: object, _record: object) -> None:
            driver.execute("PRAGMA busy_timeout=0")  # type: ignore[attr-defined]

        engine.dispose()
        with engine.begin(), pytest.raises(OperationalError, match="locked"), engine.begin():
            pass
