"""The migrations build exactly the tables the program uses, and a catalog of another revision is refused."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import Engine, inspect, text

from echofs.adapters.catalog.schema import (
    attach,
    check_current,
    database_app,
    migrations_folder,
    open_engine,
    upgrade,
)
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.tables import db
from echofs.core.errors import CatalogUnavailable, InvalidSetting
from echofs.core.usage import Usage
from echofs.ports.listing import ListQuery
from tests.contracts.catalog_values import ALICE, deleted, first, following, make
from tests.databases import emptied_postgresql
from tests.fakes.clock import FakeClock


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = database_app(f"sqlite:///{tmp_path}/catalog.db")
    yield app
    open_engine(app).dispose()


def downgrade(app: Flask, revision: str = "base") -> None:
    with app.app_context():
        flask_migrate.downgrade(directory=str(migrations_folder()), revision=revision)


def differences(engine: Engine) -> list[object]:
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), db.metadata))


def shape(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        found = connection.execute(text("SELECT sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' ORDER BY name"))
        return sorted(" ".join(sql.replace("\t", " ").split()) for (sql,) in found if sql)


def unordered(shapes: list[str]) -> list[list[str]]:
    """SQLite changes a table by copying it, with its constraints in any order."""
    return [sorted(sql.removesuffix(" )").split(", CONSTRAINT ")) for sql in shapes]


def test_the_migrations_build_the_tables_the_program_uses(app: Flask) -> None:
    upgrade(app)
    assert differences(open_engine(app)) == []


def test_indexes_constraints_and_their_names_are_the_same_too(app: Flask, tmp_path: Path) -> None:
    upgrade(app)
    other = open_engine(database_app(f"sqlite:///{tmp_path}/other.db"))
    db.metadata.create_all(other)

    def described(engine: Engine) -> dict[str, object]:
        look = inspect(engine)
        return {
            table.name: (
                look.get_pk_constraint(table.name),
                sorted(map(str, look.get_foreign_keys(table.name))),
                sorted(map(str, look.get_unique_constraints(table.name))),
                sorted(map(str, look.get_check_constraints(table.name))),
            )
            for table in db.metadata.sorted_tables
        }

    assert described(open_engine(app)) == described(other)
    indexes = [sql for sql in shape(open_engine(app)) if " INDEX " in sql]
    assert indexes == [sql for sql in shape(other) if " INDEX " in sql]
    without_rowid = [sql.split()[2] for sql in shape(open_engine(app)) if "WITHOUT ROWID" in sql]
    assert without_rowid == [sql.split()[2] for sql in shape(other) if "WITHOUT ROWID" in sql]
    assert len(without_rowid) == 4
    other.dispose()


def test_a_catalog_can_be_taken_down_and_built_again(app: Flask) -> None:
    upgrade(app)
    before = unordered(shape(open_engine(app)))
    downgrade(app)
    assert set(inspect(open_engine(app)).get_table_names()) <= {"alembic_version"}
    upgrade(app)
    assert unordered(shape(open_engine(app))) == before


def test_upgrading_again_keeps_every_file(app: Flask) -> None:
    upgrade(app)
    catalog = SqlCatalog(open_engine(app), FakeClock())
    file = make(catalog, first("a"))
    upgrade(app)
    check_current(open_engine(app))
    assert catalog.file(ALICE, file.id) == file


def test_what_was_deleted_before_there_was_a_trash_is_in_it_and_counts(app: Flask) -> None:
    upgrade(app)
    catalog = SqlCatalog(open_engine(app), FakeClock())
    make(catalog, following(make(catalog, first("a", size=5))))
    make(catalog, deleted(make(catalog, following(make(catalog, first("b", size=7))))))
    before = catalog.trash(ALICE), catalog.usage(ALICE)
    assert before[1] == Usage(1, 5, 7)
    downgrade(app, "0002")
    upgrade(app)
    assert (catalog.trash(ALICE), catalog.usage(ALICE)) == before


def test_files_from_before_there_was_a_search_are_found(app: Flask) -> None:
    upgrade(app)
    catalog = SqlCatalog(open_engine(app), FakeClock())
    files = [make(catalog, first(path)) for path in ("GRÖSSE/a", "b/GRÖSSE.txt")]
    downgrade(app, "0005")
    upgrade(app)
    assert catalog.files(ListQuery(ALICE)).files == tuple(files)
    assert catalog.files(ListQuery(ALICE, search="größe")).files == (files[1],)


def keeps_its_files(app: Flask) -> None:
    """A catalog goes back to the first revision and forward again."""
    engine = open_engine(app)
    catalog = SqlCatalog(engine, FakeClock())
    one = make(catalog, first("a"))
    two, other = make(catalog, following(one)), make(catalog, first("b", at=one.created_at + 2))
    downgrade(app, "0001")
    with pytest.raises(InvalidSetting):
        check_current(engine)
    upgrade(app)
    place = catalog.last_change()
    assert place == 0
    begun = catalog.changes(catalog.last_change(back=3), 10).files
    assert [file.head for file in begun] == [one.head, two.head, other.head]
    newer = make(catalog, following(two))
    assert catalog.changes(place, 10).files == (newer,)
    assert catalog.versions(ALICE, one.id) == [newer.head, two.head, one.head]


def test_a_catalog_of_the_first_revision_keeps_its_files_which_come_before_all_changes(app: Flask) -> None:
    upgrade(app)
    keeps_its_files(app)


def test_so_does_one_on_postgresql(postgresql_url: str) -> None:
    with emptied_postgresql(postgresql_url):
        app = database_app(postgresql_url)
        keeps_its_files(app)
        open_engine(app).dispose()


def test_foreign_keys_are_enforced_again_after_an_upgrade(app: Flask) -> None:
    upgrade(app)
    with open_engine(app).connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


def test_an_upgrade_leaves_the_programs_log_lines_alone(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("echofs.somewhere")
    upgrade(app)
    assert not logger.disabled
    assert caplog.handler in logging.getLogger().handlers


def test_a_catalog_without_tables_is_refused_with_the_command_that_makes_them(app: Flask) -> None:
    with pytest.raises(InvalidSetting) as refused:
        check_current(open_engine(app))
    assert refused.value.message == (
        "The catalog (DATABASE_URL) is at revision none, this EchoFS needs 0007: run `echofs db upgrade`."
    )
    assert refused.value.field == "DATABASE_URL"


def test_a_catalog_of_a_newer_program_is_refused_without_a_useless_advice(app: Flask) -> None:
    upgrade(app)
    with open_engine(app).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(InvalidSetting) as refused:
        check_current(open_engine(app))
    assert "9999" in refused.value.message
    assert "upgrade" not in refused.value.message


def test_an_upgrade_that_cannot_reach_the_catalog_says_so(tmp_path: Path) -> None:
    with pytest.raises(CatalogUnavailable):
        upgrade(database_app(f"sqlite:///{tmp_path}/missing/catalog.db"))


def test_building_an_application_opens_no_connection(tmp_path: Path) -> None:
    app = Flask("elsewhere")
    attach(app, f"sqlite:///{tmp_path}/catalog.db")
    assert open_engine(app).pool.checkedin() == 0  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("installed", [True, False])
def test_the_scripts_are_found_wherever_the_package_is(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not installed:
        # As when a clone is run beside an installed release: its own package comes first, without the scripts.
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert {"env.py", "alembic.ini", "script.py.mako", "versions"} <= {
        entry.name for entry in migrations_folder().iterdir()
    }


def test_the_migrations_build_the_same_tables_on_postgresql(postgresql_url: str) -> None:
    with emptied_postgresql(postgresql_url) as engine:
        assert differences(engine) == []
        check_current(engine)
