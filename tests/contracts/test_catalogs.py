"""The catalog contract, run over every catalog."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from echofs.adapters.catalog.sql import SqlCatalog
from echofs.ports.catalog import Catalog
from tests.contracts.catalog_change_contract import ChangeContract
from tests.contracts.catalog_contract import CatalogContract
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock


class TestMemoryCatalog(CatalogContract, ChangeContract):
    @pytest.fixture
    def catalog(self) -> Catalog:
        return MemoryCatalog(FakeClock())


class TestSqliteCatalog(CatalogContract, ChangeContract):
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Iterator[Catalog]:
        with opened(sqlite_url(tmp_path)) as engine:
            yield SqlCatalog(engine, FakeClock())


class TestPostgresqlCatalog(CatalogContract, ChangeContract):
    @pytest.fixture
    def catalog(self, postgresql_url: str) -> Iterator[Catalog]:
        with emptied_postgresql(postgresql_url) as engine:
            yield SqlCatalog(engine, FakeClock())
