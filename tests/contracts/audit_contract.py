"""What every audit log does alike. Its tests inherit :class:`AuditContract` and say how to open an empty one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from echofs.core.audit import Action, Actor, AuditEvent, Outcome, kept
from echofs.core.errors import InvalidRequest
from echofs.ports.audit import AuditLog, AuditQuery

LOGIN = AuditEvent("a" * 32, 100, Actor("1" * 32, "anna"), "192.0.2.7", Action.LOGIN, "anna", Outcome.DONE, "")
ORDER = AuditEvent("b" * 32, 200, Actor("2" * 32, "ben"), "", Action.USER_CREATED, "x", Outcome.BEGUN, "role admin")


def ids(log: AuditLog, **query: str) -> list[str]:
    return [event.id for event in log.page(AuditQuery(**query)).events]  # type: ignore[arg-type]


class AuditContract:
    """Provide a ``log`` fixture with nothing in it."""

    def test_events_come_back_as_they_were_written_the_newest_first(self, log: AuditLog) -> None:
        assert log.page(AuditQuery()).events == ()
        log.append(LOGIN)
        log.append(ORDER)
        assert log.page(AuditQuery()).events == (ORDER, LOGIN)

    @pytest.mark.parametrize(
        "hostile", ["<script>alert(1)</script>", "'; DROP TABLE audit; --", "nul\0", "\ud800", "\u202e"]
    )
    def test_any_text_is_kept_as_text(self, log: AuditLog, hostile: str) -> None:
        text = kept(hostile, 100)
        event = replace(LOGIN, actor=Actor("", text), subject=text, detail=text)
        log.append(event)
        assert log.page(AuditQuery(actor=text)).events == (event,)

    def test_an_event_ends_once(self, log: AuditLog) -> None:
        log.append(ORDER)
        log.conclude(ORDER.id, Outcome.DONE, "done so")
        log.conclude(ORDER.id, Outcome.REFUSED, "too late")
        log.conclude("unknown", Outcome.DONE, "")
        assert log.page(AuditQuery()).events == (replace(ORDER, outcome=Outcome.DONE, detail="done so"),)

    def test_pages_follow_each_other_also_while_events_come(self, log: AuditLog) -> None:
        crowd = [replace(LOGIN, id=f"{n:032x}", at=100 + n // 2) for n in range(5)]
        for event in crowd:
            log.append(event)
        first = log.page(AuditQuery(limit=2))
        log.append(replace(LOGIN, id="f" * 32, at=999))
        second = log.page(AuditQuery(limit=2, after=first.next))
        last = log.page(AuditQuery(limit=2, after=second.next))
        assert [*first.events, *second.events, *last.events] == crowd[::-1]
        assert last.next == ""

    def test_events_are_found_by_actor_and_by_action(self, log: AuditLog) -> None:
        log.append(LOGIN)
        log.append(ORDER)
        assert ids(log, actor="1" * 32) == ids(log, actor="anna") == [LOGIN.id]
        assert ids(log, actor="ann") == []
        assert ids(log, action="account") == ids(log, action="account.login") == [LOGIN.id]
        assert ids(log, action="acc") == ids(log, action="%") == ids(log, action="nul\0") == []
        assert ids(log, actor="ben", action="user") == [ORDER.id]
        assert ids(log, actor="ben", action="account") == []

    @pytest.mark.parametrize("cursor", ["x", "\0", "ä", "bnVsbA"])
    def test_a_malformed_cursor_is_refused(self, log: AuditLog, cursor: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            log.page(AuditQuery(after=cursor))
        assert refused.value.field == "after"

    def test_old_events_are_forgotten(self, log: AuditLog) -> None:
        log.append(LOGIN)
        log.append(ORDER)
        assert log.forget(200) == 1
        assert ids(log) == [ORDER.id]
        assert log.forget(200) == 0
