"""What the change sequence means in every catalog that keeps one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from echofs.core.models import File
from echofs.ports.catalog import Catalog
from tests.contracts.catalog_values import deleted, first, following, make, moved


def read_on(catalog: Catalog, after: int, limit: int = 2) -> tuple[list[File], int]:
    """Everything after a place, and the place after it."""
    found: list[File] = []
    while True:
        part = catalog.changes(after, limit)
        found += part.files
        after = part.upto
        if not part.more:
            return found, after


class ChangeContract:
    def test_an_empty_catalog_has_no_changes(self, catalog: Catalog) -> None:
        assert read_on(catalog, catalog.last_change()) == ([], catalog.last_change())

    def test_every_version_comes_once_and_in_its_files_order(self, catalog: Catalog) -> None:
        start = catalog.last_change()
        one = make(catalog, first("a"))
        two = make(catalog, following(one))
        other = make(catalog, first("b"))
        gone = make(catalog, deleted(make(catalog, moved(two, "c"))))
        found, upto = read_on(catalog, start)
        assert [file.head.number for file in found if file.id == one.id] == [1, 2, 3, 4]
        assert found[-1] == gone
        assert other in found
        assert len(found) == 5
        assert read_on(catalog, upto) == ([], upto)

    def test_a_reader_is_told_how_far_there_is_to_go(self, catalog: Catalog) -> None:
        place = catalog.last_change()
        for number in range(3):
            make(catalog, first(f"file-{number}"))
        begun = catalog.changes(place, 2)
        assert begun.upto < begun.newest
        done = catalog.changes(begun.upto, 2)
        assert (done.upto, done.newest) == (begun.newest, begun.newest)
        assert catalog.changes(done.upto, 2).newest == done.newest

    def test_commits_of_one_batch_come_too(self, catalog: Catalog) -> None:
        start = catalog.last_change()
        catalog.commit([first(f"file-{number}") for number in range(7)])
        assert sorted(file.path for file in read_on(catalog, start)[0]) == [f"file-{number}" for number in range(7)]

    def test_a_reader_may_begin_with_the_latest(self, catalog: Catalog) -> None:
        for number in range(6):
            make(catalog, first(f"file-{number}"))
        assert [file.path for file in read_on(catalog, catalog.last_change(back=2))[0]] == ["file-4", "file-5"]
        assert len(read_on(catalog, catalog.last_change(back=100))[0]) == 6

    def test_a_reader_misses_nothing_while_others_commit(self, catalog: Catalog) -> None:
        writers, files = 4, 10
        place = catalog.last_change()
        committed = threading.Semaphore(0)

        def write(writer: int) -> None:
            for number in range(files):
                file = make(catalog, first(f"{writer}/{number}"))
                committed.release()
                make(catalog, following(file))
                committed.release()

        seen: list[tuple[str, int]] = []
        with ThreadPoolExecutor(writers) as pool:
            written = [pool.submit(write, writer) for writer in range(writers)]
            for _ in range(writers * files * 2):
                assert committed.acquire(timeout=60)
                found, place = read_on(catalog, place, limit=3)
                seen += [(file.path, file.head.number) for file in found]
            for each in written:
                each.result()
        # What was committed while a transaction with a lower number was under way shows as soon as that one has ended.
        seen += [(file.path, file.head.number) for file in read_on(catalog, place)[0]]
        assert len(seen) == len(set(seen)) == writers * files * 2
