"""What the trash, old versions, usage and quotas mean in every catalog."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from echofs.core.errors import HeadMoved, InvalidRequest, NotFound, QuotaExceeded
from echofs.core.models import File
from echofs.core.usage import Usage
from echofs.ports.catalog import Catalog, Commit, PastVersion
from echofs.ports.trash import History, Trashed
from tests.contracts.catalog_transfer_contract import everything
from tests.contracts.catalog_values import (
    ALICE,
    BOB,
    CREATED,
    at_once,
    deleted,
    first,
    following,
    make,
    moved,
    winners,
)


def gone(catalog: Catalog, path: str, *, size: int = 10, at: int = CREATED, owner: str = ALICE) -> File:
    """A file with one old version that was deleted; its tombstone."""
    file = make(catalog, first(path, size=size, at=at, owner=owner))
    return make(catalog, ended(make(catalog, following(file, created_at=at))))


def ended(file: File) -> Commit:
    """A tombstone without bytes, as services write them."""
    commit = deleted(file)
    return replace(commit, version=replace(commit.version, content=replace(file.head.content, size=0, inline=b"")))


def back(catalog: Catalog, tombstone: File, path: str = "") -> Commit:
    """The bytes that were deleted as a new version."""
    number = catalog.trashed(tombstone.owner_id, tombstone.id).number
    history = {version.number: version for version in catalog.versions(tombstone.owner_id, tombstone.id)}
    commit = following(tombstone, content=history[number].content, path=path or tombstone.path)
    return replace(commit, revives=True)


def limited(commit: Commit, quota: int) -> Commit:
    """The same commit under a quota."""
    return replace(commit, quota_bytes=quota)


def resized(file: File, size: int) -> Commit:
    """New bytes of another number."""
    return following(file, content=replace(file.head.content, size=size))


def numbers(catalog: Catalog, file: File) -> list[int]:
    return [version.number for version in catalog.versions(file.owner_id, file.id)]


def purge(catalog: Catalog, end: File) -> int:
    """Ends a file as it is in the trash now."""
    return catalog.purge(end.owner_id, [catalog.trashed(end.owner_id, end.id)])


def names(found: Iterable[Trashed]) -> list[str]:
    return [each.path for each in found]


class Deleted:
    def test_a_deleted_file_is_in_the_trash_with_what_was_deleted(self, catalog: Catalog) -> None:
        end = gone(catalog, "d/a", size=7)
        found = Trashed(end.id, ALICE, "d/a", 2, 7, end.head.created_at)
        assert catalog.trash(ALICE).files == (found,)
        assert catalog.trashed(ALICE, end.id) == found

    def test_the_trash_is_its_owners_alone(self, catalog: Catalog) -> None:
        end = gone(catalog, "a")
        assert catalog.trash(BOB).files == ()
        with pytest.raises(NotFound):
            catalog.trashed(BOB, end.id)
        trashed = catalog.trashed(ALICE, end.id)
        assert catalog.purge(BOB, [trashed]) == catalog.purge("nobody", [trashed]) == catalog.purge("", [trashed]) == 0
        assert catalog.trashed(ALICE, end.id) == trashed

    @pytest.mark.parametrize("name", ["missing", "", "nul\0", "\ud800"])
    def test_ids_that_name_nothing_are_not_in_the_trash(self, catalog: Catalog, name: str) -> None:
        with pytest.raises(NotFound):
            catalog.trashed(ALICE, name)

    def test_a_living_file_is_not_in_the_trash(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        with pytest.raises(NotFound):
            catalog.trashed(ALICE, file.id)

    def test_the_newest_come_first_over_all_pages(self, catalog: Catalog) -> None:
        times = (3, 1, 2, 2, 5)
        for index, at in enumerate(times):
            gone(catalog, f"f{index}", at=CREATED + 100 * at)
        found, after = [], ""
        for _ in times:
            page = catalog.trash(ALICE, after, limit=2)
            found += page.files
            after = page.next
            if not after:
                break
        assert [each.deleted_at for each in found] == sorted((each.deleted_at for each in found), reverse=True)
        assert sorted(names(found)) == [f"f{index}" for index in range(5)]

    def test_a_cursor_that_nobody_made_is_refused(self, catalog: Catalog) -> None:
        with pytest.raises(InvalidRequest):
            catalog.trash(ALICE, after="nonsense")

    def test_a_revived_file_leaves_the_trash_and_keeps_its_history(self, catalog: Catalog) -> None:
        end = gone(catalog, "a", size=7)
        file = make(catalog, back(catalog, end, "b"))
        assert catalog.file_at(ALICE, "b") == file
        assert catalog.trash(ALICE).files == ()
        assert numbers(catalog, file) == [4, 3, 2, 1]
        again = make(catalog, ended(file))
        assert catalog.trashed(ALICE, file.id).number == 4
        assert catalog.trashed(ALICE, file.id).deleted_at == again.head.created_at


class Purged:
    def test_a_purged_file_stays_deleted_and_keeps_only_its_tombstone(self, catalog: Catalog) -> None:
        end, other = gone(catalog, "a"), gone(catalog, "b")
        seen = catalog.trashed(ALICE, end.id)
        assert catalog.purge(ALICE, [seen, replace(seen, file_id="unknown")]) == 1
        assert catalog.purge(ALICE, [seen]) == 0
        assert catalog.trash(ALICE).files == (catalog.trashed(ALICE, other.id),)
        assert numbers(catalog, end) == [3]
        assert catalog.head(ALICE, end.id).deleted

    def test_what_was_restored_and_deleted_again_since_it_was_seen_stays_in_the_trash(self, catalog: Catalog) -> None:
        end, other = gone(catalog, "a", size=7), gone(catalog, "b", size=3)
        seen = [catalog.trashed(ALICE, each.id) for each in (end, other)]
        file = make(catalog, back(catalog, end))
        assert catalog.purge(ALICE, seen[:1]) == 0
        again = make(catalog, ended(file))
        assert catalog.purge(ALICE, seen) == 1
        assert names(catalog.trash(ALICE).files) == ["a"]
        assert numbers(catalog, again) == [5, 4, 3, 2, 1]
        assert catalog.usage(ALICE) == Usage(0, 0, 7)
        assert purge(catalog, again) == 1
        assert catalog.usage(ALICE) == Usage()

    def test_versions_that_were_purged_are_known_by_their_dots_no_longer(self, catalog: Catalog) -> None:
        end = gone(catalog, "a")
        history = catalog.versions(ALICE, end.id)
        purge(catalog, end)
        assert set(catalog.by_dot(ALICE, [version.dot for version in history])) == {end.head.dot}

    def test_a_purged_file_does_not_begin_again_when_its_first_version_comes_late(self, catalog: Catalog) -> None:
        begun = first("a")
        end = make(catalog, ended(make(catalog, begun)))
        purge(catalog, end)
        assert isinstance(catalog.commit([begun])[0], HeadMoved)
        assert catalog.head(ALICE, end.id) == end
        assert catalog.usage(ALICE) == Usage()

    def test_a_purged_file_that_is_revived_by_a_late_write_counts_like_a_new_one(self, catalog: Catalog) -> None:
        end = gone(catalog, "a", size=7)
        late = back(catalog, end)
        purge(catalog, end)
        make(catalog, late)
        assert catalog.usage(ALICE) == Usage(1, 7, 0)

    def test_what_was_deleted_long_ago_is_found_for_all_users(self, catalog: Catalog) -> None:
        old = gone(catalog, "old", at=CREATED)
        older = gone(catalog, "older", at=CREATED - 50, owner=BOB)
        gone(catalog, "new", at=CREATED + 100)
        found = catalog.expired(CREATED + 50, 10)
        assert {(each.owner_id, each.file_id) for each in found} == {(ALICE, old.id), (BOB, older.id)}
        assert len(catalog.expired(CREATED + 50, 1)) == 1
        purge(catalog, older)
        assert [each.file_id for each in catalog.expired(CREATED + 50, 10)] == [old.id]


class Used:
    def test_usage_follows_every_kind_of_commit(self, catalog: Catalog) -> None:
        assert catalog.usage(ALICE) == Usage()
        file = make(catalog, first("a", size=10))
        assert catalog.usage(ALICE) == Usage(1, 10, 0)
        file = make(catalog, resized(file, 4))
        file = make(catalog, moved(file, "b"))
        assert catalog.usage(ALICE) == Usage(1, 4, 0)
        make(catalog, first("c", size=3, owner=BOB))
        end = make(catalog, ended(file))
        assert catalog.usage(ALICE) == Usage(0, 0, 4)
        file = make(catalog, back(catalog, end))
        assert catalog.usage(ALICE) == Usage(1, 4, 0)
        purge(catalog, make(catalog, ended(file)))
        assert (catalog.usage(ALICE), catalog.usage(BOB)) == (Usage(), Usage(1, 3, 0))

    def test_new_bytes_for_one_file_and_the_end_of_another_are_one_step(self, catalog: Catalog) -> None:
        source, target = make(catalog, first("a", size=7)), make(catalog, first("b", size=3))
        with pytest.raises(QuotaExceeded):
            catalog.commit_together([limited(resized(target, 7), 13), limited(ended(source), 13)])
        assert (catalog.usage(ALICE), catalog.trash(ALICE).files) == (Usage(2, 10, 0), ())
        catalog.commit_together([limited(resized(target, 7), 14), limited(ended(source), 14)])
        assert (catalog.usage(ALICE), names(catalog.trash(ALICE).files)) == (Usage(1, 7, 7), ["a"])

    def test_a_commit_made_twice_counts_once(self, catalog: Catalog) -> None:
        commit = first("a", size=10)
        for _ in range(2):
            make(catalog, commit)
        assert catalog.usage(ALICE) == Usage(1, 10, 0)

    def test_a_refused_commit_does_not_count(self, catalog: Catalog) -> None:
        file = make(catalog, first("a", size=10))
        catalog.commit([first("a", size=10), following(replace(file, head=replace(file.head, number=5)))])
        assert catalog.usage(ALICE) == Usage(1, 10, 0)

    def test_a_batch_of_several_owners_counts_for_each(self, catalog: Catalog) -> None:
        file = make(catalog, first("a", size=10))
        catalog.commit([ended(file), first("a", size=7), first("b", size=5, owner=BOB), first("c", size=1)])
        assert (catalog.usage(ALICE), catalog.usage(BOB)) == (Usage(2, 8, 10), Usage(1, 5, 0))

    def test_an_owner_nobody_has_heard_of_has_nothing(self, catalog: Catalog) -> None:
        assert catalog.usage("nul\0") == Usage()

    def test_the_usage_of_several_owners_is_told_at_once(self, catalog: Catalog) -> None:
        assert catalog.usages([]) == {}
        catalog.commit([first("a", size=7), first("b", size=5, owner=BOB), first("c", size=1)])
        asked = [ALICE, "nul\0", BOB, "nobody"]
        assert catalog.usages(asked) == {owner_id: catalog.usage(owner_id) for owner_id in asked}
        assert catalog.usages([BOB]) == {BOB: Usage(1, 5, 0)}


class Quotas:
    def test_what_fits_exactly_is_taken_and_one_byte_more_is_not(self, catalog: Catalog) -> None:
        make(catalog, limited(first("a", size=60), 100))
        make(catalog, limited(first("b", size=40), 100))
        late = limited(first("c", size=1), 100)
        with pytest.raises(QuotaExceeded):
            make(catalog, late)
        assert catalog.usage(ALICE) == Usage(2, 100, 0)
        assert catalog.replicas([chunk.digest for chunk in late.chunks]) == {}
        make(catalog, limited(first("empty", size=0), 100))

    def test_the_very_first_file_may_exceed_it_too(self, catalog: Catalog) -> None:
        with pytest.raises(QuotaExceeded):
            make(catalog, limited(first("a", size=101), 100))
        assert catalog.usage(ALICE) == Usage()

    def test_the_trash_counts_until_it_is_purged(self, catalog: Catalog) -> None:
        end = make(catalog, ended(make(catalog, first("a", size=100))))
        with pytest.raises(QuotaExceeded):
            make(catalog, limited(first("b", size=1), 100))
        purge(catalog, end)
        make(catalog, limited(first("b", size=100), 100))

    def test_what_does_not_grow_is_never_refused(self, catalog: Catalog) -> None:
        file = make(catalog, first("a", size=100))
        file = make(catalog, limited(resized(file, 100), 10))
        file = make(catalog, limited(moved(file, "b"), 10))
        end = make(catalog, limited(ended(file), 10))
        file = make(catalog, limited(back(catalog, end), 10))
        make(catalog, limited(resized(file, 90), 10))
        assert catalog.usage(ALICE) == Usage(1, 90, 0)

    def test_a_new_version_takes_the_room_by_which_it_is_larger(self, catalog: Catalog) -> None:
        file = make(catalog, first("a", size=60))
        with pytest.raises(QuotaExceeded):
            make(catalog, limited(resized(file, 101), 100))
        assert make(catalog, limited(resized(file, 100), 100)).head.number == 2

    def test_of_one_batch_those_are_taken_that_fit(self, catalog: Catalog) -> None:
        sizes = (50, 60, 50, 1)
        answers = catalog.commit([limited(first(f"f{index}", size=size), 100) for index, size in enumerate(sizes)])
        done = sum(answer.head.content.size for answer in winners(answers))
        assert [type(answer) for answer in answers if not isinstance(answer, File)] == [QuotaExceeded] * 2
        assert catalog.usage(ALICE).bytes == done <= 100

    def test_what_a_batch_deletes_makes_no_room_before_it_is_purged(self, catalog: Catalog) -> None:
        file = make(catalog, first("a", size=100))
        answers = catalog.commit([limited(ended(file), 100), limited(first("b", size=1), 100)])
        assert [type(answer) for answer in answers] == [File, QuotaExceeded]

    def test_what_shrinks_in_a_batch_makes_room_for_what_comes_after_it(self, catalog: Catalog) -> None:
        file = make(catalog, first("a", size=100))
        (smaller,) = winners(catalog.commit([limited(resized(file, 40), 100)]))
        answers = catalog.commit([limited(resized(smaller, 10), 100), limited(first("b", size=60), 100)])
        assert len(winners(answers)) == 2
        assert catalog.usage(ALICE).bytes == 70

    def test_one_owners_quota_is_nothing_to_another(self, catalog: Catalog) -> None:
        answers = catalog.commit([limited(first("a", size=101), 100), limited(first("a", size=100, owner=BOB), 100)])
        assert [type(answer) for answer in answers] == [QuotaExceeded, File]

    def test_a_step_that_exceeds_the_quota_is_refused_as_a_whole(self, catalog: Catalog) -> None:
        file = make(catalog, first("a", size=40))
        with pytest.raises(QuotaExceeded):
            catalog.commit_together([limited(first(path, size=40), 100) for path in ("b", "c")])
        assert catalog.usage(ALICE) == Usage(1, 40, 0)
        catalog.commit_together([limited(ended(file), 100), limited(first("b", size=60), 100)])
        assert catalog.usage(ALICE) == Usage(1, 60, 40)

    def test_a_quota_is_never_exceeded_however_many_write_at_once(self, catalog: Catalog) -> None:
        made = 0
        for turn in range(2):
            rivals = [limited(first(f"{turn}/{index}", size=9), 100) for index in range(8)]
            made += len(winners(at_once(catalog, rivals)))
            assert catalog.usage(ALICE) == Usage(made, 9 * made, 0)
        assert made == 11


class Histories:
    def test_only_files_with_old_versions_have_a_history(self, catalog: Catalog) -> None:
        file = make(catalog, following(make(catalog, first("a"))))
        make(catalog, first("b"))
        file = make(catalog, moved(file, "c"))
        (history,) = self.walk(catalog)
        assert history.file_id == file.id
        assert [each.number for each in history.versions] == [3, 2, 1]
        assert history.versions[0].created_at == file.head.created_at
        assert 2 in history.needed

    def test_the_trash_needs_what_it_would_bring_back(self, catalog: Catalog) -> None:
        end = gone(catalog, "a")
        (history,) = self.walk(catalog)
        assert history.file_id == end.id
        assert 2 in history.needed

    def test_every_history_comes_once_and_whole_whatever_the_size_of_the_pages(self, catalog: Catalog) -> None:
        files = [make(catalog, following(make(catalog, first(f"{index}")))) for index in range(5)]
        files = [make(catalog, following(file)) for file in files]
        for limit in (1, 2, 3, 100):
            found = self.walk(catalog, limit)
            assert sorted(each.file_id for each in found) == sorted(file.id for file in files)
            assert {len(each.versions) for each in found} == {3}

    def test_dropped_versions_are_gone_and_the_head_is_never_dropped(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        old = file.head.dot
        file = make(catalog, following(make(catalog, following(file))))
        assert catalog.drop_versions(file.id, [1, 3, 99]) == 1
        assert catalog.drop_versions(file.id, [1]) == 0
        assert numbers(catalog, file) == [3, 2]
        assert catalog.by_dot(ALICE, [old]) == {}
        assert make(catalog, following(file)).head.number == 4

    def test_a_file_does_not_begin_again_when_its_dropped_first_version_comes_late(self, catalog: Catalog) -> None:
        begun = first("a")
        file = make(catalog, moved(make(catalog, begun), "b"))
        assert catalog.drop_versions(file.id, [1]) == 1
        assert isinstance(catalog.commit([begun])[0], HeadMoved)
        assert catalog.file_at(ALICE, "b") == file
        with pytest.raises(NotFound):
            catalog.file_at(ALICE, "a")

    def test_a_dropped_version_does_not_change_usage(self, catalog: Catalog) -> None:
        file = make(catalog, following(make(catalog, first("a", size=5))))
        before = catalog.usage(ALICE)
        catalog.drop_versions(file.id, [1])
        assert catalog.usage(ALICE) == before

    def walk(self, catalog: Catalog, limit: int = 100) -> list[History]:
        page = catalog.histories(limit=limit)
        found = [*page.histories]
        while page.next:
            page = catalog.histories(page.next, limit)
            found += page.histories
        return found


class Recounted:
    def test_trash_and_usage_are_as_before_after_a_restore(self, catalog: Catalog) -> None:
        gone(catalog, "a", size=7)
        make(catalog, back(catalog, gone(catalog, "b", size=3)))
        purged = gone(catalog, "c")
        purge(catalog, purged)
        make(catalog, first("d", size=5, owner=BOB))
        before = [catalog.trash(ALICE), catalog.usage(ALICE), catalog.usage(BOB)]
        whole = everything(catalog)
        catalog.clear()
        assert (catalog.trash(ALICE).files, catalog.usage(ALICE)) == ((), Usage())
        catalog.restore(whole)
        for _ in range(2):
            catalog.recount()
            assert [catalog.trash(ALICE), catalog.usage(ALICE), catalog.usage(BOB)] == before
        assert names(catalog.expired(2 * CREATED, 9)) == ["a"]

    def test_the_last_bytes_known_are_in_the_trash_where_a_history_has_gaps(self, catalog: Catalog) -> None:
        end = gone(catalog, "a", size=7)
        first_version = catalog.versions(ALICE, end.id)[-1]
        catalog.clear()
        late = replace(end, head=replace(end.head, number=9, parent=8))
        catalog.restore([late, PastVersion(ALICE, first_version)])
        catalog.recount()
        assert catalog.trashed(ALICE, end.id).number == 1
        assert purge(catalog, end) == 1
        assert numbers(catalog, end) == [9]


class TrashContract(Deleted, Purged, Used, Quotas, Histories, Recounted):
    """Inherit it and provide a ``catalog`` fixture with nothing in it."""
