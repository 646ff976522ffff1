"""Each rule of conflicts from both sides, and what no rule may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echofs.core.conflict_names import copy_id
from echofs.core.conflict_records import open_record, resolved_record
from echofs.core.conflicts import (
    Base,
    Keep,
    MergeContents,
    Merging,
    Open,
    Publish,
    Resolution,
    Rule,
    Scene,
    Settled,
    decide,
    resolve,
)
from echofs.core.entries import JournalEntry, OnConflict, decode
from echofs.core.models import ConflictState, Content, File, Kind
from tests.unit.core.conflict_values import CREATED, NOTHING, a_file, content, deleted, entry_of, moved, written

BASE = a_file()
BESIDE = "a (conflict, anna, 2026-11-24).txt"
Change = Callable[[File], File]


def _write(file: File) -> File:
    return written(file, "mine")


def _other(file: File) -> File:
    return written(file, "theirs")


def _move(file: File) -> File:
    return moved(file, "mine.txt")


def _away(file: File) -> File:
    return moved(file, "theirs.txt")


def _meet(
    mine: Change, *theirs: Change, on_conflict: OnConflict = OnConflict.KEEP_BOTH, taken: tuple[str, ...] = ()
) -> tuple[JournalEntry, File, Resolution]:
    entry, head = entry_of(mine(BASE), BASE, on_conflict), BASE
    for change in theirs:
        head = change(head)
    return entry, head, resolve(entry, _scene(head), taken=taken)


def _scene(head: File, base: File = BASE) -> Scene:
    return Scene(head, Base(base.head.content, base.head.path))


def _published(resolution: Resolution) -> Publish:
    assert isinstance(resolution, Publish)
    return resolution


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (_write, _write),
        (_move, _move),
        (deleted, deleted),
        (_write, lambda file: _other(_write(_other(file))) and _write(_other(file))),
    ],
)
def test_what_both_did_is_done(mine: Change, theirs: Change) -> None:
    _, head, resolution = _meet(mine, theirs)
    assert resolution == Settled(Rule.IDENTICAL, ((head.id, head.head.number),))


@pytest.mark.parametrize("change", [_write, _move, deleted])
def test_what_follows_the_head_is_committed_as_it_was_written(change: Change) -> None:
    entry, _, resolution = _meet(change)
    assert resolution == Publish(Rule.FAST_FORWARD, entry.version, BASE.head.manifest)


def test_a_new_file_at_a_free_path_is_committed_as_it_was_written() -> None:
    entry = entry_of(BASE, None)
    assert resolve(entry, Scene(None)) == Publish(Rule.FAST_FORWARD, entry.version)


@pytest.mark.parametrize("change", [_write, _move, deleted])
def test_what_came_back_to_where_it_was_is_no_change(change: Change) -> None:
    _, head, resolution = _meet(change, _other, lambda file: written(file, "base"))
    publish = _published(resolution)
    assert publish.rule is Rule.FAST_FORWARD
    assert (publish.version.parent, publish.version.manifest) == (head.head.number, "")


def test_bytes_of_one_side_go_where_the_other_side_moved_the_file() -> None:
    entry, head, resolution = _meet(_write, _away)
    publish = _published(resolution)
    assert (publish.rule, publish.parent_manifest) == (Rule.DISJOINT, head.head.manifest)
    version = publish.version
    assert (version.path, version.content, version.kind) == ("theirs.txt", content("mine"), Kind.CONTENT)
    assert (version.number, version.content_version, version.dot) == (3, 3, entry.version.dot)


def test_a_move_takes_along_the_bytes_of_the_other_side() -> None:
    _, head, resolution = _meet(_move, _other)
    version = _published(resolution).version
    assert (version.path, version.content, version.kind) == ("mine.txt", content("theirs"), Kind.MOVE)
    assert (version.number, version.content_version) == (3, head.head.content_version)


@pytest.mark.parametrize("edit", [_other, _away])
def test_a_delete_gives_way_to_an_edit(edit: Change) -> None:
    _, head, resolution = _meet(deleted, edit)
    assert resolution == Settled(Rule.EDIT_BEATS_DELETE, ((head.id, 2),))


@pytest.mark.parametrize(("edit", "path", "text"), [(_write, "a.txt", "mine"), (_move, "mine.txt", "base")])
@pytest.mark.parametrize("on_conflict", list(OnConflict))
def test_an_edit_brings_back_what_was_deleted(edit: Change, path: str, text: str, on_conflict: OnConflict) -> None:
    _, _, resolution = _meet(edit, deleted, on_conflict=on_conflict)
    publish = _published(resolution)
    assert (publish.rule, publish.revives) == (Rule.EDIT_BEATS_DELETE, True)
    version = publish.version
    assert (version.path, version.content, version.kind, version.number) == (path, content(text), Kind.CONTENT, 3)


def test_bytes_come_back_where_the_file_was_last() -> None:
    _, _, resolution = _meet(_write, _away, deleted)
    assert _published(resolution).version.path == "theirs.txt"


@pytest.mark.parametrize(("mine", "theirs"), [(_write, _other), (_move, _away)])
def test_of_two_changes_of_one_thing_both_are_kept(mine: Change, theirs: Change) -> None:
    entry, head, resolution = _meet(mine, theirs)
    publish = _published(resolution)
    version = publish.version
    assert publish.rule is Rule.KEEP_BOTH
    assert (version.file_id, version.number, version.parent) == (copy_id(entry.version.dot), 1, 0)
    assert (version.content, version.kind, version.dot) == (entry.version.content, Kind.CONTENT, entry.version.dot)
    assert version.path.endswith(" (conflict, anna, 2026-11-24).txt")
    assert publish.kept == ((version.file_id, 1), (head.id, head.head.number))


@pytest.mark.parametrize(("mine", "theirs"), [(_write, _other), (_move, _away)])
def test_an_owner_who_wants_to_be_asked_is_asked(mine: Change, theirs: Change) -> None:
    assert _meet(mine, theirs, on_conflict=OnConflict.ASK)[2] == Open(Rule.ASK)


def test_two_new_files_at_one_path_are_both_kept() -> None:
    there = a_file("theirs", file_id="other")
    entry = entry_of(a_file("mine"), None)
    publish = _published(resolve(entry, Scene(there)))
    assert (publish.rule, publish.version.path) == (Rule.KEEP_BOTH, BESIDE)
    assert publish.kept[1] == ("other", 1)


def test_two_new_files_at_one_path_with_the_same_bytes_are_one() -> None:
    there = a_file("mine", file_id="other")
    assert resolve(entry_of(a_file("mine"), None), Scene(there)) == Settled(Rule.IDENTICAL, (("other", 1),))


def test_a_name_that_is_taken_too_is_numbered() -> None:
    _, _, resolution = _meet(_write, _other, taken=(BESIDE,))
    assert _published(resolution).version.path == "a (conflict, anna, 2026-11-24, 2).txt"


def test_a_move_to_a_path_that_another_file_has_ends_beside_it() -> None:
    _, head, resolution = _meet(_move, taken=("mine.txt",))
    version = _published(resolution).version
    assert (version.file_id, version.path) == (head.id, "mine (conflict, anna, 2026-11-24).txt")
    assert _meet(_move, taken=("mine.txt",), on_conflict=OnConflict.ASK)[2] == Open(Rule.ASK)


def test_what_is_brought_back_ends_beside_a_file_that_has_its_path() -> None:
    _, _, resolution = _meet(_write, deleted, taken=("a.txt",))
    publish = _published(resolution)
    assert (publish.rule, publish.version.path, publish.revives) == (Rule.KEEP_BOTH, BESIDE, True)
    assert _meet(_write, deleted, taken=("a.txt",), on_conflict=OnConflict.ASK)[2] == Open(Rule.ASK)


# --- merges ---------------------------------------------------------------------------------------------------------


def test_bytes_that_both_changed_are_merged_where_the_owner_wants_that() -> None:
    entry, head, resolution = _meet(_write, _other, on_conflict=OnConflict.MERGE)
    assert resolution == MergeContents(content("base"), content("mine"), content("theirs"), as_json=False)
    merged = resolve(entry, _scene(head), merging=Merging(content("both")))
    publish = _published(merged)
    assert (publish.rule, publish.version.content, publish.version.number) == (Rule.MERGED, content("both"), 3)
    assert publish.version.dot == entry.version.dot


def test_bytes_that_cannot_be_merged_are_kept_both() -> None:
    entry, head, _ = _meet(_write, _other, on_conflict=OnConflict.MERGE)
    assert _published(resolve(entry, _scene(head), merging=Merging(None))).rule is Rule.KEEP_BOTH


def test_a_merge_that_adds_nothing_is_done() -> None:
    entry, head, _ = _meet(_write, _other, on_conflict=OnConflict.MERGE)
    assert resolve(entry, _scene(head), merging=Merging(content("theirs"))) == Settled(Rule.MERGED, (("f", 2),))


@pytest.mark.parametrize(("path", "content_type"), [("a.json", ""), ("a", "application/json; charset=utf-8")])
def test_json_is_known_by_its_name_or_type(path: str, content_type: str) -> None:
    base = a_file(path=path)
    base = replace(base, head=replace(base.head, content_type=content_type))
    entry = entry_of(written(base, "mine"), base, OnConflict.MERGE)
    resolution = resolve(entry, _scene(written(base, "theirs"), base))
    assert isinstance(resolution, MergeContents)
    assert resolution.as_json


# --- parents that are lost --------------------------------------------------------------------------------------------


def test_a_version_whose_file_never_arrived_begins_it() -> None:
    entry = entry_of(written(BASE, "mine"), BASE)
    version = _published(resolve(entry, Scene(None))).version
    assert (version.file_id, version.number, version.parent, version.path) == ("f", 1, 0, "a.txt")
    assert _published(resolve(entry, Scene(None), taken=("a.txt",))).version.path == BESIDE
    asking = replace(entry, on_conflict=OnConflict.ASK)
    assert resolve(asking, Scene(None), taken=("a.txt",)) == Open(Rule.ASK)


def test_a_delete_of_a_file_that_never_arrived_is_done() -> None:
    assert resolve(entry_of(deleted(BASE), BASE), Scene(None)) == Settled(Rule.IDENTICAL, ())


@pytest.mark.parametrize("change", [_write, _move])
def test_without_knowing_what_it_follows_a_version_replaces_nothing(change: Change) -> None:
    entry = entry_of(change(BASE), BASE)
    assert _published(resolve(entry, Scene(_other(BASE)))).rule is Rule.KEEP_BOTH
    assert resolve(entry_of(deleted(BASE), BASE), Scene(_other(BASE))) == Settled(Rule.EDIT_BEATS_DELETE, (("f", 2),))


# --- nothing is silently overwritten --------------------------------------------------------------------------------

_CHANGES: dict[str, Change] = {
    "write 1": lambda file: written(file, "one"),
    "write 2": lambda file: written(file, "two"),
    "write base": lambda file: written(file, "base"),
    "move 1": lambda file: moved(file, "one.txt"),
    "move 2": lambda file: moved(file, "two.txt"),
    "move back": lambda file: moved(file, "a.txt"),
    "delete": deleted,
}
_LIVING = st.sampled_from([name for name in _CHANGES if name != "delete"])


def _history(names: list[str], ends: bool) -> list[File]:
    history = [BASE]
    for name in [*names, *(["delete"] if ends else [])]:
        history.append(_CHANGES[name](history[-1]))
    return history


@given(
    st.sampled_from(sorted(_CHANGES)),
    st.lists(_LIVING, max_size=3),
    st.booleans(),
    st.sampled_from(OnConflict),
    st.booleans(),
    st.sets(st.sampled_from(["a.txt", "one.txt", "two.txt"])),
)
def test_all_bytes_of_both_sides_stay(
    mine: str, theirs: list[str], ends: bool, on_conflict: OnConflict, known: bool, taken: set[str]
) -> None:
    history = _history(theirs, ends)
    entry = entry_of(_CHANGES[mine](BASE), BASE, on_conflict)
    scene = _scene(history[-1]) if known else Scene(history[-1])
    resolution = resolve(entry, scene, taken=taken, merging=Merging(None))
    kept = {each.head.content.digest for each in history}
    match resolution:
        case Publish(version=version):
            kept.add(version.content.digest)
            _check_following(version.file_id, history, resolution)
            assert version.dot == entry.version.dot
            assert version.path not in taken or version.path == history[-1].path
        case Open():
            kept.add(decode(open_record(entry, Rule.ASK, CREATED).entry.encode()).version.content.digest)
    if not entry.deletes:
        assert entry.version.content.digest in kept
    if not (entry.deletes and isinstance(resolution, Publish)):
        assert not _takes_away(resolution, history[-1])


def _check_following(file_id: str, history: list[File], publish: Publish) -> None:
    """A version follows the present head, or is the first of a file that nobody else has."""
    version, head = publish.version, history[-1]
    if version.parent == 0:
        assert file_id != head.id
        return
    assert (file_id, version.parent, version.number) == (head.id, head.head.number, head.head.number + 1)
    assert publish.revives == (head.deleted and version.kind is not Kind.TOMBSTONE)


def _takes_away(resolution: Resolution, head: File) -> bool:
    """Whether a living file is gone afterwards."""
    return isinstance(resolution, Publish) and resolution.version.kind is Kind.TOMBSTONE and not head.deleted


@given(st.sampled_from(sorted(_CHANGES)), st.lists(_LIVING, max_size=3), st.booleans(), st.sampled_from(OnConflict))
def test_what_is_published_is_identical_when_it_is_looked_at_again(
    mine: str, theirs: list[str], ends: bool, on_conflict: OnConflict
) -> None:
    history = _history(theirs, ends)
    entry = entry_of(_CHANGES[mine](BASE), BASE, on_conflict)
    resolution = resolve(entry, _scene(history[-1]), merging=Merging(None))
    if isinstance(resolution, Publish) and resolution.version.file_id == BASE.id:
        after = replace(history[-1], head=resolution.version)
        again = resolve(entry, _scene(after, history[-1]))
        assert isinstance(again, Settled)
        assert again.rule is Rule.IDENTICAL


# --- the owner's decision ---------------------------------------------------------------------------------------


def test_mine_follows_theirs() -> None:
    head = _other(BASE)
    made = decide(entry_of(_write(BASE), BASE), _scene(head), Keep.MINE)
    version = _published(made).version
    assert (version.file_id, version.number, version.content) == ("f", 3, content("mine"))
    gone = _published(decide(entry_of(deleted(BASE), BASE), _scene(head), Keep.MINE)).version
    assert (gone.kind, gone.content, gone.number) == (Kind.TOMBSTONE, NOTHING, 3)
    away = _published(decide(entry_of(_move(BASE), BASE), _scene(_away(BASE)), Keep.MINE)).version
    assert (away.kind, away.path, away.number) == (Kind.MOVE, "mine.txt", 3)


def test_mine_comes_back_after_a_delete() -> None:
    publish = _published(decide(entry_of(_write(BASE), BASE), _scene(deleted(BASE)), Keep.MINE))
    assert publish.revives
    assert publish.version.content == content("mine")


@pytest.mark.parametrize("change", [_write, _move, deleted])
def test_theirs_changes_nothing(change: Change) -> None:
    made = decide(entry_of(change(BASE), BASE), _scene(_other(BASE)), Keep.THEIRS)
    assert made == Settled(Rule.ASK, (("f", 2),))


def test_both_makes_a_file_beside() -> None:
    entry = entry_of(_write(BASE), BASE, OnConflict.ASK)
    publish = _published(decide(entry, _scene(_other(BASE)), Keep.BOTH))
    assert (publish.version.file_id, publish.version.path) == (copy_id(entry.version.dot), BESIDE)
    assert isinstance(decide(entry_of(deleted(BASE), BASE), _scene(_other(BASE)), Keep.BOTH), Settled)


@pytest.mark.parametrize("keep", [Keep.MINE, Keep.BOTH])
def test_where_nothing_is_left_mine_begins_anew(keep: Keep) -> None:
    entry = entry_of(BASE, None, OnConflict.ASK)
    assert _published(decide(entry, Scene(None), keep)).version == entry.version


# --- records --------------------------------------------------------------------------------------------------------


def test_a_record_of_an_open_conflict_holds_all_that_committing_takes() -> None:
    entry = entry_of(_write(BASE), BASE, OnConflict.ASK)
    record = open_record(entry, Rule.ASK, CREATED)
    assert (record.state, record.kept, record.resolved_at) == (ConflictState.OPEN, (), None)
    assert decode(record.entry.encode()) == replace(entry, chunks=())


def test_a_record_of_a_resolved_conflict_says_what_was_kept() -> None:
    entry, _, resolution = _meet(_write, _other)
    record = resolved_record(entry, _published(resolution), CREATED)
    dot = entry.version.dot
    assert (record.id, record.rule) == (f"{dot.origin}:{dot.counter}", "keep-both")
    assert record.kept == ((copy_id(dot), 1), ("f", 2))
    assert (record.state, record.resolved_at, record.entry) == (ConflictState.RESOLVED, CREATED, "")


def test_content_of_the_same_size_is_not_the_same() -> None:
    entry = entry_of(written(BASE, "mine"), BASE)
    other: Content = content("yours"[:4])
    head = replace(BASE, head=replace(BASE.head, content=other, number=2))
    assert _published(resolve(entry, _scene(head))).rule is Rule.KEEP_BOTH
