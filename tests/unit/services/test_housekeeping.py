"""What is forgotten, and what is not."""

from __future__ import annotations

import pytest

from echofs.core.audit import Action, Actor
from echofs.core.received import Received
from echofs.ports.resumable import Terms, UploadRecord
from echofs.services.auditing import Auditing
from echofs.services.housekeeping import Housekeeping
from tests.fakes.audit import MemoryAudit
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.clock import FakeClock
from tests.fakes.ids import SequentialIds
from tests.fakes.uploads import MemoryUploads
from tests.fakes.users import MemoryUsers

DAY = 86400


@pytest.mark.parametrize(("days", "left"), [(30, ["late"]), (31, ["early", "late"]), (0, ["early", "late"])])
def test_the_audit_log_is_kept_for_so_many_days(days: int, left: list[str]) -> None:
    clock, audit = FakeClock(), MemoryAudit()
    auditing = Auditing(audit, clock, SequentialIds())
    auditing.note(Actor("", "early"), Action.LOGIN)
    clock.advance(30.5 * DAY)
    auditing.note(Actor("", "late"), Action.LOGIN)
    Housekeeping(MemoryCatalog(clock), MemoryUsers(), MemoryUploads(), audit, clock, audit_days=days).run_once()
    assert [event.actor.name for event in audit.events] == left


def test_uploads_that_nobody_went_on_with_in_time_are_forgotten() -> None:
    clock, uploads, audit = FakeClock(), MemoryUploads(), MemoryAudit()
    for upload_id, days in (("early", 1), ("late", 2)):
        until = clock.now() + days * DAY * 1_000_000
        uploads.add(UploadRecord(upload_id, "anna", "", "x", 1, Received(1), Terms(), clock.now(), until))
    clock.advance(DAY)
    Housekeeping(MemoryCatalog(clock), MemoryUsers(), uploads, audit, clock, audit_days=0).run_once()
    assert [upload.id for upload in uploads.unfinished("anna", 0)] == ["late"]
