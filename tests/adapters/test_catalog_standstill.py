"""After one long wait in vain nobody else waits; the first success opens the way again."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from echofs.adapters.catalog import engine as engine_module
from echofs.adapters.catalog import races, standstill
from echofs.adapters.catalog.engine import Connections
from echofs.adapters.catalog.races import ATTEMPTS, LostRace, again
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.adapters.catalog.standstill import LONG_SECONDS, REST_SECONDS, CatalogBusy, Standstill
from echofs.core.errors import CatalogUnavailable, EchoError, NotFound
from tests.contracts.catalog_values import first
from tests.databases import sqlite_url
from tests.fakes.clock import FakeClock


class Line:
    """Calls to a catalog whose answers the test decides."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked = 0
        self._standstill = Standstill(lambda: self.now)

    def call(self, error: EchoError | None = None, seconds: float = 0.0) -> None:
        with self._standstill.guarding():
            self.asked += 1
            self.now += seconds
            if error:
                raise error

    def fails(self, error: EchoError, seconds: float = 0.0) -> None:
        with pytest.raises(type(error)):
            self.call(error, seconds)

    def is_refused_unasked(self) -> bool:
        before = self.asked
        with pytest.raises(CatalogUnavailable):
            self.call()
        return self.asked == before


class TestStandstill:
    def test_after_a_long_wait_in_vain_others_are_refused_at_once(self) -> None:
        line = Line()
        line.fails(CatalogUnavailable("silence"), LONG_SECONDS)
        assert line.is_refused_unasked()

    def test_a_quick_failure_holds_nobody_up_and_refuses_nobody(self) -> None:
        line = Line()
        line.fails(CatalogUnavailable("connection refused"), LONG_SECONDS / 2)
        line.call()

    @pytest.mark.parametrize("error", [LostRace("race"), CatalogBusy("locked"), NotFound("none")])
    def test_any_answer_shows_that_the_catalog_moves(self, error: EchoError) -> None:
        line = Line()
        line.fails(error, LONG_SECONDS)
        line.call()

    def test_one_call_at_a_time_goes_ahead_to_see(self) -> None:
        line = Line()
        line.fails(CatalogUnavailable("silence"), LONG_SECONDS)
        line.now += REST_SECONDS
        with line._standstill.guarding():
            assert line.is_refused_unasked()
        line.call()

    def test_a_try_in_vain_closes_the_way_again(self) -> None:
        line = Line()
        line.fails(CatalogUnavailable("silence"), LONG_SECONDS)
        line.now += REST_SECONDS
        line.fails(CatalogUnavailable("still silence"), LONG_SECONDS)
        assert line.is_refused_unasked()

    def test_a_success_opens_the_way(self) -> None:
        line = Line()
        line.fails(CatalogUnavailable("silence"), LONG_SECONDS)
        line.now += REST_SECONDS
        line.call()
        line.call()

    def test_a_locked_sqlite_file_is_waited_for_once(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(engine_module, "_PRAGMAS", (*engine_module._PRAGMAS, "busy_timeout=20"))
        monkeypatch.setattr(standstill, "LONG_SECONDS", 0.01)
        url = sqlite_url(tmp_path)
        holder, engine = create_engine(url), create_engine(url)
        catalog = SqlCatalog(engine, FakeClock())
        with Connections(holder).writing():
            for _ in range(2):
                with pytest.raises(CatalogUnavailable) as refused:
                    catalog.commit([first("a")])
            assert refused.value.__cause__ is None, "the second was not asked to wait"
            catalog.ping()
        for each in (holder, engine):
            each.dispose()


class TestAgain:
    @pytest.fixture(autouse=True)
    def pauses(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        made: list[float] = []
        monkeypatch.setattr(races.time, "sleep", made.append)
        monkeypatch.setattr(races.random, "uniform", lambda _least, most: most)
        return made

    def test_a_lost_race_is_run_again_after_ever_longer_pauses(self, pauses: list[float]) -> None:
        def work(attempt: int) -> int:
            if attempt < 3:
                raise LostRace("faster")
            return attempt

        assert again(work) == 3
        assert pauses == sorted(set(pauses))
        assert len(pauses) == 3

    def test_it_ends_after_some_attempts(self, pauses: list[float]) -> None:
        attempts: list[int] = []

        def work(attempt: int) -> None:
            attempts.append(attempt)
            raise LostRace("faster")

        with pytest.raises(LostRace):
            again(work)
        assert attempts == list(range(ATTEMPTS))

    def test_other_failures_are_not_repeated(self, pauses: list[float]) -> None:
        def work(_: int) -> None:
            raise CatalogUnavailable("silence")

        with pytest.raises(CatalogUnavailable):
            again(work)
        assert pauses == []
