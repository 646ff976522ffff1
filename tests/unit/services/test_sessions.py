"""Tokens are bound to their user; a write's receipt has the one that lets reads see it."""

from __future__ import annotations

import dataclasses

import pytest

from echofs.core.consistency import Guarantee, Receipt
from echofs.core.errors import InvalidRequest
from echofs.core.models import Level
from echofs.core.session_tokens import Line, Session, Unmet
from echofs.services.sessions import Sessions
from tests.fakes.seal import OpenSeal
from tests.unit.core.test_session_tokens import a_version

RECEIPT = Receipt("auto", Level.STRONG, 2, "m:2", 3, 3, 3, ("a", "b", "c"), 0, True, 1.0)
PROVISIONAL = dataclasses.replace(RECEIPT, committed=False, guarantee=Guarantee.CAUSAL, reason="Too few copies.")
SESSIONS = Sessions(OpenSeal())


def test_without_a_token_nothing_was_seen() -> None:
    assert SESSIONS.open("", "user-1") == Session("user-1")


def test_a_token_comes_back_as_it_was_given() -> None:
    session = Session("user-1").saw(a_version("f", 2), Line(2))
    assert SESSIONS.open(SESSIONS.token(session), "user-1") == session


@pytest.mark.parametrize("token", ["x", "7b7d.sealed", "7b7d.opened", "{}", "é"])
def test_a_wrong_token_is_refused_by_name(token: str) -> None:
    with pytest.raises(InvalidRequest, match="leave it out") as refused:
        SESSIONS.open(token, "user-1")
    assert refused.value.field == "X-EchoFS-Session"


def test_a_token_of_another_user_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="belongs to another user") as refused:
        SESSIONS.open(SESSIONS.token(Session("user-1")), "user-2")
    assert refused.value.field == "X-EchoFS-Session"


def test_after_a_committed_write_only_it_and_later_versions_will_do() -> None:
    version = a_version("f", 2)
    receipt = SESSIONS.after_write(Session("user-1"), version, RECEIPT, Line.of(version))
    session = SESSIONS.open(receipt.session, "user-1")
    assert session.unmet("f", Line.of(a_version("f", 1))) is Unmet.OLDER
    assert session.unmet("f", Line.of(version)) is None


def test_after_a_provisional_write_only_what_contains_it_will_do() -> None:
    first, second = a_version("f", 2), a_version("f", 3)
    receipt = SESSIONS.after_write(Session("user-1"), first, PROVISIONAL, Line(1, frozenset({first.dot})))
    assert receipt.guarantee is Guarantee.CAUSAL
    session = SESSIONS.open(receipt.session, "user-1")
    assert session.unmet("f", Line.of(a_version("f", 9, "theirs"))) is Unmet.WAITING
    receipt = SESSIONS.after_write(session, second, PROVISIONAL, Line(1, frozenset({first.dot, second.dot})))
    after = SESSIONS.open(receipt.session, "user-1")
    assert [each.dot for each in after.of("f").waiting] == [second.dot]


def test_a_provisional_write_that_does_not_follow_what_its_writer_saw_says_so() -> None:
    seen, version = a_version("f", 6), a_version("f", 5, "mine")
    session = Session("user-1").saw(seen, Line.of(seen))
    receipt = SESSIONS.after_write(session, version, PROVISIONAL, Line(4, frozenset({version.dot})))
    assert (receipt.guarantee, receipt.degraded) == (Guarantee.NONE, True)
    assert receipt.reason == f"Too few copies. {Unmet.OLDER.value}"
