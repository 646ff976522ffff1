"""Threads that keep their connection to SQLite."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from echofs.adapters.catalog import kept
from echofs.adapters.catalog.engine import Connections, engine_options, keep_connections, normalise_url
from echofs.core.errors import CatalogUnavailable, NotFound

COUNT = text("SELECT count(*) FROM things")
ADD = text("INSERT INTO things VALUES (1)")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    url = normalise_url(f"sqlite:///{tmp_path}/catalog.db")
    engine = create_engine(url, **engine_options(url))
    keep_connections(engine)
    with Connections(engine).writing() as connection:
        connection.execute(text("CREATE TABLE things (number INTEGER)"))
    yield engine
    engine.dispose()


@pytest.fixture
def connections(engine: Engine) -> Connections:
    return Connections(engine)


def driver(connection: Connection) -> int:
    return id(connection.connection.dbapi_connection)


def kept_by_this_thread(connections: Connections) -> int:
    with connections.reading() as connection:
        return driver(connection)


def count(connections: Connections) -> int:
    with connections.reading() as connection:
        return int(connection.execute(COUNT).scalar_one())


def add_and_raise(connections: Connections, error: Exception) -> None:
    with connections.writing() as connection:
        connection.execute(ADD)
        raise error


def in_a_thread(connections: Connections) -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(kept_by_this_thread(connections)))
    thread.start()
    thread.join()
    return found[0]


def test_a_thread_keeps_its_connection_for_reading_and_writing_whoever_asks(engine: Engine) -> None:
    first, second = Connections(engine), Connections(engine)
    with second.writing() as connection:
        written = driver(connection)
    assert kept_by_this_thread(first) == written == kept_by_this_thread(second)


def test_each_thread_has_one_of_its_own(connections: Connections) -> None:
    mine = kept_by_this_thread(connections)
    assert in_a_thread(connections) != mine


def test_a_call_within_a_call_sees_nothing_of_its_transaction(connections: Connections) -> None:
    with connections.writing() as connection:
        connection.execute(ADD)
        assert count(connections) == 0
    assert count(connections) == 1


def test_what_a_failed_call_wrote_is_undone_and_the_next_begins_anew(connections: Connections) -> None:
    with pytest.raises(RuntimeError):
        add_and_raise(connections, RuntimeError())
    assert count(connections) == 0
    with connections.writing() as connection:
        connection.execute(ADD)
    assert count(connections) == 1


def test_an_answer_that_is_a_refusal_undoes_the_write_and_keeps_the_connection(connections: Connections) -> None:
    before = kept_by_this_thread(connections)
    with pytest.raises(NotFound):
        add_and_raise(connections, NotFound("There is no such thing."))
    assert kept_by_this_thread(connections) == before
    assert count(connections) == 0


def test_reading_leaves_no_view_of_the_past_behind(connections: Connections, engine: Engine) -> None:
    assert count(connections) == 0
    other = create_engine(engine.url)
    with other.begin() as connection:
        connection.execute(ADD)
    assert count(connections) == 1


def test_a_writer_in_another_thread_is_waited_for_and_then_refused(
    connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("echofs.adapters.catalog.engine.BUSY_SECONDS", 0.05)
    refused: list[CatalogUnavailable] = []

    def write() -> None:
        try:
            with connections.writing():
                pass
        except CatalogUnavailable as error:
            refused.append(error)

    with connections.writing():
        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
    assert len(refused) == 1


def test_threads_beyond_those_that_may_keep_one_are_served_all_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "PLACES", 1)
    keep_connections(engine)
    connections = Connections(engine)
    with connections.reading() as connection:
        mine = driver(connection)
        assert in_a_thread(connections) != mine
    assert kept_by_this_thread(connections) == mine


def test_a_thread_that_ends_leaves_its_place_to_another(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "PLACES", 1)
    keep_connections(engine)
    connections = Connections(engine)
    before = engine.pool.checkedout()  # type: ignore[attr-defined]  # pools of files count
    in_a_thread(connections)
    assert engine.pool.checkedout() == before  # type: ignore[attr-defined]
    kept_by_this_thread(connections)
    assert engine.pool.checkedout() == before + 1  # type: ignore[attr-defined]
