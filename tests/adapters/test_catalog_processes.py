"""Several processes on one SQLite file, as when masters and jobs share a host: no lock of one process helps here."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path

from echofs.adapters.catalog.schema import database_app, open_engine, upgrade
from echofs.adapters.catalog.sql import SqlCatalog
from echofs.core.errors import EchoError, HeadMoved, QuotaExceeded
from echofs.core.models import Dot, File
from echofs.core.usage import Usage
from echofs.ports.catalog import Commit
from tests.contracts.catalog_values import ALICE, BOB, first, following, make
from tests.databases import opened, sqlite_url
from tests.fakes.clock import FakeClock

PROCESSES = 3
ROUNDS = 30
CAROL = "carol"
QUOTA = 40
"""Bytes, of which each process writes one a round, and all of them together want more."""


def write_along(url: str, origin: str, file_id: str) -> int:
    """Replace one file again and again and take the last room of a quota, competing with the other processes; how often
    the former worked."""
    won = 0
    with opened(url) as engine:
        catalog = SqlCatalog(engine, FakeClock())
        for counter in range(ROUNDS):
            file = catalog.file(ALICE, file_id)
            mine = first(f"{origin}/{counter}", owner=BOB)
            byte = replace(first(f"{origin}/{counter}", owner=CAROL, size=1), quota_bytes=QUOTA)
            answers = catalog.commit(
                [
                    following(file, dot=Dot(origin, counter)),
                    named(mine, f"{origin}-{counter}", Dot(origin, ROUNDS + counter)),
                    named(byte, f"{origin}-{counter}-c", Dot(origin, 2 * ROUNDS + counter)),
                ]
            )
            assert isinstance(answers[1], File)
            assert isinstance(answers[2], File | QuotaExceeded)
            won += isinstance(answers[0], File)
            assert isinstance(answers[0], File | HeadMoved)
    return won


def named(commit: Commit, file_id: str, dot: Dot) -> Commit:
    """The commit under names that no other process uses."""
    return replace(commit, version=replace(commit.version, file_id=file_id, dot=dot))


def upgrade_and_write(url: str, number: int) -> str:
    """Bring the catalog up to date at the same moment as others do, and use it."""
    app = database_app(url)
    upgrade(app)
    engine = open_engine(app)
    commit = named(first(f"from/{number}"), f"{number:032x}", Dot(f"p{number}", 1))
    (answer,) = SqlCatalog(engine, FakeClock()).commit([commit])
    engine.dispose()
    return answer.message if isinstance(answer, EchoError) else answer.path


def test_writers_in_several_processes_lose_nothing(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with opened(url) as engine:
        file = make(SqlCatalog(engine, FakeClock()), first("contested"))
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        arguments = [(url, f"process-{number}", file.id) for number in range(PROCESSES)]
        won = pool.starmap(write_along, arguments)
    with opened(url) as engine:
        catalog = SqlCatalog(engine, FakeClock())
        assert catalog.usage(CAROL) == Usage(QUOTA, QUOTA, 0)
        assert catalog.usage(BOB).files == PROCESSES * ROUNDS
        history = [version.number for version in catalog.versions(ALICE, file.id)]
        assert history == list(range(sum(won) + 1, 0, -1))
        for number in range(PROCESSES):
            for counter in range(ROUNDS):
                assert catalog.file_at(BOB, f"process-{number}/{counter}").head.number == 1


def test_processes_that_upgrade_at_once_do_not_collide(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/catalog.db"
    with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
        paths = pool.starmap(upgrade_and_write, [(url, number) for number in range(PROCESSES)])
    assert paths == [f"from/{number}" for number in range(PROCESSES)]
