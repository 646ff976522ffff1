"""What can go wrong between a catalog and PostgreSQL: it is frozen, restarted, locked, not ours or not there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg2
import pytest
from flask import Flask
from psycopg2 import extensions
from sqlalchemy import Engine, make_url, text

from echofs.adapters.catalog import postgresql
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.schema import check_current, create, database_app, open_engine, upgrade
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.tables import leases
from echofs.core.errors import CatalogUnavailable, EchoError, InvalidSetting
from tests.contracts.catalog_values import ALICE, first, make
from tests.databases import emptied_postgresql
from tests.fakes.clock import FakeClock
from tests.servers.postgresql import create_database


@pytest.fixture
def engine(postgresql_url: str) -> Iterator[Engine]:
    with emptied_postgresql(postgresql_url) as engine:
        yield engine


@pytest.fixture
def catalog(engine: Engine) -> SqlCatalog:
    return SqlCatalog(engine, FakeClock())


@pytest.fixture
def unused(postgresql_server: str) -> str:
    """The address of a database without tables."""
    return create_database(postgresql_server)


def ask(engine: Engine, statement: str) -> object:
    with Connections(engine).reading() as connection:
        return connection.exec_driver_sql(statement).scalar()


def cut_off(engine: Engine) -> int:
    """End every connection to the catalog's database but the one that asks; how many there were."""
    admin = psycopg2.connect(engine.url.set(drivername="postgresql").render_as_string(hide_password=False))
    with closing(admin), admin.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


@contextmanager
def quickly(monkeypatch: pytest.MonkeyPatch, engine: Engine, **limits: int) -> Iterator[None]:
    """The same limits, but short: for connections opened from now on."""
    engine.dispose()
    monkeypatch.setattr(postgresql, "LIMITS", {**postgresql.LIMITS, **limits})
    yield
    engine.dispose()


