"""The contract of the ledger of resumable uploads, run over every one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from echofs.adapters.catalog.uploads import SqlUploads
from echofs.ports.resumable import UploadLedger
from tests.contracts.uploads_contract import UploadsContract
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.uploads import MemoryUploads


class TestMemoryUploads(UploadsContract):
    @pytest.fixture
    def ledger(self) -> UploadLedger:
        return MemoryUploads()


class TestSqliteUploads(UploadsContract):
    @pytest.fixture
    def ledger(self, tmp_path: Path) -> Iterator[UploadLedger]:
        with opened(sqlite_url(tmp_path)) as engine:
            yield SqlUploads(engine)


class TestPostgresqlUploads(UploadsContract):
    @pytest.fixture
    def ledger(self, postgresql_url: str) -> Iterator[UploadLedger]:
        with emptied_postgresql(postgresql_url) as engine:
            yield SqlUploads(engine)
