"""What names by dot, revival, conflicts and floors mean in every catalog."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.errors import HeadMoved, InvalidRequest, NameTaken, NotFound
from echofs.core.models import ConflictRecord, ConflictState, Dot, Floor, FloorScope, Kind, Level
from echofs.ports.catalog import Catalog
from echofs.ports.listing import ListQuery
from tests.contracts.catalog_values import ALICE, BOB, CREATED, deleted, first, following, make, moved


def conflict(conflict_id: str, *, owner: str = ALICE, at: int = CREATED, state: str = "open") -> ConflictRecord:
    """A conflict as it is recorded at first."""
    entry = '{"ö": 1}' if state == "open" else ""
    kept = () if state == "open" else (("f", 2), ("copy", 1))
    resolved_at = None if state == "open" else at
    return ConflictRecord(
        conflict_id, owner, "f", "a/ö", "keep both", ConflictState(state), at, entry, kept, resolved_at
    )


class ByDot:
    def test_a_version_is_found_by_its_dot_also_when_it_is_no_head_any_more(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        changed = make(catalog, following(file))
        gone = make(catalog, deleted(changed))
        dots = [each.head.dot for each in (file, changed, gone)]
        found = catalog.by_dot(ALICE, [*dots, Dot("nobody", 1)])
        assert found == dict(zip(dots, (file, changed, gone), strict=True))

    def test_dots_that_share_an_origin_or_a_counter_are_not_mixed_up(self, catalog: Catalog) -> None:
        one, two = first("a"), first("b")
        one = replace(one, version=replace(one.version, dot=Dot("m1", 1)))
        two = replace(two, version=replace(two.version, dot=Dot("m2", 2)))
        make(catalog, one)
        make(catalog, two)
        assert catalog.by_dot(ALICE, [Dot("m1", 2), Dot("m2", 1)]) == {}
        assert set(catalog.by_dot(ALICE, [Dot("m1", 1), Dot("m2", 1)])) == {Dot("m1", 1)}

    def test_of_another_user_nothing_is_found(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        assert catalog.by_dot(BOB, [file.head.dot]) == {}
        assert catalog.by_dot(ALICE, []) == {}


class Heads:
    def test_a_deleted_file_is_found_with_its_tombstone(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        assert catalog.head(ALICE, file.id) == file
        gone = make(catalog, deleted(file))
        assert catalog.head(ALICE, file.id) == gone
        assert gone.deleted

    def test_another_users_is_not(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        for owner, file_id in ((BOB, file.id), (ALICE, "none")):
            with pytest.raises(NotFound):
                catalog.head(owner, file_id)


class Revival:
    def test_a_version_that_revives_follows_a_tombstone(self, catalog: Catalog) -> None:
        gone = make(catalog, deleted(make(catalog, first("a/b"))))
        back = make(catalog, replace(following(gone), revives=True))
        assert catalog.file(ALICE, gone.id) == back
        assert catalog.file_at(ALICE, "a/b") == back
        assert [file.id for file in catalog.files(ListQuery(ALICE)).files] == [gone.id]
        assert [version.number for version in catalog.versions(ALICE, gone.id)] == [3, 2, 1]

    def test_no_other_version_does(self, catalog: Catalog) -> None:
        gone = make(catalog, deleted(make(catalog, first("a"))))
        with pytest.raises(HeadMoved):
            make(catalog, following(gone))

    def test_its_path_must_be_free(self, catalog: Catalog) -> None:
        gone = make(catalog, deleted(make(catalog, first("a"))))
        make(catalog, first("a"))
        with pytest.raises(NameTaken):
            make(catalog, replace(following(gone), revives=True))
        back = make(catalog, replace(following(gone, path="other/a", kind=Kind.MOVE), revives=True))
        assert catalog.file_at(ALICE, "other/a") == back
        assert catalog.folders(ALICE, "") == ["other"]

    def test_it_must_follow_the_newest_version(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        make(catalog, deleted(file))
        with pytest.raises(HeadMoved):
            make(catalog, replace(following(file), revives=True))

    def test_a_living_file_can_be_followed_by_one_too(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        assert make(catalog, replace(following(file), revives=True)).head.number == 2

    def test_of_two_only_the_first_does(self, catalog: Catalog) -> None:
        gone = make(catalog, deleted(make(catalog, first("a"))))
        answers = catalog.commit([replace(following(gone), revives=True), replace(following(gone), revives=True)])
        assert isinstance(answers[1], HeadMoved)
        assert catalog.file(ALICE, gone.id) == answers[0]


class Conflicts:
    def test_a_conflict_is_recorded_with_the_version_that_settles_it(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        record = conflict("m:1", state="resolved")
        changed = make(catalog, replace(following(file, path="new/place"), conflict=record))
        assert catalog.conflict(ALICE, "m:1") == record
        assert catalog.file_at(ALICE, "new/place") == changed
        assert catalog.folders(ALICE, "") == ["new"]

    def test_a_commit_that_is_refused_records_none(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        make(catalog, moved(file, "b"))
        with pytest.raises(HeadMoved):
            make(catalog, replace(following(file), conflict=conflict("m:1")))
        with pytest.raises(NotFound):
            catalog.conflict(ALICE, "m:1")

    def test_one_that_is_known_stays_as_it_is(self, catalog: Catalog) -> None:
        catalog.record_conflict(conflict("m:1"))
        catalog.record_conflict(conflict("m:1", at=CREATED + 5))
        file = make(catalog, first("a"))
        make(catalog, replace(following(file), conflict=conflict("m:1", state="resolved")))
        assert catalog.conflict(ALICE, "m:1") == conflict("m:1")

    def test_they_are_listed_from_the_newest_on(self, catalog: Catalog) -> None:
        for number in range(5):
            state = "open" if number % 2 else "resolved"
            catalog.record_conflict(conflict(f"m:{number}", at=CREATED + number // 2, state=state))
        catalog.record_conflict(conflict("other", owner=BOB))
        found, after = [], ""
        while True:
            page = catalog.conflicts(ALICE, after=after, limit=2)
            found += [record.id for record in page.conflicts]
            after = page.next
            if not after:
                break
        assert found == ["m:4", "m:3", "m:2", "m:1", "m:0"]
        (last, before) = catalog.conflicts(ALICE, ConflictState.OPEN).conflicts
        assert (last.id, before.id) == ("m:3", "m:1")

    def test_a_cursor_of_another_listing_is_refused(self, catalog: Catalog) -> None:
        with pytest.raises(InvalidRequest):
            catalog.conflicts(ALICE, after="nonsense")

    def test_only_the_first_decision_counts(self, catalog: Catalog) -> None:
        catalog.record_conflict(conflict("m:1"))
        closed = catalog.close_conflict(ALICE, "m:1", [("f", 3)], CREATED + 9)
        assert closed == catalog.conflict(ALICE, "m:1")
        assert (closed.state, closed.kept, closed.entry) == (ConflictState.RESOLVED, (("f", 3),), "")
        assert closed.resolved_at == CREATED + 9
        assert catalog.close_conflict(ALICE, "m:1", [], CREATED + 10) == closed

    def test_of_another_user_there_is_none(self, catalog: Catalog) -> None:
        catalog.record_conflict(conflict("m:1"))
        assert catalog.conflicts(BOB).conflicts == ()
        with pytest.raises(NotFound):
            catalog.conflict(BOB, "m:1")
        with pytest.raises(NotFound):
            catalog.close_conflict(BOB, "m:1", [], CREATED)


class Floors:
    def test_a_floor_takes_the_place_of_the_one_before(self, catalog: Catalog) -> None:
        catalog.set_floor(Floor(ALICE, FloorScope.FOLDER, "a/ö", Level.HYBRID))
        catalog.set_floor(Floor(ALICE, FloorScope.FOLDER, "a/ö", Level.STRONG, critical=True))
        assert catalog.floors(ALICE) == [Floor(ALICE, FloorScope.FOLDER, "a/ö", Level.STRONG, critical=True)]

    def test_all_of_a_user_come_in_order(self, catalog: Catalog) -> None:
        longest = "/".join(["f" * 255] * 4)
        keys = [(FloorScope.FILE, "id2"), (FloorScope.FILE, "id1"), (FloorScope.USER, ""), (FloorScope.FOLDER, longest)]
        for scope, key in keys:
            catalog.set_floor(Floor(ALICE, scope, key, Level.AVAILABLE))
        catalog.set_floor(Floor(BOB, FloorScope.USER, "", Level.STRONG))
        assert [(floor.scope, floor.key) for floor in catalog.floors(ALICE)] == sorted(keys)

    def test_dropping_one_leaves_the_others(self, catalog: Catalog) -> None:
        catalog.set_floor(Floor(ALICE, FloorScope.USER, "", Level.STRONG))
        catalog.set_floor(Floor(ALICE, FloorScope.FILE, "id", Level.STRONG))
        for _ in range(2):
            catalog.drop_floor(ALICE, FloorScope.USER, "")
        assert [floor.key for floor in catalog.floors(ALICE)] == ["id"]

    @pytest.mark.parametrize("key", ["\0", "\ud800", "k" * 3000], ids=["nul", "surrogate", "long"])
    def test_dropping_what_can_be_no_floor_changes_nothing(self, catalog: Catalog, key: str) -> None:
        catalog.set_floor(Floor(ALICE, FloorScope.FILE, "id", Level.STRONG))
        catalog.drop_floor(ALICE, FloorScope.FILE, key)
        assert [floor.key for floor in catalog.floors(ALICE)] == ["id"]


class DisputeContract(ByDot, Heads, Revival, Conflicts, Floors):
    """Versions by name and back from the dead, and what users are told and demand."""
