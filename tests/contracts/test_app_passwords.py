"""The contract of app passwords, run over everything that keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from echofs.adapters.catalog.app_passwords import SqlAppPasswords
from echofs.adapters.catalog.users import SqlUsers
from echofs.ports.app_passwords import AppPasswords
from tests.contracts.app_passwords_contract import AppPasswordsContract
from tests.contracts.users_contract import ANNA, BEN
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.app_passwords import MemoryAppPasswords


def peopled(engine: Engine) -> AppPasswords:
    users = SqlUsers(engine)
    users.add(ANNA)
    users.add(BEN)
    return SqlAppPasswords(engine)


class TestMemoryAppPasswords(AppPasswordsContract):
    @pytest.fixture
    def passwords(self) -> AppPasswords:
        return MemoryAppPasswords()


class TestSqliteAppPasswords(AppPasswordsContract):
    @pytest.fixture
    def passwords(self, tmp_path: Path) -> Iterator[AppPasswords]:
        with opened(sqlite_url(tmp_path)) as engine:
            yield peopled(engine)


class TestPostgresqlAppPasswords(AppPasswordsContract):
    @pytest.fixture
    def passwords(self, postgresql_url: str) -> Iterator[AppPasswords]:
        with emptied_postgresql(postgresql_url) as engine:
            yield peopled(engine)
