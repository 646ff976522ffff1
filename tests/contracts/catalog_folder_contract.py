"""What folders mean in every catalog, and steps of which all happens or nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

import pytest

from echofs.core.errors import EchoError, HeadMoved, InvalidName, InvalidRequest, NameTaken, NotFound, Unavailable
from echofs.core.models import File, Floor, FloorScope, Kind, Level
from echofs.ports.catalog import Catalog, Commit, FolderChange
from echofs.ports.listing import ListQuery
from tests.contracts.catalog_values import ALICE, BOB, chunk, deleted, first, following, make, moved

T = TypeVar("T")
R = TypeVar("R")


def tree(catalog: Catalog, owner: str = ALICE, parent: str = "") -> list[str]:
    """All folders, each before those inside it."""
    return [path for each in catalog.folders(owner, parent) for path in (each, *tree(catalog, owner, each))]


def paths(catalog: Catalog, below: str = "") -> list[str]:
    """The paths of all living files below a folder."""
    return [file.path for file in catalog.files(ListQuery(ALICE, below=below)).files]


def floors(catalog: Catalog, scope: FloorScope) -> list[str]:
    """What alice has set floors of this kind for."""
    return [floor.key for floor in catalog.floors(ALICE) if floor.scope is scope]


def moves(catalog: Catalog, folder: str, to: str) -> list[Commit]:
    """One move for each file below a folder."""
    files = catalog.files(ListQuery(ALICE, below=folder)).files
    return [moved(file, to + file.path[len(folder) :]) for file in files]


def copied(file: File, path: str) -> Commit:
    """A new file with the same bytes, whose chunks the catalog has."""
    commit = first(path, chunks=0)
    return replace(commit, version=replace(commit.version, content=file.head.content))


def attempt(catalog: Catalog, commits: list[Commit], change: FolderChange | None = None) -> list[File] | EchoError:
    """One step, or why it was refused."""
    try:
        return catalog.commit_together(commits, change)
    except EchoError as error:
        return error


def at_once(work: Callable[[T], R], values: Sequence[T]) -> list[R]:
    """Do it with each value from a thread of its own, all released together."""
    barrier = threading.Barrier(len(values))

    def wait(value: T) -> R:
        barrier.wait()
        return work(value)

    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(wait, values))


def ends(catalog: Catalog, folder: str) -> list[Commit]:
    """The end of each file below a folder."""
    return [deleted(file) for file in catalog.files(ListQuery(ALICE, below=folder)).files]


class Making:
    def test_a_folder_is_made_with_all_above_it_and_stays_empty(self, catalog: Catalog) -> None:
        assert catalog.make_folder(ALICE, "a/b/c")
        assert tree(catalog) == ["a", "a/b", "a/b/c"]
        assert tree(catalog, BOB) == []
        assert paths(catalog) == []

    def test_making_it_again_says_so_and_changes_nothing(self, catalog: Catalog) -> None:
        make(catalog, first("a/b/file"))
        assert not catalog.make_folder(ALICE, "a/b")
        assert not catalog.make_folder(ALICE, "a")
        assert catalog.make_folder(ALICE, "a/c")
        assert tree(catalog) == ["a", "a/b", "a/c"]

    def test_a_file_is_no_folder(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        for path in ("a", "a/b"):
            with pytest.raises(NameTaken):
                catalog.make_folder(ALICE, path)
        assert tree(catalog) == []
        make(catalog, deleted(file))
        assert catalog.make_folder(ALICE, "a/b")


class Together:
    def test_versions_of_one_step_are_made_and_answered_in_order(self, catalog: Catalog) -> None:
        old = make(catalog, first("a"))
        commits = [first("new"), following(old), deleted(make(catalog, first("gone")))]
        made = catalog.commit_together(commits)
        assert [file.head for file in made] == [commit.version for commit in commits]
        assert catalog.file(ALICE, old.id) == made[1]
        assert paths(catalog) == ["a", "new"]

    @pytest.mark.parametrize("place", range(3))
    def test_one_refusal_refuses_all(self, catalog: Catalog, place: int) -> None:
        old = make(catalog, first("a/file"))
        newer = make(catalog, following(old))
        commits = [first("x/one"), moved(newer, "y/file")]
        commits.insert(place, following(make(catalog, first("b")), number=7, parent=6))
        with pytest.raises(EchoError):
            catalog.commit_together(commits)
        assert catalog.file(ALICE, old.id) == newer
        assert paths(catalog) == ["a/file", "b"]
        assert tree(catalog) == ["a"]

    def test_the_refusal_is_that_of_the_commit_at_fault(self, catalog: Catalog) -> None:
        old = make(catalog, first("a"))
        make(catalog, following(old))
        with pytest.raises(HeadMoved):
            catalog.commit_together([first("b"), moved(old, "c")])
        with pytest.raises(NameTaken):
            catalog.commit_together([first("b"), moved(make(catalog, first("d")), "a")])
        with pytest.raises(NotFound):
            catalog.commit_together([first("b"), replace(following(catalog.file_at(ALICE, "a")), owner_id=BOB)])
        unknown = replace(first("e"), chunks=(chunk("manifest"),))
        with pytest.raises(Unavailable):
            catalog.commit_together([first("b"), unknown])
        assert paths(catalog) == ["a", "d"]

    def test_two_versions_of_one_file_or_path_are_not_one_step(self, catalog: Catalog) -> None:
        file = make(catalog, first("a"))
        for commits in ([first("b"), first("b")], [following(file), following(file)]):
            with pytest.raises(InvalidRequest):
                catalog.commit_together(commits)
        assert paths(catalog) == ["a"]

    def test_a_step_that_is_repeated_is_answered_again(self, catalog: Catalog) -> None:
        commits = [first("a"), following(make(catalog, first("b")))]
        made = catalog.commit_together(commits)
        assert catalog.commit_together(commits) == made
        assert catalog.commit_together([]) == []

    def test_of_several_steps_at_once_over_the_same_files_one_wins(self, catalog: Catalog) -> None:
        files = [make(catalog, first(f"f{number}")) for number in range(4)]
        steps = [[moved(file, f"to{turn}/{file.path}") for file in files] for turn in range(4)]
        answers = at_once(lambda step: attempt(catalog, step), steps)
        (winner,) = [answer for answer in answers if not isinstance(answer, EchoError)]
        assert sum(isinstance(answer, HeadMoved) for answer in answers) == 3
        assert [catalog.file(ALICE, file.id) for file in files] == winner


class Moving:
    def test_a_folder_goes_elsewhere_with_all_below_it_and_no_other(self, catalog: Catalog) -> None:
        for path in ("a/1", "a/sub/2", "ab/3", "a.txt", "b"):
            make(catalog, first(path))
        catalog.make_folder(ALICE, "a/empty/inner")
        make(catalog, first("a/theirs", owner=BOB))
        made = catalog.commit_together(moves(catalog, "a", "x/y"), FolderChange(ALICE, "a", "x/y"))
        assert {file.head.kind for file in made} == {Kind.MOVE}
        assert paths(catalog) == ["a.txt", "ab/3", "b", "x/y/1", "x/y/sub/2"]
        assert tree(catalog) == ["ab", "x", "x/y", "x/y/empty", "x/y/empty/inner", "x/y/sub"]
        assert tree(catalog, BOB) == ["a"]

    def test_floors_of_a_folder_and_below_it_go_along_and_no_others(self, catalog: Catalog) -> None:
        make(catalog, first("a/b/1"))
        keys = ["a", "a/b", "ab", "a/later", "x"]
        for key in keys:
            catalog.set_floor(Floor(ALICE, FloorScope.FOLDER, key, Level.STRONG, critical=key == "a"))
        catalog.set_floor(Floor(ALICE, FloorScope.FILE, "a", Level.HYBRID))
        catalog.set_floor(Floor(BOB, FloorScope.FOLDER, "a", Level.HYBRID))
        catalog.commit_together(moves(catalog, "a", "x"), FolderChange(ALICE, "a", "x"))
        assert floors(catalog, FloorScope.FOLDER) == ["ab", "x", "x/b", "x/later"]
        assert [floor.key for floor in catalog.floors(ALICE) if floor.critical] == ["x"]
        assert floors(catalog, FloorScope.FILE) == ["a"]
        assert [floor.key for floor in catalog.floors(BOB)] == ["a"]
        catalog.commit_together([], FolderChange(ALICE, "x", "y", keep=True))
        catalog.commit_together(ends(catalog, "x"), FolderChange(ALICE, "x"))
        assert floors(catalog, FloorScope.FOLDER) == ["ab", "x", "x/b", "x/later"]

    def test_an_empty_folder_moves(self, catalog: Catalog) -> None:
        catalog.make_folder(ALICE, "a/b")
        assert catalog.commit_together([], FolderChange(ALICE, "a/b", "c")) == []
        assert tree(catalog) == ["a", "c"]

    def test_a_folder_that_does_not_exist_or_is_anothers_is_not_found(self, catalog: Catalog) -> None:
        catalog.make_folder(BOB, "a")
        for to, keep in (("b", False), ("b", True), ("", False)):
            with pytest.raises(NotFound):
                catalog.commit_together([first("f")], FolderChange(ALICE, "a", to, keep))
        assert tree(catalog, BOB) == ["a"]
        assert (tree(catalog), paths(catalog)) == ([], [])

    @pytest.mark.parametrize("keep", [False, True])
    @pytest.mark.parametrize("to", ["taken", "file", "file/inner"])
    def test_a_path_that_is_taken_refuses_everything(self, catalog: Catalog, to: str, keep: bool) -> None:
        make(catalog, first("a/1"))
        make(catalog, first("file"))
        catalog.make_folder(ALICE, "taken")
        with pytest.raises(NameTaken):
            catalog.commit_together([], FolderChange(ALICE, "a", to, keep=keep))
        assert (tree(catalog), paths(catalog)) == (["a", "taken"], ["a/1", "file"])

    def test_a_file_that_would_stay_behind_refuses_everything(self, catalog: Catalog) -> None:
        make(catalog, first("a/1"))
        commits = moves(catalog, "a", "b")
        make(catalog, first("a/sub/late"))
        for change in (FolderChange(ALICE, "a", "b"), FolderChange(ALICE, "a")):
            with pytest.raises(HeadMoved):
                catalog.commit_together(commits, change)
        assert (tree(catalog), paths(catalog)) == (["a", "a/sub"], ["a/1", "a/sub/late"])

    def test_a_path_that_would_be_too_long_refuses_everything(self, catalog: Catalog) -> None:
        catalog.make_folder(ALICE, "a/" + "/".join(["d" * 200] * 4))
        with pytest.raises(InvalidName):
            catalog.commit_together([first("f")], FolderChange(ALICE, "a", "e" * 250))
        assert paths(catalog) == []
        assert tree(catalog)[0] == "a"

    def test_a_file_in_a_folder_that_was_moved_away_makes_it_anew(self, catalog: Catalog) -> None:
        make(catalog, first("a/1"))
        catalog.commit_together(moves(catalog, "a", "b"), FolderChange(ALICE, "a", "b"))
        make(catalog, first("a/2"))
        assert tree(catalog) == ["a", "b"]


class Copying:
    def test_a_copied_folder_is_there_twice_and_its_bytes_are_not(self, catalog: Catalog) -> None:
        files = [make(catalog, first(path)) for path in ("a/1", "a/sub/2")]
        catalog.make_folder(ALICE, "a/empty")
        commits = [copied(file, f"b/{file.path}") for file in files]
        made = catalog.commit_together(commits, FolderChange(ALICE, "a", "b/a", keep=True))
        assert [file.head.content for file in made] == [file.head.content for file in files]
        assert paths(catalog) == ["a/1", "a/sub/2", "b/a/1", "b/a/sub/2"]
        assert tree(catalog) == ["a", "a/empty", "a/sub", "b", "b/a", "b/a/empty", "b/a/sub"]


class Ending:
    def test_a_folder_ends_with_all_below_it(self, catalog: Catalog) -> None:
        for path in ("a/1", "a/sub/2", "b/3"):
            make(catalog, first(path))
        catalog.make_folder(ALICE, "a/empty")
        gone = catalog.commit_together(ends(catalog, "a"), FolderChange(ALICE, "a"))
        assert all(file.deleted for file in gone)
        assert (tree(catalog), paths(catalog)) == (["b"], ["b/3"])
        assert len(catalog.versions(ALICE, gone[0].id)) == 2

    def test_folders_outlive_their_last_file(self, catalog: Catalog) -> None:
        make(catalog, deleted(make(catalog, first("a/b/1"))))
        assert tree(catalog) == ["a", "a/b"]
        catalog.commit_together([], FolderChange(ALICE, "a"))
        assert tree(catalog) == []

    def test_a_file_that_comes_while_its_folder_ends_is_in_a_folder_that_exists(self, catalog: Catalog) -> None:
        for turn in range(8):
            catalog.make_folder(ALICE, f"f{turn}")
            ending = ([], FolderChange(ALICE, f"f{turn}"))
            steps = [([first(f"f{turn}/new")], None), ending, ([first(f"f{turn}/other")], None)]
            answers = at_once(lambda step: attempt(catalog, *step), steps)
            assert [isinstance(answer, EchoError) for answer in answers[::2]] == [False, False]
            assert f"f{turn}" in catalog.folders(ALICE, "")


class FolderContract(Making, Together, Moving, Copying, Ending):
    """Inherit it and provide a ``catalog`` fixture with nothing in it."""
