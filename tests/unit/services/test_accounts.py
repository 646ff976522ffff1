"""Registration rules, logins that tell nothing, and the end of sessions."""

from __future__ import annotations

import pytest

from echofs.core.audit import Action, Outcome
from echofs.core.errors import (
    AuthenticationFailed,
    CatalogUnavailable,
    Forbidden,
    InvalidName,
    InvalidRequest,
    NameTaken,
    NotFound,
)
from echofs.core.models import Role
from echofs.ports.accounts import UserChange
from echofs.services.accounts import Accounts, Claims, Grant, Principal
from echofs.services.auditing import Auditing
from echofs.services.rebuild import Owners
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.passwords import PlainHasher
from tests.fakes.users import MemoryUsers

PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple of another kind"
DAY = 86400


class Setting:
    """Accounts with everything around them within reach."""

    def __init__(self) -> None:
        self.users = MemoryUsers()
        self.hasher = PlainHasher()
        self.clock = FakeClock()
        self.audit = MemoryAudit()
        ids = SequentialIds()
        self.accounts = Accounts(
            self.users,
            self.hasher,
            Auditing(self.audit, self.clock, ids),
            self.clock,
            ids,
            session_seconds=30 * DAY,
        )
        self._tokens = 0

    def claims(self, grant: Grant) -> Claims:
        """Those of one more token issued for a grant."""
        self._tokens += 1
        expires_at = self.clock.now() + 3_600_000_000
        return Claims(grant.user.id, f"token-{self._tokens}", grant.sid, grant.user.token_epoch, expires_at)

    def principal(self, grant: Grant) -> Principal:
        return self.accounts.check(self.claims(grant))


@pytest.fixture
def at() -> Setting:
    setting = Setting()
    setting.accounts.register("Alice", "alice@example.org", PASSWORD)
    return setting


def test_a_registered_user_is_an_ordinary_one_with_a_hash_for_a_password(at: Setting) -> None:
    user = at.users.by_login("alice")
    assert (user.name, user.email, user.role, user.disabled) == ("Alice", "alice@example.org", Role.USER, False)
    assert user.password_hash == at.hasher.hash(PASSWORD)
    assert user.created_at == at.clock.now()


@pytest.mark.parametrize("name", ["ALICE", "alice", "ａｌｉｃｅ"])
def test_names_that_differ_only_in_case_or_width_are_the_same(at: Setting, name: str) -> None:
    with pytest.raises(NameTaken) as caught:
        at.accounts.register(name, "other@example.org", PASSWORD)
    assert caught.value.field == "username"


def test_an_address_serves_one_account(at: Setting) -> None:
    with pytest.raises(NameTaken) as caught:
        at.accounts.register("bob", "ALICE@example.org", PASSWORD)
    assert caught.value.field == "email"


def test_nobody_takes_the_address_of_another_for_a_name(at: Setting) -> None:
    with pytest.raises(InvalidName, match="own e-mail address"):
        at.accounts.register("carol@example.org", "mallory@example.org", PASSWORD)
    assert at.accounts.register("carol@example.org", "Carol@example.org", PASSWORD).name == "carol@example.org"


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("seven77", "at least 8"),
        ("x" * 1025, "at most 1,024"),
        ("lone \ud800 surrogate", "valid Unicode"),
        ("password", "guessed first"),
        ("bob-the-builder", "must not be the user name"),
        ("BOB@Example.org", "must not be the user name"),
    ],
)
def test_weak_passwords_are_refused_with_the_reason(at: Setting, password: str, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem) as caught:
        at.accounts.register("bob-the-builder", "bob@example.org", password)
    assert caught.value.field == "password"
    with pytest.raises(NotFound):
        at.users.by_login("bob-the-builder")


@pytest.mark.parametrize("length", [8, 1024])
def test_the_shortest_and_longest_passwords_allowed_work(at: Setting, length: int) -> None:
    at.accounts.register("bob", "bob@example.org", "ж" * length)
    assert at.accounts.login("bob", "ж" * length).user.name == "bob"


def test_one_logs_in_by_name_or_address_in_any_case(at: Setting) -> None:
    sids = {at.accounts.login(login, PASSWORD).sid for login in ("Alice", "aLICE", "Alice@Example.ORG")}
    assert len(sids) == 3


