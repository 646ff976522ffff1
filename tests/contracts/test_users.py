"""The users contract, run over every directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from echofs.adapters.catalog.users import SqlUsers
from echofs.ports.accounts import UserDirectory
from tests.contracts.users_contract import UsersContract
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.users import MemoryUsers


class TestMemoryUsers(UsersContract):
    @pytest.fixture
    def users(self) -> UserDirectory:
        return MemoryUsers()


class TestSqliteUsers(UsersContract):
    @pytest.fixture
    def users(self, tmp_path: Path) -> Iterator[UserDirectory]:
        with opened(sqlite_url(tmp_path)) as engine:
            yield SqlUsers(engine)


class TestPostgresqlUsers(UsersContract):
    @pytest.fixture
    def users(self, postgresql_url: str) -> Iterator[UserDirectory]:
        with emptied_postgresql(postgresql_url) as engine:
            yield SqlUsers(engine)
