"""What administrators do about users, what they may not, and that it is written down."""

from __future__ import annotations

import pytest

from echofs.core.audit import Action, Actor, Outcome
from echofs.core.errors import (
    AuthenticationFailed,
    CatalogUnavailable,
    Conflict,
    InvalidRequest,
    NameTaken,
    NotFound,
)
from echofs.core.models import Role
from echofs.ports.accounts import UserChange
from tests.unit.services.people import PASSWORD, People

NEW_PASSWORD = "staple of another kind"
GIB = 1 << 30


@pytest.fixture
def people() -> People:
    return People()


def admin(people: People) -> Actor:
    return Actor(people.root.id, people.root.name)


def test_a_user_is_made_with_role_and_quota(people: People) -> None:
    user = people.administration.create(admin(people), "bob", "bob@example.org", PASSWORD, role=Role.ADMIN, quota=GIB)
    assert people.users.by_login("bob") == user
    assert (user.role, user.quota_bytes) == (Role.ADMIN, GIB)
    assert people.accounts.login("bob", PASSWORD).user.id == user.id
    event = people.audit.events[0]
    assert (event.actor, event.action, event.subject, event.outcome, event.detail) == (
        admin(people),
        Action.USER_CREATED,
        "bob",
        Outcome.DONE,
        f"role admin, quota {GIB} bytes",
    )


def test_new_users_have_the_quota_of_everybody_unless_told_otherwise() -> None:
    people = People(default_quota=7)
    create = people.administration.create
    assert people.accounts.register("carol", "carol@example.org", PASSWORD).quota_bytes == 7
    assert create(admin(people), "bob", "bob@example.org", PASSWORD).quota_bytes == 7
    assert create(admin(people), "dan", "dan@example.org", PASSWORD, quota=None).quota_bytes is None
    assert people.root.quota_bytes is None


@pytest.mark.parametrize("quota", [-1, (1 << 60) + 1])
def test_an_impossible_quota_is_refused(people: People, quota: int) -> None:
    with pytest.raises(InvalidRequest) as caught:
        people.administration.create(admin(people), "bob", "bob@example.org", PASSWORD, quota=quota)
    assert caught.value.field == "quota_bytes"
    with pytest.raises(InvalidRequest):
        people.administration.change(admin(people), people.alice.id, UserChange(quota_bytes=quota))


def test_a_taken_name_is_refused_and_that_is_written_down(people: People) -> None:
    with pytest.raises(NameTaken):
        people.administration.create(admin(people), "ALICE", "other@example.org", PASSWORD)
    assert people.written() == [(Action.USER_CREATED, "ALICE", Outcome.REFUSED)]


def test_role_quota_and_lock_are_changed_at_once(people: People) -> None:
    change = UserChange(Role.ADMIN, disabled=True, quota_bytes=5)
    user = people.administration.change(admin(people), people.alice.id, change)
    assert (user.role, user.disabled, user.quota_bytes) == (Role.ADMIN, True, 5)
    assert people.audit.events[0].detail == "role admin, disabled, quota 5 bytes"
    with pytest.raises(AuthenticationFailed):
        people.accounts.login("alice", PASSWORD)


@pytest.mark.parametrize("change", [UserChange(role=Role.USER), UserChange(disabled=True)])
def test_nobody_demotes_or_disables_themselves(people: People, change: UserChange) -> None:
    people.accounts.create_admin("second", "second@example.org", PASSWORD)
    with pytest.raises(Conflict, match="another administrator"):
        people.administration.change(admin(people), people.root.id, change)
    assert people.users.by_id(people.root.id) == people.root
    assert people.written() == [(Action.USER_CHANGED, "root", Outcome.REFUSED)]


def test_the_last_administrator_stays_whoever_asks(people: People) -> None:
    with pytest.raises(Conflict, match="last administrator"):
        people.administration.change(Actor("", "console"), people.root.id, UserChange(disabled=True))


def test_administrators_may_limit_themselves(people: People) -> None:
    assert people.administration.change(admin(people), people.root.id, UserChange(quota_bytes=1)).quota_bytes == 1


def test_a_change_of_nothing_is_refused(people: People) -> None:
    with pytest.raises(InvalidRequest, match="Nothing"):
        people.administration.change(admin(people), people.alice.id, UserChange())


def test_disabling_ends_app_passwords_for_good(people: People) -> None:
    _, secret = people.access.create(people.principal(people.alice), "phone")
    people.administration.change(admin(people), people.alice.id, UserChange(disabled=True))
    people.administration.change(admin(people), people.alice.id, UserChange(disabled=False))
    with pytest.raises(AuthenticationFailed):
        people.access.check("alice", secret)


def test_a_new_password_obeys_the_rules_and_ends_sessions(people: People) -> None:
    with pytest.raises(InvalidRequest):
        people.administration.set_password(admin(people), people.alice.id, "alice@example.org")
    user = people.administration.set_password(admin(people), people.alice.id, NEW_PASSWORD)
    assert user.token_epoch == 1
    assert people.accounts.login("alice", NEW_PASSWORD).user.id == people.alice.id
    assert NEW_PASSWORD not in repr(people.audit.events)


def test_an_unknown_user_is_not_found(people: People) -> None:
    with pytest.raises(NotFound):
        people.administration.change(admin(people), "nobody", UserChange(disabled=True))
    with pytest.raises(NotFound):
        people.administration.set_password(admin(people), "nobody", PASSWORD)


def test_nothing_is_done_that_cannot_be_written_down(people: People) -> None:
    people.audit.away = True
    before = people.users.page("", 10)
    attempts = [
        lambda: people.administration.create(admin(people), "bob", "bob@example.org", PASSWORD),
        lambda: people.administration.change(admin(people), people.alice.id, UserChange(disabled=True)),
        lambda: people.administration.set_password(admin(people), people.alice.id, NEW_PASSWORD),
    ]
    for attempt in attempts:
        with pytest.raises(CatalogUnavailable):
            attempt()
    assert people.users.page("", 10) == before


def test_users_are_searched(people: People) -> None:
    page = people.administration.search("ALI", "", 10)
    assert [user.name for user in page.users] == ["alice"]