def test_all_failed_logins_say_the_same_after_the_same_work(at: Setting) -> None:
    at.accounts.register("bob", "bob@example.org", PASSWORD)
    at.users.amend(at.users.by_login("bob").id, UserChange(disabled=True))
    answers = set()
    for login, password in [("alice", "wrong password"), ("nobody", PASSWORD), ("bob", PASSWORD)]:
        before = at.hasher.work
        with pytest.raises(AuthenticationFailed) as caught:
            at.accounts.login(login, password)
        answers.add((caught.value.message, caught.value.field, at.hasher.work - before))
    assert answers == {("The user name or the password is wrong.", None, 1)}


@pytest.mark.parametrize("login", ["", "nul\0", "\ud800", "line\nbreak", "x" * 255])
def test_names_no_account_can_have_never_reach_the_database(at: Setting, login: str) -> None:
    before = at.hasher.work
    with pytest.raises(AuthenticationFailed):
        at.accounts.login(login, PASSWORD)
    assert at.hasher.work == before + 1


@pytest.mark.parametrize("password", ["x" * 1025, "\ud800" * 8])
def test_passwords_nobody_can_have_are_not_hashed_at_login(at: Setting, password: str) -> None:
    for login in ("alice", "nobody"):
        with pytest.raises(AuthenticationFailed, match="The user name or the password is wrong"):
            at.accounts.login(login, password)
    assert at.hasher.work == 0


def test_a_fresh_token_is_that_of_its_user(at: Setting) -> None:
    grant = at.accounts.login("alice", PASSWORD)
    principal = at.principal(grant)
    assert (principal.user_id, principal.name, principal.role, principal.sid) == (
        grant.user.id,
        "Alice",
        Role.USER,
        grant.sid,
    )


def test_logging_out_ends_one_session_and_leaves_the_others(at: Setting) -> None:
    here, elsewhere = at.accounts.login("alice", PASSWORD), at.accounts.login("alice", PASSWORD)
    access, refresh = at.claims(here), at.claims(here)
    at.accounts.logout(at.accounts.check(access))
    at.accounts.logout(Principal(here.user.id, "Alice", Role.USER, access.jti, access.sid))
    with pytest.raises(AuthenticationFailed):
        at.accounts.check(access)
    with pytest.raises(AuthenticationFailed):
        at.accounts.refresh(refresh)
    assert at.principal(elsewhere).name == "Alice"


def test_a_logout_is_remembered_as_long_as_any_token_of_the_session_lives(at: Setting) -> None:
    grant = at.accounts.login("alice", PASSWORD)
    claims = at.claims(grant)
    at.accounts.logout(at.accounts.check(claims))
    at.clock.advance(30 * DAY)
    at.users.forget_revoked(at.clock.now())
    with pytest.raises(AuthenticationFailed):
        at.accounts.check(claims)


def test_a_refresh_token_works_once_and_keeps_the_session(at: Setting) -> None:
    grant = at.accounts.login("alice", PASSWORD)
    again = at.accounts.refresh(at.claims(grant))
    assert again.sid == grant.sid
    assert at.accounts.refresh(at.claims(again)).user.name == "Alice"


def test_a_refresh_token_used_twice_ends_the_whole_session(at: Setting) -> None:
    grant = at.accounts.login("alice", PASSWORD)
    stolen = at.claims(grant)
    fresh = at.claims(at.accounts.refresh(stolen))
    with pytest.raises(AuthenticationFailed, match="used before"):
        at.accounts.refresh(stolen)
    with pytest.raises(AuthenticationFailed):
        at.accounts.refresh(fresh)
    with pytest.raises(AuthenticationFailed):
        at.principal(grant)


def test_a_new_password_ends_all_sessions_but_the_one_it_grants(at: Setting) -> None:
    here, elsewhere = at.accounts.login("alice", PASSWORD), at.accounts.login("alice", PASSWORD)
    grant = at.accounts.change_password(at.principal(here), PASSWORD, NEW_PASSWORD)
    assert at.principal(grant).sid == here.sid
    for old in (here, elsewhere):
        with pytest.raises(AuthenticationFailed):
            at.principal(old)
        with pytest.raises(AuthenticationFailed):
            at.accounts.refresh(at.claims(old))
    with pytest.raises(AuthenticationFailed):
        at.accounts.login("alice", PASSWORD)
    assert at.accounts.login("alice", NEW_PASSWORD).user.name == "Alice"


