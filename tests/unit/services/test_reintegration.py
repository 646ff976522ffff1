"""What was accepted without the catalog gets there, whatever happened meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core import manifest
from echofs.core.conflict_names import conflict_id
from echofs.core.entries import OnConflict, decode
from echofs.core.errors import CatalogUnavailable, EchoError, NotFound, Unavailable
from echofs.core.models import ConflictRecord, ConflictState, File, Kind
from echofs.ports.catalog import Commit
from echofs.services.parents import Place
from echofs.services.reintegration import COMMITS_TOGETHER
from echofs.services.resolving import Fate
from echofs.services.uploads import Target
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import OWNER, OWNER_NAME, DataPlane
from tests.unit.services.two_hosts import ANNA, BESIDE, alone, back, living, put_with


def _fates(committed: int = 0, resolved: int = 0, open: int = 0) -> dict[Fate, int]:
    return {Fate.COMMITTED: committed, Fate.RESOLVED: resolved, Fate.OPEN: open}


def _conflicts(plane: DataPlane) -> list[ConflictRecord]:
    return list(plane.catalog.conflicts(OWNER).conflicts)


def test_versions_that_nothing_came_between_are_committed_as_they_were_written(here: DataPlane) -> None:
    old = here.put("old", b"one").file
    alone(here, old)
    new, second = here.put("new", b"new").file, here.put("old", b"two").file
    third = here.files.move(OWNER, old.id, "moved", here.wish()).file
    assert back(here) == _fates(committed=3)
    assert here.catalog.file(OWNER, new.id) == new
    assert here.catalog.versions(OWNER, old.id) == [third.head, second.head, old.head]
    assert (here.journal.depth(), _conflicts(here)) == (0, [])
    assert here.meters.count("reintegrated", result="committed") == 3


def test_many_new_files_take_few_commits(here: DataPlane) -> None:
    alone(here)
    for number in range(COMMITS_TOGETHER + 6):
        here.put(f"file {number}", b"%d" % number)
    sizes: list[int] = []
    commit = here.catalog.commit
    here.catalog.commit = lambda commits: sizes.append(len(commits)) or commit(commits)  # type: ignore[method-assign, func-returns-value]
    assert back(here) == _fates(committed=70)
    assert sizes == [COMMITS_TOGETHER, 6]


def test_histories_of_many_files_are_committed_side_by_side(here: DataPlane) -> None:
    alone(here)
    for number in range(20):
        here.put(f"file {number}", b"one")
        here.put(f"file {number}", b"two")
    sizes: list[int] = []
    commit = here.catalog.commit
    here.catalog.commit = lambda commits: sizes.append(len(commits)) or commit(commits)  # type: ignore[method-assign, func-returns-value]
    assert back(here) == _fates(committed=40)
    assert sizes == [20, 20]


def test_a_path_that_was_freed_and_taken_again_stays_in_order(here: DataPlane) -> None:
    alone(here)
    first = here.put("a", b"first").file
    here.files.move(OWNER, first.id, "b", here.wish())
    second = here.put("a", b"second").file
    here.files.delete(OWNER, second.id, here.wish())
    here.put("a", b"third")
    assert back(here) == _fates(committed=5)
    assert living(here) == {"a": b"third", "b": b"first"}


def test_doing_it_again_changes_nothing(here: DataPlane, there: DataPlane) -> None:
    file = here.put("a", b"base").file
    alone(here, file)
    here.put("a", b"mine")
    here.files.delete(OWNER, file.id, here.wish())
    here.put("b", b"new")
    entries = [entry for _, entry in here.journal.pending()]
    here.heal_catalog()
    there.put("a", b"theirs")
    here.reintegration.run_once()
    before = here.catalog.dump().entries
    for entry in entries:
        here.journal.append(entry)
    here.reintegration.run_once()
    there.reintegration.replay(entries)
    assert here.catalog.dump().entries == before
    assert here.journal.depth() == 0


def test_a_commit_whose_answer_was_lost_is_found_done(here: DataPlane) -> None:
    alone(here)
    here.put("a", b"one")
    here.put("a", b"two")
    here.heal_catalog()
    commit = here.catalog.commit

    def lost(commits: list[Commit]) -> list[File | EchoError]:
        commit(commits)
        raise CatalogUnavailable("The answer did not come.")

    for _ in range(2):
        here.catalog.commit = lost  # type: ignore[method-assign, assignment]
        with pytest.raises(CatalogUnavailable):
            here.reintegration.run_once()
        here.catalog.commit = commit  # type: ignore[method-assign]
    assert here.reintegration.run_once() == _fates(committed=2)
    assert [version.number for version in here.catalog.versions(OWNER, here.catalog.file_at(OWNER, "a").id)] == [2, 1]


def test_bytes_that_both_sides_changed_are_both_there(here: DataPlane, there: DataPlane) -> None:
    file = here.put("docs/a.txt", b"base").file
    alone(here, file)
    mine = here.put("docs/a.txt", b"mine").file
    here.heal_catalog()
    theirs = there.put("docs/a.txt", b"theirs").file
    assert here.reintegration.run_once() == _fates(resolved=1)
    assert living(here) == {"docs/a.txt": b"theirs", f"docs/a{BESIDE}.txt": b"mine"}
    copy = here.catalog.file_at(OWNER, f"docs/a{BESIDE}.txt")
    assert copy.head.dot == mine.head.dot
    (record,) = _conflicts(here)
    assert (record.rule, record.state) == ("keep-both", ConflictState.RESOLVED)
    assert record.kept == ((copy.id, 1), (theirs.id, 2))
    assert here.meters.count("conflicts", rule="keep-both") == 1


def test_what_follows_a_version_that_became_another_file_follows_it_there(here: DataPlane, there: DataPlane) -> None:
    file = here.put("a", b"base").file
    alone(here, file)
    for data in (b"mine", b"more", b"most"):
        here.put("a", data)
    here.files.move(OWNER, file.id, "mine", here.wish())
    here.heal_catalog()
    for data in (b"theirs", b"more of theirs", b"most of theirs"):
        there.put("a", data)
    assert here.reintegration.run_once() == _fates(resolved=1, committed=3)
    assert living(here) == {"a": b"most of theirs", "mine": b"most"}
    copy = here.catalog.file_at(OWNER, "mine")
    history = here.catalog.versions(OWNER, copy.id)
    assert [(version.number, version.kind) for version in history] == [
        (4, Kind.MOVE), (3, Kind.CONTENT), (2, Kind.CONTENT), (1, Kind.CONTENT)
    ]  # fmt: skip
    assert [here.read(version.content) for version in history[1:]] == [b"most", b"more", b"mine"]


def test_a_version_that_comes_elsewhere_is_described_anew(here: DataPlane, there: DataPlane) -> None:
    file = here.put("a", b"base").file
    alone(here, file)
    here.put("a", b"mine")
    here.heal_catalog()
    moved = there.files.move(OWNER, file.id, "b", there.wish()).file
    assert here.reintegration.run_once() == _fates(resolved=1)
    head = here.catalog.file(OWNER, file.id).head
    described = manifest.decode(here.chunks.read([head.manifest])[head.manifest], head.manifest)
    assert replace(described.version, manifest=head.manifest) == head
    assert (described.owner_id, described.owner_name) == (OWNER, OWNER_NAME)
    assert described.parent_manifest == moved.head.manifest
    assert here.catalog.replicas([head.manifest])[head.manifest]


def test_after_the_same_bytes_on_both_sides_work_goes_on_in_one_file(here: DataPlane, there: DataPlane) -> None:
    alone(here)
    here.put("new", b"same")
    here.put("new", b"next")
    here.heal_catalog()
    theirs = there.put("new", b"same").file
    assert here.reintegration.run_once() == _fates(resolved=1, committed=1)
    assert living(here) == {"new": b"next"}
    assert here.catalog.file_at(OWNER, "new").id == theirs.id
    assert [record.rule for record in _conflicts(here)] == ["identical"]


def test_what_follows_an_identical_version_meets_what_came_after_it(here: DataPlane, there: DataPlane) -> None:
    alone(here)
    here.put("new", b"same")
    (same,) = [entry for _, entry in here.journal.pending()]
    here.put("new", b"mine")
    here.heal_catalog()
    there.put("new", b"same")
    here.reintegration.replay([same])
    there.put("new", b"theirs")
    assert here.reintegration.run_once() == _fates(resolved=2)
    assert living(here) == {"new": b"theirs", f"new{BESIDE}": b"mine"}
    assert sorted(record.rule for record in _conflicts(here)) == ["identical", "keep-both"]


def test_both_sides_make_the_same_folder(here: DataPlane, there: DataPlane) -> None:
    alone(here)
    here.put("docs/mine", b"1")
    here.heal_catalog()
    there.put("docs/theirs", b"2")
    assert here.reintegration.run_once() == _fates(committed=1)
    assert here.catalog.folders(OWNER, "") == ["docs"]
    assert living(here) == {"docs/mine": b"1", "docs/theirs": b"2"}


def test_an_edit_beats_a_delete_on_either_side(here: DataPlane, there: DataPlane) -> None:
    edited, kept = here.put("edited", b"base").file, here.put("kept", b"base").file
    alone(here, edited, kept)
    here.put("edited", b"mine")
    here.files.delete(OWNER, kept.id, here.wish())
    here.heal_catalog()
    there.files.delete(OWNER, edited.id, there.wish())
    there.put("kept", b"theirs")
    assert here.reintegration.run_once() == _fates(resolved=2)
    assert living(here) == {"edited": b"mine", "kept": b"theirs"}
    assert here.catalog.file(OWNER, edited.id).head.number == 3
    assert here.meters.count("conflicts", rule="edit-beats-delete") == 2


def test_texts_are_merged_where_the_owner_asks_for_it(here: DataPlane, there: DataPlane) -> None:
    base = b"one\ntwo\nthree\n"
    file = here.put("a.txt", base).file
    alone(here, file)
    mine = put_with(here, "a.txt", base.replace(b"one", b"1"), OnConflict.MERGE)
    here.heal_catalog()
    there.put("a.txt", base.replace(b"three", b"3" * 80))
    assert here.reintegration.run_once() == _fates(resolved=1)
    assert living(here) == {"a.txt": b"1\ntwo\n" + b"3" * 80 + b"\n"}
    head = here.catalog.file(OWNER, file.id).head
    assert (head.number, head.dot) == (3, mine.head.dot)
    assert here.read_by_hand(head.content) == b"1\ntwo\n" + b"3" * 80 + b"\n"


def test_what_follows_a_merged_version_is_merged_too(here: DataPlane, there: DataPlane) -> None:
    base = b"one\ntwo\nthree\n"
    file = here.put("a.txt", base).file
    alone(here, file)
    put_with(here, "a.txt", b"1\ntwo\nthree\n", OnConflict.MERGE)
    put_with(here, "a.txt", b"0\n1\ntwo\nthree\n", OnConflict.MERGE)
    here.heal_catalog()
    there.put("a.txt", b"one\ntwo\n3\n")
    assert here.reintegration.run_once() == _fates(resolved=2)
    assert living(here) == {"a.txt": b"0\n1\ntwo\n3\n"}


def test_texts_that_cannot_be_merged_are_both_there(here: DataPlane, there: DataPlane) -> None:
    file = here.put("a.txt", b"base").file
    alone(here, file)
    put_with(here, "a.txt", b"mine", OnConflict.MERGE)
    here.heal_catalog()
    there.put("a.txt", b"theirs")
    assert here.reintegration.run_once() == _fates(resolved=1)
    assert set(living(here).values()) == {b"mine", b"theirs"}


def test_who_wants_to_be_asked_finds_an_open_conflict_with_all_that_follows_it(
    here: DataPlane, there: DataPlane
) -> None:
    file = here.put("a", b"base").file
    alone(here, file)
    mine = put_with(here, "a", b"mine", OnConflict.ASK)
    here.put("a", b"more")
    here.heal_catalog()
    there.put("a", b"theirs")
    assert here.reintegration.run_once() == _fates(open=2)
    assert living(here) == {"a": b"theirs"}
    later, record = _conflicts(here)
    assert {later.state, record.state} == {ConflictState.OPEN}
    version = decode(record.entry.encode()).version
    assert version == mine.head
    assert set(here.catalog.replicas([version.content.digest, version.manifest])) == {
        version.content.digest, version.manifest
    }  # fmt: skip
    assert here.reintegration.replay([decode(record.entry.encode())]).fates == _fates(open=1)


@pytest.mark.parametrize("known", [True, False])
def test_what_a_user_wrote_who_may_write_no_longer_is_not_lost(plane: DataPlane, known: bool) -> None:
    if known:
        plane.users.add(replace(ANNA, disabled=True))
    alone(plane)
    plane.put("a", b"mine")
    assert back(plane) == _fates(open=1)
    (record,) = _conflicts(plane)
    assert (record.rule, record.state) == ("rights", ConflictState.OPEN)
    assert plane.read(decode(record.entry.encode()).version.content) == b"mine"
    assert living(plane) == {}


def test_a_key_that_was_answered_elsewhere_too_does_not_hold_a_version_up(here: DataPlane, there: DataPlane) -> None:
    alone(here)
    here.put("a", b"same", key="k")
    here.heal_catalog()
    there.put("a", b"same", key="k")
    assert here.reintegration.run_once() == _fates(resolved=1)
    assert living(here) == {"a": b"same"}


def test_a_request_that_was_done_before_is_not_done_again_over_what_came_after(
    here: DataPlane, there: DataPlane
) -> None:
    there.put("a", b"base")
    done = there.put("a", b"mine", key="k").file
    alone(here, there.put("a", b"theirs").file)
    again = here.put("a", b"mine", key="k").file
    assert back(here) == _fates(resolved=1)
    assert living(here) == {"a": b"theirs"}
    (record,) = _conflicts(here)
    assert (record.id, record.kept) == (conflict_id(again.head.dot), ((done.id, done.head.number),))
    assert here.journal.depth() == 0


def test_what_follows_a_request_that_was_done_before_is_kept_beside_what_came_after(
    here: DataPlane, there: DataPlane
) -> None:
    there.put("a", b"mine", key="k")
    alone(here, there.put("a", b"theirs").file)
    here.put("a", b"mine", key="k")
    here.put("a", b"more of mine")
    back(here)
    assert living(here) == {"a": b"theirs", f"a{BESIDE}": b"more of mine"}


def test_other_bytes_under_a_key_that_was_answered_before_are_not_lost(here: DataPlane, there: DataPlane) -> None:
    alone(here, there.put("a", b"theirs", key="k").file)
    here.put("a", b"mine", key="k")
    assert back(here) == _fates(committed=1)
    assert living(here) == {"a": b"mine"}


def test_an_upload_follows_what_was_committed_while_its_bytes_came(here: DataPlane) -> None:
    file = here.put("a", b"base").file
    alone(here, file)
    here.put("a", b"one")
    upload = here.begin(Target(OWNER, file_id=file.id))
    upload.write(b"two")
    assert back(here) == _fates(committed=1)
    assert upload.finish().file.head.number == 3
    here.reintegration.run_once()
    assert living(here) == {"a": b"two"}
    assert _conflicts(here) == []


def test_what_is_committed_just_when_it_is_looked_for_is_followed_too(here: DataPlane) -> None:
    alone(here)
    here.put("a", b"one")
    here.heal_catalog()
    known = here.parents.known

    def late(place: Place) -> File | None:
        here.reintegration.run_once()
        return known(place)

    here.parents.known = late  # type: ignore[method-assign]
    here.put("a", b"two")
    here.reintegration.run_once()
    assert living(here) == {"a": b"two"}
    assert _conflicts(here) == []


def test_chunks_with_too_few_replicas_are_owed(here: DataPlane) -> None:
    for worker_id in "abc":
        here.workers[worker_id].fault = Fault.DOWN
    alone(here)
    file = here.put("a", b"mine").file
    assert back(here) == _fates(committed=1)
    for worker_id in "abc":
        here.workers[worker_id].fault = Fault.NONE
    here.spooling.run_once()
    here.repair.run_once()
    assert here.catalog.replicas([file.head.content.digest])[file.head.content.digest] == ("a", "b", "c")
    assert here.catalog.outbox_depth() == 0


def test_one_version_that_cannot_be_taken_now_holds_up_only_what_follows_it(here: DataPlane) -> None:
    assert isinstance(here.catalog, MemoryCatalog)
    alone(here)
    stuck = here.put("stuck", b"one").file
    here.put("stuck", b"two")
    here.put("free", b"three")
    here.catalog.deleting.add(stuck.head.content.digest)
    assert back(here) == _fates(committed=1)
    assert living(here) == {"free": b"three"}
    assert here.journal.depth() == 2
    here.catalog.deleting.clear()
    assert here.reintegration.run_once() == _fates(committed=2)
    assert living(here) == {"free": b"three", "stuck": b"two"}


def test_a_version_whose_parents_are_lost_begins_a_file(here: DataPlane) -> None:
    alone(here)
    here.put("a", b"lost")
    here.put("a", b"kept")
    (_, lost), _ = here.journal.pending()
    here.journal.settle([lost.version.dot])
    assert back(here) == _fates(committed=1)
    assert living(here) == {"a": b"kept"}
    assert here.reintegration.replay([lost]).fates == _fates(resolved=1)
    assert set(living(here).values()) == {b"kept", b"lost"}


def test_nothing_is_done_while_the_catalog_is_away_or_another_process_leads(here: DataPlane) -> None:
    alone(here)
    here.put("a", b"mine")
    assert here.reintegration.run_once() == _fates()
    here.heal_catalog()
    assert isinstance(here.journal.depth(), int)
    here.journal.led = True
    assert here.reintegration.run_once() == _fates()
    here.journal.led = False
    here.journal.down = True
    with pytest.raises(Unavailable):
        here.reintegration.run_once()
    here.journal.down = False
    assert here.reintegration.run_once() == _fates(committed=1)


def test_readers_of_cached_heads_learn_of_it(here: DataPlane) -> None:
    file = here.put("a", b"base").file
    here.heads.ask(OWNER, file.id, here.heads.look(OWNER, file.id, 5.0))
    assert here.heads.look(OWNER, file.id, 5.0).file == file
    alone(here, file)
    here.put("a", b"mine")
    back(here)
    assert here.heads.look(OWNER, file.id, 5.0).file is None


def test_a_file_of_another_owner_is_no_parent(here: DataPlane) -> None:
    file = here.put("a", b"base").file
    alone(here, file)
    here.put(Target(OWNER, file_id=file.id), b"mine")
    ((_, entry),) = here.journal.pending()
    here.heal_catalog()
    here.users.add(replace(ANNA, id="bob", name="bob", email="bob@example.org"))
    assert here.reintegration.replay([replace(entry, owner_id="bob")]).settled == []
    with pytest.raises(NotFound):
        here.catalog.file_at("bob", "a")
    assert here.catalog.file(OWNER, file.id) == file
