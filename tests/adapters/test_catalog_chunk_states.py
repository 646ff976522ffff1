"""Collection takes chunks away in steps; a commit may bring back what is condemned and must not touch what is being
deleted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.tables import CONDEMNED, DELETING, LIVE, chunks
from echofs.core.errors import NotFound, Unavailable
from echofs.core.models import File
from tests.contracts.catalog_values import ALICE, chunk, content, first, following, make, moved
from tests.databases import opened, sqlite_url
from tests.fakes.clock import START, FakeClock


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with opened(sqlite_url(tmp_path)) as engine:
        yield engine


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def catalog(engine: Engine, clock: FakeClock) -> SqlCatalog:
    return SqlCatalog(engine, clock)


def put(engine: Engine, state: str, *seeds: str) -> None:
    """Have collection reach a state for chunks recorded long ago."""
    with engine.begin() as connection:
        rows = [{"digest": chunk(seed).digest, "size": 4096, "state": state, "touched_at": 0} for seed in seeds]
        connection.execute(chunks.insert(), rows)


def look(engine: Engine, seed: str) -> tuple[str, int]:
    with engine.connect() as connection:
        found = connection.execute(
            select(chunks.c.state, chunks.c.touched_at).where(chunks.c.digest == chunk(seed).digest)
        )
        state, touched_at = found.one()
        return state, touched_at


@pytest.mark.parametrize("state", [LIVE, CONDEMNED])
def test_a_commit_makes_its_chunks_live_and_touches_them(
    engine: Engine, catalog: SqlCatalog, clock: FakeClock, state: str
) -> None:
    put(engine, state, "old")
    clock.advance(60)
    commit = first("a")
    make(catalog, replace(commit, chunks=(*commit.chunks, chunk("old"))))
    assert look(engine, "old") == (LIVE, START + 60_000_000)


@pytest.mark.parametrize("state", [LIVE, CONDEMNED])
def test_a_commit_that_only_refers_to_chunks_makes_them_live_too(
    engine: Engine, catalog: SqlCatalog, state: str
) -> None:
    put(engine, state, "old")
    file = make(catalog, first("a"))
    make(catalog, following(file, content=content(chunk("old"))))
    assert look(engine, "old") == (LIVE, START)


def test_a_commit_that_brings_a_chunk_being_deleted_is_refused_and_its_batch_is_not(
    engine: Engine, catalog: SqlCatalog
) -> None:
    put(engine, DELETING, "going")
    commit = first("a")
    refused, made = catalog.commit([replace(commit, chunks=(*commit.chunks, chunk("going"))), first("b")])
    assert type(refused) is Unavailable
    assert refused.retry_after
    assert isinstance(made, File)
    assert look(engine, "going") == (DELETING, 0)
    with pytest.raises(NotFound):
        catalog.file_at(ALICE, "a")
    assert catalog.replicas([record.digest for record in commit.chunks]) == {}


def test_a_commit_that_refers_to_a_chunk_being_deleted_is_refused(engine: Engine, catalog: SqlCatalog) -> None:
    put(engine, DELETING, "going")
    file = make(catalog, first("a"))
    with pytest.raises(Unavailable):
        make(catalog, following(file, content=content(chunk("going"))))
    assert catalog.file(ALICE, file.id) == file


def test_a_chunk_being_deleted_cannot_be_recorded_ahead_and_nothing_else_of_the_call_is(
    engine: Engine, catalog: SqlCatalog
) -> None:
    put(engine, DELETING, "going")
    with pytest.raises(Unavailable):
        catalog.record_chunks([chunk("new"), chunk("going")])
    assert catalog.replicas([chunk("new").digest]) == {}


def test_a_move_does_not_ask_for_the_bytes_it_does_not_change(engine: Engine, catalog: SqlCatalog) -> None:
    file = make(catalog, first("a"))
    with engine.begin() as connection:
        connection.execute(chunks.update().values(touched_at=7))
    make(catalog, moved(file, "b"))
    with engine.connect() as connection:
        untouched = connection.execute(select(chunks.c.digest).where(chunks.c.touched_at == 7)).all()
    assert len(untouched) == 2
