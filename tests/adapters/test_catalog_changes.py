"""On PostgreSQL a change may be committed and not shown yet: its reader is told."""

from __future__ import annotations

from echofs.adapters.catalog.sql import SqlCatalog
from tests.contracts.catalog_values import first, make
from tests.databases import emptied_postgresql
from tests.fakes.clock import FakeClock


def test_a_reader_learns_of_changes_that_an_open_transaction_withholds(postgresql_url: str) -> None:
    with emptied_postgresql(postgresql_url) as engine:
        catalog = SqlCatalog(engine, FakeClock())
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
