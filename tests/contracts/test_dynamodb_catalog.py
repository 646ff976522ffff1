"""The catalog contract over DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from echofs.adapters.catalog.records import RecordsCatalog
from echofs.core.models import Version
from echofs.core.usage import Usage
from echofs.ports.catalog import Catalog
from tests.contracts.catalog_contract import CatalogContract
from tests.contracts.catalog_trash_contract import back, ended, gone
from tests.contracts.catalog_values import ALICE, make
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

    def test_a_file_restored_and_deleted_while_it_is_purged_stays_in_the_trash(
        self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert isinstance(catalog, RecordsCatalog)
        end = gone(catalog, "a", size=7)
        seen, restored = catalog.trashed(ALICE, end.id), back(catalog, end)
        delete_versions = catalog._delete_versions

        def restore_first(versions: Iterable[Version]) -> None:
            make(catalog, ended(make(catalog, restored)))
            delete_versions(versions)

        monkeypatch.setattr(catalog, "_delete_versions", restore_first)
        assert catalog.purge(ALICE, [seen]) == 0
        assert catalog.trashed(ALICE, end.id).number == 4
        assert catalog.usage(ALICE) == Usage(0, 0, 7)
