"""A catalog moves from any engine to any other and back without losing a byte."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from echofs.adapters.catalog.records import RecordsCatalog
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.users import SqlUsers
from echofs.ports.accounts import UserDirectory
from echofs.ports.catalog import Catalog
from echofs.services.moving import Import, export
from tests.contracts.catalog_transfer_contract import fill
from tests.contracts.users_contract import ANNA, BEN
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import START, FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.users import MemoryUsers
from tests.tables import catalog_tables, client_of

Place = tuple[Catalog, UserDirectory]


@pytest.fixture
def places(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Place]]:
    """Opens an empty catalog with no users on an engine."""
    with ExitStack() as stack:

        def place(engine: str) -> Place:
            if engine == "memory":
                return MemoryCatalog(FakeClock()), MemoryUsers()
            if engine == "dynamodb":
                client = client_of(request.getfixturevalue("aws_endpoint"))
                return RecordsCatalog(client, stack.enter_context(catalog_tables(client)), FakeClock()), MemoryUsers()
            if engine == "sqlite":
                database = stack.enter_context(opened(sqlite_url(tmp_path)))
            else:
                database = stack.enter_context(emptied_postgresql(request.getfixturevalue("postgresql_url")))
            return SqlCatalog(database, FakeClock()), SqlUsers(database)

        yield place


def exported(place: Place) -> bytes:
    target = io.BytesIO()
    export(*place, FakeClock(), target)
    return target.getvalue()


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("memory", "sqlite"),
        ("sqlite", "memory"),
        ("sqlite", "postgresql"),
        ("postgresql", "dynamodb"),
        ("dynamodb", "sqlite"),
    ],
)
def test_what_was_exported_imported_and_exported_again_is_the_same(
    places: Callable[[str], Place], source: str, target: str
) -> None:
    first, second = places(source), places(target)
    fill(first[0])
    first[1].add(replace(ANNA, quota_bytes=1 << 40, last_login_at=START))
    first[1].add(BEN)
    first[1].revoke(["token"], START)
    written = exported(first)
    Import(*second, FakeClock(), SequentialIds()).run(io.BytesIO(written))
    assert exported(second) == written
