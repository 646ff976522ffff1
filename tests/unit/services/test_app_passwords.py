"""App passwords: what they open, and when they end."""

from __future__ import annotations

import hashlib

import pytest

from echofs.core.audit import Action, Outcome
from echofs.core.errors import AuthenticationFailed, CatalogUnavailable, Conflict, InvalidRequest, NotFound
from echofs.core.models import Role, Timestamp
from echofs.ports.accounts import UserChange
from echofs.services.app_passwords import MOST
from tests.unit.services.people import PASSWORD, People


@pytest.fixture
def people() -> People:
    return People()


@pytest.fixture
def secret(people: People) -> str:
    """That of alice's app password ``phone``."""
    return people.access.create(people.principal(people.alice), "phone")[1]


def test_a_secret_is_random_long_and_kept_only_as_a_digest(people: People) -> None:
    made = [people.access.create(people.principal(people.alice), f"p{n}") for n in range(3)]
    secrets = {secret for _, secret in made}
    assert len(secrets) == 3
    for password, secret in made:
        letters = secret.replace("-", "")
        assert len(letters) * 5 >= 120  # Each is one of 32.
        assert set(letters) <= set("abcdefghijklmnopqrstuvwxyz234567")
        assert password.digest == hashlib.sha256(secret.encode()).hexdigest()
        assert secret not in repr(people.passwords.listed(people.alice.id))
        assert secret not in repr(people.audit.events)


@pytest.mark.parametrize("login", ["alice", "ALICE@example.org"])
def test_it_logs_in_by_name_or_address(people: People, secret: str, login: str) -> None:
    people.users.amend(people.alice.id, UserChange(quota_bytes=9))
    principal = people.access.check(login, secret)
    assert (principal.user_id, principal.name, principal.role) == (people.alice.id, "alice", Role.USER)
    assert principal.quota_bytes == 9


def test_all_failures_say_the_same_after_the_same_questions(people: People, secret: str) -> None:
    people.accounts.create("bob", "bob@example.org", PASSWORD, Role.USER)
    locked = people.accounts.create("locked", "locked@example.org", PASSWORD, Role.USER)
    _, theirs = people.access.create(people.principal(locked), "phone")
    people.users.amend(locked.id, UserChange(disabled=True))
    answers = set()
    for login, tried in [
        ("alice", "wrong"),
        ("alice", PASSWORD),
        ("bob", secret),
        ("nobody", secret),
        ("nul\0", secret),
        ("locked", theirs),
        ("alice", "\ud800"),
        ("alice", secret.upper()),
    ]:
        before = people.passwords.work
        with pytest.raises(AuthenticationFailed) as caught:
            people.access.check(login, tried)
        answers.add((caught.value.message, people.passwords.work - before))
    assert answers == {("The user name or the app password is wrong.", 1)}
    refused = [event for event in people.audit.events if event.outcome is Outcome.REFUSED]
    assert {(event.action, event.actor.id) for event in refused} == {(Action.LOGIN, "")}
    assert secret not in repr(refused)


def test_it_outlives_a_change_of_the_account_password(people: People, secret: str) -> None:
    people.accounts.change_password(people.principal(people.alice), PASSWORD, "staple of another kind")
    assert people.access.check("alice", secret).user_id == people.alice.id


def test_a_deleted_one_opens_nothing_and_only_the_owner_deletes(people: People, secret: str) -> None:
    (password,) = people.access.listed(people.principal(people.alice))
    with pytest.raises(NotFound):
        people.access.remove(people.principal(people.root), password.id)
    people.access.remove(people.principal(people.alice), password.id)
    with pytest.raises(AuthenticationFailed):
        people.access.check("alice", secret)
    with pytest.raises(NotFound):
        people.access.remove(people.principal(people.alice), password.id)
    assert people.written()[:2] == [
        (Action.APP_PASSWORD_MADE, "phone", Outcome.DONE),
        (Action.APP_PASSWORD_REMOVED, "phone", Outcome.DONE),
    ]


def test_its_use_is_noted_once_a_minute(people: People, secret: str) -> None:
    def used() -> Timestamp | None:
        people.access.check("alice", secret)
        return people.access.listed(people.principal(people.alice))[0].last_used_at

    first = used()
    assert first == people.clock.now()
    people.clock.advance(59)
    assert used() == first
    people.clock.advance(1)
    assert used() == people.clock.now()


def test_a_use_that_cannot_be_noted_opens_all_the_same(
    people: People, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(password_id: str, at: Timestamp) -> None:
        raise CatalogUnavailable("The catalog does not answer.")

    monkeypatch.setattr(people.passwords, "note_use", away)
    assert people.access.check("alice", secret).name == "alice"


@pytest.mark.parametrize("name", ["", "x" * 65, "line\nbreak", "nul\0", "\ud800"])
def test_a_name_is_short_and_printable(people: People, name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        people.access.create(people.principal(people.alice), name)
    assert caught.value.field == "name"


def test_a_user_has_only_so_many(people: People) -> None:
    for number in range(MOST):
        people.access.create(people.principal(people.alice), str(number))
    with pytest.raises(Conflict):
        people.access.create(people.principal(people.alice), "one more")
