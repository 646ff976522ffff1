"""The gate shuts when the catalog does not answer, breaks off what waits, and opens by itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text

from echofs.adapters.catalog import gate as gate_module
from echofs.adapters.catalog import postgresql
from echofs.adapters.catalog.engine import Connections, engine_options, gate_of, normalise_url
from echofs.adapters.catalog.gate import LONG_SECONDS, PATIENT_SECONDS, PROBE_SECONDS, RETRY_SECONDS, CatalogGate
from echofs.adapters.catalog.races import LostRace
from echofs.core.errors import CatalogUnavailable, EchoError, NotFound
from tests.databases import sqlite_url


class Bells:
    """Waits that only count."""

    def __init__(self) -> None:
        self.broken_off = False

    def break_off(self) -> None:
        self.broken_off = True

    def allow(self) -> None:
        self.broken_off = False


class Catalog:
    """A catalog that answers or not, and a gate before it, in a time of their own."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answers = True
        self.probes: list[float] = []
        self.slept: list[float] = []
        self.bells = Bells()
        self.gate = CatalogGate(self._probe, self.bells, monotonic=lambda: self.now, sleep=self.slept.append)

    def _probe(self, seconds: float) -> None:
        self.probes.append(seconds)
        if not self.answers:
            self.now += seconds
            raise CatalogUnavailable("silence")

    def call(self, seconds: float = 0.001, error: EchoError | None = None, watched: bool = False) -> None:
        with self.gate.passing():
            self.now += seconds
            if watched:
                self.gate.watch()
            if error:
                raise error

    def refuses(self) -> bool:
        try:
            self.call()
        except CatalogUnavailable:
            return True
        return False


@pytest.fixture
def catalog() -> Catalog:
    return Catalog()


class TestShutting:
    def test_a_call_that_waits_for_long_while_the_catalog_is_silent_shuts_it(self, catalog: Catalog) -> None:
        catalog.answers = False
        catalog.call(LONG_SECONDS, watched=True)
        assert catalog.probes == [PROBE_SECONDS]
        assert not catalog.gate.reachable
        assert catalog.bells.broken_off
        assert catalog.refuses()

    def test_a_slow_call_to_a_catalog_that_answers_others_does_not(self, catalog: Catalog) -> None:
        catalog.call(LONG_SECONDS * 10, watched=True)
        assert catalog.probes
        assert catalog.gate.reachable
        assert not catalog.bells.broken_off

    def test_short_waits_are_not_looked_into(self, catalog: Catalog) -> None:
        catalog.answers = False
        catalog.call(LONG_SECONDS / 2, watched=True)
        assert catalog.probes == []

    def test_a_call_that_was_answered_meanwhile_is_proof_enough(self, catalog: Catalog) -> None:
        catalog.answers = False
        with catalog.gate.passing():
            catalog.now += LONG_SECONDS * 2
            catalog.call()
            catalog.gate.watch()
        assert catalog.probes == []

    def test_a_failed_call_is_looked_into_at_once(self, catalog: Catalog) -> None:
        catalog.answers = False
        with pytest.raises(CatalogUnavailable):
            catalog.call(error=CatalogUnavailable("refused"))
        assert catalog.gate.reachable
        catalog.gate.watch()
        assert not catalog.gate.reachable
        assert catalog.gate.failures() == 1

    @pytest.mark.parametrize("error", [LostRace("race"), NotFound("none")])
    def test_a_refusal_is_an_answer(self, catalog: Catalog, error: EchoError) -> None:
        with pytest.raises(type(error)):
            catalog.call(error=error)
        catalog.gate.watch()
        assert catalog.probes == []
        assert catalog.gate.failures() == 0

    def test_a_catalog_that_has_lately_been_slow_gets_more_time(self, catalog: Catalog) -> None:
        for _ in range(40):
            catalog.call(0.4)
        catalog.call(0.5, watched=True)
        assert catalog.probes == [pytest.approx(1.2)]


class TestOpening:
    def test_the_question_is_repeated_until_it_is_answered(self, catalog: Catalog) -> None:
        catalog.answers = False
        catalog.call(LONG_SECONDS, watched=True)
        catalog.gate.watch()
        assert catalog.probes == [PROBE_SECONDS], "not before its time"
        catalog.now += RETRY_SECONDS
        catalog.gate.watch()
        assert catalog.probes == [PROBE_SECONDS, PATIENT_SECONDS]
        catalog.answers = True
        catalog.now += RETRY_SECONDS
        catalog.gate.watch()
        assert catalog.gate.reachable
        assert not catalog.bells.broken_off
        assert not catalog.refuses()


