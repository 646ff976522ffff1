"""Every catalog ends with the same files and conflicts when the same entries are brought to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from echofs.adapters.catalog.records import RecordsCatalog
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.core.conflicts import Keep
from echofs.core.entries import JournalEntry, OnConflict
from echofs.core.models import File
from echofs.ports.catalog import Catalog
from echofs.services.conflicts import Conflicts
from tests.databases import emptied_postgresql, opened, sqlite_url
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.tables import catalog_tables, client_of
from tests.unit.services.data_plane import OWNER, DataPlane
from tests.unit.services.two_hosts import ANNA, BESIDE, living, put_with

TEXT = b"one\ntwo\nthree\n"
LEFT = {
    "new": b"new",
    "same": b"same",
    "both": b"theirs",
    f"both{BESIDE}": b"more of mine",
    "moved": b"mine",
    "edited": b"edited",
    "merged": b"1\ntwo\n3\n",
    "asked": b"theirs",
}
RULES = ["ask", "disjoint-fields", "edit-beats-delete", "identical", "keep-both", "merged"]


class ReintegrationContract:
    @pytest.fixture
    def plane(self, catalog: Catalog) -> Iterator[DataPlane]:
        plane = DataPlane(catalog=catalog)
        plane.users.add(ANNA)
        yield plane
        plane.stop()

    @pytest.fixture
    def entries(self, plane: DataPlane) -> list[JournalEntry]:
        """What a host accepted alone, after which others went on."""
        names = ("both", "at", "edited", "merged", "asked")
        files = {name: plane.put(name, TEXT if name == "merged" else b"base").file for name in names}
        mine = _accepted_alone(plane, files)
        plane.put("same", b"same")
        plane.put("both", b"theirs")
        plane.put("asked", b"theirs")
        plane.files.move(OWNER, files["at"].id, "moved", plane.wish())
        plane.files.delete(OWNER, files["edited"].id, plane.wish())
        plane.put("merged", TEXT.replace(b"three", b"3"))
        return mine

    def test_all_rules_come_to_the_same_end(self, plane: DataPlane, entries: list[JournalEntry]) -> None:
        replayed = plane.reintegration.replay(entries)
        assert len(replayed.settled) == len(entries)
        assert living(plane) == LEFT
        assert sorted(record.rule for record in plane.catalog.conflicts(OWNER).conflicts) == RULES

    def test_again_and_in_parts_is_the_same(self, plane: DataPlane, entries: list[JournalEntry]) -> None:
        for upto in range(len(entries) + 1):
            plane.reintegration.replay(entries[:upto])
        assert living(plane) == LEFT
        assert sorted(record.rule for record in plane.catalog.conflicts(OWNER).conflicts) == RULES

    def test_the_owners_decision_is_done(self, plane: DataPlane, entries: list[JournalEntry]) -> None:
        plane.reintegration.replay(entries)
        conflicts = Conflicts(plane.catalog, plane.resolver, plane.clock)
        (record,) = [one for one in plane.catalog.conflicts(OWNER).conflicts if one.rule == "ask"]
        conflicts.resolve(OWNER, record.id, Keep.MINE)
        assert living(plane)["asked"] == b"mine"


def _accepted_alone(plane: DataPlane, files: dict[str, File]) -> list[JournalEntry]:
    """Entries of a host that knew these files; another host's writes would follow its journal."""
    away = MemoryCatalog(plane.clock)
    away.down = True
    alone = DataPlane(beside=plane, catalog=away)
    try:
        alone.follow(*files.values())
        alone.gate.open = False
        alone.put("new", b"new")
        alone.put("same", b"same")
        alone.put("both", b"mine")
        alone.put("both", b"more of mine")
        alone.put("at", b"mine")
        alone.put("edited", b"edited")
        put_with(alone, "merged", TEXT.replace(b"one", b"1"), OnConflict.MERGE)
        put_with(alone, "asked", b"mine", OnConflict.ASK)
        return [entry for _, entry in alone.journal.pending()]
    finally:
        alone.stop()


class TestMemoryCatalog(ReintegrationContract):
    @pytest.fixture
    def catalog(self) -> Catalog:
        return MemoryCatalog(FakeClock())


class TestSqliteCatalog(ReintegrationContract):
    @pytest.fixture
    def catalog(self, tmp_path: Path) -> Iterator[Catalog]:
        with opened(sqlite_url(tmp_path)) as engine:
            yield SqlCatalog(engine, FakeClock())


class TestPostgresqlCatalog(ReintegrationContract):
    @pytest.fixture
    def catalog(self, postgresql_url: str) -> Iterator[Catalog]:
        with emptied_postgresql(postgresql_url) as engine:
            yield SqlCatalog(engine, FakeClock())


class TestDynamodbCatalog(ReintegrationContract):
    @pytest.fixture
    def catalog(self, aws_endpoint: str) -> Iterator[Catalog]:
        client = client_of(aws_endpoint)
        with catalog_tables(client) as names:
            yield RecordsCatalog(client, names, FakeClock())
