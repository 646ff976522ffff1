"""What a host's journal accepted outlives its processes, which share it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from echofs.adapters.journal_appends import Append, Handle
from echofs.adapters.journal_folder import FILE
from echofs.adapters.local_journal import LocalJournal
from echofs.core.entries import Delivered
from echofs.core.errors import EchoError, SpoolFull
from echofs.services.batching import Batcher
from tests.adapters.journal_cases import SPAWN, of, opened, shared
from tests.contracts.journal_values import bulky, entry, frame, raw
from tests.fakes.clock import FakeClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(folder: Path) -> Iterator[LocalJournal]:
    with closing(opened(folder)) as journal:
        yield journal


# --- durability ---


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 4000), ("auto_vacuum", 2)]
)
def test_every_connection_is_durable_and_patient(journal: LocalJournal, pragma: str, value: object) -> None:
    for connection in (journal._file._open().writer, journal._file._open().reader):
        assert connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)


def test_the_journal_is_nobody_elses_to_read(journal: LocalJournal, folder: Path) -> None:
    journal.append(entry())
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_all_is_there_after_a_restart(folder: Path) -> None:
    one = frame()
    made = entry(key="key-1", brings=(one,))
    with closing(opened(folder)) as journal:
        journal.append(made, [one])
    with closing(opened(folder)) as journal:
        assert journal.pending() == [(1, made)]
        assert raw(journal.frames([one.digest])[one.digest]) == raw(one)
        assert journal.spooled_bytes() == len(one)


@pytest.mark.parametrize("share", range(11))
def test_a_power_cut_that_tears_the_log_leaves_a_whole_beginning_of_it(
    journal: LocalJournal, folder: Path, tmp_path: Path, share: int
) -> None:
    made = []
    for number in range(12):
        one = frame()
        made.append((entry(f"{number}", brings=(one,)), one))
        journal.append(made[-1][0], [one])
    left = tmp_path / "left"
    shutil.copytree(folder, left)
    (left / f"{FILE}-shm").unlink()
    log = left / f"{FILE}-wal"
    with log.open("r+b") as file:
        file.truncate(log.stat().st_size * share // 10)
    with closing(opened(left)) as again:
        found = [one for _, one in again.pending()]
        assert found == [one for one, _ in made[: len(found)]]
        assert len(again.spooled()) == len(found)
        if share == 10:
            assert len(found) == 12
        again.append(entry("next"))
        assert again.depth() == len(found) + 1


# --- several processes ---


def append_until_killed(folder: Path, origin: str, acknowledged: Connection) -> None:
    journal = opened(folder)
    while True:
        one = frame(os.urandom(64))
        journal.append(of(origin, (one,)), [one])
        acknowledged.send(one.digest)


def test_what_was_acknowledged_outlives_a_killed_process(folder: Path) -> None:
    acknowledged: set[str] = set()
    for life in range(2):
        ours, theirs = SPAWN.Pipe(duplex=False)
        process = SPAWN.Process(target=append_until_killed, args=(folder, f"life-{life}", theirs))
        process.start()
        theirs.close()
        acknowledged |= {ours.recv() for _ in range(20)}
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        with closing(opened(folder)) as journal:
            brought = {chunk.digest for _, one in journal.pending() for chunk in one.chunks}
            assert acknowledged <= brought
            assert brought == set(journal.spooled(limit=1_000_000))


def append_many(folder: Path, origin: str) -> None:
    with closing(opened(folder, share=shared)) as journal, ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(journal.append, of(origin)) for _ in range(30)]:
            done.result()


def test_processes_that_append_at_once_lose_nothing(folder: Path) -> None:
    with SPAWN.Pool(3) as pool:
        pool.starmap(append_many, [(folder, f"process-{number}") for number in range(3)])
    with closing(opened(folder)) as journal:
        origins = [one.version.dot.origin for _, one in journal.pending()]
    assert sorted(origins) == sorted(f"process-{number}" for number in range(3) for _ in range(30))


def lead_until_killed(folder: Path, leads: Connection) -> None:
    with closing(opened(folder)) as journal, journal.lead() as leading:
        leads.send(leading)
        signal.pause()


def test_a_dead_process_leads_no_longer(journal: LocalJournal, folder: Path) -> None:
    ours, theirs = SPAWN.Pipe(duplex=False)
    process = SPAWN.Process(target=lead_until_killed, args=(folder, theirs))
    process.start()
    assert ours.recv()
    with journal.lead() as leading:
        assert not leading
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    with journal.lead() as leading:
        assert leading


# --- group commit ---


class Watched:
    """Makes appends wait until ``open`` is set, and remembers how many were handled together."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.open = threading.Event()
        self.came = threading.Semaphore(0)

    def share(self, handle: Handle) -> Callable[[Append], EchoError | None]:
        def watched(appends: Sequence[Append]) -> Sequence[EchoError | None]:
            self.came.release()
            assert self.open.wait(10)
            self.batches.append(len(appends))
            return handle(appends)

        return Batcher(watched, 64).call


def test_appends_that_come_together_share_a_flush(folder: Path) -> None:
    watched = Watched()
    with closing(opened(folder, share=watched.share)) as journal, ThreadPoolExecutor(9) as pool:
        first = pool.submit(journal.append, entry("first"))
        assert watched.came.acquire(timeout=10)
        others = [pool.submit(journal.append, entry(f"{number}")) for number in range(7)]
        pool.submit(watched.open.set)
        for done in (first, *others):
            done.result()
        assert journal.depth() == 8
    assert len(watched.batches) < 9


def test_one_that_finds_no_room_does_not_spoil_the_others(folder: Path) -> None:
    with closing(LocalJournal(folder, limit=200_000, clock=FakeClock(), boot="b")) as journal:
        small = [entry("a"), entry("b")]
        wishes = [
            Append.of(small[0], ()),
            Append.of(entry("big"), [bulky(), bulky(), bulky()]),
            Append.of(small[1], ()),
        ]
        answers = journal._add(wishes)
        assert [type(answer) for answer in answers] == [type(None), SpoolFull, type(None)]
        assert [one for _, one in journal.pending()] == small
        assert journal.spooled() == []


# --- ages ---


def test_an_entry_from_before_the_host_was_started_is_as_old_as_the_start(folder: Path) -> None:
    clock = FakeClock()
    clock.advance(1000)
    with closing(opened(folder, clock)) as journal:
        journal.append(entry())
        assert journal.oldest_age() == 0
    clock = FakeClock()
    clock.advance(3)
    with closing(opened(folder, clock, boot="boot-2")) as journal:
        assert journal.oldest_age() == 3


# --- room ---


def test_an_emptied_spool_gives_its_room_back(journal: LocalJournal, folder: Path) -> None:
    frames = [bulky() for _ in range(20)]
    journal.spool(frames)
    journal.drop([Delivered(one.digest, ("w1", "w2")) for one in frames])
    (pages,) = journal._file._open().writer.execute("PRAGMA page_count").fetchone()
    assert pages * 4096 < 200_000
