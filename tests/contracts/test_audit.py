"""The audit contract, run over every log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from echofs.adapters.catalog.audit import SqlAudit
from echofs.ports.audit import AuditLog
from tests.contracts.audit_contract import AuditContract
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.audit import MemoryAudit


class TestMemoryAudit(AuditContract):
    @pytest.fixture
    def log(self) -> AuditLog:
        return MemoryAudit()


class TestSqliteAudit(AuditContract):
    @pytest.fixture
    def log(self, tmp_path: Path) -> Iterator[AuditLog]:
        with opened(sqlite_url(tmp_path)) as engine:
            yield SqlAudit(engine)


class TestPostgresqlAudit(AuditContract):
    @pytest.fixture
    def log(self, postgresql_url: str) -> Iterator[AuditLog]:
        with emptied_postgresql(postgresql_url) as engine:
            yield SqlAudit(engine)
