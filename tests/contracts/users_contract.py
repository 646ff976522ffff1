"""What every user directory does alike. Its tests inherit :class:`UsersContract` and say how to open an empty one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from echofs.core.errors import Conflict, NameTaken, NotFound
from echofs.core.models import Role, User
from echofs.ports.accounts import UserChange, UserDirectory

ANNA = User(
    id="1" * 32,
    name="Anna",
    email="Anna@Example.org",
    role=Role.USER,
    password_hash="$hash$1",
    token_epoch=0,
    disabled=False,
    created_at=1_700_000_000_000_000,
)
BEN = replace(ANNA, id="2" * 32, name="ben", email="ben@example.org", role=Role.ADMIN)


class UsersContract:
    """Provide a ``users`` fixture with nobody in it."""

    def test_a_user_is_found_by_id_name_and_address_in_any_case(self, users: UserDirectory) -> None:
        users.add(ANNA)
        users.add(BEN)
        assert users.by_id(ANNA.id) == ANNA
        for login in ("Anna", "anna", "ANNA", "anna@example.org", "ANNA@EXAMPLE.ORG"):
            assert users.by_login(login) == ANNA
        assert users.by_login("ben") == BEN

    @pytest.mark.parametrize("unknown", ["nobody", "", "nul\0", "\ud800", "Anna "])
    def test_who_is_unknown_is_not_found(self, users: UserDirectory, unknown: str) -> None:
        users.add(ANNA)
        with pytest.raises(NotFound):
            users.by_id(unknown)
        with pytest.raises(NotFound):
            users.by_login(unknown)

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": "ANNA"}, "username"),
            ({"name": "Ａnna"}, "username"),
            ({"email": "anna@EXAMPLE.org"}, "email"),
            ({"name": "anna@example.org"}, "username"),
            ({"name": "anna", "email": "anna@example.org"}, "username"),
        ],
    )
    def test_a_name_or_address_in_use_is_refused_by_its_field(
        self, users: UserDirectory, changes: dict[str, str], field: str
    ) -> None:
        users.add(ANNA)
        with pytest.raises(NameTaken) as refused:
            users.add(replace(BEN, **changes))  # type: ignore[arg-type]
        assert refused.value.field == field
        with pytest.raises(NotFound):
            users.by_id(BEN.id)

    def test_an_address_that_is_anothers_name_is_refused(self, users: UserDirectory) -> None:
        users.add(replace(ANNA, name="ben@example.org"))
        with pytest.raises(NameTaken) as refused:
            users.add(BEN)
        assert refused.value.field == "email"

    def test_a_user_may_be_named_by_the_own_address(self, users: UserDirectory) -> None:
        anna = replace(ANNA, name=ANNA.email)
        users.add(anna)
        assert users.by_login(ANNA.email) == anna

    def test_of_eight_who_register_one_name_at_once_exactly_one_gets_it(self, users: UserDirectory) -> None:
        def refused_field(number: int) -> str | None:
            try:
                users.add(replace(ANNA, id=f"{number:032x}", email=f"a{number}@example.org"))
            except NameTaken as refused:
                return refused.field
            return ""

        with ThreadPoolExecutor(8) as pool:
            assert sorted(map(str, pool.map(refused_field, range(8)))) == ["", *["username"] * 7]

    def test_a_new_password_ends_all_earlier_tokens(self, users: UserDirectory) -> None:
        users.add(ANNA)
        assert users.set_password(ANNA.id, "$hash$2") == 1
        assert users.set_password(ANNA.id, "$hash$3") == 2
        assert users.by_id(ANNA.id) == replace(ANNA, password_hash="$hash$3", token_epoch=2)

    def test_locking_ends_all_earlier_tokens_once_and_unlocking_none(self, users: UserDirectory) -> None:
        users.add(ANNA)
        for _ in range(2):
            users.amend(ANNA.id, UserChange(disabled=True))
            assert users.by_id(ANNA.id) == replace(ANNA, disabled=True, token_epoch=1)
        for _ in range(2):
            users.amend(ANNA.id, UserChange(disabled=False))
            assert users.by_id(ANNA.id) == replace(ANNA, token_epoch=1)

    def test_another_role_ends_all_earlier_tokens(self, users: UserDirectory) -> None:
        users.add(ANNA)
        for _ in range(2):
            users.amend(ANNA.id, UserChange(role=Role.ADMIN))
        assert users.by_id(ANNA.id) == replace(ANNA, role=Role.ADMIN, token_epoch=1)

    def test_changes_touch_nobody_else(self, users: UserDirectory) -> None:
        users.add(ANNA)
        users.add(BEN)
        users.set_password(ANNA.id, "$hash$2")
        users.amend(ANNA.id, UserChange(disabled=True, role=Role.ADMIN, quota_bytes=1))
        users.note_login(ANNA.id, 5)
        assert users.by_id(BEN.id) == BEN

    def test_changing_an_unknown_user_is_not_found(self, users: UserDirectory) -> None:
        with pytest.raises(NotFound):
            users.set_password("nobody", "$hash$2")
        for unknown in ("nobody", "nul\0", "\ud800"):
            with pytest.raises(NotFound):
                users.amend(unknown, UserChange(disabled=True))
        users.note_login("nobody", 5)

    def test_a_quota_is_set_and_taken_away_and_ends_no_token(self, users: UserDirectory) -> None:
        users.add(replace(ANNA, quota_bytes=7))
        assert users.by_id(ANNA.id).quota_bytes == 7
        assert users.amend(ANNA.id, UserChange(quota_bytes=1 << 50)) == replace(ANNA, quota_bytes=1 << 50)
        assert users.amend(ANNA.id, UserChange()).quota_bytes == 1 << 50
        assert users.amend(ANNA.id, UserChange(quota_bytes=None)) == ANNA == users.by_id(ANNA.id)

    def test_what_is_changed_together_is_changed_at_once(self, users: UserDirectory) -> None:
        users.add(ANNA)
        wanted = replace(ANNA, role=Role.ADMIN, disabled=True, quota_bytes=0, token_epoch=1)
        assert users.amend(ANNA.id, UserChange(Role.ADMIN, True, 0)) == wanted

    @pytest.mark.parametrize("retiring", [UserChange(role=Role.USER), UserChange(disabled=True)])
    def test_the_last_administrator_who_can_log_in_stays(self, users: UserDirectory, retiring: UserChange) -> None:
        users.add(ANNA)
        users.add(BEN)
        users.add(replace(BEN, id="3" * 32, name="locked", email="locked@example.org", disabled=True))
        users.amend(ANNA.id, retiring)
        with pytest.raises(Conflict):
            users.amend(BEN.id, retiring)
        assert users.by_id(BEN.id) == BEN
        users.amend(ANNA.id, UserChange(role=Role.ADMIN, disabled=False))
        assert users.amend(BEN.id, retiring).token_epoch == 1

    def test_of_eight_administrators_who_retire_at_once_one_stays(self, users: UserDirectory) -> None:
        crowd = [replace(BEN, id=f"{n:032x}", name=f"admin{n}", email=f"a{n}@example.org") for n in range(8)]
        for admin in crowd:
            users.add(admin)

        def retire(admin: User) -> bool:
            try:
                users.amend(admin.id, UserChange(role=Role.USER))
            except Conflict:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(retire, crowd)) == [False, *[True] * 7]

    def test_the_last_login_is_the_latest_one(self, users: UserDirectory) -> None:
        users.add(ANNA)
        for at in (5, 9, 7):
            users.note_login(ANNA.id, at)
        assert users.by_id(ANNA.id) == replace(ANNA, last_login_at=9)

    @pytest.mark.parametrize(
        ("text", "names"),
        [
            ("", ["Anna", "ben", "x_y"]),
            ("ANN", ["Anna"]),
            ("\uff21nna", ["Anna"]),
            ("example.org", ["Anna", "ben"]),
            ("n", ["Anna", "ben", "x_y"]),
            ("_", ["x_y"]),
            ("%", []),
            ("\\", []),
            ("' OR 1=1 --", []),
            ("nul\0", []),
            ("\ud800", []),
        ],
    )
    def test_users_are_found_by_any_part_of_name_or_address(
        self, users: UserDirectory, text: str, names: list[str]
    ) -> None:
        users.add(BEN)
        users.add(ANNA)
        users.add(replace(ANNA, id="0" * 32, name="x_y", email="other@example.net"))
        assert [user.name for user in users.search(text, "", 10).users] == names

    def test_a_search_is_paged_by_name(self, users: UserDirectory) -> None:
        people = [replace(ANNA, id=f"{9 - n:032x}", name=f"P{n}", email=f"p{n}@example.org") for n in range(5)]
        for person in people:
            users.add(person)
        first = users.search("p", "", 2)
        second = users.search("p", first.next, 2)
        last = users.search("p", second.next, 2)
        assert [*first.users, *second.users, *last.users] == people
        assert last.next == ""
        assert users.search("p", "\ud800", 2).users == ()

    def test_epochs_advanced_at_once_are_all_counted(self, users: UserDirectory) -> None:
        users.add(ANNA)
        with ThreadPoolExecutor(8) as pool:
            epochs = list(pool.map(lambda turn: users.set_password(ANNA.id, f"$hash${turn}"), range(16)))
        assert sorted(epochs) == list(range(1, 17))

    def test_a_revoked_token_is_refused_alone(self, users: UserDirectory) -> None:
        assert users.revoke(["t1", "t2"], 100) == 2
        assert users.revoked(["t1"])
        assert users.revoked(["t3", "t2"])
        assert not users.revoked(["t3"])
        assert not users.revoked([])

    def test_revoking_again_counts_only_what_is_new(self, users: UserDirectory) -> None:
        assert users.revoke([], 100) == 0
        assert users.revoke(["t1", "t1"], 100) == 1
        assert users.revoke(["t1", "t2"], 100) == 1
        assert users.revoke(["t1"], 100) == 0

    def test_of_eight_who_revoke_one_token_at_once_exactly_one_is_first(self, users: UserDirectory) -> None:
        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(lambda _: users.revoke(["t"], 100), range(8))) == [0] * 7 + [1]

    def test_revocations_are_forgotten_when_their_tokens_have_expired(self, users: UserDirectory) -> None:
        users.revoke(["old"], 99)
        users.revoke(["new"], 100)
        assert users.forget_revoked(100) == 1
        assert not users.revoked(["old"])
        assert users.revoked(["new"])

    def test_an_address_can_be_changed_to_one_nobody_else_answers_to(self, users: UserDirectory) -> None:
        users.add(ANNA)
        users.add(BEN)
        for _ in range(2):
            users.set_email(ANNA.id, "anna@example.net")
        assert users.by_login("anna@example.net") == replace(ANNA, email="anna@example.net")
        users.set_email(ANNA.id, "ANNA@example.net")
        for taken in ("ben@EXAMPLE.org", "BEN"):
            with pytest.raises(NameTaken) as refused:
                users.set_email(ANNA.id, taken)
            assert refused.value.field == "email"
        with pytest.raises(NotFound):
            users.set_email("nobody", "x@example.net")

    def test_everybody_is_paged_in_the_order_of_ids(self, users: UserDirectory) -> None:
        assert users.page("", 10) == []
        users.add(BEN)
        users.add(ANNA)
        assert users.page("", 10) == [ANNA, BEN]
        assert [users.page("", 1), users.page(ANNA.id, 1), users.page(BEN.id, 1)] == [[ANNA], [BEN], []]

    def test_revocations_are_paged_in_the_order_of_ids(self, users: UserDirectory) -> None:
        users.revoke(["b", "c"], 100)
        users.revoke(["a"], 200)
        assert users.revocations("", 2) == [("a", 200), ("b", 100)]
        assert users.revocations("b", 2) == [("c", 100)]