@pytest.mark.parametrize("wrong", ["not the password", "x" * 1025, "\ud800"])
def test_the_password_is_not_changed_without_the_old_one(at: Setting, wrong: str) -> None:
    principal = at.principal(at.accounts.login("alice", PASSWORD))
    with pytest.raises(Forbidden) as caught:
        at.accounts.change_password(principal, wrong, NEW_PASSWORD)
    assert caught.value.field == "old_password"
    assert at.accounts.login("alice", PASSWORD).user.token_epoch == 0


@pytest.mark.parametrize("new", [PASSWORD, "short", "alice@example.org", "password"])
def test_a_new_password_obeys_the_same_rules_and_must_be_new(at: Setting, new: str) -> None:
    principal = at.principal(at.accounts.login("alice", PASSWORD))
    with pytest.raises(InvalidRequest) as caught:
        at.accounts.change_password(principal, PASSWORD, new)
    assert caught.value.field == "new_password"


def test_logins_and_what_follows_are_written_down(at: Setting) -> None:
    principal = at.principal(at.accounts.login("ALICE", PASSWORD))
    for login, password in (("alice", "wrong"), ("<script>", PASSWORD), ("nul\0", "x" * 2000)):
        with pytest.raises(AuthenticationFailed):
            at.accounts.login(login, password)
    with pytest.raises(Forbidden):
        at.accounts.change_password(principal, "wrong", NEW_PASSWORD)
    at.accounts.change_password(principal, PASSWORD, NEW_PASSWORD)
    at.accounts.logout(principal)
    assert [(event.action, event.actor.name, event.outcome) for event in at.audit.events] == [
        (Action.REGISTER, "Alice", Outcome.DONE),
        (Action.LOGIN, "Alice", Outcome.DONE),
        (Action.LOGIN, "alice", Outcome.REFUSED),
        (Action.LOGIN, "<script>", Outcome.REFUSED),
        (Action.LOGIN, "nul\\x00", Outcome.REFUSED),
        (Action.PASSWORD, "Alice", Outcome.REFUSED),
        (Action.PASSWORD, "Alice", Outcome.DONE),
        (Action.LOGOUT, "Alice", Outcome.DONE),
    ]
    assert {event.actor.id for event in at.audit.events} == {principal.user_id, ""}
    assert not any(secret in repr(at.audit.events) for secret in (PASSWORD, NEW_PASSWORD, "wrong'"))


def test_a_refresh_token_used_twice_is_written_down(at: Setting) -> None:
    claims = at.claims(at.accounts.login("alice", PASSWORD))
    at.accounts.refresh(claims)
    with pytest.raises(AuthenticationFailed):
        at.accounts.refresh(claims)
    assert (at.audit.events[-1].action, at.audit.events[-1].outcome) == (Action.SESSION_ENDED, Outcome.REFUSED)


def test_an_audit_log_that_is_away_locks_nobody_out(at: Setting) -> None:
    at.audit.away = True
    assert at.accounts.login("alice", PASSWORD).user.name == "Alice"
    with pytest.raises(AuthenticationFailed):
        at.accounts.login("alice", "wrong")


def test_the_last_login_is_kept_with_the_user(at: Setting) -> None:
    assert at.users.by_login("alice").last_login_at is None
    at.accounts.login("alice", PASSWORD)
    at.clock.advance(5)
    with pytest.raises(AuthenticationFailed):
        at.accounts.login("alice", "wrong")
    assert at.users.by_login("alice").last_login_at == at.clock.now() - 5_000_000


