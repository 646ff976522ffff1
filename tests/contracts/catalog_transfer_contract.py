"""What reading a whole catalog and filling another with it mean in every catalog."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from echofs.core.errors import NotFound
from echofs.core.models import ChunkState, Dot, File, Floor, FloorScope, IdempotencyRecord, Level, OwedReplica
from echofs.ports.catalog import Catalog, ChunkEntry, Entry, FolderChange, FolderEntry, PastVersion
from echofs.ports.listing import ListQuery
from tests.contracts.catalog_dispute_contract import conflict
from tests.contracts.catalog_values import ALICE, BOB, chunk, deleted, digest, first, following, keyed, make, moved
from tests.fakes.clock import START

FOREVER = 2**62


def everything(catalog: Catalog, limit: int = 200) -> list[Entry]:
    """All entries of a catalog."""
    found: list[Entry] = []
    page = catalog.dump(limit=limit)
    found += page.entries
    while page.next:
        page = catalog.dump(page.next, limit)
        assert len(page.entries) <= limit
        found += page.entries
    return found


def fill(catalog: Catalog) -> None:
    """Two owners, histories, a move, a delete, odd names, owed replicas and an answer for a key."""
    make(catalog, keyed(first("a/b/größe.txt", chunks=3, size=(2 << 20) + 5), "key-1"))
    file = make(catalog, first("a/draft"))
    file = make(catalog, following(file))
    file = make(catalog, moved(file, "z/y/final"))
    make(catalog, deleted(make(catalog, first("gone"))))
    make(catalog, first("gone"))
    make(catalog, keyed(first("a/draft", owner=BOB), "key-1", at=START))
    catalog.make_folder(BOB, "leer/größer")
    catalog.record_chunks([chunk("short", ("w1", "w2"), owed=("w3",)), chunk("nowhere", (), owed=("w2", "w1"))])
    catalog.postpone(catalog.due(START, 1), START + 7_000_000)
    for state, number in (("open", 1), ("resolved", 2)):
        catalog.record_conflict(conflict(f"m:{number}", state=state))
    catalog.set_floor(Floor(ALICE, FloorScope.FOLDER, "a/ö", Level.STRONG, critical=True))
    catalog.set_floor(Floor(ALICE, FloorScope.USER, "", Level.HYBRID))


class Dump:
    def test_nothing_dumps_to_nothing(self, catalog: Catalog) -> None:
        assert catalog.empty()
        assert everything(catalog) == []

    def test_every_entry_comes_once_whatever_the_size_of_the_pages(self, catalog: Catalog) -> None:
        fill(catalog)
        whole = Counter(everything(catalog))
        assert set(whole.values()) == {1}
        for limit in (1, 2, 3, 7):
            assert Counter(everything(catalog, limit)) == whole

    def test_a_dump_has_heads_and_past_versions_of_living_and_deleted_files(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        changed = make(catalog, moved(file, "b"))
        gone = make(catalog, deleted(changed))
        other = make(catalog, first("c", owner=BOB))
        found = everything(catalog)
        assert {entry for entry in found if isinstance(entry, File)} == {gone, other}
        past = {entry for entry in found if isinstance(entry, PastVersion)}
        assert past == {PastVersion(ALICE, file.head), PastVersion(ALICE, changed.head)}

    def test_a_dump_tells_all_about_chunks(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("c", ("w2", "w1"), owed=("w4", "w3"))])
        catalog.postpone([row for row in catalog.due(START, 9) if row.worker_id == "w3"], START + 5)
        (entry,) = everything(catalog)
        assert isinstance(entry, ChunkEntry)
        rows = {row.worker_id: (row.due_at, row.attempts) for row in entry.owed}
        assert (entry.digest, entry.size, entry.state, entry.touched_at) == (digest("c"), 4096, ChunkState.LIVE, START)
        assert entry.replicas == ("w1", "w2")
        assert list(rows.items()) == [("w3", (START + 5, 1)), ("w4", (START, 0))]

    def test_leases_are_not_part_of_it(self, catalog: Catalog) -> None:
        catalog.acquire_lease("jobs", "me", START, FOREVER)
        assert catalog.empty()
        assert everything(catalog) == []


class Restore:
    def test_what_was_dumped_and_restored_dumps_the_same(self, catalog: Catalog) -> None:
        fill(catalog)
        whole = everything(catalog)
        catalog.clear()
        assert catalog.empty()
        heads = [entry for entry in whole if isinstance(entry, File)]
        catalog.restore(heads)
        catalog.restore([entry for entry in whole if not isinstance(entry, File)])
        assert Counter(everything(catalog)) == Counter(whole)
        assert not catalog.empty()

    def test_restoring_again_changes_nothing(self, catalog: Catalog) -> None:
        fill(catalog)
        whole = everything(catalog)
        catalog.restore(whole)
        catalog.restore([])
        assert Counter(everything(catalog)) == Counter(whole)

    def test_restored_files_are_found_by_id_path_folder_and_history(self, catalog: Catalog) -> None:
        file = make(catalog, first("a/b/c"))
        file = make(catalog, moved(make(catalog, following(file)), "x/y"))
        history = catalog.versions(ALICE, file.id)
        whole = everything(catalog)
        catalog.clear()
        with pytest.raises(NotFound):
            catalog.file(ALICE, file.id)
        catalog.restore(whole)
        assert catalog.file(ALICE, file.id) == file
        assert catalog.file_at(ALICE, "x/y") == file
        assert catalog.versions(ALICE, file.id) == history
        assert [catalog.folders(ALICE, folder) for folder in ("", "a", "x")] == [["a", "x"], ["a/b"], []]
        assert catalog.files(ListQuery(ALICE, folder="x")).files == (file,)

    def test_folders_are_restored_as_they_were_and_those_that_ended_are_not(self, catalog: Catalog) -> None:
        make(catalog, deleted(make(catalog, first("gone/1"))))
        catalog.commit_together([], FolderChange(ALICE, "gone"))
        catalog.make_folder(ALICE, "a/empty")
        whole = everything(catalog)
        assert {entry.path for entry in whole if isinstance(entry, FolderEntry)} == {"a", "a/empty"}
        catalog.clear()
        catalog.restore(whole)
        assert [catalog.folders(ALICE, folder) for folder in ("", "a")] == [["a"], ["a/empty"]]

    def test_a_living_file_brings_its_folders(self, catalog: Catalog) -> None:
        make(catalog, first("a/b/c"))
        heads = [entry for entry in everything(catalog) if isinstance(entry, File)]
        catalog.clear()
        catalog.restore(heads)
        assert [catalog.folders(ALICE, folder) for folder in ("", "a")] == [["a"], ["a/b"]]

    def test_a_restored_tombstone_frees_its_path_and_stays(self, catalog: Catalog) -> None:
        gone = make(catalog, deleted(make(catalog, first("a"))))
        whole = everything(catalog)
        catalog.clear()
        catalog.restore(whole)
        with pytest.raises(NotFound):
            catalog.file(ALICE, gone.id)
        assert catalog.versions(ALICE, gone.id)[0] == gone.head
        make(catalog, first("a"))

    def test_restored_files_go_on_from_their_head(self, catalog: Catalog) -> None:
        file = make(catalog, following(make(catalog, first("a"))))
        whole = everything(catalog)
        catalog.clear()
        catalog.restore(whole)
        assert make(catalog, moved(file, "b")).head.number == 3

    def test_a_history_may_have_gaps(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        ninth = replace(file.head, number=9, parent=8)
        catalog.clear()
        catalog.restore([replace(file, head=ninth), PastVersion(ALICE, replace(file.head, dot=Dot("m", 1)))])
        assert [version.number for version in catalog.versions(ALICE, file.id)] == [9, 1]
        assert make(catalog, following(catalog.file(ALICE, file.id))).head.number == 10

    def test_restored_chunks_are_where_they_were_and_owed_as_before(self, catalog: Catalog) -> None:
        later = OwedReplica(digest("c"), "w3", "corrupt", START + 9, 4)
        now = OwedReplica(digest("c"), "w4", "lost", START, 0)
        entry = ChunkEntry(digest("c"), 17, ChunkState.LIVE, START - 5, ("w1", "w2"), (later, now))
        doomed = ChunkEntry(digest("d"), 1, ChunkState.CONDEMNED, START, (), ())
        catalog.restore([entry, doomed])
        assert Counter(everything(catalog)) == Counter([entry, doomed])
        assert catalog.replicas([digest("c"), digest("d")]) == {digest("c"): ("w1", "w2"), digest("d"): ()}
        assert catalog.due(START, 9) == [now]
        assert catalog.outbox_depth() == 2
        catalog.settle("w3", [digest("c")])
        assert catalog.outbox_depth() == 1

    def test_restored_answers_are_given_again(self, catalog: Catalog) -> None:
        record = IdempotencyRecord(ALICE, "key", "print", '{"ö": 1}', START)
        catalog.restore([record])
        assert catalog.idempotency(ALICE, "key") == record
        assert not catalog.empty()

    def test_clearing_keeps_leases(self, catalog: Catalog) -> None:
        fill(catalog)
        catalog.acquire_lease("restore", "run", START, FOREVER)
        for _ in range(2):
            catalog.clear()
        assert catalog.lease_holder("restore", START) == "run"
        assert catalog.outbox_depth() == 0
        assert catalog.folders(ALICE, "") == []


class LeaseHolder:
    def test_the_holder_of_a_lease_is_known_until_it_expires_or_is_given_back(self, catalog: Catalog) -> None:
        assert catalog.lease_holder("jobs", 100) == ""
        catalog.acquire_lease("jobs", "one", now=100, until=200)
        assert [catalog.lease_holder("jobs", now) for now in (100, 199, 200)] == ["one", "one", ""]
        catalog.release_lease("jobs", "one")
        assert catalog.lease_holder("jobs", 100) == ""


class TransferContract(Dump, Restore, LeaseHolder):
    """Inherit it and provide a ``catalog`` fixture with nothing in it, whose clock stands at ``clock.START``."""
