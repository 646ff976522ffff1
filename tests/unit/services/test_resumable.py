"""Uploads that are broken off in every way and gone on with elsewhere."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from echofs.core import chunking
from echofs.core.errors import (
    BodyMismatch,
    CatalogUnavailable,
    ChecksumMismatch,
    Expired,
    Forbidden,
    InvalidName,
    InvalidRequest,
    NotFound,
    QuotaExceeded,
    TooFewReplicas,
    TooLarge,
    Unavailable,
    UploadMoved,
)
from echofs.core.models import Content, Level, User
from echofs.ports.resumable import Terms
from echofs.services.finishing import CATCH_UP_SECONDS
from echofs.services.publishing import Published
from echofs.services.reception import ADVANCE_SECONDS
from echofs.services.resumable import Opened, Resumable
from echofs.services.shipping import MAX_UNSAFE
from tests.fakes.workers import Fault
from tests.unit.services.data_plane import CHUNK, OWNER, DataPlane, bytes_of
from tests.unit.services.two_hosts import ANNA

PATH = "films/one.mkv"
HOUR = 3600


@dataclass
class Client:
    """A client with a file; ``at`` is the process it talks to."""

    at: Resumable
    data: bytes
    ticket: str

    @classmethod
    def begun(cls, at: Resumable, data: bytes, terms: Terms | None = None, path: str = PATH) -> Client:
        _, ticket = at.create(OWNER, path, len(data), terms or Terms())
        return cls(at, data, ticket)

    @property
    def opened(self) -> Opened:
        return self.at.open(self.ticket)

    @property
    def offset(self) -> int:
        """What the next process is told."""
        return self.opened.record.received.size

    def send(self, until: int | None = None, *, step: int = 50, all_or_nothing: bool = False) -> None:
        """The bytes from the offset on, up to a place or all."""
        offset, until = self.offset, len(self.data) if until is None else until
        pieces = (self.data[at : min(at + step, until)] for at in range(offset, until, step))
        self.take(pieces, length=until - offset, all_or_nothing=all_or_nothing)

    def take(self, pieces: Iterable[bytes], *, length: int | None = None, all_or_nothing: bool = False) -> None:
        """A body, whatever it is."""
        self.at.receive(self.opened, self.offset, pieces, length=length, all_or_nothing=all_or_nothing)

    def finish(self) -> Published:
        return self.at.finish(self.opened, 0.0)

    def whole(self) -> Published:
        """All that is left, and the end."""
        self.send()
        return self.finish()


@pytest.fixture
def resumable(here: DataPlane) -> Resumable:
    return here.resumable()


def broken_off(data: bytes, step: int = 50) -> Iterator[bytes]:
    yield from (data[at : at + step] for at in range(0, len(data), step))
    raise BodyMismatch("The body ended early.")


def held(plane: DataPlane, content: Content) -> bytes:
    """The bytes as one worker has them."""
    return plane.read_by_hand(content)


# --- the plain case -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK, 5 * CHUNK + 7])
def test_a_file_sent_in_one_request_is_what_a_plain_upload_makes(
    here: DataPlane, resumable: Resumable, size: int
) -> None:
    data = bytes_of(size)
    published = Client.begun(resumable, data).whole()
    plain = here.put("plain", data).file.head.content
    assert published.file.path == PATH
    assert published.file.head.content == plain
    receipt = published.receipt
    assert (receipt.committed, receipt.replicas, receipt.zones, receipt.owed) == (True, 3, 3, 0)
    assert receipt.workers == ("a", "b", "c")
    assert here.catalog.file_at(OWNER, PATH) == published.file


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    size=st.integers(1, 6 * CHUNK),
    cuts=st.lists(st.tuples(st.integers(1, 6 * CHUNK), st.booleans()), max_size=8),
)
def test_any_split_over_requests_and_processes_is_the_same_file(
    here: DataPlane, size: int, cuts: list[tuple[int, bool]]
) -> None:
    data = bytes_of(size)
    processes = here.resumable(), here.resumable()
    client = Client.begun(processes[0], data)
    for until, other in sorted(cuts):
        client.at = processes[other]
        client.send(max(min(until, size), client.offset))
        assert client.offset >= min(until, size)
    content = client.whole().file.head.content
    assert content.digest == hashlib.sha256(data).hexdigest()
    assert held(here, content) == data


def test_what_is_there_gets_a_new_version_with_its_type_kept(here: DataPlane, resumable: Resumable) -> None:
    first = Client.begun(resumable, b"one", Terms(content_type="text/plain")).whole().file
    second = Client.begun(resumable, b"two").whole()
    assert (second.file.id, second.file.head.number, second.receipt.version) == (first.id, 2, 2)
    assert second.file.head.content_type == "text/plain"


def test_a_level_asked_for_at_the_beginning_holds_for_the_end(here: DataPlane, resumable: Resumable) -> None:
    receipt = Client.begun(resumable, b"data", Terms(ask="hybrid")).whole().receipt
    assert (receipt.mode_requested, receipt.mode_used) == ("hybrid", Level.HYBRID)


@pytest.mark.parametrize("path", ["", "/", "a//b", "../a", "a/\0", "\ud800", "x" * 256, "a/" * 600 + "b"])
def test_a_name_that_is_none_is_refused_at_the_beginning(resumable: Resumable, path: str) -> None:
    with pytest.raises(InvalidName):
        resumable.create(OWNER, path, 1, Terms())


def test_what_can_never_be_stored_is_refused_at_the_beginning(here: DataPlane) -> None:
    resumable = here.resumable(max_size=100)
    with pytest.raises(TooLarge):
        resumable.create(OWNER, PATH, 101, Terms())
    with pytest.raises(InvalidRequest):
        resumable.create(OWNER, PATH, 100, Terms(ask="best"))
    assert resumable.unfinished(OWNER) == []


# --- digests of long files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunks", [4, 5, 8, 9, 16, 17, 24, 25, 30])
@pytest.mark.parametrize("more", [0, 7])
def test_a_long_file_has_the_lists_of_a_plain_upload_however_it_came(
    here: DataPlane, monkeypatch: pytest.MonkeyPatch, chunks: int, more: int
) -> None:
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    monkeypatch.setattr(chunking, "DIGESTS_PER_LIST", 8)
    monkeypatch.setattr("echofs.services.streaming.DIGESTS_PER_LIST", 8)
    data = bytes_of(chunks * CHUNK + more)
    client = Client.begun(here.resumable(), data)
    for until in range(150, len(data), 700):
        client.at = here.resumable()
        client.send(until)
        received = client.opened.record.received
        assert len(received.inline) <= 4 * chunking.DIGEST_BYTES
        assert received.size == until
    content = client.whole().file.head.content
    assert content == here.put("plain", data).file.head.content
    assert held(here, content) == data


def test_all_that_the_ledger_names_is_known_to_the_catalog(here: DataPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunking, "INLINE_CHUNKS", 4)
    client = Client.begun(here.resumable(), bytes_of(20 * CHUNK))
    client.send(10 * CHUNK + 3)
    received = client.opened.record.received
    named = {*chunking.unpack_digests(received.inline), received.folded, received.piece}
    assert len(named) == 4
    assert here.catalog.replicas(named).keys() == named


# --- what breaks ---------------------------------------------------------------------------------------------------


def test_what_arrived_of_a_body_that_broke_off_counts(here: DataPlane, resumable: Resumable) -> None:
    data = bytes_of(5 * CHUNK)
    client = Client.begun(resumable, data)
    with pytest.raises(BodyMismatch):
        client.take(broken_off(data[: 3 * CHUNK + 5]), length=len(data))
    assert client.offset == 3 * CHUNK + 5
    assert held(here, client.whole().file.head.content) == data


def test_an_upload_begun_with_a_body_that_proves_empty_can_be_gone_on_with(resumable: Resumable) -> None:
    opened, ticket = resumable.create(OWNER, PATH, 9, Terms(), at_once=True)
    resumable.receive(opened, 0, iter(()), length=None)
    assert Client(resumable, bytes_of(9), ticket).whole().file.head.content.size == 9


def test_nothing_counts_of_a_broken_body_that_was_to_count_as_a_whole(resumable: Resumable) -> None:
    data = bytes_of(5 * CHUNK)
    client = Client.begun(resumable, data)
    client.send(70)
    with pytest.raises(BodyMismatch):
        client.take(broken_off(data[70:]), all_or_nothing=True)
    assert client.offset == 70


def test_a_process_that_dies_in_the_middle_loses_little(here: DataPlane, resumable: Resumable) -> None:
    data = bytes_of(100 * CHUNK)
    client = Client.begun(resumable, data)

    def until_death() -> Iterator[bytes]:
        for at in range(0, 90 * CHUNK, CHUNK):
            yield data[at : at + CHUNK]
            here.clock.advance(ADVANCE_SECONDS)
        raise SystemExit

    with pytest.raises(SystemExit):
        client.take(until_death())
    client.at = here.resumable()
    assert (90 - MAX_UNSAFE - 2) * CHUNK <= client.offset <= 90 * CHUNK
    assert held(here, client.whole().file.head.content) == data


def test_too_few_workers_acknowledge_nothing_and_cost_nothing_that_was_acknowledged(
    here: DataPlane, resumable: Resumable
) -> None:
    data = bytes_of(6 * CHUNK)
    client = Client.begun(resumable, data)
    client.send(2 * CHUNK + 9)
    for worker_id in "bc":
        here.workers[worker_id].fault = Fault.DOWN
    with pytest.raises(TooFewReplicas):
        client.send()
    assert client.offset == 2 * CHUNK + 9
    for worker_id in "bc":
        here.workers[worker_id].fault = Fault.NONE
    assert held(here, client.whole().file.head.content) == data


def test_without_the_database_nothing_is_acknowledged_and_nothing_lost(here: DataPlane, resumable: Resumable) -> None:
    data = bytes_of(6 * CHUNK)
    client = Client.begun(resumable, data)
    client.send(100)
    opened = client.opened
    here.ledger.down = True
    with pytest.raises(CatalogUnavailable):
        resumable.receive(opened, 100, [data[100:]], length=None)
    here.ledger.down = False
    assert client.offset == 100
    here.catalog.down = True
    with pytest.raises(CatalogUnavailable):
        client.send()
    assert client.offset == 100
    here.catalog.down = False
    assert held(here, client.whole().file.head.content) == data


@pytest.mark.parametrize("offset", [0, 69, 71, 1 << 60])
def test_bytes_for_another_offset_are_refused(resumable: Resumable, offset: int) -> None:
    client = Client.begun(resumable, bytes_of(200))
    client.send(70)
    with pytest.raises(UploadMoved):
        resumable.receive(client.opened, offset, [b"x"], length=1)
    assert client.offset == 70


def test_more_bytes_than_the_file_has_are_refused_before_they_come(resumable: Resumable) -> None:
    client = Client.begun(resumable, bytes_of(100))

    def unread() -> Iterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    with pytest.raises(TooLarge):
        client.take(unread(), length=101)


def test_of_an_endless_body_nothing_beyond_the_file_counts(here: DataPlane, resumable: Resumable) -> None:
    data = bytes_of(2 * CHUNK)
    client = Client.begun(resumable, data)
    with pytest.raises(TooLarge):
        client.take(iter([data, b"and more"]))
    assert client.offset <= len(data)
    assert held(here, client.whole().file.head.content) == data


# --- two at once ---------------------------------------------------------------------------------------------------


def test_a_half_open_connection_does_not_hold_up_who_comes_back(here: DataPlane, resumable: Resumable) -> None:
    data = bytes_of(8 * CHUNK)
    client = Client.begun(resumable, data)
    waiting, resumed = threading.Event(), threading.Event()

    def half_open() -> Iterator[bytes]:
        yield data[: 3 * CHUNK]
        waiting.set()
        assert resumed.wait(10)
        raise BodyMismatch("The connection is gone at last.")

    with ThreadPoolExecutor(1) as pool:
        older = pool.submit(client.take, half_open())
        assert waiting.wait(10)
        newer = Client(here.resumable(), data, client.ticket)
        newer.send(5 * CHUNK)
        resumed.set()
        with pytest.raises(BodyMismatch):
            older.result()
    assert client.offset == 5 * CHUNK
    assert held(here, client.whole().file.head.content) == data


def test_who_was_overtaken_learns_it_at_the_next_advance(here: DataPlane, resumable: Resumable) -> None:
    data = bytes_of(8 * CHUNK)
    client = Client.begun(resumable, data)

    def overtaken() -> Iterator[bytes]:
        yield data[: 3 * CHUNK]
        Client(here.resumable(), data, client.ticket).send(CHUNK)
        yield data[3 * CHUNK :]

    with pytest.raises(UploadMoved):
        client.take(overtaken())
    assert client.offset == CHUNK


def test_of_many_who_send_the_same_at_once_no_byte_is_counted_twice(here: DataPlane) -> None:
    data = bytes_of(40 * CHUNK + 11)
    begun = Client.begun(here.resumable(), data)

    def run(_: int) -> Published:
        client = Client(here.resumable(), data, begun.ticket)
        while client.offset < len(data):
            with suppress(UploadMoved):
                client.send(min(client.offset + 7 * CHUNK + 3, len(data)))
        return client.finish()

    with ThreadPoolExecutor(3) as pool:
        ends = list(pool.map(run, range(3)))
    assert {(end.file.id, end.file.head.number, end.receipt.version) for end in ends} == {(ends[0].file.id, 1, 1)}
    assert held(here, ends[0].file.head.content) == data


# --- the end -------------------------------------------------------------------------------------------------------


def test_an_end_that_was_answered_is_answered_alike_again(here: DataPlane, resumable: Resumable) -> None:
    client = Client.begun(resumable, bytes_of(300), Terms(content_type="video/x-matroska"))
    first = client.whole()
    client.at = here.resumable()
    again = client.finish()
    assert again.replayed
    assert again.receipt == first.receipt
    stripped = replace(first.file.head, content=replace(first.file.head.content, inline=b""))
    assert again.file == replace(first.file, head=stripped)


def test_what_an_upload_became_is_told_for_a_day_in_few_bytes(here: DataPlane, resumable: Resumable) -> None:
    client = Client.begun(resumable, bytes_of(300))
    client.whole()
    received = client.opened.record.received
    assert (received.size, received.inline, received.piece) == (300, b"", "")
    client.take(iter(()))
    assert client.finish().file.path == PATH
    here.clock.advance(24 * HOUR)
    with pytest.raises(Expired):
        client.opened  # noqa: B018


def test_an_end_of_which_the_note_was_lost_makes_no_second_version(
    here: DataPlane, resumable: Resumable, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes_of(300)
    client = Client.begun(resumable, data)
    client.send()
    with monkeypatch.context() as patched:
        patched.setattr(here.ledger, "swap", lambda record: False)
        first = client.finish()
    assert not client.opened.record.answer
    here.put(PATH, b"a later version")
    client.at = here.resumable()
    again = client.finish()
    assert (again.file.id, again.file.head.number, again.receipt.version) == (first.file.id, 1, 1)
    assert [version.number for version in here.catalog.versions(OWNER, first.file.id)] == [2, 1]


def test_an_end_without_the_catalog_is_made_later(here: DataPlane, resumable: Resumable) -> None:
    client = Client.begun(resumable, bytes_of(300))
    client.send()
    here.cut_catalog()
    with pytest.raises(CatalogUnavailable):
        client.finish()
    here.heal_catalog()
    assert client.finish().receipt.committed


def test_a_file_other_than_declared_is_dropped(here: DataPlane, resumable: Resumable) -> None:
    client = Client.begun(resumable, bytes_of(300), Terms(digest=hashlib.sha256(b"another").hexdigest()))
    client.send()
    with pytest.raises(ChecksumMismatch):
        client.finish()
    with pytest.raises(NotFound):
        client.opened  # noqa: B018
    with pytest.raises(NotFound):
        here.catalog.file_at(OWNER, PATH)


def test_a_file_as_declared_is_kept(here: DataPlane, resumable: Resumable) -> None:
    data = bytes_of(300)
    digest = hashlib.sha256(data).hexdigest()
    assert Client.begun(resumable, data, Terms(digest=digest)).whole().file.head.content.digest == digest


def test_a_process_reads_back_only_what_it_did_not_see(here: DataPlane, resumable: Resumable) -> None:
    data = bytes_of(40 * CHUNK)
    client = Client.begun(resumable, data)
    client.send(20 * CHUNK)
    client.at = here.resumable()
    client.send(30 * CHUNK)
    fetched = sum(map(len, here.workers["a"].fetches + here.workers["b"].fetches + here.workers["c"].fetches))
    assert fetched == 0
    client.at = resumable
    content = client.whole().file.head.content
    asked = {d for worker_id in "abc" for batch in here.workers[worker_id].fetches for d in batch}
    assert asked == set(chunking.unpack_digests(content.inline)[20:])


def test_reading_back_takes_several_requests_where_it_takes_long(
    here: DataPlane, resumable: Resumable, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes_of(6 * CHUNK)
    client = Client.begun(resumable, data)
    client.send()
    client.at = here.resumable()
    stream = here.reader.stream

    def slow(content: Content, first: int, last: int) -> Iterator[bytes]:
        for piece in stream(content, first, last):
            here.clock.advance(CATCH_UP_SECONDS / 2)
            yield piece

    monkeypatch.setattr(here.reader, "stream", slow)
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            client.finish()
        assert refused.value.retry_after
    assert client.finish().file.head.content.digest == hashlib.sha256(data).hexdigest()


def test_the_receipt_counts_what_workers_hold_of_earlier_requests(here: DataPlane, resumable: Resumable) -> None:
    client = Client.begun(resumable, bytes_of(6 * CHUNK))
    here.workers["c"].fault = Fault.DOWN
    client.send(3 * CHUNK)
    here.workers["c"].fault = Fault.NONE
    receipt = client.whole().receipt
    assert (receipt.replicas, receipt.zones, receipt.owed, receipt.workers) == (2, 2, 3, ("a", "b"))
    assert "2 of 3 replicas" in receipt.reason


def with_quota(plane: DataPlane, quota: int | None) -> None:
    plane.users._users[OWNER] = replace(ANNA, quota_bytes=quota)


def test_what_cannot_fit_is_refused_at_the_beginning(here: DataPlane, resumable: Resumable) -> None:
    with_quota(here, 100)
    here.put("there", bytes_of(40))
    with pytest.raises(QuotaExceeded):
        Client.begun(resumable, bytes_of(61))
    assert resumable.unfinished(OWNER) == []
    assert Client.begun(resumable, bytes_of(60)).whole().receipt.committed
    assert Client.begun(resumable, bytes_of(40), path="there").offset == 0


def test_what_no_longer_fits_at_the_end_is_finished_once_there_is_room(here: DataPlane, resumable: Resumable) -> None:
    with_quota(here, 100)
    client = Client.begun(resumable, bytes_of(60))
    client.send()
    here.put("other", bytes_of(60))
    for _ in range(2):
        with pytest.raises(QuotaExceeded):
            client.finish()
    with pytest.raises(NotFound):
        here.catalog.file_at(OWNER, PATH)
    with_quota(here, 120)
    assert client.finish().file.head.number == 1


def test_unfinished_uploads_count_together_with_the_files(here: DataPlane, resumable: Resumable) -> None:
    with_quota(here, 100)
    here.put("there", bytes_of(40))
    begun = [Client.begun(resumable, bytes_of(30), path=path) for path in ("one", "two")]
    for at_once in (False, True):
        with pytest.raises(QuotaExceeded, match="files take 40, 2 unfinished uploads hold 60"):
            resumable.create(OWNER, "three", 1, Terms(), at_once=at_once)
    resumable.create(OWNER, "empty", 0, Terms())
    begun[0].whole()
    with pytest.raises(QuotaExceeded, match="files take 70"):
        Client.begun(resumable, b"3")
    resumable.drop(begun[1].opened)
    assert Client.begun(resumable, bytes_of(30)).whole().receipt.committed


def test_uploads_that_replace_the_same_file_do_not_share_its_room(here: DataPlane, resumable: Resumable) -> None:
    with_quota(here, 100)
    here.put("there", bytes_of(80))
    first = Client.begun(resumable, bytes_of(80), path="there")
    with pytest.raises(QuotaExceeded):
        Client.begun(resumable, bytes_of(80), path="there")
    assert first.whole().receipt.committed
    assert Client.begun(resumable, bytes_of(80), path="there").whole().file.head.number == 3


def test_an_expired_upload_holds_nothing_before_it_is_forgotten_too(here: DataPlane, resumable: Resumable) -> None:
    with_quota(here, 100)
    Client.begun(resumable, bytes_of(100))
    here.clock.advance(168 * HOUR)
    assert Client.begun(resumable, bytes_of(100)).whole().receipt.committed


def test_nothing_is_received_for_which_the_room_was_taken_meanwhile(here: DataPlane, resumable: Resumable) -> None:
    with_quota(here, 100)
    first, second = (Client.begun(resumable, bytes_of(50), path=path) for path in ("first", "second"))
    first.send(20)
    here.put("other", bytes_of(10))
    for client, offset in ((first, 20), (second, 0)):
        with pytest.raises(QuotaExceeded):
            client.send()
        assert client.offset == offset
    resumable.drop(second.opened)
    assert first.whole().receipt.committed


def test_an_upload_that_brings_its_first_bytes_is_held_to_the_room_that_is_left_when_it_is_written_down(
    here: DataPlane, resumable: Resumable
) -> None:
    with_quota(here, 10 * CHUNK)
    opened, _ = resumable.create(OWNER, "slow", 6 * CHUNK, Terms(), at_once=True)

    def body() -> Iterator[bytes]:
        yield bytes_of(CHUNK)
        Client.begun(resumable, bytes_of(5 * CHUNK))
        yield bytes_of(CHUNK)

    with pytest.raises(QuotaExceeded):
        resumable.receive(opened, 0, body(), length=2 * CHUNK)
    assert [one.path for one in resumable.unfinished(OWNER)] == [PATH]


def test_while_the_catalog_is_away_uploads_are_held_to_what_it_last_said(here: DataPlane, resumable: Resumable) -> None:
    with_quota(here, 100)
    here.put("there", bytes_of(40))
    Client.begun(resumable, bytes_of(30), path="one")
    here.cut_catalog()
    with pytest.raises(QuotaExceeded):
        Client.begun(resumable, bytes_of(31))
    assert Client.begun(resumable, bytes_of(30)).offset == 0


def test_the_owner_ends_an_upload_without_its_ticket(resumable: Resumable) -> None:
    upload_id = Client.begun(resumable, b"data").opened.record.id
    for stranger, unknown in (("ben", upload_id), (OWNER, "f" * 32)):
        with pytest.raises(NotFound):
            resumable.end(stranger, unknown)
    resumable.end(OWNER, upload_id)
    assert resumable.unfinished(OWNER) == []


# --- tickets, lists, and what is forgotten ---------------------------------------------------------------------------


def test_a_wrong_ticket_is_as_unknown_as_none(resumable: Resumable) -> None:
    client = Client.begun(resumable, b"data")
    upload_id = client.ticket.partition(".")[0]
    said = set()
    for wrong in (
        "",
        ".",
        upload_id,
        f"{upload_id}.",
        f"{upload_id}.x",
        client.ticket + "x",
        "0" * 32,
        "\ud800.\ud800",
    ):
        with pytest.raises(NotFound) as refused:
            resumable.open(wrong)
        said.add(refused.value.message)
    assert len(said) == 1


def test_a_ticket_of_a_locked_account_opens_nothing(here: DataPlane, resumable: Resumable) -> None:
    client = Client.begun(resumable, b"data")
    here.users._users[OWNER] = replace(ANNA, disabled=True)
    with pytest.raises(Forbidden):
        client.send()


def test_each_request_gives_an_upload_its_full_time_again(here: DataPlane) -> None:
    client = Client.begun(here.resumable(hours=2), bytes_of(300))
    for until in (100, 200):
        here.clock.advance(2 * HOUR - 1)
        client.send(until)
    here.clock.advance(2 * HOUR)
    with pytest.raises(Expired):
        client.send()


def test_a_user_sees_what_is_unfinished_and_can_drop_it(here: DataPlane, resumable: Resumable) -> None:
    here.users.add(User("ben", "ben", "ben@example.org", ANNA.role, "", 0, disabled=False, created_at=0))
    resumable.create("ben", PATH, 1, Terms())
    Client.begun(resumable, b"finished", path="finished").whole()
    client = Client.begun(resumable, bytes_of(300), path="waiting")
    client.send(70)
    (seen,) = resumable.unfinished(OWNER)
    assert (seen.path, seen.offset, seen.length) == ("waiting", 70, 300)
    resumable.drop(client.opened)
    assert resumable.unfinished(OWNER) == []
    with pytest.raises(NotFound):
        client.send()


def test_an_upload_dropped_while_its_bytes_come_ends(resumable: Resumable) -> None:
    data = bytes_of(200)
    client = Client.begun(resumable, data)

    def dropped() -> Iterator[bytes]:
        yield data[:100]
        resumable.drop(client.opened)
        yield data[100:]

    with pytest.raises(UploadMoved):
        client.take(dropped())
    with pytest.raises(NotFound):
        client.opened  # noqa: B018


def test_a_finished_upload_can_be_dropped_and_its_file_stays(here: DataPlane, resumable: Resumable) -> None:
    client = Client.begun(resumable, b"data")
    file = client.whole().file
    resumable.drop(client.opened)
    assert here.catalog.file_at(OWNER, PATH) == file
