"""What chunks, the outbox and leases mean in every catalog."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from echofs.core.models import ChunkState, OwedReplica
from echofs.ports.catalog import Catalog, ChunkEntry, ChunkPage
from tests.contracts.catalog_values import chunk, digest, first, make
from tests.fakes.clock import START

DUE = START + 1_000_000


def keys_of(row: OwedReplica) -> tuple[str, str]:
    return row.digest, row.worker_id


def keys(owed: list[OwedReplica]) -> list[tuple[str, str]]:
    return [keys_of(row) for row in owed]


class Replicas:
    def test_a_commit_records_where_its_chunks_are(self, catalog: Catalog) -> None:
        commit = first("a", chunks=3)
        make(catalog, commit)
        digests = [record.digest for record in commit.chunks]
        assert catalog.replicas(digests) == dict.fromkeys(digests, ("w1", "w2", "w3"))

    def test_unknown_chunks_have_no_entry_and_known_ones_without_a_replica_an_empty_one(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("known", replicas=())])
        assert catalog.replicas([digest("known"), digest("unknown")]) == {digest("known"): ()}
        assert catalog.replicas([]) == {}

    def test_recording_again_adds_replicas_up(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("c", replicas=("w2",)), chunk("d", replicas=("w1",))])
        catalog.record_chunks([chunk("c", replicas=("w1", "w2"))])
        catalog.record_chunks([chunk("c", replicas=("w1", "w2"))])
        assert catalog.replicas([digest("c"), digest("d")]) == {digest("c"): ("w1", "w2"), digest("d"): ("w1",)}

    def test_one_chunk_twice_in_one_call_adds_up_too(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("c", ("w1",), owed=("w2",)), chunk("c", ("w2",), owed=("w3",))])
        assert catalog.replicas([digest("c")]) == {digest("c"): ("w1", "w2")}
        assert keys(catalog.due(DUE, 10)) == [(digest("c"), "w3")]

    def test_recording_nothing_changes_nothing(self, catalog: Catalog) -> None:
        catalog.record_chunks([])
        assert catalog.outbox_depth() == 0

    def test_thousands_of_chunks_are_recorded_and_found(self, catalog: Catalog) -> None:
        records = [chunk(("many", index), owed=("w4",)) for index in range(self.MANY)]
        catalog.record_chunks(records)
        digests = [record.digest for record in records]
        assert catalog.replicas(digests) == dict.fromkeys(digests, ("w1", "w2", "w3"))
        catalog.settle("w4", digests)
        assert catalog.outbox_depth() == 0
        assert set(catalog.replicas(digests).values()) == {("w1", "w2", "w3", "w4")}

    def test_many_threads_recording_the_same_chunks_lose_nothing(self, catalog: Catalog) -> None:
        def record(worker: int) -> None:
            catalog.record_chunks([chunk(("shared", index), replicas=(f"w{worker}",)) for index in range(20)])

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(record, range(6)))
        found = catalog.replicas([digest(("shared", index)) for index in range(20)])
        assert set(found.values()) == {tuple(f"w{worker}" for worker in range(6))}


class Outbox:
    def test_replicas_owed_at_the_commit_are_due_at_once(self, catalog: Catalog) -> None:
        commit = first("a")
        short = chunk("short", replicas=("w1", "w2"), owed=("w3",))
        make(catalog, replace(commit, chunks=(*commit.chunks, short)))
        (owed,) = catalog.due(START, 10)
        assert (owed.digest, owed.worker_id, owed.due_at, owed.attempts) == (digest("short"), "w3", START, 0)
        assert owed.reason
        assert catalog.outbox_depth() == 1

    def test_a_replica_that_is_owed_and_present_counts_as_present(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("c", replicas=("w1", "w2"), owed=("w2", "w3"))])
        assert keys(catalog.due(DUE, 10)) == [(digest("c"), "w3")]
        catalog.record_chunks([chunk("c", replicas=("w3",))])
        assert catalog.outbox_depth() == 0
        catalog.record_chunks([chunk("c", replicas=(), owed=("w1",))])
        assert catalog.outbox_depth() == 0

    def test_settling_turns_what_is_owed_into_replicas(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk(name, ("w1",), owed=("w2", "w3")) for name in "cd"])
        for _ in range(2):
            catalog.settle("w2", [digest("c")])
        assert catalog.replicas([digest("c")]) == {digest("c"): ("w1", "w2")}
        assert sorted(keys(catalog.due(DUE, 10))) == sorted(
            [(digest("c"), "w3"), (digest("d"), "w2"), (digest("d"), "w3")]
        )

    def test_settling_an_unknown_chunk_changes_nothing(self, catalog: Catalog) -> None:
        catalog.settle("w1", [digest("unknown")])
        assert catalog.replicas([digest("unknown")]) == {}

    def test_a_lost_copy_is_no_longer_a_replica_and_is_owed(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("c"), chunk("d")])
        for now in (START + 5, START + 6):
            catalog.owe("w2", [digest("c"), digest("unknown")], "failed its check", now)
        assert catalog.replicas([digest("c")]) == {digest("c"): ("w1", "w3")}
        assert catalog.due(DUE, 10) == [OwedReplica(digest("c"), "w2", "failed its check", START + 5)]

    def test_what_is_due_comes_longest_due_first_and_no_more_than_asked_for(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk(name, ("w1", "w2")) for name in "abc"])
        for delay, name in ((3, "a"), (1, "b"), (2, "c")):
            catalog.owe("w1", [digest(name)], "lost", START + delay)
        assert keys(catalog.due(START + 2, 10)) == [(digest("b"), "w1"), (digest("c"), "w1")]
        assert keys(catalog.due(DUE, 2)) == [(digest("b"), "w1"), (digest("c"), "w1")]
        assert catalog.due(START, 10) == []

    def test_postponing_counts_an_attempt_of_exactly_those(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk(name, ("w3",), owed=("w1", "w2")) for name in "ab"])
        wanted = {(digest("a"), "w1"), (digest("b"), "w2")}
        mine = [row for row in catalog.due(DUE, 10) if keys_of(row) in wanted]
        catalog.postpone(mine, DUE)
        assert sorted(keys(catalog.due(START, 10))) == sorted([(digest("a"), "w2"), (digest("b"), "w1")])
        later = [row for row in catalog.due(DUE, 10) if row.due_at == DUE]
        assert sorted(later, key=keys_of) == sorted((replace(row, due_at=DUE, attempts=1) for row in mine), key=keys_of)
        catalog.postpone(later, DUE + 1)
        assert {row.attempts for row in catalog.due(DUE + 1, 10)} == {0, 2}

    def test_postponing_what_was_settled_meanwhile_changes_nothing(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("a", ("w1",), owed=("w2",))])
        owed = catalog.due(DUE, 10)
        catalog.settle("w2", [digest("a")])
        catalog.postpone(owed, DUE)
        catalog.postpone([], DUE)
        assert catalog.outbox_depth() == 0

    def test_what_is_owed_is_counted_by_worker_and_reason(self, catalog: Catalog) -> None:
        assert catalog.owed_counts() == {}
        catalog.record_chunks([chunk("a", ("w1",), owed=("w2", "w3")), chunk("b", ("w1",), owed=("w2",))])
        (reason,) = {row.reason for row in catalog.due(DUE, 10)}
        catalog.owe("w1", [digest("a")], "corrupt", START)
        catalog.postpone(catalog.due(DUE, 10), DUE + 100)
        assert catalog.owed_counts() == {("w2", reason): 2, ("w3", reason): 1, ("w1", "corrupt"): 1}
        catalog.settle("w2", [digest("a"), digest("b")])
        assert catalog.owed_counts() == {("w3", reason): 1, ("w1", "corrupt"): 1}

    def test_a_worker_that_came_back_is_due_at_once_and_others_are_not(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("a", ("w1",), owed=("w2", "w3")), chunk("b", ("w1",), owed=("w2",))])
        catalog.postpone(catalog.due(DUE, 10), DUE + 100)
        catalog.hasten("w2", DUE)
        assert sorted(keys(catalog.due(DUE, 10))) == sorted([(digest("a"), "w2"), (digest("b"), "w2")])
        assert {row.attempts for row in catalog.due(DUE, 10)} == {1}

    def test_hastening_never_makes_anything_later(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("a", ("w1",), owed=("w2",))])
        catalog.hasten("w2", DUE)
        assert [row.due_at for row in catalog.due(DUE, 10)] == [START]

    def test_whoever_is_excused_owes_no_more_and_keeps_its_replicas(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk("c", ("w1",), owed=("w2", "w3")), chunk("d", ("w1",), owed=("w2",))])
        for _ in range(2):
            catalog.excuse("w2", [digest("c"), digest("unknown")])
            catalog.excuse("w1", [digest("c")])
        assert sorted(keys(catalog.due(DUE, 10))) == sorted([(digest("c"), "w3"), (digest("d"), "w2")])
        assert catalog.replicas([digest("c")]) == {digest("c"): ("w1",)}


class Paging:
    def test_every_live_chunk_comes_once_with_all_that_is_known_of_it(self, catalog: Catalog) -> None:
        catalog.record_chunks([chunk(("some", index), ("w1",), owed=("w2",)) for index in range(7)])
        doomed = ChunkEntry(digest("doomed"), 1, ChunkState.CONDEMNED, START, ("w1",), ())
        catalog.restore([doomed])
        for limit in (1, 3, 7, 8):
            found, page = [], catalog.chunk_page(limit=limit)
            found += page.chunks
            while page.next:
                page = catalog.chunk_page(page.next, limit)
                assert len(page.chunks) <= limit
                found += page.chunks
            assert sorted(entry.digest for entry in found) == sorted(digest(("some", index)) for index in range(7))
        entry = found[0]
        assert (entry.size, entry.replicas, [row.worker_id for row in entry.owed]) == (4096, ("w1",), ["w2"])

    def test_an_empty_catalog_has_an_empty_page(self, catalog: Catalog) -> None:
        assert catalog.chunk_page() == ChunkPage(())


class Leases:
    def test_a_lease_has_one_holder_until_it_expires(self, catalog: Catalog) -> None:
        assert catalog.acquire_lease("repair", "one", now=100, until=200)
        assert not catalog.acquire_lease("repair", "two", now=199, until=300)
        assert catalog.acquire_lease("repair", "two", now=200, until=300)
        assert not catalog.acquire_lease("repair", "one", now=201, until=400)

    def test_the_holder_extends_its_lease(self, catalog: Catalog) -> None:
        assert catalog.acquire_lease("repair", "one", now=100, until=200)
        assert catalog.acquire_lease("repair", "one", now=150, until=300)
        assert not catalog.acquire_lease("repair", "two", now=250, until=350)

    def test_leases_of_different_names_are_independent(self, catalog: Catalog) -> None:
        assert catalog.acquire_lease("repair", "one", now=100, until=200)
        assert catalog.acquire_lease("scrub", "two", now=100, until=200)

    def test_only_the_holder_gives_a_lease_back(self, catalog: Catalog) -> None:
        catalog.acquire_lease("repair", "one", now=100, until=200)
        catalog.release_lease("repair", "two")
        assert not catalog.acquire_lease("repair", "two", now=150, until=250)
        for _ in range(2):
            catalog.release_lease("repair", "one")
        assert catalog.acquire_lease("repair", "two", now=150, until=250)

    def test_of_eight_who_ask_at_once_exactly_one_gets_the_lease(self, catalog: Catalog) -> None:
        with ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda who: catalog.acquire_lease("repair", f"j{who}", 100, 200), range(8)))
        assert got.count(True) == 1

    def test_a_catalog_that_answers_says_so(self, catalog: Catalog) -> None:
        catalog.ping()


class ChunkContract(Replicas, Outbox, Paging, Leases):
    """Inherit it and provide a ``catalog`` fixture with nothing in it, whose clock stands at ``clock.START``."""

    MANY = 2500
    """Chunks of one call: more than any engine takes in one statement."""
