"""What app passwords do alike wherever they are kept. Tests inherit :class:`AppPasswordsContract`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.errors import Conflict, NotFound
from echofs.ports.app_passwords import AppPassword, AppPasswords
from tests.contracts.users_contract import ANNA, BEN

PHONE = AppPassword("p" * 32, ANNA.id, "phone", "1" * 64, 100)
LAPTOP = AppPassword("l" * 32, ANNA.id, "laptop", "2" * 64, 50, 70)
BENS = AppPassword("b" * 32, BEN.id, "phone", "3" * 64, 60)


class AppPasswordsContract:
    """Provide an empty ``passwords`` fixture; ANNA and BEN are users."""

    def test_each_user_sees_the_own_ones_the_oldest_first(self, passwords: AppPasswords) -> None:
        for password in (PHONE, LAPTOP, BENS):
            passwords.add(password, 10)
        assert passwords.listed(ANNA.id) == [LAPTOP, PHONE]
        assert passwords.listed(BEN.id) == [BENS]
        assert passwords.listed("") == []

    def test_one_is_found_by_its_digest_and_user_together(self, passwords: AppPasswords) -> None:
        passwords.add(PHONE, 10)
        passwords.add(BENS, 10)
        assert passwords.find(ANNA.id, PHONE.digest) == PHONE
        assert passwords.find(BEN.id, PHONE.digest) is None
        assert passwords.find("", PHONE.digest) is None
        assert passwords.find(ANNA.id, "f" * 64) is None

    def test_there_is_a_most_for_each_user(self, passwords: AppPasswords) -> None:
        passwords.add(PHONE, 1)
        with pytest.raises(Conflict):
            passwords.add(LAPTOP, 1)
        passwords.add(BENS, 1)
        assert passwords.listed(ANNA.id) == [PHONE]

    def test_the_last_use_is_the_latest_one(self, passwords: AppPasswords) -> None:
        passwords.add(PHONE, 10)
        passwords.add(LAPTOP, 10)
        for at in (150, 190, 170):
            passwords.note_use(PHONE.id, at)
        passwords.note_use("unknown", 5)
        assert passwords.listed(ANNA.id) == [LAPTOP, replace(PHONE, last_used_at=190)]

    @pytest.mark.parametrize("unknown", ["unknown", BENS.id, "nul\0", "\ud800"])
    def test_only_the_own_ones_are_removed_and_once(self, passwords: AppPasswords, unknown: str) -> None:
        passwords.add(PHONE, 10)
        passwords.add(BENS, 10)
        with pytest.raises(NotFound):
            passwords.remove(ANNA.id, unknown)
        assert passwords.remove(ANNA.id, PHONE.id) == PHONE
        with pytest.raises(NotFound):
            passwords.remove(ANNA.id, PHONE.id)
        assert passwords.listed(BEN.id) == [BENS]

    def test_all_of_a_user_are_removed_at_once(self, passwords: AppPasswords) -> None:
        for password in (PHONE, LAPTOP, BENS):
            passwords.add(password, 10)
        assert passwords.remove_all(ANNA.id) == 2
        assert passwords.remove_all(ANNA.id) == 0
        assert passwords.listed(ANNA.id) == []
        assert passwords.listed(BEN.id) == [BENS]
