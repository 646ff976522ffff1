"""The catalog contract over DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from echofs.adapters.catalog.records import RecordsCatalog
from echofs.ports.catalog import Catalog
from tests.contracts.catalog_contract import CatalogContract
from tests.fakes.clock import FakeClock
from tests.tables import catalog_tables, client_of


@pytest.fixture(scope="module")
def client(aws_endpoint: str) -> Any:
    return client_of(aws_endpoint)


class TestDynamodbCatalog(CatalogContract):
    MANY = 300

    @pytest.fixture
    def catalog(self, client: Any) -> Iterator[Catalog]:
        with catalog_tables(client) as names:
            yield RecordsCatalog(client, names, FakeClock())