def test_a_login_counts_though_it_cannot_be_noted(at: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(user_id: str, now: int) -> None:
        raise CatalogUnavailable("The catalog does not answer.")

    monkeypatch.setattr(at.users, "note_login", away)
    assert at.accounts.login("alice", PASSWORD).user.name == "Alice"


def test_a_principal_has_the_quota_of_the_moment(at: Setting) -> None:
    grant = at.accounts.login("alice", PASSWORD)
    assert at.principal(grant).quota_bytes is None
    at.users.amend(grant.user.id, UserChange(quota_bytes=7))
    assert at.principal(grant).quota_bytes == 7


def test_locking_an_account_ends_its_sessions_for_good(at: Setting) -> None:
    grant = at.accounts.login("alice", PASSWORD)
    assert at.users.amend(grant.user.id, UserChange(disabled=True)).disabled
    with pytest.raises(AuthenticationFailed):
        at.principal(grant)
    assert not at.users.amend(grant.user.id, UserChange(disabled=False)).disabled
    with pytest.raises(AuthenticationFailed):
        at.principal(grant)
    assert at.accounts.login("alice", PASSWORD).user.name == "Alice"


def test_a_change_of_role_ends_sessions(at: Setting) -> None:
    grant = at.accounts.login("alice", PASSWORD)
    at.users.amend(grant.user.id, UserChange(role=Role.ADMIN))
    with pytest.raises(AuthenticationFailed):
        at.principal(grant)
    assert at.principal(at.accounts.login("alice", PASSWORD)).role is Role.ADMIN


def test_a_token_of_an_unknown_user_is_no_proof(at: Setting) -> None:
    with pytest.raises(AuthenticationFailed):
        at.accounts.check(Claims("f" * 32, "jti", "sid", 0, at.clock.now() + 1))


def test_an_administrator_is_created_never_promoted(at: Setting) -> None:
    assert at.accounts.create_admin("root-admin", "root@example.org", PASSWORD).role is Role.ADMIN
    with pytest.raises(NameTaken):
        at.accounts.create_admin("alice", "alice2@example.org", PASSWORD)
    assert at.users.by_login("alice").role is Role.USER


def test_nobody_logs_in_to_a_placeholder_until_it_has_a_password(at: Setting) -> None:
    assert Owners(at.users, at.clock).add_placeholder("7" * 32, "lost")
    assert not Owners(at.users, at.clock).add_placeholder("7" * 32, "lost")
    for password in ("!", "", "a fine password"):
        with pytest.raises(AuthenticationFailed):
            at.accounts.login("lost", password)
    user = at.accounts.reset_password("lost", "a fine password", email="lost@example.org", role=Role.ADMIN)
    assert (user.id, user.email, user.role, user.disabled) == ("7" * 32, "lost@example.org", Role.ADMIN, False)
    assert at.accounts.login("lost@example.org", "a fine password").user == user


def test_no_token_of_a_lost_account_ever_works_again(at: Setting) -> None:
    Owners(at.users, at.clock).add_placeholder("7" * 32, "lost")
    user = at.accounts.reset_password("lost", "a fine password")
    for epoch in range(100):
        with pytest.raises(AuthenticationFailed):
            at.accounts.check(Claims("7" * 32, "jti", "sid", epoch, 2**60))
    assert at.accounts.check(Claims("7" * 32, "jti", "sid", user.token_epoch, 2**60)).name == "lost"


def test_a_placeholder_whose_name_is_taken_or_none_gets_another(at: Setting) -> None:
    at.accounts.register("anna", "anna@example.org", "a fine password")
    for number, (name, given) in enumerate(
        [("anna", "anna.recovered"), ("Anna", "3" * 31 + "1"), ("?", "3" * 31 + "2"), ("", "3" * 31 + "3")]
    ):
        Owners(at.users, at.clock).add_placeholder("3" * 31 + str(number), name)
        assert at.accounts.user("3" * 31 + str(number)).name == given


def test_a_reset_that_is_refused_changes_nothing(at: Setting) -> None:
    anna = at.accounts.register("anna", "anna@example.org", "a fine password")
    at.accounts.register("ben", "ben@example.org", "a fine password")
    with pytest.raises(InvalidRequest):
        at.accounts.reset_password("anna", "short", email="new@example.org")
    with pytest.raises(NameTaken):
        at.accounts.reset_password("anna", "another fine one", email="ben@example.org")
    with pytest.raises(InvalidName):
        at.accounts.reset_password("anna", "another fine one", email="no address")
    with pytest.raises(NotFound):
        at.accounts.reset_password("nobody", "another fine one")
    assert at.accounts.user(anna.id) == anna
