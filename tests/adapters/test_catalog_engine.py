"""Connections that are durable and exclusive, addresses, and errors that were the driver's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from echofs.adapters.catalog import engine as engine_module
from echofs.adapters.catalog.engine import Connections, normalise_url, prepare_engine, translated
from echofs.adapters.catalog.races import LostRace
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.tables import leases
from echofs.core.errors import CatalogUnavailable, EchoError, InvalidSetting
from echofs.core.models import File
from echofs.ports.catalog import Commit
from echofs.ports.listing import ListQuery
from tests.contracts.catalog_values import ALICE, first, following, keyed, make
from tests.databases import opened, sqlite_url
from tests.fakes.clock import FakeClock


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with opened(sqlite_url(tmp_path)) as engine:
        yield engine


class TestSqliteConnections:
    @pytest.mark.parametrize(
        ("pragma", "value"),
        [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 4000)],
    )
    def test_every_pooled_connection_is_durable_and_patient(self, engine: Engine, pragma: str, value: object) -> None:
        pooled = [engine.raw_connection() for _ in range(3)]
        assert [each.cursor().execute(f"PRAGMA {pragma}").fetchone() for each in pooled] == [(value,)] * 3
        for each in pooled:
            each.close()
        with Connections(engine).reading() as again:
            assert again.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value

    def test_preparing_twice_changes_nothing(self, engine: Engine) -> None:
        prepare_engine(prepare_engine(engine))
        with engine.begin() as connection:
            assert connection.exec_driver_sql("SELECT 1").scalar_one() == 1

    def test_concurrent_read_modify_write_loses_no_update(self, engine: Engine) -> None:
        lease = leases.c.name == "counter"
        with engine.begin() as connection:
            connection.execute(leases.insert(), {"name": "counter", "holder": "", "expires_at": 0})

        def add_ten(_: int) -> None:
            # Not through Connections, whose lock would hide what the engine itself does not keep apart.
            for _ in range(10):
                with engine.begin() as connection:
                    value = connection.execute(select(leases.c.expires_at).where(lease)).scalar_one()
                    connection.execute(leases.update().where(lease).values(expires_at=value + 1))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(add_ten, range(8)))
        with engine.connect() as connection:
            assert connection.execute(select(leases.c.expires_at).where(lease)).scalar_one() == 80

    def test_readers_do_not_wait_for_a_writer_and_see_only_what_is_committed(self, engine: Engine) -> None:
        catalog = SqlCatalog(engine, FakeClock())
        file = make(catalog, first("a"))
        with Connections(engine).writing() as writer:
            writer.exec_driver_sql("UPDATE files SET head = 99")
            assert catalog.file(ALICE, file.id) == file
            catalog.ping()
            writer.rollback()

    def test_an_error_undoes_the_whole_transaction(self, engine: Engine) -> None:
        connections = Connections(engine)

        def half_done() -> None:
            with connections.writing() as connection:
                connection.execute(leases.insert(), {"name": "n", "holder": "", "expires_at": 0})
                raise KeyError("in the middle")

        with pytest.raises(KeyError):
            half_done()
        with connections.reading() as connection:
            assert connection.execute(select(leases)).all() == []

    def test_a_broken_reference_is_refused_by_the_engine(self, engine: Engine) -> None:
        def orphan() -> None:
            with Connections(engine).writing() as connection:
                connection.exec_driver_sql("INSERT INTO replicas VALUES (x'00', 'w1')")

        with pytest.raises(LostRace):
            orphan()


class TestSweeps:
    def test_a_sweep_ends_when_nothing_is_left_and_counts_all(
        self, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(engine_module, "SWEPT", 2)
        catalog = SqlCatalog(engine, FakeClock())
        for number in range(5):
            make(catalog, keyed(first(f"{number}"), f"key-{number}", at=number))
        assert catalog.forget_idempotency(4) == 4
        assert catalog.forget_idempotency(4) == 0
        assert catalog.idempotency(ALICE, "key-4") is not None


class TestAddresses:
    @pytest.mark.parametrize(
        ("given", "meant"),
        [
            ("sqlite:////var/lib/echofs/catalog.db", "sqlite:////var/lib/echofs/catalog.db"),
            ("sqlite+pysqlite:////c.db", "sqlite:////c.db"),
            (
                "postgres://u:p%40ss@db:5432/echofs?sslmode=disable",
                "postgresql+psycopg2://u:p%40ss@db:5432/echofs?sslmode=disable",
            ),
            ("postgresql://db/echofs", "postgresql+psycopg2://db/echofs"),
            ("postgresql+psycopg2://db/echofs", "postgresql+psycopg2://db/echofs"),
            (" postgres://db/echofs\n", "postgresql+psycopg2://db/echofs"),
        ],
    )
    def test_every_usual_spelling_is_understood(self, given: str, meant: str) -> None:
        assert normalise_url(given) == meant
        assert normalise_url(meant) == meant

    def test_a_relative_file_is_relative_to_the_working_directory(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert normalise_url("sqlite:///catalog.db") == f"sqlite:///{tmp_path}/catalog.db"

    @pytest.mark.parametrize(
        "wrong",
        [
            "",
            "catalog.db",
            "mysql://u:secret@db/echofs",
            "postgres://u:secret@db",
            "postgres://u:secret@db:port/echofs",
            "postgresql+asyncpg://u:secret@db/echofs",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///file:x?uri=true",
        ],
    )
    def test_a_wrong_address_names_the_variable_and_shows_no_secret(self, wrong: str) -> None:
        with pytest.raises(InvalidSetting) as refused:
            normalise_url(wrong)
        assert refused.value.field == "DATABASE_URL"
        assert "DATABASE_URL" in refused.value.message
        assert "secret" not in refused.value.message


class Unlucky(SqlCatalog):
    """Loses a race whenever ``loses`` says so of an attempt's number and paths."""

    def __init__(self, engine: Engine, loses: Callable[[int, list[str]], bool]) -> None:
        super().__init__(engine, FakeClock())
        self._loses = loses
        self._turns = count()

    def _commit(self, batch: Sequence[Commit], *, careful: bool) -> list[File | EchoError]:
        if self._loses(next(self._turns), [commit.version.path for commit in batch]):
            raise LostRace("somebody was faster")
        return super()._commit(batch, careful=careful)


