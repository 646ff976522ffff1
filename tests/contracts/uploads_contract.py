"""What every ledger of resumable uploads does alike. Its tests inherit :class:`UploadsContract` and say how to open an
empty one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from echofs.core.entries import OnConflict
from echofs.core.errors import NotFound, QuotaExceeded
from echofs.core.received import Received
from echofs.core.usage import MOST_UNFINISHED, Allowance, Held, Usage
from echofs.ports.resumable import UNWRITTEN, Terms, Unfinished, UploadLedger, UploadRecord

NOW = 1_700_000_000_000_000
FRESH = UploadRecord(
    id="1" * 32,
    owner_id="anna",
    ticket="ab" * 32,
    path="films/größe 1.mkv",
    length=1 << 40,
    received=Received(1 << 20),
    terms=Terms("strong@50ms", OnConflict.ASK, "video/x-matroska", "cd" * 32, "filename Zm9v,folder"),
    created_at=NOW,
    expires_at=NOW + 1000,
)
FURTHER = Received(1 << 20, (32768 + 1024 + 2 << 20) + 3, b"l" * 32, "ef" * 32, b"i" * 64, "01" * 32)


def moved(record: UploadRecord, received: Received = FURTHER) -> UploadRecord:
    return replace(record, received=received, revision=record.revision + 1, expires_at=record.expires_at + 500)


def sized(number: int, length: int) -> UploadRecord:
    return replace(FRESH, id=f"{number:032x}", length=length)


def added(ledger: UploadLedger, record: UploadRecord, allowance: Allowance) -> bool:
    """Whether there was room for it."""
    try:
        ledger.add(record, allowance)
    except QuotaExceeded:
        with pytest.raises(NotFound):
            ledger.find(record.id)
        return False
    return True


class UploadsContract:
    """Provide a ``ledger`` fixture with nothing in it."""

    def test_an_upload_is_found_as_it_was_added(self, ledger: UploadLedger) -> None:
        ledger.add(FRESH)
        assert ledger.find(FRESH.id) == FRESH

    @pytest.mark.parametrize("unknown", ["", "2" * 32, "nul\0", "\ud800"])
    def test_what_was_never_added_is_not_found(self, ledger: UploadLedger, unknown: str) -> None:
        ledger.add(FRESH)
        with pytest.raises(NotFound):
            ledger.find(unknown)

    def test_a_swap_changes_how_far_it_has_come_what_was_answered_and_when_it_expires(
        self, ledger: UploadLedger
    ) -> None:
        ledger.add(FRESH)
        answered = replace(moved(FRESH), answer='{"file": "größe"}')
        assert ledger.swap(answered)
        assert ledger.find(FRESH.id) == answered

    def test_what_an_upload_is_never_changes(self, ledger: UploadLedger) -> None:
        ledger.add(FRESH)
        changed = replace(
            moved(FRESH), owner_id="ben", ticket="00" * 32, path="x", length=1, terms=Terms(), created_at=1
        )
        assert ledger.swap(changed)
        assert ledger.find(FRESH.id) == moved(FRESH)

    def test_a_swap_from_another_revision_than_the_present_changes_nothing(self, ledger: UploadLedger) -> None:
        ledger.add(FRESH)
        assert ledger.swap(moved(FRESH))
        for stale in (moved(FRESH, Received(1 << 20)), replace(moved(FRESH), revision=3), replace(FRESH, revision=0)):
            assert not ledger.swap(stale)
        assert ledger.find(FRESH.id) == moved(FRESH)

    def test_an_upload_advances_from_nothing_to_its_first_revision_and_on(self, ledger: UploadLedger) -> None:
        first = ledger.advance(replace(FRESH, revision=UNWRITTEN))
        assert first == FRESH == ledger.find(FRESH.id)
        assert ledger.advance(replace(first, received=FURTHER)) == replace(first, received=FURTHER, revision=1)
        assert ledger.advance(first) is None
        assert ledger.find(FRESH.id).received == FURTHER

    def test_of_eight_swaps_from_one_revision_exactly_one_wins(self, ledger: UploadLedger) -> None:
        ledger.add(FRESH)
        rivals = [moved(FRESH, Received(1 << 20, number << 20)) for number in range(8)]
        with ThreadPoolExecutor(8) as pool:
            won = list(pool.map(ledger.swap, rivals))
        assert won.count(True) == 1
        assert ledger.find(FRESH.id) == rivals[won.index(True)]

    def test_nothing_is_swapped_into_the_place_of_an_upload_that_was_dropped(self, ledger: UploadLedger) -> None:
        ledger.add(FRESH)
        for _ in range(2):
            ledger.drop(FRESH.id)
        assert not ledger.swap(moved(FRESH))
        with pytest.raises(NotFound):
            ledger.find(FRESH.id)

    def test_a_user_sees_the_own_unfinished_uploads_the_newest_first_in_pages(self, ledger: UploadLedger) -> None:
        for number in range(1, 6):
            ledger.add(replace(FRESH, id=f"{number:032x}", path=f"file {number}"))
        ledger.add(replace(FRESH, id="8" * 32, owner_id="ben"))
        ledger.add(replace(FRESH, id="9" * 32, answer="done"))
        ledger.add(replace(FRESH, id="a" * 32, expires_at=NOW))
        ledger.swap(moved(replace(FRESH, id=f"{5:032x}")))
        first = ledger.unfinished("anna", NOW, limit=2)
        assert first[0] == Unfinished(f"{5:032x}", "file 5", FURTHER.size, FRESH.length, NOW + 1500)
        assert [one.path for one in first] == ["file 5", "file 4"]
        rest = ledger.unfinished("anna", NOW, first[-1].id)
        assert [one.path for one in rest] == ["file 3", "file 2", "file 1"]
        assert ledger.unfinished("nobody", NOW) == ledger.unfinished("anna", NOW, "\0") == []

    def test_what_expired_is_forgotten_and_nothing_else(self, ledger: UploadLedger) -> None:
        for number, expires_at in enumerate((NOW - 1, NOW, NOW + 1)):
            ledger.add(replace(FRESH, id=f"{number:032x}", expires_at=expires_at))
        assert ledger.forget_expired(NOW) == 2
        assert ledger.forget_expired(NOW) == 0
        assert ledger.find(f"{2:032x}").expires_at == NOW + 1
        with pytest.raises(NotFound):
            ledger.find(f"{0:032x}")

    def test_unfinished_uploads_hold_what_they_were_begun_for_until_they_end(self, ledger: UploadLedger) -> None:
        for number, length in enumerate((1, 20, 300, 4000, 50000)):
            ledger.add(sized(number, length))
        ledger.add(replace(sized(8, 600000), owner_id="ben"))
        assert ledger.held("anna", NOW) == Held(5, 54321)
        assert ledger.held("anna", NOW, apart_from=f"{1:032x}") == Held(4, 54301)
        ledger.drop(f"{2:032x}")
        ledger.swap(replace(moved(sized(3, 4000)), answer="done"))
        ledger.swap(replace(sized(4, 50000), revision=1, expires_at=NOW))
        assert ledger.held("anna", NOW) == Held(2, 21)
        assert ledger.held("anna", FRESH.expires_at) == ledger.held("nobody", NOW) == Held()

    def test_more_is_held_than_a_machine_word_counts(self, ledger: UploadLedger) -> None:
        for number in range(2):
            ledger.add(sized(number, 1 << 61))
        assert ledger.held("anna", NOW) == Held(2, 1 << 62)

    def test_an_upload_is_added_only_where_there_is_room_beside_the_others(self, ledger: UploadLedger) -> None:
        allowance = Allowance(NOW, 100, Usage(1, 30, 20))
        assert added(ledger, sized(1, 40), allowance)
        assert not added(ledger, sized(2, 11), allowance)
        assert added(ledger, sized(3, 10), allowance)
        assert added(ledger, replace(sized(4, 50), owner_id="ben"), allowance)
        ledger.drop(f"{1:032x}")
        assert added(ledger, sized(5, 40), allowance)
        assert not added(ledger, sized(6, 1), allowance)
        assert added(ledger, sized(6, 50), replace(allowance, at=FRESH.expires_at))

    def test_an_upload_that_became_a_file_meanwhile_is_never_refused(self, ledger: UploadLedger) -> None:
        ledger.add(replace(FRESH, answer="done"), Allowance(NOW, 1))
        assert ledger.find(FRESH.id).answer == "done"

    def test_of_eight_begun_at_once_only_those_stay_for_which_there_is_room(self, ledger: UploadLedger) -> None:
        allowance = Allowance(NOW, 100, Usage(1, 40, 0))
        with ThreadPoolExecutor(8) as pool:
            stayed = list(pool.map(lambda number: added(ledger, sized(number, 20), allowance), range(8)))
        assert stayed.count(True) == 3
        assert ledger.held("anna", NOW) == Held(3, 60)

    def test_nobody_has_more_unfinished_uploads_than_allowed(
        self, ledger: UploadLedger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert MOST_UNFINISHED > 3
        monkeypatch.setattr("echofs.core.usage.MOST_UNFINISHED", 3)
        assert [added(ledger, sized(number, 0), Allowance(NOW)) for number in range(4)] == [True, True, True, False]