class TestDrill:
    def test_a_cut_refuses_for_its_time_without_anybody_asked(self, catalog: Catalog) -> None:
        catalog.gate.impose(cut_seconds=20)
        assert catalog.refuses()
        assert not catalog.gate.reachable
        catalog.now += 20
        assert catalog.gate.reachable
        assert not catalog.refuses()
        assert catalog.gate.failures() == 0

    def test_a_delay_is_waited_for_before_each_call(self, catalog: Catalog) -> None:
        catalog.gate.impose(delay=0.2, delay_seconds=20)
        catalog.call()
        catalog.now += 20
        catalog.call()
        assert catalog.slept == [0.2]

    def test_the_next_order_takes_the_place_of_the_one_before(self, catalog: Catalog) -> None:
        catalog.gate.impose(cut_seconds=20)
        catalog.gate.impose()
        assert not catalog.refuses()


def test_a_gate_behind_another_speaks_for_both() -> None:
    users, files = Catalog(), Catalog()
    both = CatalogGate(files._probe, before=users.gate, monotonic=lambda: files.now)
    users.gate.impose(cut_seconds=20)
    assert not both.reachable
    users.gate.impose()
    assert both.reachable
    both.impose(cut_seconds=20)
    assert users.refuses()


def test_latencies_are_those_of_answered_calls(catalog: Catalog) -> None:
    catalog.call(0.25)
    with pytest.raises(CatalogUnavailable):
        catalog.call(0.5, error=CatalogUnavailable("silence"))
    assert catalog.gate.latencies() == (pytest.approx(0.25),)


def test_all_users_of_an_engine_share_its_gate(tmp_path: object) -> None:
    engine = create_engine(sqlite_url(tmp_path))  # type: ignore[arg-type]
    gate_of(engine).impose(cut_seconds=60)
    with pytest.raises(CatalogUnavailable), Connections(engine).reading():
        pass
    with pytest.raises(CatalogUnavailable), Connections(engine).writing():
        pass
    engine.dispose()


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing ends a wait but the alarm."""
    monkeypatch.setattr(postgresql.PatientConnection, "patience", None)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.mark.usefixtures("impatience")
class TestPostgreSQL:
    def test_an_answer_that_is_waited_for_is_broken_off(self, postgresql_url: str) -> None:
        url = normalise_url(postgresql_url)
        engine = create_engine(url, **engine_options(url))
        connections, gate = Connections(engine), gate_of(engine)
        sent = threading.Event()

        def ask() -> None:
            with connections.reading() as connection:
                connection.execute(text("SELECT 1"))
                sent.set()
                connection.execute(text("SELECT pg_sleep(3600)"))

        with ThreadPoolExecutor() as pool:
            asking = pool.submit(ask)
            sent.wait(30)
            gate._waits.break_off()
            assert isinstance(asking.exception(30), CatalogUnavailable)
            gate._waits.allow()
        with connections.reading() as connection:
            assert connection.execute(text("SELECT 2")).scalar() == 2
        engine.dispose()

    def test_a_database_that_is_silent_from_the_start_shuts_the_gate(
        self, silent_port: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(gate_module, "LONG_SECONDS", 0.0)
        url = normalise_url(f"postgres://echofs@127.0.0.1:{silent_port}/echofs?sslmode=disable")
        engine = create_engine(url, **engine_options(url))
        connections, gate = Connections(engine), gate_of(engine)

        def ask() -> None:
            with connections.reading():
                raise AssertionError("nobody is there")

        with ThreadPoolExecutor() as pool:
            asking = pool.submit(ask)
            while gate.reachable:
                gate.watch()
            assert isinstance(asking.exception(30), CatalogUnavailable)
        engine.dispose()

    def test_the_probe_opens_it_again(self, postgresql_url: str) -> None:
        url = normalise_url(postgresql_url)
        engine = create_engine(url, **engine_options(url))
        probe = postgresql.PostgresProbe(engine)
        probe(30)
        probe(30)
        engine.dispose()
