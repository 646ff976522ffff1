"""Every copy of the catalog's heads tells how old it is, and never more than it knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from echofs.adapters.local_follower import LocalFollower
from echofs.core.errors import InvalidRequest
from echofs.core.models import File, Kind
from echofs.ports.catalog import Changes
from echofs.ports.follower import Follower
from echofs.ports.listing import ListQuery, SortKey
from tests.contracts.catalog_values import ALICE, BOB, CREATED, first
from tests.fakes.clock import FakeClock
from tests.fakes.follower import MemoryFollower

CAPACITY = 50


@dataclass
class Subject:
    """A copy as two processes of a host see it."""

    one: Follower
    two: Follower
    clock: FakeClock

    def take(self, *files: File, newest: int | None = None, asked_at: float | None = None) -> None:
        """Feed the next changes, as the leader does."""
        if self.one.position() is None:
            self.one.begin(0, whole=True)
        after = self.one.position()
        assert after is not None
        upto = after + len(files)
        asked = self.clock.monotonic() if asked_at is None else asked_at
        self.one.take(Changes(files, upto, upto if newest is None else newest), after, asked)


@pytest.fixture(params=["memory", "local"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    clock = FakeClock()
    if request.param == "memory":
        follower = MemoryFollower(clock, capacity=CAPACITY)
        yield Subject(follower, follower, clock)
        return
    with (
        closing(LocalFollower(tmp_path / "heads", capacity=CAPACITY, clock=clock, boot="boot-1")) as one,
        closing(LocalFollower(tmp_path / "heads", capacity=CAPACITY, clock=clock, boot="boot-1")) as two,
    ):
        yield Subject(one, two, clock)


def a_file(path: str = "a.txt", *, owner: str = ALICE, size: int = 5, at: int = CREATED) -> File:
    version = first(path, owner=owner, size=size).version
    return File(version.file_id, owner, replace(version, created_at=at), CREATED)


def later(file: File, **changes: object) -> File:
    number = file.head.number + 1
    head = replace(file.head, number=number, parent=number - 1, **changes)  # type: ignore[arg-type]
    return replace(file, head=head)


def names(subject: Subject, query: ListQuery, *newer: File) -> list[str]:
    """The paths of all pages, in order."""
    found: list[str] = []
    while True:
        page = subject.two.page(query, newer)
        assert page is not None
        found += [file.path for file in page.page.files]
        if not page.page.next:
            return found
        query = replace(query, after=page.page.next)


# --- what it knows ---


def test_before_it_was_ever_up_to_date_it_knows_nothing(subject: Subject) -> None:
    assert (subject.one.age(), subject.one.position()) == (None, None)
    file = a_file()
    subject.take(file, newest=7)
    assert subject.two.head(ALICE, file.id) is None
    assert subject.two.at(ALICE, file.path) is None
    assert subject.two.page(ListQuery(ALICE)) is None
    assert subject.two.age() is None


def test_all_processes_find_what_one_took_in_as_it_was(subject: Subject) -> None:
    file, theirs = a_file("ä/b.txt"), a_file("ä/b.txt", owner=BOB)
    subject.take(file, theirs)
    subject.clock.advance(2)
    assert subject.two.head(ALICE, file.id) == (file, 2.0, 2)
    assert subject.two.at(ALICE, "ä/b.txt") == (file, 2.0, 2)
    assert subject.two.at(BOB, "ä/b.txt") == (theirs, 2.0, 2)
    assert subject.two.head(BOB, file.id) is None
    assert subject.two.at(ALICE, "ä") is None


def test_the_last_change_of_a_file_counts(subject: Subject) -> None:
    file = a_file("a")
    moved = later(file, kind=Kind.MOVE, path="b")
    subject.take(file)
    subject.take(moved)
    assert subject.two.at(ALICE, "a") is None
    copy = subject.two.at(ALICE, "b")
    assert copy is not None
    assert copy.file == moved


def test_an_earlier_version_behind_a_later_one_changes_nothing(subject: Subject) -> None:
    file = a_file("a")
    second = later(file)
    subject.take(second, file)
    copy = subject.two.head(ALICE, file.id)
    assert copy is not None
    assert copy.file == second


def test_a_deleted_file_is_known_as_deleted_and_its_path_is_free(subject: Subject) -> None:
    file = a_file("a")
    gone = later(file, kind=Kind.TOMBSTONE)
    subject.take(file, gone)
    copy = subject.two.head(ALICE, file.id)
    assert copy is not None
    assert copy.file.deleted
    assert subject.two.at(ALICE, "a") is None
    other = a_file("a")
    subject.take(other)
    assert subject.two.at(ALICE, "a") == (other, 0.0, 3)


# --- how old it is ---


def test_its_age_runs_from_the_sending_of_the_question_that_brought_it_up_to_date(subject: Subject) -> None:
    asked_at = subject.clock.monotonic()
    subject.clock.advance(3)
    subject.take(a_file(), asked_at=asked_at)
    assert subject.two.age() == 3.0
    subject.clock.advance(1)
    assert subject.two.age() == 4.0
    subject.take()
    assert subject.two.age() == 0.0


def test_an_answer_that_does_not_show_everything_yet_makes_it_no_younger(subject: Subject) -> None:
    subject.take(a_file())
    subject.clock.advance(2)
    subject.take(newest=3)
    assert subject.two.age() == 2.0
    subject.clock.advance(2)
    # The two changes that were withheld are here, and new ones are withheld: it knows what was true two seconds ago.
    subject.take(a_file(), a_file(), newest=9)
    assert subject.two.age() == 2.0


def test_an_answer_to_another_question_is_ignored(subject: Subject) -> None:
    subject.one.begin(0, whole=True)
    subject.one.take(Changes((a_file(),), 9, 9), 8, subject.clock.monotonic())
    assert subject.two.position() == 0
    assert subject.two.age() is None


def test_begun_anew_it_has_forgotten_everything(subject: Subject) -> None:
    old, new = a_file("old"), a_file("new")
    subject.take(old)
    subject.one.begin(40, whole=False)
    assert (subject.two.age(), subject.two.position()) == (None, 40)
    subject.take(new)
    assert subject.two.head(ALICE, old.id) is None
    assert subject.two.head(ALICE, new.id) == (new, 0.0, 41)
    page = subject.two.page(ListQuery(ALICE))
    assert page is not None
    assert not page.whole


def test_only_the_files_changed_last_are_kept(subject: Subject) -> None:
    files = [a_file(f"{number:03}") for number in range(CAPACITY)]
    subject.take(*files)
    page = subject.two.page(ListQuery(ALICE))
    assert page is not None
    assert page.whole
    subject.take(later(files[0]), a_file("one more"))
    assert subject.two.head(ALICE, files[0].id) is not None
    assert subject.two.head(ALICE, files[1].id) is None
    page = subject.two.page(ListQuery(ALICE))
    assert page is not None
    assert not page.whole


# --- listings ---


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", SortKey)
def test_pages_together_are_the_whole_listing_in_order(subject: Subject, sort: SortKey, descending: bool) -> None:
    files = [a_file(f"f{number}", size=number % 3 + 1, at=CREATED + number % 4) for number in range(11)]
    subject.take(*files, a_file("theirs", owner=BOB), later(a_file("gone"), kind=Kind.TOMBSTONE))
    query = ListQuery(ALICE, sort=sort, descending=descending, limit=3)
    key = {
        SortKey.NAME: lambda file: file.path,
        SortKey.SIZE: lambda file: (file.head.content.size, file.path),
        SortKey.UPDATED: lambda file: (file.head.created_at, file.path),
    }[sort]
    assert names(subject, query) == [file.path for file in sorted(files, key=key, reverse=descending)]


def test_newer_files_take_the_place_of_those_in_the_copy(subject: Subject) -> None:
    files = [a_file(f"f{number}") for number in range(6)]
    subject.take(*files)
    newer = (
        later(files[1], kind=Kind.TOMBSTONE),
        later(files[2], kind=Kind.MOVE, path="z"),
        a_file("f3x"),
        a_file("theirs", owner=BOB),
    )
    expected = ["f0", "f3", "f3x", "f4", "f5", "z"]
    for limit in (1, 2, 5, 6, 100):
        assert names(subject, ListQuery(ALICE, limit=limit), *newer) == expected
        assert names(subject, ListQuery(ALICE, limit=limit, descending=True), *newer) == expected[::-1]


def test_a_folder_lists_what_is_directly_inside(subject: Subject) -> None:
    subject.take(*(a_file(path) for path in ("r", "a/x", "a/b/y", "ab/z", "a/c/d/w")))
    assert names(subject, ListQuery(ALICE, folder="a")) == ["a/x"]
    assert names(subject, ListQuery(ALICE, folder=""), a_file("s"), a_file("a/t")) == ["r", "s"]
    assert subject.two.folders(ALICE, "") == ["a", "ab"]
    assert subject.two.folders(ALICE, "a") == ["a/b", "a/c"]
    assert subject.two.folders(ALICE, "a/c") == ["a/c/d"]
    assert subject.two.folders(BOB, "") == []


def test_a_listing_goes_below_a_folder_and_finds_names(subject: Subject) -> None:
    subject.take(*(a_file(path) for path in ("a/x", "a/b/Größe", "ab/größe", "größe/z", "r")))
    newer = a_file("a/GRÖSSE"), a_file("c/other")
    assert names(subject, ListQuery(ALICE, below="a"), *newer) == ["a/GRÖSSE", "a/b/Größe", "a/x"]
    assert names(subject, ListQuery(ALICE, search="größe"), *newer) == ["a/GRÖSSE", "a/b/Größe", "ab/größe"]
    assert names(subject, ListQuery(ALICE, below="a", search="größe", limit=1), *newer) == ["a/GRÖSSE", "a/b/Größe"]
    assert names(subject, ListQuery(ALICE, folder="ab", search="SS"), *newer) == ["ab/größe"]


def test_a_cursor_of_another_listing_is_refused(subject: Subject) -> None:
    subject.take(*(a_file(f"f{number}") for number in range(3)))
    page = subject.two.page(ListQuery(ALICE, limit=1))
    assert page is not None
    for query in (ListQuery(ALICE, sort=SortKey.SIZE, after=page.page.next), ListQuery(ALICE, after="x")):
        with pytest.raises(InvalidRequest):
            subject.two.page(query)


def test_only_one_process_leads_at_a_time(subject: Subject) -> None:
    with subject.one.lead() as leads:
        assert leads
        with subject.two.lead() as also:
            assert not also
    with subject.two.lead() as leads:
        assert leads