class TestAFrozenDatabase:
    def test_no_answer_is_waited_for_without_end(
        self, engine: Engine, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = make(catalog, first("a"))
        monkeypatch.setattr(postgresql.PatientConnection, "patience", 0.05)
        with pytest.raises(CatalogUnavailable) as refused:
            ask(engine, "SELECT pg_sleep(3)")
        assert "no answer within" in str(refused.value.__cause__)
        monkeypatch.undo()
        assert catalog.file(ALICE, file.id) == file

    def test_every_limit_is_below_the_five_seconds_a_client_may_wait(self, engine: Engine) -> None:
        assert postgresql.PATIENCE_SECONDS < 5
        assert ask(engine, "SHOW statement_timeout") == "3500ms"
        assert ask(engine, "SHOW lock_timeout") == "2s"
        assert ask(engine, "SHOW idle_in_transaction_session_timeout") == "5s"

    def test_only_our_own_connections_have_a_limit(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        assert ask(engine, "SELECT 1") == 1
        monkeypatch.setattr(postgresql.PatientConnection, "patience", 0.0)
        url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with closing(psycopg2.connect(url)) as other, other.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.05), 7")
            assert cursor.fetchone()[1] == 7

    def test_changing_tables_may_take_its_time(self, engine: Engine) -> None:
        with engine.begin() as connection, postgresql.unlimited(connection):
            assert connection.connection.dbapi_connection.patience is None  # type: ignore[union-attr]
            for limit in postgresql.LIMITS:
                assert connection.exec_driver_sql(f"SHOW {limit}").scalar() == "0"
        assert ask(engine, "SHOW statement_timeout") == "3500ms"


class TestALockedRow:
    def test_a_row_that_another_holds_is_waited_for_briefly(
        self, engine: Engine, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        catalog.acquire_lease("jobs", "one", 1, 2)
        with quickly(monkeypatch, engine, lock_timeout=20), engine.begin() as other:
            other.execute(leases.update().values(holder="held"))
            with pytest.raises(CatalogUnavailable) as refused:
                catalog.acquire_lease("jobs", "two", 3, 4)
            assert refused.value.message == "The catalog is busy; try again shortly."
        assert catalog.acquire_lease("jobs", "two", 3, 4)

    def test_who_freezes_in_the_middle_of_a_transaction_loses_its_locks(
        self, engine: Engine, catalog: SqlCatalog
    ) -> None:
        catalog.acquire_lease("jobs", "one", 1, 2)
        with closing(engine.connect()) as frozen:
            frozen.execute(leases.update().values(holder="held"))
            frozen.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 20")
            assert catalog.acquire_lease("jobs", "two", 3, 4)
            frozen.invalidate()

    def test_the_loser_of_a_deadlock_starts_again(self, engine: Engine, catalog: SqlCatalog) -> None:
        for name in ("a", "b"):
            catalog.acquire_lease(name, "nobody", 0, 0)
        met = threading.Barrier(2)
        attempts: list[str] = []

        def take_both(names: tuple[str, str]) -> None:
            def work(connection: object) -> None:
                attempts.append(names[0])
                for name in names:
                    connection.execute(leases.update().where(leases.c.name == name).values(holder=names[0]))  # type: ignore[attr-defined]
                    if len(attempts) <= 2 and name == names[0]:
                        met.wait(10)

            Connections(engine).write(work)

        threads = [threading.Thread(target=take_both, args=(names,)) for names in (("a", "b"), ("b", "a"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(attempts) > 2, "nobody had to start again"
        with Connections(engine).reading() as connection:
            assert len(set(connection.execute(leases.select().with_only_columns(leases.c.holder)).scalars())) == 1

    def test_transactions_do_not_depend_on_how_the_database_was_set_up(self, engine: Engine) -> None:
        with Connections(engine).writing() as connection:
            name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
        engine.dispose()
        try:
            with Connections(engine).writing() as connection:
                assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
        finally:
            with Connections(engine).writing() as connection:
                connection.exec_driver_sql(f"ALTER DATABASE {name} RESET default_transaction_isolation")


class TestARestart:
    def test_connections_that_the_database_closed_cost_no_request(self, engine: Engine, catalog: SqlCatalog) -> None:
        file = make(catalog, first("a"))
        with engine.connect(), engine.connect(), engine.connect():
            pass
        for _ in range(2):
            assert cut_off(engine) > 0
            assert catalog.file(ALICE, file.id) == file
            make(catalog, first(f"b/{_}"))

    def test_a_connection_lost_in_the_middle_is_unavailable_and_the_next_call_works(
        self, engine: Engine, catalog: SqlCatalog
    ) -> None:
        connections = Connections(engine)

        def cut_short() -> None:
            with connections.writing() as connection:
                connection.execute(leases.insert(), {"name": "n", "holder": "", "expires_at": 0})
                cut_off(engine)
                connection.exec_driver_sql("SELECT 1")

        with pytest.raises(CatalogUnavailable):
            cut_short()
        with connections.reading() as connection:
            assert connection.execute(leases.select()).all() == []

    def test_a_check_of_an_idle_connection_asks_the_database_nothing(
        self, engine: Engine, catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        catalog.ping()
        waits: list[object] = []
        extensions.set_wait_callback(lambda connection: (waits.append(connection), postgresql._wait(connection)))
        try:
            catalog.ping()
        finally:
            extensions.set_wait_callback(postgresql._wait)
        assert len(waits) == 1


def refusal(call: Callable[[], object]) -> str:
    """The one line a failing call says."""
    with pytest.raises(EchoError) as refused:
        call()
    assert refused.value.field == "DATABASE_URL"
    assert "\n" not in refused.value.message
    return refused.value.message


def app_for(url: str, **changes: object) -> Flask:
    return database_app(make_url(url).set(**changes).render_as_string(hide_password=False))  # type: ignore[arg-type]


class TestAStart:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"password": "not the password"}, "password authentication failed"),
            ({"database": "missing"}, 'database "missing" does not exist'),
            ({"host": "127.0.0.1", "port": 1}, "Connection refused"),
            ({"host": "nowhere.invalid"}, "could not translate host name"),
            ({"query": {"sslmode": "sometimes"}}, "invalid sslmode value"),
            ({"query": {"sslmode": "require"}}, "does not support SSL"),
        ],
    )
    def test_a_database_that_cannot_be_opened_is_explained(
        self, unused: str, changes: dict[str, object], said: str
    ) -> None:
        app = app_for(unused, **changes)
        for call in (lambda: check_current(open_engine(app)), lambda: upgrade(app), lambda: create(app)):
            message = refusal(call)
            assert said in message
            assert "DATABASE_URL" in message
            assert "password" not in message.replace("password authentication", "")
        assert str(make_url(unused).password) not in message

    def test_sslmode_in_the_address_is_obeyed(self, unused: str) -> None:
        app = database_app(unused.replace("postgresql://", "postgres://") + "?sslmode=disable")
        assert create(app)
        open_engine(app).dispose()

    def test_an_option_that_postgresql_does_not_know_is_refused(self, unused: str) -> None:
        with pytest.raises(InvalidSetting) as refused:
            database_app(f"{unused}?sslmod=disable")
        assert "sslmod" in refused.value.message

    def test_tables_are_made_once_and_then_checked(self, unused: str) -> None:
        app = database_app(unused)
        assert create(app) is True
        assert create(app) is False
        engine = open_engine(app)
        with engine.begin() as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert "9999" in refusal(lambda: create(app))
        engine.dispose()

    def test_a_user_who_may_not_make_tables_is_told(self, postgresql_server: str, unused: str) -> None:
        with closing(psycopg2.connect(postgresql_server)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("DROP ROLE IF EXISTS guest")
            cursor.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
        app = app_for(unused, username="guest", password="guest")
        assert "permission denied" in refusal(lambda: upgrade(app))
        open_engine(app).dispose()


class TestTheWrongTables:
    @pytest.mark.parametrize("wrong", ["ALTER TABLE files RENAME TO old", "ALTER TABLE files RENAME COLUMN head TO h"])
    def test_tables_changed_under_a_running_process_are_unavailable(self, unused: str, wrong: str) -> None:
        app = database_app(unused)
        upgrade(app)
        engine = open_engine(app)
        with engine.begin() as connection:
            connection.execute(text(wrong))
        with pytest.raises(CatalogUnavailable) as refused:
            SqlCatalog(engine, FakeClock()).file(ALICE, "f")
        assert refused.value.retry_after
        engine.dispose()

    def test_all_text_compares_by_its_bytes(self, engine: Engine) -> None:
        with engine.connect() as connection:
            found = connection.exec_driver_sql(
                "SELECT table_name, column_name, collation_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND data_type = 'text'"
            ).all()
        assert len(found) > 20
        assert {collation for *_, collation in found} == {"C"}
