"""The users contract, run over every directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from echofs.adapters.catalog.users import SqlUsers
from echofs.ports.accounts import UserDirectory
from tests.contracts.users_contract import UsersContract
from tests.databases import POSTGRESQL, emptied_postgresql, opened, sqlite_url
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


if POSTGRESQL:

    class TestPostgresqlUsers(UsersContract):
        @pytest.fixture
        def users(self) -> Iterator[UserDirectory]:
            with emptied_postgresql() as engine:
                yield SqlUsers(engine)
