"""Every journal keeps what it accepted, gives it to all processes of the host, and forgets only what it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from echofs.adapters.local_journal import LocalJournal
from echofs.core.entries import Delivered
from echofs.core.errors import HeadMoved, IdempotencyKeyReused, SpoolFull
from echofs.core.models import ChunkKind, ChunkRecord, Dot
from echofs.ports.journal import EntryCopy, Journal, Task
from tests.contracts.catalog_values import ALICE, BOB
from tests.contracts.journal_values import after, bulky, deleted, entry, frame, moved, plain, raw
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal

ROOM = 100_000


@dataclass
class Subject:
    """A journal as two processes of a host see it."""

    one: Journal
    two: Journal
    clock: FakeClock


@pytest.fixture(params=["memory", "local"])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Subject]:
    clock = FakeClock()
    if request.param == "memory":
        journal = MemoryJournal(clock)
        journal.room = ROOM
        yield Subject(journal, journal, clock)
        return
    with (
        closing(LocalJournal(tmp_path / "journal", limit=ROOM, clock=clock, boot="boot-1")) as one,
        closing(LocalJournal(tmp_path / "journal", limit=ROOM, clock=clock, boot="boot-1")) as two,
    ):
        yield Subject(one, two, clock)


# --- entries ---


def test_what_one_process_appends_all_find_as_it_was(subject: Subject) -> None:
    new = entry("ä/b.txt", key="key-1")
    subject.one.append(new)
    assert subject.two.head(ALICE, new.version.file_id) == new
    assert subject.two.at(ALICE, "ä/b.txt") == new
    assert subject.two.heads(ALICE) == [new]
    assert [found for _, found in subject.two.pending()] == [new]
    assert subject.two.answered(ALICE, "key-1") == new.idempotency
    assert subject.two.depth() == 1


def test_an_empty_journal_has_nothing_to_say(subject: Subject) -> None:
    assert subject.one.head(ALICE, "f") is None
    assert subject.one.at(ALICE, "a") is None
    assert subject.one.heads(ALICE) == []
    assert subject.one.pending() == []
    assert subject.one.answered(ALICE, "k") is None
    assert subject.one.spooled() == []
    assert subject.one.frames(["0" * 64]) == {}
    assert (subject.one.depth(), subject.one.oldest_age(), subject.one.spooled_bytes()) == (0, 0.0, 0)


def test_nothing_is_anybody_elses(subject: Subject) -> None:
    new = entry("a.txt", key="key-1")
    subject.one.append(new)
    assert subject.one.head(BOB, new.version.file_id) is None
    assert subject.one.at(BOB, "a.txt") is None
    assert subject.one.heads(BOB) == []
    assert subject.one.answered(BOB, "key-1") is None


def test_the_newest_entry_of_a_file_is_its_head(subject: Subject) -> None:
    first = entry()
    second = after(first)
    other = entry("other.txt")
    for each in (first, other, second):
        subject.one.append(each)
    assert subject.two.head(ALICE, first.version.file_id) == second
    assert subject.two.heads(ALICE) == [other, second]
    assert subject.two.of_file(ALICE, first.version.file_id) == [first, second]
    assert subject.two.of_file(BOB, first.version.file_id) == []
    assert [found for _, found in subject.two.pending()] == [first, other, second]


def test_a_file_that_moved_on_is_at_its_new_path_only(subject: Subject) -> None:
    first = entry("old.txt")
    second = moved(first, "new.txt")
    subject.one.append(first)
    subject.one.append(second)
    assert subject.two.at(ALICE, "old.txt") is None
    assert subject.two.at(ALICE, "new.txt") == second


def test_a_deleted_file_is_at_no_path_but_still_has_its_head(subject: Subject) -> None:
    first = entry("a.txt")
    end = deleted(first)
    subject.one.append(first)
    subject.one.append(end)
    assert subject.two.at(ALICE, "a.txt") is None
    assert subject.two.head(ALICE, first.version.file_id) == end
    assert subject.two.heads(ALICE) == [end]


def test_a_path_left_free_can_be_taken_by_another_file(subject: Subject) -> None:
    first = entry("a.txt")
    other = entry("a.txt")
    for each in (first, deleted(first), other):
        subject.one.append(each)
    assert subject.two.at(ALICE, "a.txt") == other


def test_appending_a_dot_again_changes_nothing(subject: Subject) -> None:
    first = entry()
    second = after(first)
    for each in (first, second, first):
        subject.one.append(each)
    assert [found for _, found in subject.two.pending()] == [first, second]


def test_a_writer_that_was_passed_by_is_refused_and_keeps_nothing(subject: Subject) -> None:
    first = entry("a")
    second, rival = after(first), after(first)
    for each in (first, second):
        subject.one.append(each)
    one = frame()
    for late in (rival, after(rival), replace(entry("b"), version=replace(rival.version, parent=0))):
        with pytest.raises(HeadMoved):
            subject.two.append(late, [one])
    assert [found for _, found in subject.one.pending()] == [first, second]
    assert subject.one.spooled() == []


def test_a_path_that_another_waiting_file_has_is_refused(subject: Subject) -> None:
    first, other = entry("a"), entry("b")
    subject.one.append(first)
    subject.one.append(other)
    for late in (entry("a"), moved(other, "a")):
        with pytest.raises(HeadMoved):
            subject.two.append(late)
    subject.one.append(deleted(first))
    subject.two.append(moved(other, "a"))
    subject.two.append(entry("b"))
    subject.two.append(entry("b", owner=BOB))


def test_a_key_that_another_waiting_version_has_is_refused(subject: Subject) -> None:
    first = entry("a", key="key-1")
    twin = replace(after(first), idempotency=first.idempotency)
    subject.one.append(first)
    for late in (entry("b", key="key-1"), twin):
        with pytest.raises(IdempotencyKeyReused):
            subject.two.append(late, [frame()])
    assert (subject.one.depth(), subject.one.spooled()) == (1, [])
    subject.two.append(first)
    subject.two.append(entry("b", owner=BOB, key="key-1"))
    subject.one.settle([first.version.dot])
    subject.two.append(twin)


def test_what_follows_a_version_that_was_settled_is_accepted(subject: Subject) -> None:
    first = entry("a")
    subject.one.append(first)
    subject.one.settle([first.version.dot])
    subject.two.append(after(first))
    assert subject.one.depth() == 1


def test_entries_come_in_pages_in_the_order_of_appending(subject: Subject) -> None:
    made = [entry(f"{number}") for number in range(5)]
    for each in made:
        subject.one.append(each)
    found = []
    after_place = 0
    while page := subject.two.pending(after_place, limit=2):
        assert len(page) <= 2
        found += [one for _, one in page]
        after_place = page[-1][0]
    assert found == made


def test_places_are_never_given_twice(subject: Subject) -> None:
    last = entry()
    subject.one.append(last)
    ((place, _),) = subject.one.pending()
    subject.one.settle([last.version.dot])
    subject.one.append(entry())
    assert len(subject.one.pending(after=place)) == 1


def test_what_is_settled_is_forgotten_and_nothing_else(subject: Subject) -> None:
    first = entry("a.txt", key="key-1")
    second = after(first)
    other = entry("b.txt")
    for each in (first, second, other):
        subject.one.append(each)
    for _ in range(2):
        subject.two.settle([first.version.dot, Dot("nobody", 1)])
        assert [found for _, found in subject.one.pending()] == [second, other]
        assert subject.one.answered(ALICE, "key-1") is None
    subject.two.settle([second.version.dot])
    assert subject.one.head(ALICE, first.version.file_id) is None
    subject.two.settle([])
    assert subject.one.depth() == 1


def test_the_age_is_that_of_the_oldest_entry(subject: Subject) -> None:
    old, young = entry("a"), entry("b")
    subject.one.append(old)
    subject.clock.advance(5)
    subject.one.append(young)
    subject.clock.advance(2)
    subject.clock.jump(-3600)
    assert subject.two.oldest_age() == 7
    subject.one.settle([old.version.dot])
    assert subject.two.oldest_age() == 2


# --- frames ---


@pytest.mark.parametrize("kind", list(ChunkKind))
def test_a_spooled_frame_comes_back_whole_and_of_its_kind(subject: Subject, kind: ChunkKind) -> None:
    one = frame(b"the plain bytes", kind)
    subject.one.spool([one])
    found = subject.two.frames([one.digest, "0" * 64])
    assert list(found) == [one.digest]
    back = found[one.digest]
    assert (raw(back), back.size, back.kind, back.digest) == (raw(one), one.size, kind, one.digest)
    assert plain(back, one.digest) == b"the plain bytes"


def test_an_entry_and_its_frames_come_together(subject: Subject) -> None:
    one, two = frame(), frame()
    new = entry(brings=(one, two))
    subject.one.append(new, [one, two])
    assert subject.two.frames([one.digest, two.digest]).keys() == {one.digest, two.digest}
    assert subject.two.spooled_bytes() == len(one) + len(two)
    assert subject.two.pending() == [(1, new)]


def test_spooling_twice_takes_room_once(subject: Subject) -> None:
    one = frame()
    for _ in range(2):
        subject.one.spool([one])
    assert subject.two.spooled() == [one.digest]
    assert subject.two.spooled_bytes() == len(one)


def test_spooled_digests_come_in_pages_in_their_order(subject: Subject) -> None:
    frames = [frame() for _ in range(5)]
    subject.one.spool(frames)
    found: list[str] = []
    while page := subject.two.spooled(found[-1] if found else "", limit=2):
        found += page
    assert found == sorted(one.digest for one in frames)


def test_what_is_dropped_is_gone_and_its_room_free(subject: Subject) -> None:
    gone, kept = frame(), frame()
    subject.one.spool([gone, kept])
    for _ in range(2):
        subject.two.drop([Delivered(gone.digest, ("w1", "w2"))])
        assert subject.one.spooled() == [kept.digest]
        assert subject.one.spooled_bytes() == len(kept)
    subject.two.drop([])


def test_dropping_tells_the_entries_where_their_chunks_lie_now(subject: Subject) -> None:
    one, two = frame(), frame()
    new, also = entry("a", brings=(one, two)), entry("b", brings=(one,))
    subject.one.append(new, [one, two])
    subject.one.append(also, [one])
    subject.two.drop([Delivered(one.digest, ("w1", "w4"), ("w2",))])
    first, second = (found for _, found in subject.one.pending())
    now = ChunkRecord(one.digest, one.size, ("w1", "w4"), ("w2",))
    assert first.chunks == (now, new.chunks[1])
    assert second.chunks == (now,)
    assert (first.version, second.version) == (new.version, also.version)


def test_settling_leaves_the_frames(subject: Subject) -> None:
    one = frame()
    new = entry(brings=(one,))
    subject.one.append(new, [one])
    subject.one.settle([new.version.dot])
    assert subject.one.spooled() == [one.digest]


def test_a_full_spool_refuses_and_keeps_nothing_of_it(subject: Subject) -> None:
    big, small = bulky(), frame()
    subject.one.spool([big])
    again = bulky()
    refused = entry(brings=(again,))
    with pytest.raises(SpoolFull):
        subject.one.append(refused, [small, again])
    with pytest.raises(SpoolFull):
        subject.one.spool([again])
    assert subject.two.depth() == 0
    assert subject.two.spooled() == [big.digest]
    subject.two.drop([Delivered(big.digest, ("w1", "w2"))])
    subject.one.append(refused, [small, again])
    assert subject.two.depth() == 1


def test_what_was_accepted_is_accepted_again_though_the_spool_is_full(subject: Subject) -> None:
    first = entry()
    subject.one.append(first)
    subject.one.spool([bulky()])
    subject.one.append(first, [bulky()])
    assert subject.one.depth() == 1


# --- copies of entries ---


def test_entries_are_uncopied_until_a_copy_is_noted(subject: Subject) -> None:
    made = [entry(f"{number}") for number in range(3)]
    for each in made:
        subject.one.append(each)
    (first, _), *others = subject.two.uncopied()
    for _ in range(2):
        subject.one.note_copies([EntryCopy(first, "ab" * 32, "w1"), EntryCopy(first, "ab" * 32, "w2")])
        assert subject.two.uncopied() == others
    assert subject.two.uncopied(limit=1) == others[:1]
    assert [one for _, one in others] == made[1:]


def test_copies_are_stale_once_their_entry_is_settled_and_until_they_are_forgotten(subject: Subject) -> None:
    first, second = entry("a"), entry("b")
    subject.one.append(first)
    subject.one.append(second)
    copies = [
        EntryCopy(place, f"{place:064x}", worker_id)
        for place, _ in subject.one.uncopied()
        for worker_id in ("w1", "w2")
    ]
    subject.one.note_copies(copies)
    assert subject.two.stale_copies("w1") == []
    subject.one.settle([first.version.dot, second.version.dot])
    assert subject.two.stale_copies("w1") == [copies[0], copies[2]]
    assert subject.two.stale_copies("w1", limit=1) == [copies[0]]
    for _ in range(2):
        subject.two.forget_copies([copies[0]])
        assert subject.one.stale_copies("w1") == [copies[2]]
    assert subject.one.stale_copies("w2") == [copies[1], copies[3]]


# --- several at once ---


def test_appends_of_many_threads_are_all_kept(subject: Subject) -> None:
    made = [(entry(f"{number}"), frame()) for number in range(60)]
    journals = (subject.one, subject.two)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda at: journals[at % 2].append(made[at][0], [made[at][1]]), range(60)))
    assert subject.one.depth() == 60
    assert {found.version.dot for _, found in subject.two.pending()} == {one.version.dot for one, _ in made}
    assert len(subject.one.frames([one.digest for _, one in made])) == 60


def test_at_most_one_leads(subject: Subject) -> None:
    with subject.one.lead() as first, subject.two.lead() as second, subject.one.lead() as third:
        assert (first, second, third) == (True, False, False)
    with subject.two.lead() as again:
        assert again


def test_tasks_are_led_apart(subject: Subject) -> None:
    with subject.one.lead(Task.REPLAY) as replays, subject.two.lead(Task.DELIVER) as delivers:
        assert (replays, delivers) == (True, True)