class TestErrors:
    def test_a_database_that_cannot_be_opened_is_unavailable_and_keeps_the_cause(self, tmp_path: Path) -> None:
        catalog = SqlCatalog(create_engine(f"sqlite:///{tmp_path}/missing/catalog.db"), FakeClock())
        for call in (catalog.ping, lambda: catalog.file(ALICE, "f"), lambda: catalog.commit([first("a")])):
            with pytest.raises(CatalogUnavailable) as refused:
                call()
            assert isinstance(refused.value.__cause__, OperationalError)
            assert refused.value.retry_after

    def test_a_database_nobody_serves_is_unavailable(self) -> None:
        catalog = SqlCatalog(create_engine(normalise_url("postgres://u@127.0.0.1:1/echofs")), FakeClock())
        with pytest.raises(CatalogUnavailable):
            catalog.ping()

    def test_waiting_in_vain_for_a_connection_is_unavailable(self, tmp_path: Path) -> None:
        engine = create_engine(sqlite_url(tmp_path), pool_size=1, max_overflow=0, pool_timeout=0.01)
        catalog = SqlCatalog(engine, FakeClock())
        with engine.connect(), pytest.raises(CatalogUnavailable) as refused:
            catalog.ping()
        assert isinstance(refused.value.__cause__, PoolTimeout)
        engine.dispose()

    def test_a_file_that_is_no_database_is_unavailable(self, tmp_path: Path) -> None:
        path = tmp_path / "catalog.db"
        path.write_bytes(b"not a database" * 1000)
        with pytest.raises(CatalogUnavailable), opened(f"sqlite:///{path}") as engine:
            SqlCatalog(engine, FakeClock()).ping()

    @pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
    def test_a_deadlock_is_a_lost_race(self, sqlstate: str) -> None:
        class Deadlock(Exception):
            pgcode = sqlstate

        with pytest.raises(LostRace), translated():
            raise OperationalError("UPDATE", {}, Deadlock())

    def test_a_wrong_statement_is_not_hidden(self) -> None:
        with pytest.raises(ProgrammingError), translated():
            raise ProgrammingError("SELEKT", {}, Exception())

    def test_a_batch_that_lost_its_race_is_made_again(self, engine: Engine) -> None:
        file = make(SqlCatalog(engine, FakeClock()), first("a"))
        assert make(Unlucky(engine, lambda turn, _: turn < 2), following(file)).head.number == 2

    def test_a_commit_that_always_loses_is_refused_without_its_batch(self, engine: Engine) -> None:
        batch = [first("a"), first("unlucky"), first("b")]
        unlucky = Unlucky(engine, lambda _, paths: "unlucky" in paths)
        answers = unlucky.commit(batch)
        assert [type(answer) for answer in answers] == [File, LostRace, File]
        assert [file.path for file in unlucky.files(ListQuery(ALICE)).files] == ["a", "b"]

    def test_no_error_of_the_engine_escapes_as_itself(self, tmp_path: Path) -> None:
        with pytest.raises(CatalogUnavailable) as refused, opened(f"sqlite:///{tmp_path}/empty.db") as engine:
            SqlCatalog(engine, FakeClock()).file(ALICE, "f")
        assert not isinstance(refused.value, SQLAlchemyError)
