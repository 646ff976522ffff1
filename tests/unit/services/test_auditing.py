"""Nobody is locked out for the sake of the audit log, and no administrator acts without it."""

from __future__ import annotations

import pytest

from echofs.core.audit import Action, Actor, AuditEvent, Outcome
from echofs.core.errors import CatalogUnavailable, Conflict, Unavailable
from echofs.ports.request_context import client_address
from echofs.services.auditing import Auditing
from tests.fakes.audit import MemoryAudit
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds

ADMIN = Actor("1" * 32, "root")


@pytest.fixture
def log() -> MemoryAudit:
    return MemoryAudit()


@pytest.fixture
def auditing(log: MemoryAudit) -> Auditing:
    return Auditing(log, FakeClock(), SequentialIds())


def test_what_happened_is_noted_with_time_and_address(auditing: Auditing, log: MemoryAudit) -> None:
    token = client_address.set("192.0.2.7")
    try:
        auditing.note(ADMIN, Action.LOGIN, subject="root", detail="d")
    finally:
        client_address.reset(token)
    at = FakeClock().now()
    assert log.events == [
        AuditEvent(f"{1:032x}", at, ADMIN, "192.0.2.7", Action.LOGIN, "root", Outcome.DONE, "d"),
    ]


def test_a_note_that_cannot_be_written_stops_nobody(
    auditing: Auditing, log: MemoryAudit, caplog: pytest.LogCaptureFixture
) -> None:
    log.away = True
    auditing.note(ADMIN, Action.LOGIN)
    assert "audit log cannot be written" in caplog.text


def test_long_and_hostile_texts_are_cut_and_spelled_out(auditing: Auditing, log: MemoryAudit) -> None:
    auditing.note(Actor("", "\0" + "n" * 10_000), Action.LOGIN, subject="s" * 10_000, detail="d" * 10_000)
    event = log.events[0]
    assert (len(event.actor.name), len(event.subject), len(event.detail)) == (254, 254, 1024)
    assert event.actor.name.startswith("\\x00n")


def test_an_act_is_written_down_before_it_is_done(auditing: Auditing, log: MemoryAudit) -> None:
    with auditing.act(ADMIN, Action.USER_CREATED, subject="anna", detail="role user"):
        assert [event.outcome for event in log.events] == [Outcome.BEGUN]
    assert [(event.outcome, event.detail) for event in log.events] == [(Outcome.DONE, "role user")]


def test_an_act_that_cannot_be_written_down_is_not_done(auditing: Auditing, log: MemoryAudit) -> None:
    log.away = True
    done = []
    with pytest.raises(CatalogUnavailable), auditing.act(ADMIN, Action.USER_CREATED, subject="anna"):
        done.append("anna")
    assert done == []


def test_a_refused_act_says_why(auditing: Auditing, log: MemoryAudit) -> None:
    with pytest.raises(Conflict), auditing.act(ADMIN, Action.USER_CHANGED, subject="anna", detail="disabled"):
        raise Conflict("It is the last one.")
    event = log.events[0]
    assert (event.outcome, event.detail) == (Outcome.REFUSED, "disabled; It is the last one.")


def test_an_act_of_which_nobody_knows_the_end_stays_begun(auditing: Auditing, log: MemoryAudit) -> None:
    with pytest.raises(Unavailable), auditing.act(ADMIN, Action.WORKER_INTENT, subject="w1"):
        raise Unavailable("The controller does not answer.")
    assert log.events[0].outcome is Outcome.BEGUN


def test_an_act_is_done_though_its_end_cannot_be_written(
    auditing: Auditing, log: MemoryAudit, caplog: pytest.LogCaptureFixture
) -> None:
    with auditing.act(ADMIN, Action.USER_CREATED, subject="anna"):
        log.away = True
    assert log.events[0].outcome is Outcome.BEGUN
    assert "audit log cannot be written" in caplog.text
