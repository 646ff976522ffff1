"""The change sequence on PostgreSQL, where transactions overlap."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from echofs.adapters.catalog import commits
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.schema import database_app, open_engine, upgrade
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.core.errors import CatalogUnavailable
from tests.contracts.catalog_values import BOB, first, following, make
from tests.databases import emptied_postgresql
from tests.fakes.clock import START, FakeClock


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    with emptied_postgresql(postgresql_url) as engine:
        yield engine


@pytest.fixture
def catalog(engine: Engine) -> SqlCatalog:
    return SqlCatalog(engine, FakeClock())


def test_a_reader_learns_of_changes_that_an_open_transaction_withholds(engine: Engine, catalog: SqlCatalog) -> None:
    place = catalog.last_change()
    with engine.connect() as slow, slow.begin():
        slow.exec_driver_sql("SELECT pg_current_xact_id()")
        file = make(catalog, first("a"))
        withheld = catalog.changes(place, 10)
        assert (withheld.files, withheld.upto) == ((), place)
        assert withheld.newest > place
    shown = catalog.changes(place, 10)
    assert shown.files == (file,)
    assert shown.upto == shown.newest == withheld.newest


def test_of_transactions_that_overlap_the_one_that_ends_last_is_not_missed(engine: Engine, catalog: SqlCatalog) -> None:
    place = catalog.last_change()
    before = make(catalog, first("before"))
    with Connections(engine).writing() as connection:
        (slow,) = commits.make(connection, [first("slow", owner=BOB)], START, careful=False)
        quick = make(catalog, first("quick"))
        begun = catalog.changes(place, 10)
        assert begun.files == (before,)
    rest = catalog.changes(begun.upto, 10)
    assert rest.files == (slow, quick)
    assert catalog.changes(rest.upto, 10).files == ()


def test_places_of_another_postgresql_are_refused_until_they_are_put_in_order(
    engine: Engine, catalog: SqlCatalog, postgresql_url: str
) -> None:
    files = [make(catalog, first("a")), make(catalog, first("b"))]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE versions SET change = change + 1000000000000")
    with pytest.raises(CatalogUnavailable, match="db upgrade"):
        catalog.changes(0, 10)
    app = database_app(postgresql_url)
    upgrade(app)
    upgrade(app)
    open_engine(app).dispose()
    place = catalog.last_change()
    assert place == 0
    assert catalog.changes(catalog.last_change(back=2), 10).files == tuple(files)
    newer = make(catalog, following(files[0]))
    assert catalog.changes(place, 10).files == (newer,)
